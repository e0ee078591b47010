import { equalBytes, mapConcurrently, toHex } from '../../base/index.js';
import {
  type ChainClient,
  formatOutpoint,
  hashToId,
  idToHash,
  type Transaction,
} from '../../chain/index.js';
import { readAsOf } from '../declared/snapshot.js';
import { incomeScript, parseCommitment } from './incomeContract.js';
import type { ImoOffering } from './offering.js';
import { provenTransaction } from './proven.js';
import { type Owed, type PaymentPlan, paidTotal, planPayment } from './shares.js';
import { UnitMoves } from './snapshot.js';

/** Blocks between a snapshot and the payment by it, at most. */
export const SNAPSHOT_LASTS = 100;

/** One transaction that took income out of its contract, and what everybody finds when working it out again. */
export interface AuditedPayment {
  readonly txid: string;
  /** 0 in the mempool. */
  readonly height: number;
  /** What is wrong with it, in a sentence; undefined where it paid just what was due. */
  readonly fault?: string;
  /** What it should have done; undefined where it does not say for which snapshot it is. */
  readonly plan?: PaymentPlan;
}

/** All that happened to an offering's income. */
export interface IncomeBooks {
  /** Locking script of the income contract. */
  readonly script: Uint8Array;
  /** Base units that ever came in, apart from what payments carried back. */
  readonly received: bigint;
  /** Base units that were paid to holders by payments without fault. */
  readonly paid: bigint;
  readonly payments: readonly AuditedPayment[];
  /** What is owed from earlier payments and lies in the contract. */
  readonly carried: Owed;
  /** Height of the last snapshot that was paid by; the offering's own before the first. */
  readonly lastHeight: number;
  /** Where the next snapshot can be taken from. */
  readonly moves: UnitMoves;
}

interface Move {
  readonly txid: string;
  readonly height: number;
  readonly transaction: Transaction;
}

/** All transactions of the income contract, oldest first, those of the mempool last. */
async function movesOf(client: ChainClient, script: Uint8Array): Promise<Move[]> {
  const history = await client.rpc.call<{ txid: string; height: number }[]>('getaddresshistory', {
    scripts: [toHex(script)],
  });
  return mapConcurrently(history, async ({ txid, height }) => ({
    txid,
    height,
    transaction: await provenTransaction(client, txid),
  }));
}

/** Puts transactions that spend from each other in that order, which a block or a mempool need not give. */
function parentsFirst(moves: readonly Move[]): Move[] {
  const waiting = new Map(moves.map((move) => [move.txid, move]));
  const ordered: Move[] = [];
  for (const start of moves) {
    const stack = waiting.has(start.txid) ? [start] : [];
    for (let move = stack.at(-1); move; move = stack.at(-1)) {
      const parent = parentOf(move, waiting);
      if (parent) stack.push(parent);
      else {
        stack.pop();
        if (waiting.delete(move.txid)) ordered.push(move);
      }
    }
  }
  return ordered;
}

function parentOf({ transaction }: Move, waiting: ReadonlyMap<string, Move>): Move | undefined {
  for (const { outpoint } of transaction.inputs) {
    const parent = waiting.get(hashToId(outpoint.hash));
    if (parent) return parent;
  }
  return undefined;
}

/**
 * Works out an offering's income from its transactions alone: what came in, and for each transaction that took some out
 * whether it paid the holders of the snapshot that it names. After one that did not, nothing is carried: what was owed is
 * gone, or lies in the contract and is shared by the next.
 * @throws BitmodelError `BAD_NODE_ANSWER`, `CHAIN_MOVED`, and what the node says
 */
export function readBooks(
  client: ChainClient,
  offering: ImoOffering,
  minedAt: number,
): Promise<IncomeBooks> {
  const script = incomeScript(offering.model, offering.terms.seller);
  return readAsOf(client, undefined, async () => {
    // in this order: a payment that is mined meanwhile names no block of which the tip and the units are not known yet
    const history = await movesOf(client, script);
    const tip = await client.height();
    const moves = await UnitMoves.read(client, offering);
    return booksOf({ offering, minedAt, script, history, tip, moves });
  });
}

interface Read {
  readonly offering: ImoOffering;
  readonly minedAt: number;
  readonly script: Uint8Array;
  readonly history: readonly Move[];
  readonly tip: number;
  readonly moves: UnitMoves;
}

function booksOf({ offering, minedAt, script, history, tip, moves }: Read): IncomeBooks {
  const coins = new Map<string, bigint>();
  const payments: AuditedPayment[] = [];
  let [received, paid, lastHeight] = [0n, 0n, minedAt];
  let carried: Owed = new Map();
  for (const { txid, height, transaction } of parentsFirst(history)) {
    const taken = takenFrom(coins, transaction);
    const came = putInto(coins, script, txid, transaction);
    if (taken === undefined) {
      received += came;
      continue;
    }
    const audit = auditPayment({
      offering,
      script,
      transaction,
      taken,
      carried,
      moves,
      least: lastHeight,
      most: (height === 0 ? tip + 1 : height) - 1,
    });
    payments.push({ txid, height, ...audit });
    const isRight = audit.fault === undefined && audit.plan !== undefined;
    carried = isRight ? audit.plan.carried : new Map();
    if (audit.plan) lastHeight = audit.plan.snapshot.height;
    if (isRight) paid += paidTotal(audit.plan);
  }
  return { script, received, paid, payments, carried, lastHeight, moves };
}

/** What a transaction spends of the contract's coins; undefined when it spends none. */
function takenFrom(coins: Map<string, bigint>, { inputs }: Transaction): bigint | undefined {
  let taken: bigint | undefined;
  for (const { outpoint } of inputs) {
    const name = formatOutpoint(outpoint);
    const value = coins.get(name);
    if (value === undefined) continue;
    coins.delete(name);
    taken = (taken ?? 0n) + value;
  }
  return taken;
}

/** What a transaction pays into the contract, noted coin by coin. */
function putInto(
  coins: Map<string, bigint>,
  script: Uint8Array,
  txid: string,
  { outputs }: Transaction,
): bigint {
  let came = 0n;
  for (const [index, { lockingScript, value }] of outputs.entries()) {
    if (!equalBytes(lockingScript, script)) continue;
    coins.set(formatOutpoint({ hash: idToHash(txid), index }), value);
    came += value;
  }
  return came;
}

interface Case {
  readonly offering: ImoOffering;
  readonly script: Uint8Array;
  readonly transaction: Transaction;
  readonly taken: bigint;
  readonly carried: Owed;
  readonly moves: UnitMoves;
  /** Heights that the snapshot may be of. */
  readonly least: number;
  readonly most: number;
}

function auditPayment(at: Case): Pick<AuditedPayment, 'fault' | 'plan'> {
  const { offering, script, transaction, taken, carried, moves, least, most } = at;
  const { outputs } = transaction;
  const said = outputs[0] && parseCommitment(offering.model, outputs[0].lockingScript);
  if (!said) return { fault: 'It does not say which snapshot it pays by.' };
  if (said.height > most) {
    return { fault: `It names block ${said.height}, which was not there yet when it was mined.` };
  }
  if (said.height < least || said.height < most + 1 - SNAPSHOT_LASTS) {
    return { fault: `It names block ${said.height}, which is too old to pay by.` };
  }
  const snapshot = moves.at(said.height);
  const plan = planPayment(offering.model, script, snapshot, taken, carried);
  if (!equalBytes(said.root, snapshot.root)) {
    return { plan, fault: `It pays by other holders than those of block ${said.height}.` };
  }
  if (plan.shared < 0n) return { plan, fault: 'It takes less than what earlier payments carried.' };
  if (plan.shared > 0n && snapshot.units === 0n) {
    return { plan, fault: 'It shares income although nobody holds a unit.' };
  }
  const wrong = plan.outputs.findIndex((output, index) => {
    const is = outputs[index];
    return !is || is.value !== output.value || !equalBytes(is.lockingScript, output.lockingScript);
  });
  return wrong < 0 ? { plan } : { plan, fault: `Output ${wrong} is not what is due there.` };
}
