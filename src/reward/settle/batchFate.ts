import { BitmodelError, EXIT, equalBytes, fromHex, toHex } from '../../base/index.js';
import {
  type ChainClient,
  decodeTransaction,
  encodeTransaction,
  hashToId,
  type Transaction,
  transactionId,
} from '../../chain/index.js';
import { BURIED, type Ledger, type LedgerTransaction } from './ledger.js';
import { decodePayoutMark } from './payoutMark.js';

/** A transaction as the ledger keeps it. */
export function noted(transaction: Transaction): LedgerTransaction {
  return { txid: transactionId(transaction), hex: toHex(encodeTransaction(transaction)) };
}

/** Whether a transaction says the same mark as one of a batch, and pays everybody whom that pays just as much. */
function paysTheSame({ outputs }: Transaction, other: Transaction): boolean {
  const mark = outputs[0] && decodePayoutMark(outputs[0].lockingScript);
  // the one that lays coins aside pays nobody
  if (!mark || mark.count === 0) return false;
  return outputs.slice(0, 1 + mark.count).every(({ value, lockingScript }, i) => {
    const there = other.outputs[i];
    return there?.value === value && equalBytes(there.lockingScript, lockingScript);
  });
}

async function replacementOf(
  client: ChainClient,
  { txid, hex }: LedgerTransaction,
): Promise<Transaction | undefined> {
  if (hex === undefined || (await client.transaction(txid))) return undefined;
  const ours = decodeTransaction(fromHex(hex));
  for (const { outpoint } of ours.inputs) {
    const spender = await client.spender(outpoint);
    if (!spender || spender.txid === txid) continue;
    const other = (await client.transaction(spender.txid))?.transaction;
    if (other && transactionId(other) === spender.txid && paysTheSame(ours, other)) return other;
  }
  return undefined;
}

/**
 * The ledger with each transaction that was replaced by one which makes the very same payments, as one that pays a higher
 * fee does (`wallet bump`), in the place of the first: it must not be paid anew. What was replaced is kept beside it until
 * it is buried, since others of the ledger may stand on its change.
 * @returns undefined where nothing was replaced
 */
export async function followReplaced(
  client: ChainClient,
  { batches }: Ledger,
): Promise<Ledger['batches'] | undefined> {
  let isChanged = false;
  const followed: Ledger['batches'][number][] = [];
  for (const batch of batches) {
    const transactions: LedgerTransaction[] = [];
    for (const each of batch.transactions) {
      const other = await replacementOf(client, each);
      isChanged ||= other !== undefined;
      const { replaced = [], ...old } = each;
      const kept = { replaced: [...replaced, old as Required<typeof old>] };
      transactions.push(other ? { ...noted(other), ...kept } : each);
    }
    followed.push({ ...batch, transactions });
  }
  return isChanged ? followed : undefined;
}

/**
 * The ids of those of a ledger's transactions, of every batch, that can never be in a block, since what they spend is gone
 * for good: spent by another that is six blocks deep, or out of one that is dead itself.
 * @throws BitmodelError `BATCH_CONFLICT` where another spends the coin, and is not that deep yet
 */
export async function deadOf(client: ChainClient, { batches }: Ledger): Promise<Set<string>> {
  const tip = await client.height();
  const current = batches.flatMap(({ transactions }) => transactions);
  const former = current.flatMap(({ replaced = [] }) => replaced);
  const fates = new Map<string, Fate>();
  const all = [...current, ...former];
  // one may spend the change of another, whatever their order, and shares its fate
  for (let isChanged = true; isChanged; ) {
    isChanged = false;
    for (const each of all) {
      const fate = await fateOf(client, each, fates, tip);
      isChanged ||= fates.get(each.txid)?.state !== fate.state;
      fates.set(each.txid, fate);
    }
  }
  for (const { txid } of current) {
    const fate = fates.get(txid)!;
    if (fate.state === 'contested') throw conflict(txid, fate.by);
  }
  return new Set(all.map(({ txid }) => txid).filter((txid) => fates.get(txid)!.state === 'dead'));
}

/** What is to be expected of a ledger's transaction: that it comes, that it never will, or that this is not sure yet. */
type Fate = { readonly state: 'alive' | 'dead' } | { readonly state: 'contested'; by: string };

async function fateOf(
  client: ChainClient,
  { txid, hex }: LedgerTransaction,
  fates: ReadonlyMap<string, Fate>,
  tip: number,
): Promise<Fate> {
  const known = fates.get(txid);
  if (known?.state === 'dead') return known;
  if (hex === undefined || (await client.transaction(txid))) return { state: 'alive' };
  let contested: Fate | undefined;
  for (const { outpoint } of decodeTransaction(fromHex(hex)).inputs) {
    const parent = hashToId(outpoint.hash);
    const its = fates.get(parent);
    if (its?.state === 'dead') return its;
    const spender = await client.spender(outpoint);
    if (spender && spender.txid !== txid) {
      if (spender.height > 0 && tip - spender.height >= BURIED) return { state: 'dead' };
      contested ??= { state: 'contested', by: spender.txid };
    }
    if (its?.state === 'contested') contested ??= its;
  }
  return contested ?? { state: 'alive' };
}

function conflict(txid: string, spender: string): BitmodelError {
  return new BitmodelError(
    'BATCH_CONFLICT',
    `A coin of ${txid}, which an interrupted batch was to send, was spent by ${spender}.`,
    {
      next: `Run the same again when that is ${BURIED} blocks deep: it is then paid from other coins`,
      exitCode: EXIT.notAllowed,
    },
  );
}
