import { toHex } from '../base/index.js';
import {
  demand,
  demandInteger,
  demandKey,
  demandLength,
  LOCK_TIME_THRESHOLD,
  MAX_TREE_SIZE,
  SEQUENCE_MASK,
} from '../chain/index.js';
import { secondJurySize } from './secondJury.js';

/**
 * Verifiers to be drawn out of those bonded on the chain (DESIGN 5.2, "The draw"), instead of a list of keys. Who
 * they are shows when the client, contesting, shows the secret behind `drawHash`.
 */
export interface VerifierDraw {
  /** Root of the registry ({@link buildRegistry}), which holds `size` too. 32 bytes. */
  readonly registry: Uint8Array;
  /** Keys in the registry: at least twice `count` and one more, so that a second draw can judge a verdict again. */
  readonly size: number;
  /** Seats that are drawn, 1 to {@link MAX_VERIFIERS}. */
  readonly count: number;
  /** SHA-256 of the client's 32-byte secret c. */
  readonly drawHash: Uint8Array;
}

/**
 * Everything about one job and its chosen seller that never changes again: what the escrow, stake and contested
 * contracts are compiled from (DESIGN 5.2). Two parties with equal terms get equal scripts, byte for byte.
 */
export interface JobTerms {
  /** Hash of the chain's first block, 32 bytes in byte order: a verdict of one chain is void on another. */
  readonly genesis: Uint8Array;
  /** 32 bytes. */
  readonly jobId: Uint8Array;
  /** Compressed public key, 33 bytes; its P2PKH script receives what comes back to the client. */
  readonly client: Uint8Array;
  /** Compressed public key, 33 bytes, that signs claim and release. */
  readonly seller: Uint8Array;
  /** HASH160 of the seller's payout address, 20 bytes: where clear and lapse pay the stake. */
  readonly sellerPayout: Uint8Array;
  /** SHA-256 of the seller's 32-byte key k. */
  readonly kHash: Uint8Array;
  /** Base units for one output token, at least 1. */
  readonly pricePerToken: bigint;
  /** 1 to 2³¹ − 1. */
  readonly maxTokens: number;
  /** The model's share of the price in parts per million, 0 to 1,000,000. */
  readonly feePpm: number;
  /** Base units that the model asks for each job beside its share, at least 1; absent where it asks none. */
  readonly feePerJob?: bigint;
  /** SHA-256 of the locking script that receives the model's share. */
  readonly feeScript: Uint8Array;
  /** Base units the seller locks with the claim: at least the full reward and all verifiers' fees. */
  readonly stake: bigint;
  /**
   * Compressed public keys, 1 to {@link MAX_VERIFIERS}, all different, whose order is the order of their fees; or the
   * draw they will come from.
   */
  readonly verifiers: readonly Uint8Array[] | VerifierDraw;
  /** How many must agree: more than half of the verifiers. */
  readonly threshold: number;
  /** Base units for each verifier that signs a verdict; the contest's bond holds it for all of them. */
  readonly verifierFee: bigint;
  /** Height from which the client can take the escrow back. */
  readonly expires: number;
  /** Blocks after the claim in which the client can contest before the seller can take the stake back. */
  readonly disputeWindow: number;
  /** Blocks after the contest in which the verifiers can judge before it lapses. */
  readonly verdictWindow: number;
}

/** Most verifiers a job can list. With 15 the contested contract stays below 1.7 kB. */
export const MAX_VERIFIERS = 15;

/** A million, the denominator of `feePpm`. */
const PPM = 1_000_000n;

/** Output values are below this. */
const VALUE_LIMIT = 1n << 63n;

/** Whether a job's verifiers are drawn, not listed. */
export function isDrawn(verifiers: JobTerms['verifiers']): verifiers is VerifierDraw {
  return 'registry' in verifiers;
}

/** How many verifiers a job has, listed or drawn. */
export function verifierCount({ verifiers }: Pick<JobTerms, 'verifiers'>): number {
  return isDrawn(verifiers) ? verifiers.count : verifiers.length;
}

/** What the client pays for `count` tokens: their price, and what the model asks for the job. Base units. */
export function amountPaid(
  { pricePerToken, feePerJob = 0n }: Pick<JobTerms, 'pricePerToken' | 'feePerJob'>,
  count: number,
): bigint {
  return BigInt(count) * pricePerToken + feePerJob;
}

/** What the escrow holds: all that is paid where every token comes that may. Base units. */
export function escrowValue(terms: JobTerms): bigint {
  return amountPaid(terms, terms.maxTokens);
}

/** What the client adds when it contests: the fee of every verifier. Base units. */
export function bondValue(terms: JobTerms): bigint {
  return BigInt(verifierCount(terms)) * terms.verifierFee;
}

/** What the model gets of a job of `count` tokens: its share of their price, rounded down, and what it asks for the job. */
export function modelFee(terms: JobTerms, count: number): bigint {
  const { pricePerToken, feePpm, feePerJob = 0n } = terms;
  return (BigInt(count) * pricePerToken * BigInt(feePpm)) / PPM + feePerJob;
}

/**
 * Demands terms that make contracts in which nobody can lose more than DESIGN 5.2 says.
 * @throws BitmodelError `BAD_TERMS` naming the first thing that is wrong
 */
export function validateTerms(terms: JobTerms): void {
  for (const name of ['genesis', 'jobId', 'kHash', 'feeScript'] as const) {
    demandLength(terms[name], 32, name);
  }
  demand(terms.sellerPayout.length === 20, 'the payout address is not a hash of 20 bytes');
  demandKey(terms.client, "the client's key");
  demandKey(terms.seller, "the seller's key");
  demandInteger(terms.maxTokens, 1, 0x7fff_ffff, 'maxTokens');
  demandInteger(terms.feePpm, 0, Number(PPM), 'feePpm');
  // later heights would be read as times (BIP65)
  demandInteger(terms.expires, 1, LOCK_TIME_THRESHOLD - 1, 'expires');
  demandInteger(terms.disputeWindow, 1, SEQUENCE_MASK, 'disputeWindow');
  demandInteger(terms.verdictWindow, 1, SEQUENCE_MASK, 'verdictWindow');
  demandVerifiers(terms);
  demandAmounts(terms);
}

function demandVerifiers(terms: JobTerms): void {
  const { verifiers, threshold } = terms;
  const count = verifierCount(terms);
  demand(
    count >= 1 && count <= MAX_VERIFIERS,
    `there are ${count} verifiers; 1 to ${MAX_VERIFIERS} can be listed`,
  );
  if (isDrawn(verifiers)) demandDraw(verifiers);
  else demandList(terms, verifiers);
  demandInteger(threshold, 1, count, 'threshold');
  demand(2 * threshold > count, `a threshold of ${threshold} is not more than half of ${count}`);
}

function demandList(terms: JobTerms, verifiers: readonly Uint8Array[]): void {
  const parties = new Set([toHex(terms.client), toHex(terms.seller)]);
  const seen = new Set<string>();
  for (const key of verifiers) {
    const hex = toHex(key);
    demandKey(key, `the verifier key ${hex}`);
    demand(!seen.has(hex), `the verifier ${hex} is listed twice`);
    demand(!parties.has(hex), `the verifier ${hex} is a party to the job that it would judge`);
    seen.add(hex);
  }
}

function demandDraw({ registry, drawHash, count, size }: VerifierDraw): void {
  demandInteger(count, 1, MAX_VERIFIERS, 'count');
  demandInteger(size, 1, MAX_TREE_SIZE, 'size');
  demandLength(registry, 32, 'registry');
  demandLength(drawHash, 32, 'drawHash');
  const again = secondJurySize(count);
  demand(
    size >= again,
    `a registry of ${size} is too small to draw ${count} from: who judges again must be ${again}`,
  );
}

function demandAmounts(terms: JobTerms): void {
  demand(terms.pricePerToken >= 1n, 'the price of a token is less than one base unit');
  demand(terms.feePerJob !== 0n, 'a fee of nothing for each job is left out');
  demand((terms.feePerJob ?? 1n) > 0n, "the model's fee for each job is negative");
  demand(terms.verifierFee >= 0n, "the verifiers' fee is negative");
  const least = escrowValue(terms) + bondValue(terms);
  demand(
    terms.stake >= least,
    `the stake of ${terms.stake} is less than the full reward and all verifiers' fees, ${least}`,
  );
  // the largest output of any path; every other amount is part of it
  demand(terms.stake + bondValue(terms) < VALUE_LIMIT, 'the amounts are beyond 2^63 base units');
}
