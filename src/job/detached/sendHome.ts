import { formatAmount } from '../../base/index.js';
import {
  type ChainClient,
  DUST,
  encodeTransaction,
  estimateFeeRate,
  fundTransaction,
  hash160,
  type KeyPair,
  type NetworkParameters,
  p2pkhScript,
  type Transaction,
  transactionId,
  type Utxo,
  Wallet,
} from '../../chain/index.js';
import { claimDepth } from '../agreement.js';
import { pause, sendOnce } from '../sending.js';
import { type CoinSource, ownCoins } from './ownCoins.js';

/** Whose coins, and where they go. */
export interface Homecoming {
  readonly chain: ChainClient;
  readonly params: NetworkParameters;
  /** The job's own. */
  readonly key: KeyPair;
  /** HASH160 of whoever gets them. */
  readonly home: Uint8Array;
  /** What a watcher keeps, once: base units, and its public key. */
  readonly fee?: { readonly amount: bigint; readonly publicKey: Uint8Array };
  readonly interval: number;
  /** What tells its own coins from others. */
  readonly source: CoinSource;
}

/** Most coins that one transaction moves: some 30,000 bytes, well below what nodes relay, and quickly signed. */
const MOST_INPUTS = 200;
/** Most coins that are looked at, those worth most: strangers may leave any number. */
const MOST_LOOKED = 5_000;
/** Base units that moving one coin costs, at 1 unit per byte: a little more than a P2PKH input has bytes. */
const INPUT_COST = 150n;

/** A transaction that moves the coins, written down before it is sent. */
export interface SentHome {
  readonly txid: string;
  readonly transaction: Transaction;
}

/** What lies on a job's key. */
interface Coins {
  /** The job's own that a reorganisation as deep as sellers wait for does not take away, and the others. */
  readonly deep: readonly Utxo[];
  readonly shallow: readonly Utxo[];
  /** Sent there by somebody else, and as deep. */
  readonly others: readonly Utxo[];
}

/** The most valuable coins that bring more than they cost, as many as go into one transaction. */
function worthMoving(coins: readonly Utxo[], feeRate: bigint): Utxo[] {
  const cost = INPUT_COST * feeRate;
  return coins
    .filter(({ output }) => output.value > cost)
    .sort((a, b) => Number(b.output.value - a.output.value))
    .slice(0, MOST_INPUTS);
}

async function coinsOf({ chain, params, key, source }: Homecoming): Promise<Coins> {
  const coins: Utxo[] = [];
  for await (const coin of chain.eachUtxo({ addresses: [key.address] })) {
    if (!coin.output.token && coins.push(coin) >= MOST_LOOKED) break;
  }
  const isOwn = await ownCoins(chain, params, source);
  const tip = await chain.height();
  const isDeep = ({ height }: Utxo): boolean =>
    height > 0 && tip - height + 1 >= claimDepth(params);
  return {
    deep: coins.filter((coin) => isOwn(coin) && isDeep(coin)),
    shallow: coins.filter((coin) => isOwn(coin) && !isDeep(coin)),
    others: coins.filter((coin) => !isOwn(coin) && isDeep(coin)),
  };
}

/** One transaction that moves coins; undefined where they are not worth one. */
function moving(
  { chain, params, key, home, fee }: Homecoming,
  coins: readonly Utxo[],
  feeRate: bigint,
): SentHome | undefined {
  const utxos = worthMoving(coins, feeRate);
  const total = totalOf(utxos);
  const cost = INPUT_COST * BigInt(utxos.length + 2) * feeRate;
  if (total < cost + DUST) return undefined;
  const lockingScript = p2pkhScript(home);
  const kept = fee && fee.amount >= DUST && total >= cost + DUST + fee.amount ? fee.amount : 0n;
  const outputs = [{ value: total - kept, lockingScript }];
  if (kept > 0n) outputs.push({ value: kept, lockingScript: p2pkhScript(hash160(fee!.publicKey)) });
  const funded = fundTransaction({
    ...{ outputs, utxos, changeScript: lockingScript, feeRate },
    spendAll: true,
    subtractFee: true,
  });
  const wallet = new Wallet({ client: chain, keys: [key], params });
  const transaction = wallet.sign(funded.transaction, funded.spentOutputs);
  return { txid: transactionId(transaction), transaction };
}

const totalOf = (coins: readonly Utxo[]): bigint =>
  coins.reduce((sum, { output }) => sum + output.value, 0n);

/**
 * Moves everything that lies on a job's key to its buyer, when the job is over: what was not spent, what came back, what
 * was set aside. It goes on until that lies as deep as an escrow must before a claim and nothing more of it has come.
 * Coins that somebody else has sent to the key go home apart from it while that lasts: there may be any number of them,
 * and nobody waits for them.
 * @param note told of each transaction of the job's own coins before it is sent
 * @param before the last one that was told, by an earlier run
 * @returns id of the last one; undefined where there was nothing to move
 * @throws BitmodelError what the node says; AbortError
 */
export async function sendHome(
  coming: Homecoming,
  note: (sent: SentHome) => void,
  signal: AbortSignal,
  before?: string,
): Promise<string | undefined> {
  const { chain, interval } = coming;
  // one that was written down and never came out is made again
  let last = before !== undefined && (await chain.transaction(before)) ? before : undefined;
  // what was kept once is not kept again of what comes later
  const { fee: _, ...withoutFee } = coming;
  for (;;) {
    signal.throwIfAborted();
    const { deep, shallow, others } = await coinsOf(coming);
    const feeRate = await estimateFeeRate(chain);
    const made = moving(last ? withoutFee : coming, deep, feeRate);
    if (made) {
      note(made);
      last = await sendOnce(chain, made.transaction);
    } else {
      const isMoreToCome = worthMoving(shallow, feeRate).length > 0;
      if (!isMoreToCome && (await isDeep(coming, last))) return last;
      const gift = moving(withoutFee, others, feeRate);
      if (gift) await sendOnce(chain, gift.transaction);
    }
    await pause(interval, signal);
  }
}

/** Whether a transaction lies as deep as it must; nothing does. */
async function isDeep({ chain, params }: Homecoming, txid: string | undefined): Promise<boolean> {
  if (txid === undefined) return true;
  const known = await chain.transaction(txid);
  const tip = await chain.height();
  // one that a reorganisation has undone for good leaves its coins, which are looked at before
  return !known || (known.height > 0 && tip - known.height + 1 >= claimDepth(params));
}

/** What a transaction brings home, for people. */
export function homeText({ transaction }: SentHome): string {
  const [first] = transaction.outputs;
  return `${formatAmount(first?.value ?? 0n)} coins go home (${encodeTransaction(transaction).length} bytes)`;
}
