import type { Command } from 'commander';
import { formatAmount, parseAmount } from '../base/index.js';
import { burnFor, imoRules } from '../reward/index.js';
import { action } from './shared/action.js';
import {
  addFeeOptions,
  chosenFeeRate,
  type FeeOptions,
  feeLimits,
} from './shared/payment-options.js';
import { idOf } from './shared/source-view.js';
import { nodeClient, openWallet, WALLET_OPTIONS, type WalletChoice } from './shared/wallet.js';

interface BurnOptions extends WalletChoice, FeeOptions {}

const burn = action<BurnOptions>(async ([named, text], { options, settings, terminal, signal }) => {
  const model = idOf(named!, settings);
  const amount = parseAmount(text!);
  const coins = formatAmount(amount);
  await terminal.confirm(`Burn ${coins} coins for model ${model}? Nobody gets them.`);
  const client = nodeClient(settings);
  const wallet = await openWallet(client, settings, options, signal);
  const feeRate = await chosenFeeRate(client, options.feeRate);
  const { txid, fee } = await burnFor(wallet, model, amount, { ...feeLimits(options), feeRate });
  const { leastBurn } = imoRules(settings.network);
  if (amount < leastBurn) {
    terminal.note(
      `It counts for what is burnt; a burner of its own is who burns ${formatAmount(leastBurn)} in all.`,
    );
  }
  terminal.note(`Fee ${formatAmount(fee)}. It counts once it is in a block.`);
  const json = { txid, model, amount: coins, fee: formatAmount(fee) };
  terminal.result(json, `burnt ${coins} in ${txid}`, txid);
});

/** Adds `imo burn`. */
export function registerBurn(imo: Command): void {
  const command = imo
    .command('burn')
    .summary('burn coins for a model, for everybody to see')
    .description(
      'Burns coins in the name of a model: nobody gets them, and the chain shows how much was burnt by how many. What that proves can not be had for free. Asks before it does.',
    )
    .argument('<model>', 'id of the model, or the name or folder of one here')
    .argument('<coins>', 'how much');
  const [key, passphrase] = WALLET_OPTIONS;
  addFeeOptions(command)
    .requiredOption(...key)
    .option(...passphrase)
    .addHelpText('after', '\nExample:\n  $ bitmodel imo burn 5f0c…e1 1.5 --key ann --yes')
    .action(burn);
}
