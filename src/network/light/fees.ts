import { MAX_ESTIMATED_FEE_RATE } from '../../chain/index.js';
import type { Host, PeerId } from '../host/Host.js';
import { choosePeers, noPeers } from './peers.js';
import { FEES } from './protocols.js';
import { decodeFeeAnswer, encodeFeeQuestion, type FeeAnswer } from './smallMessages.js';

const PATIENCE = 5_000;
const PER_KILOBYTE = 1_000n;

/** The middle one; of an even number the lower of the two: who lies upward must be in the majority. */
function lowerMedian(values: readonly bigint[]): bigint | undefined {
  const sorted = [...values].sort((a, b) => (a < b ? -1 : 1));
  return sorted[Math.floor((sorted.length - 1) / 2)];
}

/**
 * What several peers think that transactions should pay: the median of their words, and never more than a wallet
 * follows; base units per 1,000 bytes.
 * @param target blocks within which a transaction should be in the chain
 * @throws BitmodelError `NO_PEERS` when nobody can be asked or answered
 */
export async function estimateFees(host: Host, target: number): Promise<FeeAnswer> {
  const peers = choosePeers(host, FEES.asking.name);
  const question = encodeFeeQuestion(target);
  const ask = async (peer: PeerId): Promise<FeeAnswer> =>
    decodeFeeAnswer(await host.request(peer, FEES.asking, question, { timeout: PATIENCE }));
  const settled = await Promise.allSettled(peers.map(ask));
  const answers = settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const minimum = lowerMedian(answers.map((each) => each.minimum));
  if (minimum === undefined) throw noPeers();
  const estimate = lowerMedian(answers.flatMap((each) => each.estimate ?? []));
  const bounded = estimate === undefined ? {} : { estimate: capped(estimate) };
  return { ...bounded, minimum: capped(minimum) };
}

function capped(rate: bigint): bigint {
  const most = MAX_ESTIMATED_FEE_RATE * PER_KILOBYTE;
  return rate < most ? rate : most;
}
