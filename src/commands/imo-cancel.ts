import type { Command } from 'commander';
import { formatAmount } from '../base/index.js';
import { networkParameters } from '../chain/index.js';
import { cancelSale, findOffering } from '../reward/index.js';
import { action } from './shared/action.js';
import { openIssuer } from './shared/imo-issuer.js';
import { offeringId } from './shared/imo-options.js';
import { nodeClient, WALLET_OPTIONS, type WalletChoice } from './shared/wallet.js';

const cancel = action<WalletChoice>(async ([named], { options, settings, terminal, signal }) => {
  const client = nodeClient(settings);
  const params = networkParameters(settings.network);
  const { offering } = await findOffering(client, params, offeringId(named!, settings));
  const { key, wallet } = await openIssuer(client, settings, options, signal);
  await terminal.confirm('Take back all units that are not sold, and end the sale?');
  const { txid, amount, fee } = await cancelSale(client, wallet, key, offering);
  const json = { id: offering.txid, units: amount.toString(), txid, fee: formatAmount(fee) };
  terminal.note(`Fee ${json.fee}.`);
  terminal.result(json, `took back ${amount} units in ${txid}`, txid);
});

/** Adds `imo cancel`. */
export function registerCancel(imo: Command): void {
  const command = imo
    .command('cancel')
    .summary('end the sale, and take back what is left')
    .description(
      'Takes the units that are not sold out of the sale contract, by the key of the issuer. What was sold stays as it is, and the model can have no other offering.',
    )
    .argument(
      '<id>',
      'id of the offering or of its model, or the name or folder of the model here',
    );
  const [key, passphrase] = WALLET_OPTIONS;
  command
    .requiredOption(...key)
    .option(...passphrase)
    .addHelpText('after', '\nExample:\n  $ bitmodel imo cancel 77ab…02 --key ann --yes')
    .action(cancel);
}
