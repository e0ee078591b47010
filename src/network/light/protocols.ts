import type { Protocol } from '../host/Host.js';

/** Most keys in one question. */
export const MAX_KEYS = 500;
/** Bytes of transactions after which an answer ends; it holds one transaction in any case. */
export const PAGE_BYTES = 1 << 20;
/** Most transactions in one answer. */
export const PAGE_TRANSACTIONS = 1_000;
/** Most waiting transactions told of in one answer. */
export const MAX_WAITING = 200;
/** Longest reason for which a transaction is refused, in bytes. */
export const MAX_REASON = 500;

/** A transaction of the largest kind, with its branch of the Merkle tree. */
const MAX_ANSWER = 9 << 20;
const MAX_QUESTION = 20 << 10;
const MAX_TRANSACTION = 8_000_000 + 100;
const IDLE = 20_000;
const STREAMS = 8;

/** A protocol as either side has it: each bounds what the other may send. */
export interface BothSides {
  readonly asking: Protocol;
  readonly answering: Protocol;
}

function bothSides(name: string, question: number, answer: number): BothSides {
  const shared = { name, idleTimeout: IDLE, streamsPerPeer: STREAMS, overRelay: false };
  return {
    asking: { ...shared, maxFrame: answer },
    answering: { ...shared, maxFrame: question },
  };
}

/** Questions about the chain, answered with proofs. A node that speaks it keeps all blocks. */
export const PROOFS = bothSides('proofs/1', MAX_QUESTION, MAX_ANSWER);

/** A transaction to be taken into the mempool and passed on, answered with what became of it. */
export const SUBMIT = bothSides('submit/1', MAX_TRANSACTION, MAX_REASON + 16);

/** What a node thinks that transactions should pay. */
export const FEES = bothSides('fees/1', 16, 32);
