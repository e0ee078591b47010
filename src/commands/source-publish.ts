import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import { BitmodelError, EXIT, formatAmount, utf8, writeFileAtomic } from '../base/index.js';
import { addressScript, networkParameters } from '../chain/index.js';
import { type IdentifiedFiles, identifyBytes, identifyFiles, magnetLink } from '../model/index.js';
import {
  declareSource,
  publishSource,
  type Registry,
  readRegistry,
  SOURCE_KINDS,
  type SourceKind,
} from '../reward/index.js';
import { action } from './shared/action.js';
import { collect } from './shared/collect.js';
import { declarationJson, sourceLabel, weightsText } from './shared/declaration-view.js';
import { reflow } from './shared/help-width.js';
import { readBytes } from './shared/input.js';
import { progressLine } from './shared/progress.js';
import type { Settings } from './shared/settings.js';
import { formatSize } from './shared/sizes.js';
import { usedNamed } from './shared/source-names.js';
import { nodeClient, openWallet, WALLET_OPTIONS, type WalletChoice } from './shared/wallet.js';

interface PublishOptions extends WalletChoice {
  readonly kind: string;
  readonly id?: string;
  readonly text?: string;
  readonly name?: string;
  readonly owner?: string;
  readonly uses?: readonly string[];
  readonly torrent?: string;
  readonly rival?: boolean;
  readonly dryRun?: boolean;
}

/** Most bytes that are taken from stdin. */
const LARGEST_TEXT = 1 << 26;
/** Columns of a terminal. */
const WIDTH = 80;

function usage(message: string, next: string): BitmodelError {
  return new BitmodelError('BAD_OPTION', message, { next, exitCode: EXIT.usage });
}

function kindOf(text: string): SourceKind {
  const kind = SOURCE_KINDS.find((each) => each === text);
  if (kind) return kind;
  throw usage(
    `A source can't be published as "${text.slice(0, 40)}".`,
    text === 'model'
      ? 'Publish a model with: bitmodel model publish DIR'
      : `Pass --kind with one of ${SOURCE_KINDS.join(', ')}`,
  );
}

/** What is published: its id, its bytes if it has some, and what it is called unless it is named. */
interface Published {
  readonly id: string;
  readonly files?: IdentifiedFiles;
  readonly name?: string;
}

async function identified(
  path: string | undefined,
  { id, text }: PublishOptions,
  settings: Settings,
  signal: AbortSignal,
): Promise<Published> {
  if ([path, id, text].filter((each) => each !== undefined).length !== 1) {
    throw usage(
      'A source is a file, a folder, a text or an id, one of them.',
      'Name a path, - for stdin, --text TEXT or --id ID',
    );
  }
  if (id !== undefined) {
    if (/^[0-9a-f]{64}$/i.test(id)) return { id: id.toLowerCase() };
    throw usage(
      `"${id.slice(0, 70)}" is no id.`,
      'Give 64 hexadecimal digits, or what it is with --text',
    );
  }
  if (path === undefined || path === '-') {
    const bytes = path === undefined ? utf8(text!) : await readBytes('-', LARGEST_TEXT);
    const files = identifyBytes(bytes);
    return { id: files.id, files };
  }
  const progress = progressLine('reading', settings);
  const about = { onProgress: progress.update, signal };
  const files = await identifyFiles(path, about).finally(progress.end);
  return { id: files.id, files, name: basename(resolve(path)) };
}

function assertNew(registry: Registry, id: string, { rival = false }: PublishOptions): void {
  const known = registry.byId.get(id);
  if (!known || rival) return;
  throw new BitmodelError(
    'ALREADY_PUBLISHED',
    `It is published already, as ${sourceLabel(registry, id)} by ${known.pin.owner ?? 'nobody'}; only the first pin counts.`,
    {
      next: `See it with: bitmodel reward show ${id}; if it is yours, say so with: bitmodel reward dispute, and claim it all the same with --rival`,
      exitCode: EXIT.notAllowed,
    },
  );
}

const publish = action<PublishOptions>(async ([path], { options, settings, terminal, signal }) => {
  const kind = kindOf(options.kind);
  const { id, files, name: called } = await identified(path, options, settings, signal);
  const name = options.name ?? called;
  if (name === undefined) {
    throw usage('A source needs a name that people know it by.', 'Pass --name NAME');
  }
  const client = nodeClient(settings);
  const registry = await readRegistry(client);
  const parents = (options.uses ?? []).map((text) => usedNamed(registry, text, settings));
  assertNew(registry, id, options);
  const wallet = await openWallet(client, settings, options, signal);
  const params = networkParameters(settings.network);
  const owner = addressScript(options.owner ?? wallet.addresses[0]!, params);
  const source = await declareSource(client, { kind, id, name, owner, parents });
  if (options.torrent !== undefined && files) writeFileAtomic(options.torrent, files.torrent());
  const magnet = files && magnetLink(id, name);
  const json = {
    ...declarationJson(source, settings),
    ...(files ? { size: files.size, files: files.files.length, magnet } : {}),
  };
  const text = [
    `${name} (${kind})${files ? `, ${formatSize(files.size)}` : ''}`,
    id,
    ...reflow(weightsText(registry, source).split(' '), WIDTH, ''),
  ];
  if (options.dryRun) {
    terminal.note('Nothing was sent.');
    terminal.result(json, text.join('\n'), id);
    return;
  }
  const { txid, pin, fee } = await publishSource(wallet, source);
  terminal.note(`It counts once it is in a block. Fee ${formatAmount(fee)}.`);
  const sent = { ...json, txid, pin, fee: formatAmount(fee) };
  terminal.result(sent, [...text, 'published as pin', pin].join('\n'), id);
});

/** Adds `source publish`. */
export function registerSourcePublish(source: Command): void {
  const command = source
    .command('publish')
    .summary('give anything an id, and a pin that says who is paid for it')
    .description(
      `Publishes what models may stand on. The id of a file or folder is its BitTorrent v2 info hash, of a file that of its bytes alone; what has no bytes, such as a developer or a service, takes --text or --id. The pin says who is paid for it and what it uses itself. Only the first pin of an id counts.`,
    )
    .argument('[path]', 'file or folder, or - for stdin')
    .requiredOption('--kind <kind>', SOURCE_KINDS.join(', '))
    .option('--text <text>', 'a text in place of a path, such as a name and an address')
    .option('--id <id>', '64 hexadecimal digits, for what has an id already')
    .option('--name <name>', "what people call it (default: the file's name)")
    .option('--owner <address>', 'who is paid what it keeps, and holds the pin (default: the key)')
    .option(
      '--uses <source=weight>',
      'what it uses and the part that goes there, such as paper:5f0c…e1=15%; may be repeated',
      collect,
    )
    .option('--torrent <file>', 'write a .torrent of it there, for BitTorrent v2 clients')
    .option('--rival', 'publish it though somebody else has: visible, but it does not count')
    .option('--dry-run', 'show what would be published, and send nothing');
  const [key, passphrase] = WALLET_OPTIONS;
  command
    .requiredOption(...key)
    .option(...passphrase)
    .addHelpText(
      'after',
      `
Examples:
  $ bitmodel source publish verses.jsonl --kind dataset --key ben
  $ bitmodel source publish --kind developer --text "Ada Lovelace" --name ada --key ada
  $ bitmodel source publish ./code --kind code --uses paper:attention=20% --key cy`,
    )
    .action(publish);
}
