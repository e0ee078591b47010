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
}

/** A transaction that moves the coins, written down before it is sent. */
export interface SentHome {
  readonly txid: string;
  readonly transaction: Transaction;
}

/** Coins on the job's key: those that a reorganisation as deep as sellers wait for does not take away, and the others. */
async function coinsOf({
  chain,
  params,
  key,
}: Homecoming): Promise<{ deep: Utxo[]; shallow: Utxo[] }> {
  const coins = (await chain.utxos([key.address])).filter(({ output }) => !output.token);
  const tip = await chain.height();
  const isDeep = ({ height }: Utxo): boolean =>
    height > 0 && tip - height + 1 >= claimDepth(params);
  return { deep: coins.filter(isDeep), shallow: coins.filter((coin) => !isDeep(coin)) };
}

async function moving(
  { chain, params, key, home, fee }: Homecoming,
  utxos: readonly Utxo[],
): Promise<SentHome | undefined> {
  const feeRate = await estimateFeeRate(chain);
  const total = utxos.reduce((sum, { output }) => sum + output.value, 0n);
  const cost = BigInt(150 * (utxos.length + 2)) * feeRate;
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

/**
 * Moves everything that lies on a job's key to its buyer, when the job is over: what was not spent, what came back, what
 * was set aside. It goes on until that lies as deep as an escrow must before a claim and nothing more has come.
 * @param note told of each transaction before it is sent
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
  for (;;) {
    signal.throwIfAborted();
    const { deep, shallow } = await coinsOf(coming);
    // what was kept once is not kept again of what comes later
    const { fee: _, ...withoutFee } = coming;
    const made = await moving(last ? withoutFee : coming, deep);
    if (made) {
      note(made);
      last = await sendOnce(chain, made.transaction);
    } else if (!(await moving(withoutFee, shallow)) && (await isDeep(coming, last))) return last;
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
