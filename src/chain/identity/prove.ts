import { BitmodelError, EXIT } from '../../base/index.js';
import type { ChainClient } from '../client/ChainClient.js';
import {
  formatOutpoint,
  idToHash,
  NO_JOB,
  type Outpoint,
  type Transaction,
  type TransactionOutput,
} from '../codec/transaction.js';
import { type Pin, parsePinId, pinOf } from '../pins/pin.js';
import { UnitFlow } from '../pins/tracking.js';
import { badNodeAnswer, previousOutputs, previousTransactions } from '../wallet/check.js';

/** Where a pin lies, as the transactions themselves show. */
export interface ProvenPin {
  readonly outpoint: Outpoint;
  readonly output: TransactionOutput;
  /** Base units of the output before the pin's. */
  readonly offset: bigint;
}

/** Moves that are followed at most: each costs a few questions to the node. */
const MOST_MOVES = 1_000;

/** A transaction that spends just these, to ask for what it would spend. */
function spending(...outpoints: readonly Outpoint[]): Transaction {
  const inputs = outpoints.map((outpoint) => ({
    outpoint,
    unlockingScript: new Uint8Array(0),
    sequence: 0xffff_ffff,
  }));
  return { version: 1, inputs, outputs: [], lockTime: 0, jobId: NO_JOB };
}

async function transactionNamed(client: ChainClient, txid: string): Promise<Transaction> {
  const asking = spending({ hash: idToHash(txid), index: 0 });
  const [transaction] = await previousTransactions(client, asking);
  return transaction!;
}

/** Where the unit is after one more transaction that the node named. */
async function follow(client: ChainClient, pin: Pin, at: ProvenPin, txid: string) {
  const transaction = await transactionNamed(client, txid);
  const place = formatOutpoint(at.outpoint);
  const input = transaction.inputs.findIndex(({ outpoint }) => formatOutpoint(outpoint) === place);
  const before = { ...transaction, inputs: transaction.inputs.slice(0, input) };
  const values = (await previousOutputs(client, before)).map(({ value }) => value);
  const flow = new UnitFlow(transaction, values);
  const unit = input < 0 ? undefined : flow.follow(input, at.offset);
  if (!unit) throw badNodeAnswer(`The node says that ${txid} moved pin ${pin.id}, and it did not.`);
  const outpoint = { hash: idToHash(txid), index: unit.index };
  return { outpoint, output: transaction.outputs[unit.index]!, offset: unit.offset };
}

/** Transactions that moved a pin, in order; undefined when they are too many. */
async function movesOf(client: ChainClient, pin: Pin): Promise<string[] | undefined> {
  const events: string[] = [];
  for await (const { txid } of client.pinHistory(pin.id)) {
    if (events.push(txid) >= MOST_MOVES) return undefined;
  }
  return events.slice(1);
}

/**
 * Follows a pin's base unit from the transaction that made it to where it lies, through transactions whose ids are
 * computed again: a node can hide that the pin has moved on, but can't pass off another coin for it.
 * @throws BitmodelError `BAD_NODE_ANSWER`, `UNKNOWN_INPUT`, `PIN_MOVED_TOO_OFTEN`
 */
export async function provePin(client: ChainClient, pin: Pin): Promise<ProvenPin> {
  const id = parsePinId(pin.id)!;
  const moves = await movesOf(client, pin);
  if (!moves) {
    throw new BitmodelError('PIN_MOVED_TOO_OFTEN', `Pin ${pin.id} has moved too often to follow.`, {
      next: 'Spend its coin by hand: bitmodel tx build --from-coin',
      exitCode: EXIT.notAllowed,
    });
  }
  const maker = await transactionNamed(client, pin.txid);
  const output = maker.outputs[id.index];
  if (!output || pinOf(maker)?.path !== pin.path) {
    throw badNodeAnswer(`The node says that ${pin.txid} made pin ${pin.id}, and it did not.`);
  }
  let at: ProvenPin = { outpoint: id, output, offset: 0n };
  for (const txid of moves) at = await follow(client, pin, at, txid);
  return at;
}
