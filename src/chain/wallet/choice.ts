import { BitmodelError, EXIT, messageOf } from '../../base/index.js';
import type { Utxo } from '../client/ChainClient.js';
import { formatOutpoint, type Outpoint } from '../codec/transaction.js';
import type { FundedTransaction } from './fund.js';

/** Whether pins lie on a coin. */
export function hasPins({ pins }: Utxo): boolean {
  return pins !== undefined && pins.length > 0;
}

/**
 * Whether something rides on a coin that an ordinary payment would lose or move: a token, or a pin. Whatever the coin is
 * worth: anybody can put a pin on money that they send, but who spends a pin unasked can't get it back, and money waits.
 */
export function isReserved(utxo: Utxo): boolean {
  return utxo.output.token !== undefined || hasPins(utxo);
}

/** Asks for consent before pins go where the money goes. @throws BitmodelError `PIN_RESERVED` */
export function assertNoPins(utxos: readonly Utxo[]): void {
  const found = utxos.find(hasPins);
  if (!found) return;
  throw new BitmodelError(
    'PIN_RESERVED',
    `Coin ${formatOutpoint(found.outpoint)} holds a pin, which would go wherever the money goes.`,
    {
      next: 'Move the pin first with bitmodel id transfer, or pass --allow-pins if nobody needs it',
      exitCode: EXIT.notAllowed,
    },
  );
}

/** The coins of these names, each once. @throws BitmodelError `UNKNOWN_COIN` */
export function namedCoins(outpoints: readonly Outpoint[], utxos: readonly Utxo[]): Utxo[] {
  const byOutpoint = new Map(utxos.map((utxo) => [formatOutpoint(utxo.outpoint), utxo]));
  return [...new Set(outpoints.map(formatOutpoint))].map((text) => {
    const utxo = byOutpoint.get(text);
    if (utxo) return utxo;
    throw new BitmodelError('UNKNOWN_COIN', `${text} is none of the coins that can be spent now.`, {
      next: 'See bitmodel wallet utxos, and bitmodel wallet locked',
      exitCode: EXIT.notFound,
    });
  });
}

/** The coins that a transaction spends behind its first `from` inputs. */
export function chosenCoins(
  { transaction }: FundedTransaction,
  utxos: readonly Utxo[],
  from: number,
): Utxo[] {
  const outpoints = transaction.inputs.slice(from).map(({ outpoint }) => outpoint);
  return namedCoins(outpoints, utxos);
}

/** Says that other processes were faster. */
export function coinsTaken(): BitmodelError {
  return new BitmodelError('COINS_TAKEN', 'Another process has taken the coins first.', {
    next: 'Try again',
    exitCode: EXIT.notAllowed,
  });
}

/** Says that there is nothing to sweep. */
export function nothingToSweep(): BitmodelError {
  return new BitmodelError('NOTHING_TO_SWEEP', 'There are no coins worth moving.', {
    next: 'See bitmodel wallet utxos; coins just mined need 100 blocks',
  });
}

/** Says that a sweep of several transactions stopped on the way, and which of them were sent. */
export function sweepIncomplete(
  sent: readonly { readonly txid: string }[],
  planned: number,
  cause: unknown,
): BitmodelError {
  const ids = sent.map(({ txid }) => txid).join(', ');
  return new BitmodelError(
    'SWEEP_INCOMPLETE',
    `Only ${sent.length} of ${planned} transactions were sent (${ids}): ${messageOf(cause)}`,
    { next: 'Run it again for the rest', cause },
  );
}
