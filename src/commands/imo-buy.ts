import type { Command } from 'commander';
import { formatAmount, parseAmount } from '../base/index.js';
import { hashToId, networkParameters } from '../chain/index.js';
import { buyUnits, demandValid, findOffering, planPurchase } from '../reward/index.js';
import { action } from './shared/action.js';
import { offeringId, unitsOf } from './shared/imo-options.js';
import { nodeClient, openWallet, WALLET_OPTIONS, type WalletChoice } from './shared/wallet.js';

interface BuyOptions extends WalletChoice {
  readonly maxPrice?: string;
  readonly dryRun?: boolean;
}

const buy = action<BuyOptions>(async ([named, text], { options, settings, terminal, signal }) => {
  const amount = unitsOf(text!, 'The amount');
  const most = options.maxPrice === undefined ? undefined : parseAmount(options.maxPrice);
  const client = nodeClient(settings);
  const params = networkParameters(settings.network);
  const assessed = await findOffering(client, params, offeringId(named!, settings));
  demandValid(assessed);
  const { offering } = assessed;
  const wallet = await openWallet(client, settings, options, signal);
  const plan = await planPurchase(client, wallet, offering, amount, most);
  wallet.release(plan.transaction);
  const price = formatAmount(plan.cost);
  const common = {
    id: offering.txid,
    category: hashToId(offering.category),
    units: amount.toString(),
    price,
  };
  if (options.dryRun) {
    terminal.note('Nothing was sent.');
    const fee = formatAmount(plan.fee);
    terminal.result({ ...common, fee }, `${amount} units for ${price}, fee ${fee}`, price);
    return;
  }
  await terminal.confirm(`Buy ${amount} units for ${price}?`);
  const sent = await buyUnits(client, wallet, offering, amount, most);
  const fee = formatAmount(sent.fee);
  terminal.note(`Fee ${fee}.`);
  const json = { ...common, txid: sent.txid, fee };
  terminal.result(json, `bought ${amount} units for ${price} in ${sent.txid}`, sent.txid);
});

/** Adds `imo buy`. */
export function registerBuy(imo: Command): void {
  const command = imo
    .command('buy')
    .summary('buy units of an offering that counts')
    .description(
      'Buys units of an offering, in whole lots, after working out whether it counts. Where another buyer is faster it tries again with what is left. Asks before it does.',
    )
    .argument('<id>', 'id of the offering or of its model, or the name or folder of the model here')
    .argument('<units>', 'how many, a whole number of lots')
    .option('--max-price <coins>', 'most that is paid for all of them')
    .option('--dry-run', 'show what it would cost, and send nothing');
  const [key, passphrase] = WALLET_OPTIONS;
  command
    .requiredOption(...key)
    .option(...passphrase)
    .addHelpText('after', '\nExample:\n  $ bitmodel imo buy 77ab…02 500 --key ben --yes')
    .action(buy);
}
