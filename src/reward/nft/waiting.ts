import { toHex } from '../../base/index.js';
import { type ChainClient, decodePin, isMature, type Utxo } from '../../chain/index.js';
import { type HolderTerms, holderScript } from '../contracts/holder.js';
import { plainCoins } from '../contracts/plainCoins.js';

/** What lies in a holder script. */
export interface Waiting {
  /** Coins that the NFT's holder can take now. */
  readonly coins: readonly Utxo[];
  /** Base units in them. */
  readonly amount: bigint;
  /** Coins that carry somebody's tokens, which are left there. */
  readonly withTokens: number;
}

/**
 * What jobs and split contracts have paid to an NFT's holder and nobody has taken yet, the mempool's included. The coin
 * that is the model's pin is none of it.
 * @param pinId of the model; undefined where nobody published it
 */
export async function waitingFees(
  client: ChainClient,
  terms: HolderTerms,
  pinId: string | undefined,
): Promise<Waiting> {
  const [found, height] = await Promise.all([
    plainCoins(client, holderScript(terms)),
    client.height(),
  ]);
  const mature = found.coins.filter((coin) => isMature(coin, height));
  // only the model's own pin: anybody may lay others on what they pay
  const coins = mature.filter(({ pins }) => pinId === undefined || !pins?.includes(pinId));
  return {
    coins,
    amount: coins.reduce((sum, { output }) => sum + output.value, 0n),
    withTokens: found.withTokens,
  };
}

/** Transactions looked at for what a holder was paid, the latest ones, and how many at a time. */
const MOST_PAYMENTS = 1_000;
const AT_ONCE = 16;

/** What was ever paid to the holders of an NFT. */
export interface Received {
  /** Base units, what waits included. */
  readonly amount: bigint;
  /** Whether older payments are left out. */
  readonly isPartial: boolean;
}

/**
 * What was ever paid into a holder script, from the latest thousand transactions that touched it; what a rewriting of
 * the model's pin puts back there is left out.
 */
export async function receivedFees(client: ChainClient, terms: HolderTerms): Promise<Received> {
  const script = toHex(holderScript(terms));
  const history = await client.rpc.call<{ txid: string }[]>(
    'getaddresshistory',
    { scripts: [script] },
    MOST_PAYMENTS + 1,
    0,
    'newest',
  );
  let amount = 0n;
  const latest = history.slice(0, MOST_PAYMENTS);
  for (let at = 0; at < latest.length; at += AT_ONCE) {
    const batch = latest.slice(at, at + AT_ONCE);
    const sums = await Promise.all(batch.map(({ txid }) => paidIn(client, txid, script)));
    amount += sums.reduce((sum, each) => sum + each, 0n);
  }
  return { amount, isPartial: history.length > MOST_PAYMENTS };
}

async function paidIn(client: ChainClient, txid: string, script: string): Promise<bigint> {
  const { outputs = [] } = (await client.transaction(txid))?.transaction ?? {};
  const writesPin = outputs.some(({ lockingScript }) => decodePin(lockingScript));
  const paid = outputs.filter(
    ({ lockingScript, token }, index) =>
      toHex(lockingScript) === script && !token && !(writesPin && index === 0),
  );
  return paid.reduce((sum, { value }) => sum + value, 0n);
}
