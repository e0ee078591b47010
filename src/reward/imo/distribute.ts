import { BitmodelError, EXIT } from '../../base/index.js';
import {
  type ChainClient,
  CONTRACT_SEQUENCE,
  isMature,
  type KeyPair,
  proveCoins,
  type Sent,
  SIGNATURE_PUSH,
  signInput,
  type Utxo,
  type Wallet,
} from '../../chain/index.js';
import { plainCoins } from '../contracts/plainCoins.js';
import { submitContract, withUnlocking } from '../contracts/submit.js';
import { type AssessedOffering, findOffering } from './assess.js';
import { type AuditedPayment, readBooks, SNAPSHOT_LASTS } from './books.js';
import { commitmentModel, incomeUnlocking } from './incomeContract.js';
import { owedTotal, type PaymentPlan, planPayment } from './shares.js';
import { demandIssuer } from './trade.js';

/** Blocks above one that no reorganisation is expected to take away. */
const BURIED = 6;
/** Coins of the contract that one payment takes: those worth most. */
const MOST_COINS = 400;

/** A payment to holders before it is sent, and the coins that it is made of. */
export interface Distribution {
  readonly plan: PaymentPlan;
  readonly coins: readonly Utxo[];
}

function badHeight(height: number, least: number, most: number): BitmodelError {
  return new BitmodelError('BAD_HEIGHT', `Holders of block ${height} can't be paid now.`, {
    next: `Name a block from ${least} to ${most} with --at`,
    exitCode: EXIT.usage,
  });
}

function nothingDue(why: string): BitmodelError {
  return new BitmodelError('NOTHING_DUE', `There is nothing to pay: ${why}.`, {
    next: 'Settle what waits for the model first: bitmodel reward settle MODEL',
    exitCode: EXIT.notFound,
  });
}

/**
 * What is due to the holders now: all that lies in the income contract, by who held units as of a height.
 * @param atHeight unless stated a block that is buried, or that of the last payment where that is later: a reorganisation
 *   that took the snapshot's block away would make the payment one by other holders, for ever
 * @param buried blocks above one that count as burying it
 * @throws BitmodelError `BAD_HEIGHT`, `NOTHING_DUE`, `BAD_NODE_ANSWER`
 */
export async function planDistribution(
  client: ChainClient,
  { offering, minedAt }: AssessedOffering,
  atHeight?: number,
  buried = BURIED,
): Promise<Distribution> {
  const tip = await client.height();
  const books = await readBooks(client, offering, minedAt);
  // one block of grace: the payment may not be in the next
  const least = Math.max(books.lastHeight, tip + 2 - SNAPSHOT_LASTS);
  const height = atHeight ?? Math.max(least, tip - buried);
  if (height < least || height > tip) throw badHeight(height, least, tip);
  const coins = (await plainCoins(client, books.script)).coins
    .filter((coin) => isMature(coin, tip))
    .slice(0, MOST_COINS);
  const taken = coins.reduce((sum, { output }) => sum + output.value, 0n);
  const snapshot = books.moves.at(height);
  if (taken === 0n) throw nothingDue('no income lies in the contract');
  if (snapshot.units === 0n) throw nothingDue(`nobody held a unit at block ${height}`);
  if (taken < owedTotal(books.carried)) {
    throw nothingDue('what was carried is not all among the coins that can be taken at once');
  }
  const plan = planPayment(offering.model, books.script, snapshot, taken, books.carried);
  if (plan.paid.size === 0) throw nothingDue('nobody is owed enough for an output of its own yet');
  return { plan, coins };
}

/**
 * Pays the holders what {@link planDistribution} found, by the issuer's key; the wallet pays the fee. Whoever is owed too
 * little is paid by a later one, and so are those beyond the 5,000 who are owed most: run it again for them.
 * @throws BitmodelError `NOT_ISSUER`, `INSUFFICIENT_FUNDS`, and what the node says
 */
export async function sendDistribution(
  client: ChainClient,
  wallet: Wallet,
  key: KeyPair,
  { offering }: AssessedOffering,
  { plan, coins }: Distribution,
): Promise<Sent> {
  demandIssuer(offering, key);
  await proveCoins(client, coins);
  const funded = await wallet.fund({
    inputs: coins.map(({ outpoint, output }) => ({
      outpoint,
      output,
      unlockingSize: SIGNATURE_PUSH,
      sequence: CONTRACT_SEQUENCE,
    })),
    outputs: plan.outputs,
  });
  const { transaction, spentOutputs } = funded;
  const scripts = coins.map((_, inputIndex) =>
    incomeUnlocking(signInput({ transaction, inputIndex, spentOutputs }, key.privateKey)),
  );
  return submitContract(client, wallet, withUnlocking(funded, scripts));
}

/** A payment to holders that somebody else made, worked out again. */
export interface AuditResult {
  readonly assessed: AssessedOffering;
  readonly payment: AuditedPayment;
}

/**
 * Works out from the chain alone whether a transaction paid the holders what was due to them.
 * @throws BitmodelError `NOT_A_PAYMENT` (exit 3) for a transaction that took nothing out of an income contract, and as
 *   `findOffering`
 */
export async function auditDistribution(
  client: ChainClient,
  params: Parameters<typeof findOffering>[1],
  txid: string,
): Promise<AuditResult> {
  const known = await client.transaction(txid);
  const model = known && commitmentModel(known.transaction.outputs[0]?.lockingScript);
  if (model !== undefined) {
    const assessed = await findOffering(client, params, model);
    const { payments } = await readBooks(client, assessed.offering, assessed.minedAt);
    const payment = payments.find((each) => each.txid === txid);
    if (payment) return { assessed, payment };
  }
  throw new BitmodelError('NOT_A_PAYMENT', `${txid.slice(0, 80)} pays no holders of an offering.`, {
    next: 'Take the id that distribute printed; imo show lists them',
    exitCode: EXIT.notFound,
  });
}
