import type { Command } from 'commander';
import { BitmodelError, EXIT, formatAmount, utf8 } from '../base/index.js';
import {
  addressScript,
  type ChainClient,
  createPin,
  hidePin,
  MAX_PIN_PAYLOAD,
  modifyPin,
  networkParameters,
  type Pin,
  type PinContent,
  type PinEventJson,
  type PinWrite,
  parsePinId,
  readProfile,
  revokePin,
  transferPin,
  type Wallet,
} from '../chain/index.js';
import { type ActionContext, action } from './shared/action.js';
import { readBytes } from './shared/input.js';
import { wholeOption } from './shared/number-options.js';
import { contentText, pinJson, pinTable, pinText } from './shared/pin-view.js';
import { suspectLines, suspectsShown, suspectText } from './shared/suspects.js';
import { factTable } from './shared/tables.js';
import type { Terminal } from './shared/terminal.js';
import { nodeClient, openWallet, WALLET_OPTIONS, type WalletChoice } from './shared/wallet.js';
import { addressOf } from './shared/wallet-address.js';

interface ContentOptions extends WalletChoice {
  readonly file?: string;
  readonly type?: string;
}

interface CreateOptions extends ContentOptions {
  readonly to?: string;
}

interface ListOptions {
  readonly path?: string;
  readonly owner?: string;
  readonly all?: boolean;
  readonly limit?: string;
}

async function contentOf(value: string | undefined, options: ContentOptions): Promise<PinContent> {
  const { file, type } = options;
  if ((value === undefined) === (file === undefined)) {
    throw new BitmodelError('BAD_OPTION', 'A pin says a text or a file, one of them.', {
      next: 'Give a text, - for standard input, or --file PATH',
      exitCode: EXIT.usage,
    });
  }
  const fromStdin = value === '-' || file === '-';
  if (fromStdin || file !== undefined) {
    const payload = await readBytes(fromStdin ? '-' : file!, MAX_PIN_PAYLOAD);
    return { contentType: type ?? 'text/plain', payload };
  }
  return { contentType: type ?? 'text/plain', payload: utf8(value!) };
}

async function pinNamed(client: ChainClient, id: string): Promise<Pin> {
  if (!parsePinId(id)) {
    throw new BitmodelError('BAD_PIN_ID', `"${id.slice(0, 100)}" is no id of a pin.`, {
      next: 'Copy it whole: 64 hex digits, i, and a number. bitmodel id list shows ids with --quiet',
      exitCode: EXIT.usage,
    });
  }
  const [pin] = await client.pins({ id }, { all: true });
  if (pin) return pin;
  throw new BitmodelError('NO_SUCH_PIN', `There is no pin ${id} on the chain.`, {
    next: 'If it was made just now, wait until it is in a block',
    exitCode: EXIT.notFound,
  });
}

function written(terminal: Terminal, { txid, pin, fee }: PinWrite): void {
  terminal.note(`It counts once it is in a block. Fee ${formatAmount(fee)}.`);
  terminal.result({ pin, txid, fee: formatAmount(fee) }, pin, pin);
}

const create = action<CreateOptions>(async ([path, value], context) => {
  const { options, settings, terminal, signal } = context;
  const content = await contentOf(value, options);
  const params = networkParameters(settings.network);
  const owner = options.to === undefined ? undefined : addressScript(options.to, params);
  const wallet = await openWallet(nodeClient(settings), settings, options, signal);
  const holder = owner ?? addressScript(wallet.addresses[0]!, params);
  written(terminal, await createPin(wallet, path!, content, holder));
});

type Change = (client: ChainClient, wallet: Wallet, pin: Pin) => Promise<PinWrite>;

/** Finds the pin before the passphrase is asked for, and asks before what can't be undone. */
async function change(
  id: string,
  { options, settings, terminal, signal }: ActionContext<WalletChoice>,
  body: Change,
  question?: string,
): Promise<void> {
  const client = nodeClient(settings);
  const pin = await pinNamed(client, id);
  if (question) await terminal.confirm(question);
  const wallet = await openWallet(client, settings, options, signal);
  written(terminal, await body(client, wallet, pin));
}

const modify = action<ContentOptions>(async ([id, value], context) => {
  const content = await contentOf(value, context.options);
  await change(id!, context, (client, wallet, pin) => modifyPin(client, wallet, pin, content));
});

const hide = action<WalletChoice>(async ([id], context) => change(id!, context, hidePin));

const revoke = action<WalletChoice>(async ([id], context) => {
  await change(id!, context, revokePin, `End pin ${id} for good?`);
});

const transfer = action<WalletChoice>(async ([id, to], context) => {
  const script = addressScript(to!, networkParameters(context.settings.network));
  const body: Change = (client, wallet, pin) => transferPin(client, wallet, pin, script);
  await change(id!, context, body, `Give pin ${id}, and the right to change it, to ${to}?`);
});

async function showPin(client: ChainClient, id: string, terminal: Terminal): Promise<void> {
  const pin = await pinNamed(client, id);
  const history: PinEventJson[] = [];
  for await (const event of client.pinHistory(id)) history.push(event);
  const events = history.map(
    ({ operation, height, owner }) => `block ${height}  ${operation}, held by ${owner ?? 'nobody'}`,
  );
  const text = `${await pinText(pin)}\n${events.join('\n')}`;
  terminal.result({ ...pinJson(pin), history }, text, contentText(pin));
}

const show = action<{ readonly all?: boolean }>(async ([who], { options, settings, terminal }) => {
  const client = nodeClient(settings);
  if (parsePinId(who!)) {
    await showPin(client, who!, terminal);
    return;
  }
  const isMetaId = /^[0-9a-f]{64}$/i.test(who!);
  const profile = await readProfile(
    client,
    isMetaId ? who! : addressOf(who!, settings),
    options.all ? { all: true } : {},
  );
  const { metaId, address, name, pins } = profile;
  const suspect = (await suspectsShown(client, [metaId])).get(metaId);
  const facts = await factTable({
    MetaID: metaId,
    address: address ?? '(unknown: nothing is pinned by it)',
    name: name ?? '(none)',
    pins: pins.length,
    suspect: suspect && suspectText(suspect),
  });
  const table = pins.length > 0 ? `\n${await pinTable(pins)}` : '';
  const json = { ...profile, ...(suspect && { suspect }), pins: pins.map(pinJson) };
  terminal.result(json, `${facts}${table}`, metaId);
});

const list = action<ListOptions>(async (_args, { options, settings, terminal }) => {
  const { path, owner } = options;
  if ((path === undefined) === (owner === undefined)) {
    throw new BitmodelError('BAD_OPTION', 'Pins are listed by path or by owner.', {
      next: 'Name one: --path /info/name, or --owner ADDRESS',
      exitCode: EXIT.usage,
    });
  }
  const selector = path !== undefined ? { path } : { owner: addressOf(owner!, settings) };
  const limit = wholeOption(options.limit ?? '100', '--limit', 1);
  const all = options.all === true;
  const client = nodeClient(settings);
  const pins = await client.pins(selector, { limit, all });
  const suspects = await suspectsShown(
    client,
    pins.map(({ creator }) => creator),
  );
  if (pins.length === 0) terminal.note('There are no such pins.');
  if (pins.length > 0) terminal.note('Whole ids: the same with --quiet.');
  if (pins.length === limit) terminal.note(`There may be more: raise --limit ${limit}.`);
  if (pins.length > 0 || terminal.json) {
    const ids = pins.map(({ id }) => id).join('\n');
    const text = pins.length > 0 ? await pinTable(pins) : '';
    const shown = pins.map((pin) => {
      const suspect = pin.creator === undefined ? undefined : suspects.get(pin.creator);
      return { ...pinJson(pin), ...(suspect && { suspect }) };
    });
    terminal.result({ pins: shown }, `${text}${suspectLines(suspects)}`, ids);
  }
});

/** Adds `id` with its verbs. */
export function register(program: Command): void {
  const id = program
    .command('id')
    .description(
      'Pins (MetaID v2): texts and files on the chain, each held by whoever holds its coin. An identity is an address; its MetaID is the SHA-256 of the address.',
    );
  const verb = (name: string, description: string, example: string): Command =>
    id
      .command(name)
      .description(description)
      .addHelpText('after', `\nExample:\n  $ bitmodel id ${example}`);
  const spending = (command: Command): Command => {
    const [key, passphrase] = WALLET_OPTIONS;
    return command.requiredOption(...key).option(...passphrase);
  };
  const saying = (command: Command): Command =>
    spending(command)
      .option('--file <path>', 'what it says, from a file')
      .option('--type <type>', 'content type (default: text/plain)');
  saying(verb('create', 'make a pin', 'create /info/name "Ada Lovelace" --key ada'))
    .argument('<path>', 'such as /info/name')
    .argument('[text]', 'what it says; - for standard input')
    .option('--to <address>', 'who holds it (default: the key)')
    .action(create);
  saying(verb('modify', 'say something else with a pin', 'modify 5f0c…e1i0 "Ada" --key ada'))
    .argument('<pin>', 'its id')
    .argument('[text]', 'what it says from now on; - for standard input')
    .action(modify);
  spending(verb('hide', 'ask listings to leave a pin out', 'hide 5f0c…e1i0 --key ada'))
    .argument('<pin>', 'its id')
    .action(hide);
  spending(verb('revoke', 'end a pin for good', 'revoke 5f0c…e1i0 --key ada --yes'))
    .argument('<pin>', 'its id')
    .action(revoke);
  spending(verb('transfer', 'give a pin away', 'transfer 5f0c…e1i0 mkpZ…8bJV --key ada'))
    .argument('<pin>', 'its id')
    .argument('<address>', 'who holds it from now on')
    .action(transfer);
  verb('show', 'an identity with its pins, or one pin with its history', 'show ada')
    .argument('<who>', 'a key, an address, a MetaID or the id of a pin')
    .option('--all', 'hidden and revoked pins, too')
    .action(show);
  verb('list', 'pins at a path, or of an owner', 'list --path /info/name')
    .option('--path <path>', 'those made at this path')
    .option('--owner <who>', 'those that a key or an address holds')
    .option('--all', 'hidden and revoked pins, too')
    .option('--limit <n>', 'at most so many (default: 100)')
    .action(list);
}
