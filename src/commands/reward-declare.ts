import type { Command } from 'commander';
import { BitmodelError, EXIT, formatAmount } from '../base/index.js';
import { type ChainClient, heldNft, type Wallet } from '../chain/index.js';
import {
  circleOf,
  follow,
  isChange,
  type ParentShare,
  parseHolderScript,
  publishRedeclaration,
  type Redeclaration,
  type Registry,
  readRegistry,
  redeclare,
  updateHeldModel,
} from '../reward/index.js';
import { action } from './shared/action.js';
import { collect } from './shared/collect.js';
import { changeText, declarationJson } from './shared/declaration-view.js';
import type { Settings } from './shared/settings.js';
import { sourceNamed, usedNamed } from './shared/source-names.js';
import {
  KEY_OPTION,
  nodeClient,
  openWallet,
  WALLET_OPTIONS,
  type WalletChoice,
} from './shared/wallet.js';

interface DeclareOptions extends Partial<WalletChoice> {
  readonly source: string;
  readonly uses?: readonly string[];
  readonly clear?: boolean;
  readonly follow?: boolean;
  readonly dryRun?: boolean;
}

function usage(message: string, next: string): BitmodelError {
  return new BitmodelError('BAD_OPTION', message, { next, exitCode: EXIT.usage });
}

/** The parents that the options name, of which one way is taken. @throws BitmodelError `BAD_OPTION` */
function planned(registry: Registry, options: DeclareOptions, settings: Settings): Redeclaration {
  const { uses, clear = false, follow: follows = false } = options;
  if ([uses !== undefined, clear, follows].filter(Boolean).length !== 1) {
    throw usage(
      'A declaration takes what the source uses, or one of --clear and --follow.',
      'Pass --uses ID=15% for everything that it uses',
    );
  }
  const { id } = sourceNamed(registry, options.source, settings);
  if (follows) return follow(registry, id);
  const parents: ParentShare[] = (uses ?? []).map((text) => usedNamed(registry, text, settings));
  return redeclare(registry, id, parents);
}

/** Sends it: by the key that holds the pin, or where the pin lies with the model's NFT by the key that holds that. */
async function send(client: ChainClient, wallet: Wallet, change: Redeclaration) {
  const { before, after } = change;
  const terms = parseHolderScript(before.owner);
  const isHeld = wallet.addresses.includes(before.pin.owner ?? '');
  if (!terms || isHeld || before.kind !== 'model') {
    return publishRedeclaration(client, wallet, change);
  }
  const nft = await heldNft(wallet, { category: terms.category });
  const { parents } = after;
  const { txid, fee } = await updateHeldModel(client, wallet, nft, before, { parents });
  return { txid, pin: before.pin.id, fee };
}

const declare = action<DeclareOptions>(async (_args, { options, settings, terminal, signal }) => {
  const client = nodeClient(settings);
  const registry = await readRegistry(client);
  const change = planned(registry, options, settings);
  const { before, after } = change;
  const circle = circleOf(registry, after.id, after);
  const json = {
    before: declarationJson(before, settings),
    after: declarationJson(after, settings),
    ...(circle ? { circle: circle.members } : {}),
  };
  const text = changeText(registry, before, after);
  if (circle) {
    terminal.warn(
      `it stands in a circle with ${circle.members.length - 1} other ${circle.members.length === 2 ? 'source' : 'sources'}: it pays what all of them come to now, and later changes only once it follows them (--follow)`,
    );
  }
  if (!isChange(change)) {
    terminal.note('It declares this already; nothing was sent.');
    terminal.result({ ...json, txid: null }, text, after.id);
    return;
  }
  if (options.dryRun) {
    const holder = before.pin.owner ?? 'nobody';
    terminal.note(`Nothing was sent. Whoever holds its pin can send it: ${holder}`);
    terminal.result(json, text, after.id);
    return;
  }
  const { key } = options;
  if (key === undefined) {
    throw usage('Declaring takes the key that holds the pin.', 'Name it with --key NAME');
  }
  const wallet = await openWallet(client, settings, { ...options, key }, signal);
  const { txid, pin, fee } = await send(client, wallet, change);
  terminal.note(`It counts from the block that takes it in. Fee ${formatAmount(fee)}.`);
  terminal.result({ ...json, txid, pin, fee: formatAmount(fee) }, text, after.id);
});

/** Adds `reward declare`. */
export function registerDeclare(reward: Command): void {
  const [, passphrase] = WALLET_OPTIONS;
  reward
    .command('declare')
    .summary('say what a published source uses, and what it passes on')
    .description(
      'Changes what a published model or other source declares: everything that it uses, each with the part of its income that goes there. It counts from the block that takes it in; what was paid before goes by the old weights. What it uses is paid at what that declares now, until the source follows it (--follow).',
    )
    .requiredOption('--source <source>', '[KIND:]ID or name of what is declared')
    .option(
      '--uses <source=weight>',
      'what it uses and the part that goes there, such as dataset:5f0c…e1=15%; may be repeated; 0% names a use that is not paid for',
      collect,
    )
    .option('--clear', 'it uses nothing')
    .option('--follow', 'the same weights, paid at what each of them declares now')
    .option('--dry-run', 'show what would change, and send nothing')
    .option(KEY_OPTION[0], 'the key that holds the pin, and pays')
    .option(...passphrase)
    .addHelpText(
      'after',
      `
Example:
  $ bitmodel reward declare --source model:poet --uses algorithm:attention=15% --uses dataset:verses=10% --key ann
  $ bitmodel reward declare --source poet --follow --dry-run`,
    )
    .action(declare);
}
