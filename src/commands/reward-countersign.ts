import type { Command } from 'commander';
import { formatAmount } from '../base/index.js';
import {
  confirmationOf,
  formatWeight,
  parseWeight,
  readRegistry,
  sayAsParent,
} from '../reward/index.js';
import { action } from './shared/action.js';
import { sourceNamed } from './shared/source-names.js';
import { nodeClient, openWallet, WALLET_OPTIONS, type WalletChoice } from './shared/wallet.js';

interface CountersignOptions extends WalletChoice {
  readonly parent: string;
  readonly weight?: string;
  readonly dryRun?: boolean;
}

const countersign = action<CountersignOptions>(
  async ([named], { options, settings, terminal, signal }) => {
    const client = nodeClient(settings);
    const registry = await readRegistry(client);
    const child = sourceNamed(registry, named!, settings);
    const parent = sourceNamed(registry, options.parent, settings);
    const ppm = options.weight === undefined ? undefined : parseWeight(options.weight);
    const statement = confirmationOf(registry, child.id, parent.id, ppm);
    const text = `${child.name} stands on ${parent.name}, for at least ${formatWeight(statement.ppm)}`;
    if (options.dryRun) {
      terminal.note('Nothing was sent.');
      terminal.result(statement, text, child.id);
      return;
    }
    const wallet = await openWallet(client, settings, options, signal);
    const { txid, pin, fee } = await sayAsParent(client, wallet, registry, statement);
    terminal.note(`It counts once it is in a block. Fee ${formatAmount(fee)}.`);
    const json = { ...statement, pin, txid, fee: formatAmount(fee) };
    terminal.result(json, `${text}\n${pin}`, pin);
  },
);

/** Adds `reward countersign`. */
export function registerCountersign(reward: Command): void {
  const [key, passphrase] = WALLET_OPTIONS;
  reward
    .command('countersign')
    .summary('confirm that a source stands on yours')
    .description(
      'Confirms, as the holder of the pin of a parent, that a source stands on it for at least the weight that it declares now. Should it declare less later, the claim is unconfirmed again. Taken back with: bitmodel id revoke PIN',
    )
    .argument('<source>', '[KIND:]ID or name of the source that names yours')
    .requiredOption('--parent <source>', 'id or name of yours')
    .option('--weight <weight>', 'the least weight you agree to (default: as declared)')
    .option('--dry-run', 'show what would be confirmed, and send nothing')
    .requiredOption(...key)
    .option(...passphrase)
    .addHelpText(
      'after',
      '\nExample:\n  $ bitmodel reward countersign poet --parent dataset:verses --key ben',
    )
    .action(countersign);
}
