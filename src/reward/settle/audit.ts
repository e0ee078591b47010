import {
  BitmodelError,
  EXIT,
  equalBytes,
  mapConcurrently,
  sha256,
  toHex,
} from '../../base/index.js';
import {
  type ChainClient,
  formatOutpoint,
  hashToId,
  idToHash,
  type KnownTransaction,
  type Transaction,
  type TransactionOutput,
  transactionId,
} from '../../chain/index.js';
import { isClaim, MODEL_SHARE } from '../declared/jobClaim.js';
import { type Published, type Registry, readRegistry } from '../declared/registry.js';
import { parseSplitScript, type SplitShare, splitAmounts } from '../split/split.js';
import { payees } from './settlement.js';
import { destinationsOf } from './weigh.js';

/** Where an output's coin is now. */
export type Whereabouts =
  /** It lies where it was paid to. */
  | { readonly state: 'there' }
  /** A transaction took it on; from a split contract that is a settlement. Height 0: it waits in the mempool. */
  | { readonly state: 'moved'; readonly txid: string; readonly height: number }
  /** Of a batch with more owners than the node is asked about one by one. */
  | { readonly state: 'unasked' };

/** One share of an audited payout. */
export interface AuditedShare {
  /** Id of the source, or the owner's address in a batch; undefined where no pin says whose it is. */
  readonly to: string | undefined;
  /** Where it should go; undefined where nothing shows the script behind the hash and nothing was paid to it. */
  readonly lockingScript: Uint8Array | undefined;
  /** Base units that it should be, and that the output pays to that script; undefined where another is paid. */
  readonly expected: bigint;
  readonly paid: bigint | undefined;
  readonly output: number;
  readonly whereabouts: Whereabouts;
}

/** What brought a coin into a contract. */
export type Origin =
  /** A seller's claim for a job, hex id. */
  | { readonly kind: 'job'; readonly jobId: string }
  /** A settlement of another source's contract. */
  | { readonly kind: 'settlement'; readonly id: string | undefined; readonly name?: string }
  | { readonly kind: 'payment' };

/** A coin that a settlement paid out. */
export interface AuditedCoin {
  /** `txid:output`. */
  readonly outpoint: string;
  readonly value: bigint;
  /** Block that holds it; 0 in the mempool. */
  readonly height: number;
  readonly origin: Origin;
}

/** What an audited transaction turned out to be worth: `incomplete` is right in itself, and a part of something unseen. */
export type AuditVerdict = 'right' | 'wrong' | 'incomplete';

/** The audit of one settlement of a split contract. */
export interface SettlementAudit {
  readonly kind: 'settlement';
  readonly txid: string;
  readonly height: number;
  /** The declaration that the contract was made of; undefined where no pin shows it. */
  readonly source: Published | undefined;
  /** Whether it is what its source declares today. */
  readonly isInForce: boolean;
  /** SHA-256 of the contract, hex. */
  readonly splitHash: string;
  readonly coins: readonly AuditedCoin[];
  /** Base units that came in. */
  readonly amount: bigint;
  readonly shares: readonly AuditedShare[];
  /** What is wrong, a sentence each. */
  readonly problems: readonly string[];
  readonly verdict: AuditVerdict;
}

/** Transactions of the node, each asked for once, and none believed that has another id. */
export class KnownTransactions {
  readonly #client: ChainClient;
  readonly #asked = new Map<string, Promise<KnownTransaction>>();

  constructor(client: ChainClient) {
    this.#client = client;
  }

  /** @throws BitmodelError `UNKNOWN_TRANSACTION` (exit 3), `BAD_NODE_ANSWER` */
  get(txid: string): Promise<KnownTransaction> {
    const asked = this.#asked.get(txid) ?? this.#ask(txid);
    this.#asked.set(txid, asked);
    return asked;
  }

  /** What the inputs of a transaction spend. */
  spentOutputs({ inputs }: Transaction): Promise<TransactionOutput[]> {
    return mapConcurrently(inputs, async ({ outpoint }) => {
      const { transaction } = await this.get(hashToId(outpoint.hash));
      const output = transaction.outputs[outpoint.index];
      if (output) return output;
      throw badAnswer(`${formatOutpoint(outpoint)} is no output.`);
    });
  }

  async #ask(txid: string): Promise<KnownTransaction> {
    const known = await this.#client.transaction(txid);
    if (!known) {
      throw new BitmodelError('UNKNOWN_TRANSACTION', `The node knows no transaction ${txid}.`, {
        next: 'Check the id, and that the node is of the right network: bitmodel chain info',
        exitCode: EXIT.notFound,
      });
    }
    if (transactionId(known.transaction) === txid) return known;
    throw badAnswer(`The node gave another transaction than ${txid}.`);
  }
}

function badAnswer(message: string): BitmodelError {
  return new BitmodelError('BAD_NODE_ANSWER', message, { next: 'Use another node: --rpc URL' });
}

/** Where an output is now. */
export async function whereaboutsOf(
  client: ChainClient,
  txid: string,
  index: number,
): Promise<Whereabouts> {
  const spender = await client.spender({ hash: idToHash(txid), index });
  if (!spender) return { state: 'there' };
  return { state: 'moved', txid: spender.txid, height: spender.height };
}

/** What a settlement demands of a transaction, and what the transaction does, output by output. */
export interface CheckedSettlement {
  /** Inputs from input 0 on that spend the contract. */
  readonly coins: number;
  readonly amount: bigint;
  readonly shares: readonly SplitShare[];
  /** Base units that output i should pay to share i. */
  readonly expected: readonly bigint[];
  /** Whether output i pays to the script of share i, and what. */
  readonly paid: readonly (bigint | undefined)[];
  readonly problems: readonly string[];
}

/**
 * Holds a transaction against the contract that its first input spends (docs/rewards.md, "The split contract").
 * @returns undefined where input 0 spends no split contract
 */
export function checkSettlement(
  { outputs }: Transaction,
  spentOutputs: readonly TransactionOutput[],
): CheckedSettlement | undefined {
  const script = spentOutputs[0]?.lockingScript;
  const shares = script && parseSplitScript(script);
  if (!shares) return undefined;
  const isOther = (output: TransactionOutput): boolean => !equalBytes(output.lockingScript, script);
  const end = spentOutputs.findIndex(isOther);
  const coins = end < 0 ? spentOutputs.length : end;
  const problems: string[] = [];
  for (const [i, output] of spentOutputs.entries()) {
    if (i < coins || !parseSplitScript(output.lockingScript)) continue;
    problems.push(
      `Input ${i} spends a split contract that does not stand with those from input 0 on.`,
    );
  }
  const amount = spentOutputs.slice(0, coins).reduce((sum, { value }) => sum + value, 0n);
  const expected = splitAmounts(shares, amount);
  const paid = shares.map(({ scriptHash }, i) => {
    const output = outputs[i];
    const isTo = output !== undefined && equalBytes(sha256(output.lockingScript), scriptHash);
    if (!isTo) problems.push(`Output ${i} does not pay to the script of share ${i}.`);
    else if (output.token) problems.push(`Output ${i} holds a token.`);
    else if (output.value !== expected[i]) {
      problems.push(`Output ${i} pays ${output.value} base units, not ${expected[i]}.`);
    }
    return isTo ? output.value : undefined;
  });
  return { coins, amount, shares, expected, paid, problems };
}

/** Ids of those whom the shares of a source's contract are for, in order. */
function sharers(source: Published | undefined, count: number): (string | undefined)[] {
  if (!source) return Array.from({ length: count }, () => undefined);
  return payees(source, count);
}

async function originOf(
  known: KnownTransactions,
  registry: Registry,
  { transaction }: KnownTransaction,
  index: number,
): Promise<Origin> {
  if (index === MODEL_SHARE && isClaim(transaction)) {
    return { kind: 'job', jobId: toHex(transaction.jobId) };
  }
  const [input] = transaction.inputs;
  const isCoinbase = !input || input.outpoint.hash.every((byte) => byte === 0);
  if (isCoinbase) return { kind: 'payment' };
  const from = (await known.get(hashToId(input.outpoint.hash))).transaction;
  const script = from.outputs[input.outpoint.index]?.lockingScript;
  const shares = script && parseSplitScript(script);
  if (!shares || index >= shares.length) return { kind: 'payment' };
  const source = registry.byScript.get(toHex(sha256(script)));
  return { kind: 'settlement', id: source?.id, ...(source ? { name: source.name } : {}) };
}

async function coinsOf(
  known: KnownTransactions,
  registry: Registry,
  { inputs }: Transaction,
  count: number,
): Promise<AuditedCoin[]> {
  return mapConcurrently(inputs.slice(0, count), async ({ outpoint }) => {
    const from = await known.get(hashToId(outpoint.hash));
    return {
      outpoint: formatOutpoint(outpoint),
      value: from.transaction.outputs[outpoint.index]!.value,
      height: from.height,
      origin: await originOf(known, registry, from, outpoint.index),
    };
  });
}

/**
 * Audits a settlement from chain data alone: which contract, declared where, what came into it and by which jobs, what
 * each share should be and is, and where each is now.
 * @param txid printed
 * @returns undefined for a transaction that settles no split contract
 * @throws BitmodelError `UNKNOWN_TRANSACTION` (exit 3), and what the node says
 */
export async function auditSettlement(
  client: ChainClient,
  txid: string,
): Promise<SettlementAudit | undefined> {
  const known = new KnownTransactions(client);
  const { transaction, height } = await known.get(txid);
  const isCoinbase = transaction.inputs[0]?.outpoint.hash.every((byte) => byte === 0);
  if (isCoinbase) return undefined;
  const spent = await known.spentOutputs(transaction);
  const checked = checkSettlement(transaction, spent);
  if (!checked) return undefined;
  const registry = await readRegistry(client);
  const splitHash = toHex(sha256(spent[0]!.lockingScript));
  const source = registry.byScript.get(splitHash);
  const ids = sharers(source, checked.shares.length);
  const shares = await mapConcurrently(
    checked.shares,
    async (share, output): Promise<AuditedShare> => {
      const found = destinationsOf(registry, [share]);
      const paid = checked.paid[output];
      return {
        to: ids[output],
        lockingScript:
          'scripts' in found
            ? found.scripts[0]
            : paid === undefined
              ? undefined
              : transaction.outputs[output]!.lockingScript,
        expected: checked.expected[output]!,
        paid,
        output,
        whereabouts: await whereaboutsOf(client, txid, output),
      };
    },
  );
  const current = source && registry.byId.get(source.id);
  return {
    kind: 'settlement',
    txid,
    height,
    source,
    isInForce: current !== undefined && toHex(sha256(current.split)) === splitHash,
    splitHash,
    coins: await coinsOf(known, registry, transaction, checked.coins),
    amount: checked.amount,
    shares,
    problems: checked.problems,
    verdict: checked.problems.length === 0 ? 'right' : 'wrong',
  };
}
