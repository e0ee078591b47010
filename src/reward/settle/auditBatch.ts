import { BitmodelError, EXIT, equalBytes, mapConcurrently, toHex } from '../../base/index.js';
import {
  type AddressParameters,
  type ChainClient,
  DUST,
  type Transaction,
} from '../../chain/index.js';
import type { ContributionGraph } from '../graph/graph.js';
import { type AuditedShare, type AuditVerdict, whereaboutsOf } from './audit.js';
import { type Amounts, HIGHEST_MINIMUM, type OwnerPayment, planBatch } from './batch.js';
import { amountsHash, graphHash, type PayoutMark } from './payoutMark.js';
import type { BatchPart, BatchTransactions } from './readBatch.js';
import { type RemadeBounds, withRemade } from './remade.js';

/** What an audit of a batch is made from, beside the chain. */
export interface BatchEvidence {
  readonly graph: ContributionGraph;
  readonly demand: Amounts;
  /** Base units by owner that the batch began with, see `readCarried`; needed where there were some. */
  readonly carried?: Amounts | undefined;
  readonly params: AddressParameters;
  /** How far payments that were made anew are looked for; 1,000 transactions an owner and 5,000 questions unless stated. */
  readonly lookThrough?: RemadeBounds;
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

function mismatch(what: string, named: Uint8Array, given: Uint8Array): BitmodelError {
  return new BitmodelError(
    'OTHER_EVIDENCE',
    `This is not the ${what} of the batch: its hash is ${toHex(given)}, and the batch names ${toHex(named)}.`,
    { next: `Ask whoever paid the batch for its ${what}`, exitCode: EXIT.usage },
  );
}

/** What the batch began with. @throws BitmodelError `OTHER_EVIDENCE`, `NO_LEDGER` */
function carriedBefore({ carried }: PayoutMark, { carried: given }: BatchEvidence): Amounts {
  const none = new Map<string, bigint>();
  if (equalBytes(carried, amountsHash(none))) return none;
  if (given && equalBytes(amountsHash(given), carried)) return given;
  throw new BitmodelError(
    'NO_LEDGER',
    'This batch paid dust along that was carried from earlier ones, and nothing at hand says whose.',
    {
      next: 'Name the ledger of the batches, with the folder beside it: --carry FILE',
      exitCode: EXIT.usage,
    },
  );
}

/** Which owners a whole batch leaves out, and which it pays more than once. */
interface RangeProblems {
  readonly missing: readonly string[];
  readonly twice: readonly string[];
}

/** Which of a batch's owners its transactions pay, each once, or what is wrong with that. */
function rangeProblems(mark: PayoutMark, paying: readonly BatchPart[]): RangeProblems {
  const missing: string[] = [];
  const twice: string[] = [];
  let next = 0;
  for (const { mark: each } of [...paying].sort((a, b) => a.mark.first - b.mark.first)) {
    if (each.first > next) missing.push(`Owners ${next} to ${each.first - 1} are not paid.`);
    if (each.first < next) twice.push(`Owners ${each.first} to ${next - 1} are paid twice.`);
    next = Math.max(next, each.first + each.count);
  }
  if (next < mark.total) missing.push(`Owners ${next} to ${mark.total - 1} are not paid.`);
  return { missing, twice };
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
  const { txid, height, mark } = batch;
  const { graph, demand, params } = evidence;
  const given = { graph: graphHash(graph), demand: amountsHash(demand) };
  if (!equalBytes(given.graph, mark.graph) && mark.origin === 'file') {
    throw mismatch('graph', mark.graph, given.graph);
  }
  if (!equalBytes(given.demand, mark.demand)) throw mismatch('demand', mark.demand, given.demand);
  const problems: string[] = [];
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
  const { paying, isTwice, isCut } = await withRemade(
    client,
    batch,
    payments,
    evidence.lookThrough,
  );
  const { missing, twice } =
    mark.count === 0 ? rangeProblems(mark, paying) : { missing: [], twice: [] };
  // who was not found may have been paid where nobody looked, behind what strangers sent the owners
  problems.push(...twice, ...(isCut ? [] : missing));
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
  if (isCut && missing.length > 0) {
    problems.push(...missing, 'Not all that these owners were sent could be looked through.');
    if (verdict === 'right') verdict = 'incomplete';
  }
  if (mark.count > 0) {
    const count = paying.reduce((sum, each) => sum + each.mark.count, 0);
    if (isTwice) problems.push('Another transaction pays the same owners by the same batch.');
    if (count < mark.total) {
      problems.push(
        `It pays ${count} of ${mark.total} owners, and nothing shows that the others are paid.`,
      );
    }
    if (verdict === 'right' && problems.length > 0) verdict = 'incomplete';
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
