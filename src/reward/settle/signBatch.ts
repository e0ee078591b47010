import {
  idToHash,
  JOB_VERSION,
  NO_JOB,
  type Outpoint,
  P2PKH_UNLOCKING_SIZE,
  sizeWhenUnlocked,
  type Transaction,
  type TransactionOutput,
  transactionId,
  type Wallet,
  type WalletFundRequest,
} from '../../chain/index.js';

/** Out of which coins, and at which fee. */
export interface CoinChoice {
  readonly from: NonNullable<WalletFundRequest['from']>;
  /** Base units per byte. */
  readonly feeRate: bigint;
}

/** Transactions of the wallet's coins, signed and not sent. */
export interface SignedTransactions {
  /** Parents before children. */
  readonly transactions: readonly Transaction[];
  /** Base units, of all together. */
  readonly fee: bigint;
  /** Frees the wallet's coins, if they will not be sent. */
  readonly undo: () => void;
}

const worthOf = (outputs: readonly TransactionOutput[]): bigint =>
  outputs.reduce((sum, { value }) => sum + value, 0n);

/** Funds and signs one transaction of the wallet's coins. @throws as the wallet's `fund` */
export async function signOne(
  wallet: Wallet,
  outputs: readonly TransactionOutput[],
  choice: CoinChoice,
): Promise<SignedTransactions> {
  const funded = await wallet.fund({ outputs, ...choice });
  const signed = wallet.sign(funded.transaction, funded.spentOutputs);
  const undo = (): void => wallet.release(funded.transaction);
  return { transactions: [signed], fee: funded.fee, undo };
}

/**
 * Signs a tree: one transaction that lays a coin for each other one aside, to the wallet itself, and those, each of which
 * spends its coin whole. All ids are known before anything is sent.
 */
async function signTree(
  wallet: Wallet,
  head: TransactionOutput,
  leaves: readonly (readonly TransactionOutput[])[],
  choice: CoinChoice,
): Promise<SignedTransactions> {
  const lockingScript = wallet.changeScript;
  const drafts = leaves.map((outputs) => leafOf(outputs, { hash: NO_JOB, index: 0 }));
  const fees = drafts.map(
    (draft) => BigInt(sizeWhenUnlocked(draft, [P2PKH_UNLOCKING_SIZE])) * choice.feeRate,
  );
  const coins = leaves.map((outputs, i) => ({ value: worthOf(outputs) + fees[i]!, lockingScript }));
  const root = await signOne(wallet, [head, ...coins], choice);
  const hash = idToHash(transactionId(root.transactions[0]!));
  const signed = coins.map((coin, i) => {
    const index = i + 1;
    // nobody else is to spend what was laid aside: other processes with this wallet see it as theirs
    wallet.lock({ hash, index });
    wallet.reserve({ hash, index });
    return wallet.sign(leafOf(leaves[i]!, { hash, index }), [coin]);
  });
  const fee = fees.reduce((sum, each) => sum + each, root.fee);
  return { transactions: [...root.transactions, ...signed], fee, undo: root.undo };
}

function leafOf(outputs: readonly TransactionOutput[], outpoint: Outpoint): Transaction {
  const input = { outpoint, unlockingScript: new Uint8Array(0), sequence: 0xffff_ffff };
  return { version: JOB_VERSION, inputs: [input], outputs, lockTime: 0, jobId: NO_JOB };
}

/**
 * Signs the transactions of a batch: one alone, or a tree of several.
 * @param head first output of the one that funds the others
 * @throws as the wallet's `fund`
 */
export function signBatch(
  wallet: Wallet,
  head: TransactionOutput,
  transactions: readonly (readonly TransactionOutput[])[],
  choice: CoinChoice,
): Promise<SignedTransactions> {
  return transactions.length === 1
    ? signOne(wallet, transactions[0]!, choice)
    : signTree(wallet, head, transactions, choice);
}
