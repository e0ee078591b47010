import type { Command } from 'commander';
import { formatAmount } from '../base/index.js';
import {
  addressScript,
  hashToId,
  networkParameters,
  planUnitsSend,
  sendUnits,
} from '../chain/index.js';
import { findOffering } from '../reward/index.js';
import { action } from './shared/action.js';
import { offeringId, unitsOf } from './shared/imo-options.js';
import { nodeClient, openWallet, WALLET_OPTIONS, type WalletChoice } from './shared/wallet.js';

interface TransferOptions extends WalletChoice {
  readonly dryRun?: boolean;
}

const transfer = action<TransferOptions>(
  async ([named, text, to], { options, settings, terminal, signal }) => {
    const params = networkParameters(settings.network);
    const amount = unitsOf(text!, 'The amount');
    const script = addressScript(to!, params);
    const client = nodeClient(settings);
    const { offering } = await findOffering(client, params, offeringId(named!, settings));
    if (!options.dryRun) await terminal.confirm(`Give ${amount} units to ${to}?`);
    const wallet = await openWallet(client, settings, options, signal);
    const plan = await planUnitsSend(client, wallet, offering.category, amount, script);
    const fee = formatAmount(plan.fee);
    const common = {
      id: offering.txid,
      category: hashToId(offering.category),
      units: amount.toString(),
      to,
      fee,
    };
    if (options.dryRun) {
      wallet.release(plan.transaction);
      terminal.note(`Nothing was sent. The fee would be ${fee}.`);
      terminal.result(common, `${amount} units to ${to}`, '');
      return;
    }
    const { txid } = await sendUnits(wallet, plan);
    terminal.note(`Fee ${fee}.`);
    terminal.result({ ...common, txid }, `gave ${amount} units to ${to} in ${txid}`, txid);
  },
);

/** Adds `imo transfer`. */
export function registerTransfer(imo: Command): void {
  const command = imo
    .command('transfer')
    .summary('give units to an address')
    .description(
      'Gives units of an offering to an address; who holds them at the block of a snapshot is paid by it. Asks before it does.',
    )
    .argument('<id>', 'id of the offering or of its model, or the name or folder of the model here')
    .argument('<units>', 'how many')
    .argument('<address>', 'who gets them')
    .option('--dry-run', 'show what would be sent, and send nothing');
  const [key, passphrase] = WALLET_OPTIONS;
  command
    .requiredOption(...key)
    .option(...passphrase)
    .addHelpText(
      'after',
      '\nExample:\n  $ bitmodel imo transfer 77ab…02 40 mkpZ…8bJV --key ben --yes',
    )
    .action(transfer);
}
