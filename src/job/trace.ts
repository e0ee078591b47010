import { equalBytes, sha256 } from '../base/index.js';
import {
  type ChainClient,
  type ContractCoin,
  decodeNumber,
  decodeScript,
  formatOutpoint,
  idToHash,
  type Transaction,
} from '../chain/index.js';
import { CONTESTED_PATH, parseContested } from './contracts/contested.js';
import { ESCROW_PATH, escrowScript } from './contracts/escrow.js';
import type { ContestedState, StakeState } from './contracts/layout.js';
import { parseStake } from './contracts/stake.js';
import { VERDICT } from './contracts/verdict.js';
import { escrowValue, type JobTerms } from './terms.js';

/** A transaction of the job; height 0 while it waits in the mempool. */
export interface TracedTransaction {
  readonly txid: string;
  readonly height: number;
  readonly transaction: Transaction;
}

/** How the contracts of a job ended. */
export type JobEnd = 'refunded' | 'cancelled' | 'released' | 'slashed' | 'cleared' | 'lapsed';

/** How far a job has come on the chain (DESIGN 5.2). */
export interface JobTrace {
  readonly stage: 'unknown' | 'escrowed' | 'claimed' | 'contested' | JobEnd;
  readonly escrow?: TracedTransaction;
  readonly claim?: TracedTransaction & {
    readonly state: StakeState;
    readonly commitment: Uint8Array;
  };
  readonly contest?: TracedTransaction & { readonly state: ContestedState };
  readonly end?: TracedTransaction;
}

/** The contract output of a traced transaction, always its first, as its spends take it. */
export function contractCoin({ txid, transaction }: TracedTransaction): ContractCoin {
  return { outpoint: { hash: idToHash(txid), index: 0 }, token: transaction.outputs[0]?.token };
}

/** The data pushes of an input's unlocking script. */
export function pushesOf(transaction: Transaction, inputIndex: number): Uint8Array[] {
  const script = transaction.inputs[inputIndex]?.unlockingScript ?? new Uint8Array(0);
  return decodeScript(script).map(({ opcode, data }) => {
    if (data) return data;
    // OP_1 to OP_16 push one byte, OP_0 none
    return opcode > 0x50 ? Uint8Array.of(opcode - 0x50) : new Uint8Array(0);
  });
}

const lastNumber = (items: readonly Uint8Array[], fromEnd: number): number =>
  Number(decodeNumber(items.at(-fromEnd) ?? new Uint8Array(0)));

async function load(chain: ChainClient, txid: string): Promise<TracedTransaction | undefined> {
  const known = await chain.transaction(txid);
  return known && { txid, height: known.height, transaction: known.transaction };
}

/** What spends a traced transaction's contract, with what it pushes to unlock it. */
async function spendOf(
  chain: ChainClient,
  traced: TracedTransaction,
): Promise<(TracedTransaction & { readonly shown: Uint8Array[] }) | undefined> {
  const spender = await chain.spender(contractCoin(traced).outpoint);
  const loaded = spender && (await load(chain, spender.txid));
  return loaded && { ...loaded, shown: pushesOf(loaded.transaction, spender.inputIndex) };
}

/** Whether a transaction's first output is the escrow of these terms, and no token lies on it. */
export function isEscrow(terms: JobTerms, transaction: Transaction): boolean {
  const first = transaction.outputs[0];
  return (
    first !== undefined &&
    first.token === undefined &&
    first.value === escrowValue(terms) &&
    equalBytes(first.lockingScript, escrowScript(terms)) &&
    equalBytes(transaction.jobId, terms.jobId)
  );
}

/** Whether a transaction spends the job's coin, given as `txid:index`. */
export function spendsCoin(transaction: Transaction, coin: string): boolean {
  return transaction.inputs.some(({ outpoint }) => formatOutpoint(outpoint) === coin);
}

/**
 * Follows a job's contracts from the escrow on, over the chain and the mempool.
 * @param escrowId printed id of the escrow transaction
 */
export async function traceJob(
  chain: ChainClient,
  terms: JobTerms,
  escrowId: string,
): Promise<JobTrace> {
  const escrow = await load(chain, escrowId);
  if (!escrow || !isEscrow(terms, escrow.transaction)) return { stage: 'unknown' };
  const next = await spendOf(chain, escrow);
  if (!next) return { stage: 'escrowed', escrow };
  const { shown } = next;
  const state = parseStake(terms, next.transaction.outputs[0]!);
  const commitment = shown[0];
  if (!state || !commitment || !equalBytes(sha256(commitment), state.commitmentHash)) {
    const stage = lastNumber(shown, 1) === ESCROW_PATH.refund ? 'refunded' : 'cancelled';
    return { stage, escrow, end: next };
  }
  return traceStake(chain, terms, { escrow, claim: { ...next, state, commitment } });
}

async function traceStake(
  chain: ChainClient,
  terms: JobTerms,
  so: Required<Pick<JobTrace, 'escrow' | 'claim'>>,
): Promise<JobTrace> {
  const next = await spendOf(chain, so.claim);
  if (!next) return { stage: 'claimed', ...so };
  const state = parseContested(terms, next.transaction.outputs[0]!);
  if (!state) return { stage: 'released', ...so, end: next };
  const contest = { ...next, state };
  const end = await spendOf(chain, contest);
  if (!end) return { stage: 'contested', ...so, contest };
  const items = end.shown;
  if (lastNumber(items, 1) === CONTESTED_PATH.lapse)
    return { stage: 'lapsed', ...so, contest, end };
  const stage = lastNumber(items, 2) === VERDICT.invalid ? 'slashed' : 'cleared';
  return { stage, ...so, contest, end };
}

/** Blocks on top of and including the one that holds it; 0 in the mempool. */
export function depthOf({ height }: TracedTransaction, tip: number): number {
  return height === 0 ? 0 : tip - height + 1;
}
