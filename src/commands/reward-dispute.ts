import type { Command } from 'commander';
import { equalBytes, formatAmount } from '../base/index.js';
import { addressScript, networkParameters, type Pin, type Wallet } from '../chain/index.js';
import {
  disputeOf,
  nftBehind,
  publishDispute,
  readRegistry,
  sayAsParent,
} from '../reward/index.js';
import { action } from './shared/action.js';
import { sourceNamed } from './shared/source-names.js';
import { nodeClient, openWallet, WALLET_OPTIONS, type WalletChoice } from './shared/wallet.js';

interface DisputeOptions extends WalletChoice {
  readonly parent?: string;
  readonly claim?: string;
  readonly reason: string;
  readonly evidence?: string;
  readonly dryRun?: boolean;
}

/** Whether a wallet speaks for a pin: it holds it, or the NFT that it lies with. */
async function holds(wallet: Wallet, pin: Pin): Promise<boolean> {
  const nft = nftBehind(pin.owner);
  if (!nft) return wallet.addresses.includes(pin.owner ?? '');
  for await (const { output } of wallet.eachToken()) {
    const { token } = output;
    if (token?.nft && equalBytes(token.category, nft.category)) return true;
  }
  return false;
}

const dispute = action<DisputeOptions>(async ([named], { options, settings, terminal, signal }) => {
  const client = nodeClient(settings);
  const registry = await readRegistry(client);
  const child = sourceNamed(registry, named!, settings);
  const { claim, reason, evidence } = options;
  const parent = options.parent && sourceNamed(registry, options.parent, settings);
  const statement = disputeOf(registry, {
    child: child.id,
    reason,
    ...(parent ? { parent: parent.id } : {}),
    ...(claim === undefined ? {} : { claim }),
    ...(evidence === undefined ? {} : { evidence: evidence.toLowerCase() }),
  });
  const text = `${child.name} is disputed: ${reason}`;
  if (options.dryRun) {
    terminal.note('Nothing was sent.');
    terminal.result(statement, text, child.id);
    return;
  }
  const wallet = await openWallet(client, settings, options, signal);
  const isParents = parent && (await holds(wallet, parent.pin));
  const holder = addressScript(wallet.addresses[0]!, networkParameters(settings.network));
  // the parent's holder decides how the claim stands, and is known by the coin that it comes from
  const { txid, pin, fee } = isParents
    ? await sayAsParent(client, wallet, registry, { ...statement, parent: parent.id })
    : await publishDispute(wallet, statement, holder);
  terminal.note(
    `It counts once it is in a block. Fee ${formatAmount(fee)}. Taken back with: bitmodel id revoke ${pin}`,
  );
  terminal.result({ ...statement, pin, txid, fee: formatAmount(fee) }, `${text}\n${pin}`, pin);
});

/** Adds `reward dispute`. */
export function registerDispute(reward: Command): void {
  const [key, passphrase] = WALLET_OPTIONS;
  reward
    .command('dispute')
    .summary('say publicly that a declaration is wrong')
    .description(
      "Disputes what a source declares, one of its parents (--parent), or one pin's claim to its id (--claim). Everybody sees it, with your address, in reward show. It moves no money. The holder of the parent's pin makes the claim to stand on it disputed by this.",
    )
    .argument('<source>', '[KIND:]ID or name of the source')
    .option('--parent <source>', 'the parent that it names wrongly, or with a wrong weight')
    .option('--claim <pin>', 'the pin that claims the id wrongly')
    .requiredOption('--reason <text>', 'why: one line of at most 500 characters')
    .option('--evidence <txid>', 'a transaction that shows it')
    .option('--dry-run', 'show what would be said, and send nothing')
    .requiredOption(...key)
    .option(...passphrase)
    .addHelpText(
      'after',
      '\nExample:\n  $ bitmodel reward dispute poet --parent verses --reason "It uses none of it." --key ben',
    )
    .action(dispute);
}
