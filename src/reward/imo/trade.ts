import { BitmodelError, EXIT, equalBytes, formatAmount } from '../../base/index.js';
import {
  type ChainClient,
  type FundedTransaction,
  type KeyPair,
  proveCoins,
  RpcError,
  type Sent,
  signContract,
  type Utxo,
  type Wallet,
} from '../../chain/index.js';
import {
  BUY_UNLOCKING,
  saleBuySpend,
  saleCancelSpend,
  saleCancelUnlocking,
} from '../contracts/saleSpends.js';
import { submitContract, withUnlocking } from '../contracts/submit.js';
import { type ImoOffering, NO_AUTHOR } from './offering.js';

/** So often a purchase is made anew when another buyer was faster. */
const ATTEMPTS = 5;
/** What a node says of a transaction whose coins somebody else has spent meanwhile. */
const TAKEN = /txn-mempool-conflict|bad-txns-inputs-missingorspent|insufficient fee/;
/** What it says of one that waits for too many others. */
const TOO_LONG = /too-long-mempool-chain|too many unconfirmed/i;

/** A purchase that is ready to be sent. */
export interface Purchase extends FundedTransaction {
  /** Units. */
  readonly amount: bigint;
  /** Base units that the issuer gets. */
  readonly cost: bigint;
}

/**
 * The output that sells an offering's units now, as the mempool has it, too: of several, as anybody may put units there,
 * the one with most. It is looked for among all outputs with units, and not in the contract: what lies there anybody can
 * lengthen for nothing but fees.
 * @returns undefined when nothing is for sale
 */
export async function saleCoin(
  client: ChainClient,
  { sale, category }: ImoOffering,
): Promise<Utxo | undefined> {
  let most: Utxo | undefined;
  for (const coin of await client.tokens(category)) {
    const { token, lockingScript } = coin.output;
    if (!token || token.amount === 0n || !equalBytes(token.category, category)) continue;
    if (!equalBytes(lockingScript, sale)) continue;
    if (!most || token.amount > most.output.token!.amount) most = coin;
  }
  return most;
}

function soldOut(left: bigint): BitmodelError {
  const message = left === 0n ? 'Nothing is for sale any more.' : `Only ${left} units are left.`;
  return new BitmodelError('SOLD_OUT', message, {
    next: left === 0n ? 'Ask a holder for units' : `Buy at most ${left}`,
    exitCode: EXIT.notFound,
  });
}

/** @throws BitmodelError `BAD_AMOUNT`, `PRICE_ABOVE` */
function costOf({ terms }: ImoOffering, amount: bigint, most: bigint | undefined): bigint {
  const { lot, price } = terms;
  if (amount < 1n || amount % lot !== 0n) {
    throw new BitmodelError('BAD_UNITS', `Units are sold in whole lots of ${lot}.`, {
      next: `Buy ${((amount > 0n ? amount : 0n) / lot + 1n) * lot}, or another multiple of ${lot}`,
      exitCode: EXIT.usage,
    });
  }
  const cost = (amount / lot) * price;
  if (most === undefined || cost <= most) return cost;
  throw new BitmodelError(
    'PRICE_ABOVE',
    `${amount} units cost ${formatAmount(cost)}, more than ${formatAmount(most)}.`,
    { next: 'Buy fewer, or raise --max-price', exitCode: EXIT.notAllowed },
  );
}

/**
 * Makes a transaction that buys units; the wallet's coins pay, and the units go to its change script. Not sent.
 * @param most base units that may be paid to the issuer
 * @throws BitmodelError `BAD_UNITS`, `PRICE_ABOVE`, `SOLD_OUT`, `INSUFFICIENT_FUNDS`, `BAD_NODE_ANSWER`
 */
export async function planPurchase(
  client: ChainClient,
  wallet: Wallet,
  offering: ImoOffering,
  amount: bigint,
  most?: bigint,
): Promise<Purchase> {
  const cost = costOf(offering, amount, most);
  const coin = await saleCoin(client, offering);
  const left = coin?.output.token?.amount ?? 0n;
  if (!coin || left < amount) throw soldOut(left);
  await proveCoins(client, [coin]);
  const spend = saleBuySpend(coin, amount, NO_AUTHOR, wallet.changeScript);
  const funded = withUnlocking(await wallet.fund(spend), [BUY_UNLOCKING]);
  return { ...funded, amount, cost };
}

/**
 * Buys units. Where another buyer was faster it tries again with what that one left.
 * @throws BitmodelError as {@link planPurchase}; `SALE_TAKEN` when others were faster five times, `SALE_BUSY` when too many
 *   purchases wait for a block
 */
export async function buyUnits(
  client: ChainClient,
  wallet: Wallet,
  offering: ImoOffering,
  amount: bigint,
  most?: bigint,
): Promise<Sent & Pick<Purchase, 'cost'>> {
  for (let attempt = 1; ; attempt++) {
    const purchase = await planPurchase(client, wallet, offering, amount, most);
    try {
      return { ...(await submitContract(client, wallet, purchase)), cost: purchase.cost };
    } catch (thrown) {
      if (!(thrown instanceof RpcError)) throw thrown;
      if (TOO_LONG.test(thrown.message)) throw busy(thrown);
      if (!TAKEN.test(thrown.message)) throw thrown;
      if (attempt >= ATTEMPTS) throw taken(thrown);
    }
  }
}

function taken(cause: RpcError): BitmodelError {
  return new BitmodelError('SALE_TAKEN', 'Other buyers were faster each time; nothing was paid.', {
    next: 'Try again',
    cause,
  });
}

function busy(cause: RpcError): BitmodelError {
  return new BitmodelError('SALE_BUSY', 'Too many purchases wait for a block; nothing was paid.', {
    next: 'Try again after the next block',
    cause,
  });
}

/**
 * Takes back what is not sold, to the issuer's address. Nothing is sold any more, and what was sold stays as it is.
 * @throws BitmodelError `NOT_ISSUER`, `SOLD_OUT`, and what the node says
 */
export async function cancelSale(
  client: ChainClient,
  wallet: Wallet,
  key: KeyPair,
  offering: ImoOffering,
): Promise<Sent & { readonly amount: bigint }> {
  demandIssuer(offering, key);
  const coin = await saleCoin(client, offering);
  if (!coin) throw soldOut(0n);
  await proveCoins(client, [coin]);
  const funded = await wallet.fund(saleCancelSpend(coin, offering.issuer));
  const unlocking = saleCancelUnlocking(signContract(funded, key.privateKey));
  const sent = await submitContract(client, wallet, withUnlocking(funded, [unlocking]));
  return { ...sent, amount: coin.output.token!.amount };
}

/** Demands the key that an offering was made with. @throws BitmodelError `NOT_ISSUER` */
export function demandIssuer({ terms, txid }: ImoOffering, { publicKey }: KeyPair): void {
  if (equalBytes(terms.seller, publicKey)) return;
  throw new BitmodelError('NOT_ISSUER', `Offering ${txid} was not made with this key.`, {
    next: 'Name the key of its issuer with --key',
    exitCode: EXIT.notAllowed,
  });
}
