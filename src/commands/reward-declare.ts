import type { Command } from 'commander';
import { BitmodelError, EXIT, equalBytes, formatAmount } from '../base/index.js';
import {
  addressScript,
  type ChainClient,
  hashToId,
  heldNft,
  networkParameters,
  type Wallet,
} from '../chain/index.js';
import {
  circleOf,
  type DeclaredChanges,
  follow,
  isChange,
  type ModelDeclaration,
  type ParentShare,
  type Published,
  parseFee,
  parseHolderScript,
  payingUsers,
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
import { noteFee } from './shared/fee-note.js';
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
  readonly owner?: string;
  readonly name?: string;
  readonly licence?: string;
  readonly fee?: string;
  readonly dryRun?: boolean;
}

function usage(message: string, next: string): BitmodelError {
  return new BitmodelError('BAD_OPTION', message, { next, exitCode: EXIT.usage });
}

/** What is to be said otherwise beside the parents. */
function changesIn(options: DeclareOptions, { network }: Settings): DeclaredChanges {
  const { owner, name, licence, fee } = options;
  return {
    ...(owner === undefined ? {} : { owner: addressScript(owner, networkParameters(network)) }),
    ...(name === undefined ? {} : { name }),
    ...(licence === undefined ? {} : { licence }),
    ...(fee === undefined ? {} : { fee: parseFee(fee) }),
  };
}

/** @throws BitmodelError `FEE_BOUND` where the NFT decides who is paid, and its holder what is asked */
function assertUnbound({ name, owner, id }: Published, { owner: to, fee }: DeclaredChanges): void {
  const terms = parseHolderScript(owner);
  if (!terms || (to === undefined && fee === undefined)) return;
  const nft = hashToId(terms.category);
  throw new BitmodelError(
    'FEE_BOUND',
    `The fee of ${name} belongs to whoever holds its NFT, ${nft}.`,
    {
      next:
        to === undefined
          ? `Change the fee with: bitmodel nft fee ${id} FEE`
          : `Hand the NFT on: bitmodel nft send ${nft} ADDRESS, or sell it: bitmodel nft offer ${nft} --price COINS`,
      exitCode: EXIT.notAllowed,
    },
  );
}

/** What the options change, of which at most one way to name the parents is taken. @throws BitmodelError `BAD_OPTION` */
function planned(registry: Registry, options: DeclareOptions, settings: Settings): Redeclaration {
  const { uses, clear = false, follow: follows = false } = options;
  const changes = changesIn(options, settings);
  const ways = [uses !== undefined, clear, follows].filter(Boolean).length;
  if (ways > 1 || (ways === 0 && Object.keys(changes).length === 0)) {
    throw usage(
      'A declaration takes what the source uses, or one of --clear and --follow; or what else is to change.',
      'Pass --uses ID=15% for everything that it uses, or --owner, --name, --licence or --fee',
    );
  }
  const source = sourceNamed(registry, options.source, settings);
  assertUnbound(source, changes);
  if (follows) return follow(registry, source.id, changes);
  if (ways === 0) return redeclare(registry, source.id, undefined, changes);
  const parents: ParentShare[] = (uses ?? []).map((text) => usedNamed(registry, text, settings));
  return redeclare(registry, source.id, parents, changes);
}

/** What whoever changes the owner should know: money and the pin don't go along by themselves. */
function ownerNotes(registry: Registry, { before, after }: Redeclaration): string[] {
  if (equalBytes(before.owner, after.owner)) return [];
  const users = payingUsers(registry, after.id).length;
  const those = users === 1 ? '1 source that uses it pays' : `${users} sources that use it pay`;
  return [
    `What was paid until then stays the earlier owner's. Whoever holds the pin can change the owner again; give it away with: bitmodel id transfer ${before.pin.id} ADDRESS`,
    ...(users === 0
      ? []
      : [
          `${those} what it was paid at until now, until their owners follow it: bitmodel reward declare --source ID --follow`,
        ]),
  ];
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
  // its owner stays the NFT's holder; all else is as it is to be
  const { uses: _, ...model } = before;
  const { txid, fee } = await updateHeldModel(
    client,
    wallet,
    nft,
    model,
    after as ModelDeclaration,
  );
  return { txid, pin: before.pin.id, fee };
}

const declare = action<DeclareOptions>(async (_args, { options, settings, terminal, signal }) => {
  const client = nodeClient(settings);
  const registry = await readRegistry(client);
  const change = planned(registry, options, settings);
  const { before, after } = change;
  if (options.fee !== undefined) noteFee(terminal, parseFee(options.fee));
  const circle = circleOf(registry, after.id, after);
  const json = {
    before: declarationJson(before, settings),
    after: declarationJson(after, settings),
    ...(circle ? { circle: circle.members } : {}),
  };
  const text = changeText(registry, before, after, settings);
  if (circle) {
    terminal.warn(
      `it stands in a circle with ${circle.members.length - 1} other ${circle.members.length === 2 ? 'source' : 'sources'}: it pays what all of them come to now, and later changes only once it follows them (--follow)`,
    );
  }
  for (const note of ownerNotes(registry, change)) terminal.note(note);
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
    .summary(
      'say what a published source uses and passes on, who is paid for it, what it is called',
    )
    .description(
      'Changes what a published model or other source declares: everything that it uses, each with the part of its income that goes there. It counts from the block that takes it in; what was paid before goes by the old weights. What it uses is paid at what that declares now, until the source follows it (--follow). Without --uses, --clear and --follow what it uses stays as it is.',
    )
    .requiredOption('--source <source>', '[KIND:]ID or name of what is declared')
    .option(
      '--uses <source=weight>',
      'what it uses and the part that goes there, such as dataset:5f0c…e1=15%; may be repeated; 0% names a use that is not paid for',
      collect,
    )
    .option('--clear', 'it uses nothing')
    .option('--follow', 'the same weights, paid at what each of them declares now')
    .option('--owner <address>', 'who is paid what it keeps, from then on')
    .option('--name <name>', 'what it is called')
    .option('--licence <licence>', 'of a model: under which licence it is')
    .option(
      '--fee <fee>',
      'of a model: what it asks of each job, a share of its price (5%), coins beside it (0.01), or both (5%+0.01)',
    )
    .option('--dry-run', 'show what would change, and send nothing')
    .option(KEY_OPTION[0], 'the key that holds the pin, and pays')
    .option(...passphrase)
    .addHelpText(
      'after',
      `
Example:
  $ bitmodel reward declare --source model:poet --uses algorithm:attention=15% --uses dataset:verses=10% --key ann
  $ bitmodel reward declare --source poet --follow --dry-run
  $ bitmodel reward declare --source poet --owner mkpZ…8bJV --fee 6% --key ann`,
    )
    .action(declare);
}
