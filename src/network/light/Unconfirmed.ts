import {
  encodeOutpoint,
  hashToId,
  type Outpoint,
  outpointKey,
  scriptRejectReason,
  type Transaction,
  type TransactionOutput,
  verifyInput,
} from '../../chain/index.js';
import { RateLimit } from '../limits/RateLimit.js';
import type { Claim, Claims } from './Claims.js';
import type { FactBook } from './FactBook.js';
import type { ProofClient } from './ProofClient.js';

/** Claims whose scripts are run, so that lies can't keep the machine busy. */
const CHECKS = { perSecond: 5, burst: 200 };
/** Inputs of a claim that is looked into. */
const MOST_INPUTS = 200;
/** How many transactions in a row may wait for each other, as in a mempool. */
const DEEPEST = 25;

/**
 * Finds out which of the transactions said to wait for a block could be in one: they spend proven coins that nothing
 * else spends, or outputs of others such, and their scripts pass. More than that nobody can know of a transaction that
 * is in no block.
 */
export class Unconfirmed {
  readonly #claims: Claims;
  readonly #facts: FactBook;
  readonly #client: ProofClient;
  readonly #limit = new RateLimit(CHECKS);
  /** Ids of those whose scripts were run, and whether they passed. */
  readonly #passed = new Map<string, boolean>();

  constructor(claims: Claims, facts: FactBook, client: ProofClient) {
    this.#claims = claims;
    this.#facts = facts;
    this.#client = client;
  }

  /** The claims among some that could be true. */
  async possible(claims: Iterable<Claim>): Promise<Claim[]> {
    const found: Claim[] = [];
    for (const claim of claims) if (await this.isPossible(claim)) found.push(claim);
    return found;
  }

  /** Whether a claim could be true. @param depth of others that hang on it */
  async isPossible(claim: Claim, depth = 0): Promise<boolean> {
    const { txid, transaction, isOwn } = claim;
    if (this.#facts.get(txid) || this.#isSpentOtherwise(claim)) return false;
    if (isOwn) return true;
    if (depth >= DEEPEST || transaction.inputs.length > MOST_INPUTS) return false;
    const spent = await this.spentOutputs(transaction, depth);
    if (!spent || this.#isSpentOtherwise(claim)) return false;
    return this.#passes(txid, transaction, spent);
  }

  /** The outputs that a transaction spends; undefined unless all of them are proven, or could be there. */
  async spentOutputs(
    transaction: Transaction,
    depth = 0,
  ): Promise<TransactionOutput[] | undefined> {
    const unknown = transaction.inputs
      .map(({ outpoint }) => outpoint)
      .filter((outpoint) => !this.#facts.coin(outpoint));
    // also for what is known to be claimed: it may be in a block by now
    if (unknown.length > 0) await this.#client.ask('outputs', unknown.map(encodeOutpoint));
    const spent: TransactionOutput[] = [];
    for (const { outpoint } of transaction.inputs) {
      const output = this.#facts.coin(outpoint)?.output ?? (await this.#claimed(outpoint, depth));
      if (!output) return undefined;
      spent.push(output);
    }
    return spent;
  }

  /** Whether something proven spends a coin of the claim's. */
  #isSpentOtherwise({ txid, transaction }: Claim): boolean {
    return transaction.inputs.some(({ outpoint }) => {
      const spent = this.#facts.spender(outpoint);
      return spent !== undefined && spent.fact.txid !== txid;
    });
  }

  async #claimed(outpoint: Outpoint, depth: number): Promise<TransactionOutput | undefined> {
    const claim = this.#claims.get(hashToId(outpoint.hash));
    if (!claim || !(await this.isPossible(claim, depth + 1))) return undefined;
    return claim.transaction.outputs[outpoint.index];
  }

  #passes(txid: string, transaction: Transaction, spent: readonly TransactionOutput[]): boolean {
    const before = this.#passed.get(txid);
    if (before !== undefined) return before;
    if (!this.#limit.take('claims')) return false;
    const passes = whyInvalid(transaction, spent) === undefined;
    if (this.#passed.size > 10_000) this.#passed.clear();
    this.#passed.set(txid, passes);
    return passes;
  }
}

/** What is wrong with a transaction, in Bitcoin's words, as far as it and the outputs that it spends show. */
export function whyInvalid(
  transaction: Transaction,
  spentOutputs: readonly TransactionOutput[],
): string | undefined {
  const { inputs, outputs } = transaction;
  if (inputs.length === 0) return 'bad-txns-vin-empty';
  if (new Set(inputs.map(({ outpoint }) => outpointKey(outpoint))).size < inputs.length) {
    return 'bad-txns-inputs-duplicate';
  }
  if (sum(outputs) > sum(spentOutputs)) return 'bad-txns-in-belowout';
  for (const inputIndex of inputs.keys()) {
    const result = verifyInput({ transaction, inputIndex, spentOutputs });
    if (!result.ok) return scriptRejectReason(result.error);
  }
  return undefined;
}

function sum(outputs: readonly TransactionOutput[]): bigint {
  return outputs.reduce((total, { value }) => total + value, 0n);
}
