import { createRequire } from 'node:module';
import { messageOf } from '#src/base/index.js';
import { checkTransaction } from '#src/chain/consensus/transactionRules.js';
import {
  decodeTransaction,
  formatOutpoint,
  RejectError,
  type Transaction,
  type TransactionOutput,
  verifyInput,
} from '#src/chain/index.js';
import { flagsOf, parseScript } from './bitcoin-script.js';
import type { Difference, Played } from './difference.js';

/**
 * Bitcoin Core's tx_valid.json and tx_invalid.json (npm package mvc-lib, MIT licence; the files are Bitcoin Core's,
 * MIT licence). A row is `[[txid, index, locking script]…], transaction, flags`; rows of one text are remarks.
 */
type Row = readonly [readonly (readonly [string, number, string])[], string, string];

const require = createRequire(import.meta.url);

/** Cases of tx_invalid.json that our chain takes. */
export const INVALID_DIFFERENCES: readonly Difference[] = [
  {
    name: 'P2SH',
    reason: 'What fails is in the script behind the hash, which is not run here',
    ours: { ok: [4, 15, 39] },
  },
  {
    name: 'Supply',
    reason: 'Amounts may go up to 100,000,000 coins, not 21,000,000 (DESIGN 4.1)',
    ours: { ok: [8, 9] },
  },
];

function spentBy(transaction: Transaction, previous: Row[0]): readonly TransactionOutput[] {
  const outputs = new Map(
    previous.map(([txid, index, script]) => [
      `${txid}:${index >>> 0}`,
      { value: 0n, lockingScript: parseScript(script) },
    ]),
  );
  return transaction.inputs.flatMap(({ outpoint }) => outputs.get(formatOutpoint(outpoint)) ?? []);
}

/** `ok`, the rule about transactions that is broken, or the first input's script error. */
function play([previous, hex, flags]: Row): string {
  const bytes = Buffer.from(hex, 'hex');
  try {
    const transaction = decodeTransaction(bytes);
    checkTransaction(transaction, bytes.length);
    const spentOutputs = spentBy(transaction, previous);
    for (let inputIndex = 0; inputIndex < transaction.inputs.length; inputIndex++) {
      const result = verifyInput({ transaction, inputIndex, spentOutputs }, flagsOf(flags));
      if (!result.ok) return result.error;
    }
    return 'ok';
  } catch (thrown) {
    if (thrown instanceof RejectError) return thrown.reason;
    throw new Error(`a transaction vector can't be played: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
}

/** Runs every input of every transaction of one of the two files. */
export function playTransactions(name: 'tx_valid' | 'tx_invalid'): Played[] {
  const rows: (Row | readonly [string])[] = require(`mvc-lib/test/data/bitcoind/${name}.json`);
  return rows
    .filter((row): row is Row => row.length === 3)
    .map((row, index) => {
      const ours = play(row);
      return { number: index + 1, ours, same: (ours === 'ok') === (name === 'tx_valid') };
    });
}
