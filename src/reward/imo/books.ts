import { equalBytes } from '../../base/index.js';
import { type ChainClient, formatOutpoint, type Transaction } from '../../chain/index.js';
import { readAsOf } from '../declared/snapshot.js';
import { incomeScript, parseCommitment } from './incomeContract.js';
import { type IncomeMoves, readIncomeMoves } from './incomeMoves.js';
import type { ImoOffering } from './offering.js';
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
    const history = await readIncomeMoves(client, offering.model, script);
    const tip = await client.height();
    const moves = await UnitMoves.read(client, offering);
    return booksOf({ offering, minedAt, script, history, tip, moves });
  });
}

interface Read {
  readonly offering: ImoOffering;
  readonly minedAt: number;
  readonly script: Uint8Array;
  readonly history: IncomeMoves;
  readonly tip: number;
  readonly moves: UnitMoves;
}

function booksOf({ offering, minedAt, script, history, tip, moves }: Read): IncomeBooks {
  const coins = new Map(history.coins);
  const payments: AuditedPayment[] = [];
  let [paid, lastHeight] = [0n, minedAt];
  let received = history.received;
  let carried: Owed = new Map();
  for (const { txid, height, transaction } of history.takers) {
    const taken = takenFrom(coins, transaction);
    if (taken === undefined) {
      received += cameWith(transaction, script);
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

/** Base units that a transaction pays into the contract. */
function cameWith({ outputs }: Transaction, script: Uint8Array): bigint {
  return outputs
    .filter(({ lockingScript }) => equalBytes(lockingScript, script))
    .reduce((sum, { value }) => sum + value, 0n);
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
