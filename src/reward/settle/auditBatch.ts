import { BitmodelError, EXIT, equalBytes, mapConcurrently, toHex } from '../../base/index.js';
import {
  type AddressParameters,
  type ChainClient,
  DUST,
  hashToId,
  type Transaction,
} from '../../chain/index.js';
import type { ContributionGraph } from '../graph/graph.js';
import { type AuditedShare, type AuditVerdict, KnownTransactions, whereaboutsOf } from './audit.js';
import { type Amounts, HIGHEST_MINIMUM, type OwnerPayment, planBatch } from './batch.js';
import type { Ledger } from './ledger.js';
import { amountsHash, decodePayoutMark, graphHash, type PayoutMark } from './payoutMark.js';

/** A batch that is audited: the transaction that funds others, or one alone, with those that pay. */
export interface BatchTransactions {
  /** The one that funds the others, where the one that was asked for is one of those. */
  readonly txid: string;
  /** Block that holds it; 0 in the mempool. */
  readonly height: number;
  readonly mark: PayoutMark;
  /** Those that pay owners: itself, or where it funds others those. */
  readonly paying: readonly {
    readonly txid: string;
    readonly mark: PayoutMark;
    readonly transaction: Transaction;
  }[];
}

/** What an audit of a batch is made from, beside the chain. */
export interface BatchEvidence {
  readonly graph: ContributionGraph;
  readonly demand: Amounts;
  /** Has the dust that the batch began with; needed where there was some. */
  readonly ledger?: Pick<Ledger, 'batches'> | undefined;
  readonly params: AddressParameters;
}

/** The audit of a batch, or of one transaction of it. */
export interface BatchAudit {
  readonly kind: 'batch';
  readonly txid: string;
  readonly height: number;
  readonly mark: PayoutMark;
  /** Ids of the transactions that pay owners. */
  readonly transactions: readonly string[];
  /** Base units that was paid for the sources; what was carried from earlier batches comes on top. */
  readonly demanded: bigint;
  /** Base units that these transactions should pay to owners, and that they do. */
  readonly amount: bigint;
  readonly paid: bigint;
  /** Base units that the batch keeps back for later ones. */
  readonly carried: bigint;
  readonly shares: readonly AuditedShare[];
  readonly problems: readonly string[];
  readonly verdict: AuditVerdict;
}

/** Most owners of one transaction whose coins the node is asked about: it is a call each. */
const MOST_LOCATED = 1_000;

const isWhole = ({ first, count, total }: PayoutMark): boolean => first === 0 && count === total;

const isSame = (a: PayoutMark, b: PayoutMark): boolean =>
  equalBytes(a.graph, b.graph) &&
  equalBytes(a.demand, b.demand) &&
  equalBytes(a.carried, b.carried) &&
  a.minimum === b.minimum &&
  a.height === b.height &&
  a.total === b.total;

function markOf({ outputs }: Transaction): PayoutMark | undefined {
  return outputs[0] && decodePayoutMark(outputs[0].lockingScript);
}

/**
 * Reads a batch's transaction: where it funds others with those, and where it pays some of the owners with the one that
 * funds it and all others, so that whoever was left out is seen.
 * @returns undefined for a transaction without the mark of a batch
 * @throws BitmodelError `UNKNOWN_TRANSACTION` (exit 3), and what the node says
 */
export async function readBatch(
  client: ChainClient,
  txid: string,
): Promise<BatchTransactions | undefined> {
  const known = new KnownTransactions(client);
  const { transaction, height } = await known.get(txid);
  const mark = markOf(transaction);
  if (!mark) return undefined;
  if (mark.count > 0) {
    const head = isWhole(mark) ? undefined : await headOf(known, transaction, mark);
    if (head !== undefined) return readBatch(client, head);
    return { txid, height, mark, paying: [{ txid, mark, transaction }] };
  }
  const indexes = transaction.outputs.map((_, i) => i).slice(1);
  const found = await mapConcurrently(indexes, async (index) => {
    const where = await whereaboutsOf(client, txid, index);
    if (where.state !== 'moved') return [];
    const spender = await known.get(where.txid);
    const itsMark = markOf(spender.transaction);
    if (!itsMark || itsMark.count === 0 || !isSame(mark, itsMark)) return [];
    return [{ txid: where.txid, mark: itsMark, transaction: spender.transaction }];
  });
  return { txid, height, mark, paying: found.flat() };
}

/** Id of the transaction that funds one of the same batch; undefined where something else does. */
async function headOf(
  known: KnownTransactions,
  { inputs }: Transaction,
  mark: PayoutMark,
): Promise<string | undefined> {
  const hash = inputs[0]?.outpoint.hash;
  if (!hash || hash.every((byte) => byte === 0)) return undefined;
  const txid = hashToId(hash);
  const itsMark = markOf((await known.get(txid)).transaction);
  return itsMark?.count === 0 && isSame(mark, itsMark) ? txid : undefined;
}

function mismatch(what: string, named: Uint8Array, given: Uint8Array): BitmodelError {
  return new BitmodelError(
    'OTHER_EVIDENCE',
    `This is not the ${what} of the batch: its hash is ${toHex(given)}, and the batch names ${toHex(named)}.`,
    { next: `Ask whoever paid the batch for its ${what}`, exitCode: EXIT.usage },
  );
}

/** What the batch began with. @throws BitmodelError `OTHER_EVIDENCE`, `NO_LEDGER` */
function carriedBefore({ carried }: PayoutMark, { ledger }: BatchEvidence): Amounts {
  const none = new Map<string, bigint>();
  if (equalBytes(carried, amountsHash(none))) return none;
  const batch = ledger?.batches.find((each) =>
    equalBytes(amountsHash(each.carriedBefore), carried),
  );
  if (batch) return batch.carriedBefore;
  throw new BitmodelError(
    'NO_LEDGER',
    'This batch paid dust along that was carried from earlier ones, and nothing at hand says whose.',
    { next: 'Name the ledger of the batches: --carry FILE', exitCode: EXIT.usage },
  );
}

/** Which of a batch's owners its transactions pay, each once, or what is wrong with that. */
function rangeProblems({ mark, paying }: BatchTransactions): string[] {
  if (mark.count > 0) return [];
  const problems: string[] = [];
  let next = 0;
  for (const { mark: each } of [...paying].sort((a, b) => a.mark.first - b.mark.first)) {
    if (each.first > next) problems.push(`Owners ${next} to ${each.first - 1} are not paid.`);
    if (each.first < next) problems.push(`Owners ${each.first} to ${next - 1} are paid twice.`);
    next = Math.max(next, each.first + each.count);
  }
  if (next < mark.total) problems.push(`Owners ${next} to ${mark.total - 1} are not paid.`);
  return problems;
}

/**
 * Audits a batch: computes it again from the graph and the amounts that its mark names by hash, and holds each output
 * against that, to the unit.
 * @throws BitmodelError `OTHER_EVIDENCE` for another graph, demand or ledger (exit 2), `NO_LEDGER`, and what the node says
 */
export async function auditBatch(
  client: ChainClient,
  batch: BatchTransactions,
  evidence: BatchEvidence,
): Promise<BatchAudit> {
  const { txid, height, mark, paying } = batch;
  const { graph, demand, params } = evidence;
  const given = { graph: graphHash(graph), demand: amountsHash(demand) };
  if (!equalBytes(given.graph, mark.graph) && mark.origin === 'file') {
    throw mismatch('graph', mark.graph, given.graph);
  }
  if (!equalBytes(given.demand, mark.demand)) throw mismatch('demand', mark.demand, given.demand);
  const problems = rangeProblems(batch);
  if (!equalBytes(given.graph, mark.graph)) {
    problems.push(
      `The graph on the chain as of block ${mark.height} is not the one that it names.`,
    );
  }
  const { origin } = mark;
  const minimum = soundMinimum(mark, problems);
  const before = carriedBefore(mark, evidence);
  const request = { graph, demand, origin, minimum, height: mark.height };
  const { payments, demanded, carried } = planBatch(request, before, params);
  if (payments.length !== mark.total) {
    problems.push(`${payments.length} owners are to be paid, and the batch says ${mark.total}.`);
  }
  const shares: AuditedShare[] = [];
  for (const each of paying) {
    const due = payments.slice(each.mark.first, each.mark.first + each.mark.count);
    if (each.transaction.outputs.length < 1 + each.mark.count) {
      problems.push(`${each.txid} has fewer outputs than it says.`);
    }
    shares.push(...(await sharesOf(client, each.txid, each.transaction, due, problems)));
  }
  const paid = sumOf(shares.map((share) => share.paid ?? 0n));
  if (paid === 0n && demanded > 0n) problems.push('It pays nobody anything.');
  let verdict: AuditVerdict = problems.length === 0 ? 'right' : 'wrong';
  if (mark.count > 0 && !isWhole(mark)) {
    problems.push(
      `It pays ${mark.count} of ${mark.total} owners, and nothing shows that the others are paid.`,
    );
    if (verdict === 'right') verdict = 'incomplete';
  }
  return {
    kind: 'batch',
    txid,
    height,
    mark,
    transactions: paying.map((each) => each.txid),
    demanded,
    amount: sumOf(shares.map(({ expected }) => expected)),
    paid,
    carried: sumOf(carried.values()),
    shares,
    problems,
    verdict,
  };
}

const sumOf = (amounts: Iterable<bigint>): bigint => {
  let sum = 0n;
  for (const amount of amounts) sum += amount;
  return sum;
};

/** The minimum of a batch if a payer may set it, or the nearest one that may be set. @param problems are added to */
function soundMinimum({ minimum }: PayoutMark, problems: string[]): bigint {
  if (minimum < DUST) {
    problems.push(`It pays owners less than ${DUST} base units.`);
    return DUST;
  }
  if (minimum > HIGHEST_MINIMUM) {
    problems.push(
      `It keeps back all sums below ${minimum} base units; ${HIGHEST_MINIMUM} is the most that a batch may.`,
    );
    return HIGHEST_MINIMUM;
  }
  return minimum;
}

/** @param problems are added to */
function sharesOf(
  client: ChainClient,
  txid: string,
  { outputs }: Transaction,
  due: readonly OwnerPayment[],
  problems: string[],
): Promise<AuditedShare[]> {
  return mapConcurrently(due, async ({ owner, lockingScript, amount }, i) => {
    const index = i + 1;
    const output = outputs[index];
    const isTo = output !== undefined && equalBytes(output.lockingScript, lockingScript);
    if (!isTo) problems.push(`Output ${index} of ${txid} does not pay ${owner}.`);
    else if (output.value !== amount) {
      problems.push(`Output ${index} of ${txid} pays ${output.value} base units, not ${amount}.`);
    }
    const isAsked = due.length <= MOST_LOCATED;
    return {
      to: owner,
      lockingScript,
      expected: amount,
      paid: isTo ? output.value : undefined,
      output: index,
      whereabouts: isAsked ? await whereaboutsOf(client, txid, index) : { state: 'unasked' },
    };
  });
}
