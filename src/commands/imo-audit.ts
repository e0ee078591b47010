import type { Command } from 'commander';
import { BitmodelError, EXIT } from '../base/index.js';
import { networkParameters } from '../chain/index.js';
import { auditDistribution } from '../reward/index.js';
import { action } from './shared/action.js';
import { paymentJson, paymentLine } from './shared/imo-view.js';
import { nodeClient } from './shared/wallet.js';

const audit = action(async ([txid], { settings, terminal }) => {
  if (!/^[0-9a-f]{64}$/i.test(txid!)) {
    throw new BitmodelError('BAD_TXID', `"${txid!.slice(0, 80)}" is no transaction id.`, {
      next: 'Give 64 hexadecimal digits, as distribute printed them',
      exitCode: EXIT.usage,
    });
  }
  const client = nodeClient(settings);
  const params = networkParameters(settings.network);
  const { assessed, payment } = await auditDistribution(client, params, txid!.toLowerCase());
  const isRight = payment.fault === undefined;
  const id = assessed.offering.txid;
  const text = `${isRight ? 'It paid the holders what was due.' : 'It did NOT pay the holders what was due.'}\n${paymentLine(payment)}\n  offering ${id}`;
  terminal.result({ id, ...paymentJson(payment) }, text, isRight ? 'right' : 'wrong');
  return isRight ? EXIT.done : EXIT.invalid;
});

/** Adds `imo audit`. */
export function registerAudit(imo: Command): void {
  imo
    .command('audit')
    .summary('check a payment to holders from the chain alone')
    .description(
      'Works out from the chain alone who held units at the block that a payment names and what was due to each, and says whether just that was paid. Exit code 10 where it was not.',
    )
    .argument('<txid>', 'the transaction that paid')
    .addHelpText('after', '\nExample:\n  $ bitmodel imo audit 0c3f…9d')
    .action(audit);
}
