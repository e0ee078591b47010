import { fromHex, parseAmount } from '../base/index.js';
import { blockHash, type NetworkParameters } from '../chain/index.js';
import { acceptedOffer, type Message } from './messages.js';
import { feePerJob, type JobSpec, jobIdOf } from './spec.js';
import type { JobTerms } from './terms.js';

/** What client and seller agreed on: the terms that all contracts of the job are compiled from. */
export function termsOf(
  job: JobSpec,
  offer: Message<'offer'>,
  params: NetworkParameters,
): JobTerms {
  return {
    genesis: blockHash(params.genesis.header),
    jobId: jobIdOf(job),
    client: fromHex(job.client),
    seller: fromHex(offer.author),
    sellerPayout: fromHex(offer.body.payout, 20),
    kHash: fromHex(offer.body.keyHash, 32),
    pricePerToken: parseAmount(offer.body.pricePerToken),
    maxTokens: job.maxTokens,
    feePpm: job.feePpm,
    ...(job.feePerJob === undefined ? {} : { feePerJob: feePerJob(job) }),
    feeScript: fromHex(job.feeScript, 32),
    stake: parseAmount(job.stake),
    verifiers: termsVerifiers(job),
    threshold: job.threshold,
    verifierFee: parseAmount(job.verifierFee),
    expires: job.expires,
    disputeWindow: params.disputeWindow,
    verdictWindow: params.verdictWindow,
  };
}

function termsVerifiers({ verifiers }: JobSpec): JobTerms['verifiers'] {
  if (Array.isArray(verifiers)) return verifiers.map((key) => fromHex(key));
  const { registry, drawHash, size, count } = verifiers;
  return { registry: fromHex(registry, 32), drawHash: fromHex(drawHash, 32), size, count };
}

/** The terms behind an acceptance. */
export function acceptedTerms(
  job: JobSpec,
  accept: Message<'accept'>,
  params: NetworkParameters,
): JobTerms {
  return termsOf(job, acceptedOffer(accept), params);
}

/**
 * How deep the escrow must be before a seller claims (DESIGN 5.2, step 5).
 * @param asked fewer confirmations, as a client asks in its announcement
 * @param minimum the fewest that this seller agrees to; the network's rule, 1 on regtest and else 6, unless stated
 */
export function claimDepth(params: NetworkParameters, asked?: number, minimum?: number): number {
  const rule = params.name === 'regtest' ? 1 : 6;
  const least = Math.max(1, minimum ?? rule);
  return Math.max(least, Math.min(asked ?? rule, rule));
}

/** Blocks before `expires` in which a seller no longer claims. */
export function claimMargin(params: NetworkParameters): number {
  return params.name === 'regtest' ? 2 : 30;
}
