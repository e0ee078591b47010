import type { Command } from 'commander';
import { BitmodelError, formatAmount, oneLine, parseAmount, toHex } from '../base/index.js';
import {
  Account,
  formatOutpoint,
  hashToId,
  keyKind,
  keyPath,
  listKeys,
  networkParameters,
  readKeyFile,
  signedCoins,
  tokenView,
  watchedAccount,
} from '../chain/index.js';
import { type ActionContext, action } from './shared/action.js';
import { noFaucet } from './shared/faucet.js';
import { wholeOption } from './shared/number-options.js';
import { listTable } from './shared/tables.js';
import { tokenText } from './shared/token-view.js';
import { nodeClient, walletBook, watchWallet } from './shared/wallet.js';
import { receiveAddressOf, watchedOf } from './shared/wallet-address.js';
import { registerAbandoning } from './wallet-abandon.js';
import { registerTransfer } from './wallet-import.js';
import { registerLocks } from './wallet-lock.js';
import { registerMessages } from './wallet-message.js';
import { registerSending } from './wallet-send.js';

interface KeyOptions {
  readonly key: string;
}

interface HistoryOptions extends KeyOptions {
  readonly count: string;
}

interface AddressOptions extends KeyOptions {
  readonly new?: boolean;
}

/** Most transactions, or coins, of one listing. */
const MOST_SHOWN = 100_000;
/** Tokens that a balance shows: strangers can send any number. */
const MOST_TOKENS = 1_000;

/** Adds one verb that is about one key. */
export type Verb = (name: string, description: string, example: string) => Command;

const balanceAction = action<KeyOptions>(async (_args, { options, settings, terminal }) => {
  const wallet = watchWallet(nodeClient(settings), settings, options.key);
  const balance = await wallet.balance();
  const confirmed = formatAmount(balance.confirmed);
  const pending = formatAmount(balance.pending);
  const immature = formatAmount(balance.immature);
  const reserved = formatAmount(balance.reserved);
  const tokens = (await wallet.tokens(MOST_TOKENS)).map(({ output }) => output.token!);
  const lines = [
    `confirmed ${confirmed}`,
    ...(balance.pending > 0n ? [`pending   ${pending}`] : []),
    ...(balance.immature > 0n ? [`immature  ${immature}`] : []),
    ...(balance.reserved > 0n
      ? [`reserved  ${reserved}  (under tokens and pins: see wallet utxos)`]
      : []),
    ...tokens.map(
      (token) => `token     ${tokenText(token)}\n  category ${hashToId(token.category)}`,
    ),
  ];
  const address = wallet.addresses[0];
  const amounts = { confirmed, pending, immature, reserved };
  const json = { address, ...amounts, tokens: tokens.map(tokenView) };
  terminal.result(json, lines.join('\n'), confirmed);
  if (tokens.length === MOST_TOKENS) {
    terminal.note(`There may be more tokens than these ${MOST_TOKENS}, on coins worth less.`);
  }
});

const addressAction = action<AddressOptions>(async (_args, { options, settings, terminal }) => {
  const parameters = networkParameters(settings.network);
  const path = keyPath(settings.datadir, parameters, options.key);
  const file = readKeyFile(path, parameters);
  const watched = watchedOf(options.key, settings);
  const { network } = settings;
  if (!(watched instanceof Account)) {
    if (options.new) terminal.note(`${options.key} has this one address only.`);
    const publicKey = file.v === 1 ? { publicKey: file.publicKey } : {};
    return terminal.result({ address: watched, ...publicKey, network, path }, watched, watched);
  }
  const address = options.new ? watched.nextReceiveAddress() : watched.receiveAddress;
  if (options.new) walletBook(settings).advance(watched.xpub, watched.indexes);
  const index = watched.indexes.receive;
  terminal.result({ address, index, xpub: watched.xpub, network, path }, address, address);
});

/** A coin on two lines: its name alone fills most of 80 columns. */
function coinText(coin: { outpoint: string; value: string; height: number }): string {
  const { outpoint, value, height } = coin;
  return `${outpoint}\n  ${value}  ${height > 0 ? `in block ${height}` : 'in the mempool'}`;
}

const utxosAction = action<HistoryOptions>(async (_args, { options, settings, terminal }) => {
  const most = wholeOption(options.count, '--count', 1, MOST_SHOWN);
  const wallet = watchWallet(nodeClient(settings), settings, options.key);
  const utxos = (await wallet.utxos(most)).map((utxo) => ({
    outpoint: formatOutpoint(utxo.outpoint),
    value: formatAmount(utxo.output.value),
    height: utxo.height,
    coinbase: utxo.coinbase,
    lockingScript: toHex(utxo.output.lockingScript),
  }));
  const tokens = (await wallet.tokens(most)).map(({ outpoint, output, height }) => ({
    outpoint: formatOutpoint(outpoint),
    value: formatAmount(output.value),
    height,
    token: output.token!,
  }));
  const pinned = (await wallet.pinned(most)).map(({ outpoint, output, height, pins = [] }) => ({
    outpoint: formatOutpoint(outpoint),
    value: formatAmount(output.value),
    height,
    pins,
  }));
  if (utxos.length === 0) terminal.note('There are no coins to spend.');
  const lines = [
    ...utxos.map((coin) => coinText(coin)),
    ...tokens.map(
      ({ outpoint, value, height, token }) =>
        `${coinText({ outpoint, value, height })}\n  ${tokenText(token)}\n  category ${hashToId(token.category)}`,
    ),
    ...pinned.map(
      ({ outpoint, value, height, pins }) =>
        `${outpoint}  ${value}  ${height || 'mempool'}  pin ${oneLine(pins.join(', '))}`,
    ),
  ];
  if (lines.length > 0 || terminal.json) {
    const json = {
      utxos,
      tokens: tokens.map((each) => ({ ...each, token: tokenView(each.token) })),
      pinned,
    };
    terminal.result(json, lines.join('\n'), utxos.map(({ outpoint }) => outpoint).join('\n'));
  }
  if ([utxos, tokens, pinned].some(({ length }) => length === most)) {
    terminal.note(`Of each kind the ${most} worth most; more with --count.`);
  }
});

const historyAction = action<HistoryOptions>(async (_args, { options, settings, terminal }) => {
  const most = wholeOption(options.count, '--count', 1, MOST_SHOWN);
  const wallet = watchWallet(nodeClient(settings), settings, options.key);
  const { entries, total } = await wallet.amounts(most);
  const address = wallet.addresses[0];
  if (total === 0) terminal.note('Nothing has happened at this address.');
  if (total === 0 && !terminal.json) return;
  const history = entries.map((entry) => ({ ...entry, change: signedCoins(entry.change) }));
  const rows = history.map(({ txid, height, change }) => [
    height === 0 ? 'waits' : `${height}`,
    `${txid}\n${change} coins`,
  ]);
  const text = terminal.json ? '' : await listTable(['height', 'transaction'], rows);
  const ids = history.map(({ txid }) => txid).join('\n');
  terminal.result({ address, total, history }, text, ids);
  if (total > history.length) {
    const all = total < MOST_SHOWN ? `${total}` : `${total} or more`;
    terminal.note(`The last ${history.length} of ${all}; more with --count ${total}.`);
  }
});

/** What `wallet list` shows of one key. */
interface ListedKey {
  readonly name: string;
  readonly kind: string;
  readonly address?: string;
  readonly path?: string;
  readonly xpub?: string;
}

function listed(name: string, { settings, terminal }: ActionContext<object>): ListedKey {
  const parameters = networkParameters(settings.network);
  try {
    const file = readKeyFile(keyPath(settings.datadir, parameters, name), parameters);
    const account = watchedAccount(file, parameters);
    return {
      name,
      kind: keyKind(file),
      address: receiveAddressOf(name, settings),
      ...(file.v === 2 && file.kind === 'account' ? { path: file.path } : {}),
      ...(account ? { xpub: account.xpub } : {}),
    };
  } catch (thrown) {
    // one file that can't be read does not hide the others
    if (!(thrown instanceof BitmodelError)) throw thrown;
    terminal.warn(thrown.message);
    return { name, kind: 'unreadable' };
  }
}

async function list(context: ActionContext<object>): Promise<void> {
  const { settings, terminal } = context;
  const names = listKeys(settings.datadir, networkParameters(settings.network));
  const keys = names.map((name) => listed(name, context));
  if (keys.length === 0) terminal.note('There are no keys; make one with: bitmodel keygen');
  if (terminal.json || terminal.quiet) return terminal.result({ keys }, '', names.join('\n'));
  const rows = keys.map(({ name, kind, address = '', path = '' }) => [name, kind, path, address]);
  if (keys.length > 0) terminal.line(await listTable(['name', 'kind', 'path', 'address'], rows));
}

const listAction = action<object>(async (_args, context) => list(context));

const faucetAction = action<KeyOptions>(async ([amount], { options, settings, terminal }) => {
  const value = formatAmount(parseAmount(amount ?? '100'));
  const address = receiveAddressOf(options.key, settings);
  const txid = await nodeClient(settings)
    .rpc.call<string>('faucet', address, value)
    .catch((thrown: unknown) => {
      throw noFaucet(thrown, settings) ?? thrown;
    });
  terminal.note(`${value} test coins are on their way to ${address}`);
  terminal.result({ txid, address, amount: value }, txid, txid);
});

/** Adds `wallet` with its verbs. */
export function register(program: Command): void {
  const wallet = program.command('wallet').description('keys, coins, sending, signed messages');
  const verb: Verb = (name, description, example) =>
    wallet
      .command(name)
      .description(description)
      .option('--key <name>', 'the key (or, to look only, an address)', 'default')
      .addHelpText('after', `\nExample:\n  $ bitmodel wallet ${example}`);
  verb('balance', 'what the key owns', 'balance --key savings').action(balanceAction);
  verb('address', 'an address to be paid at', 'address --new')
    .option('--new', 'of an account: one that was not handed out before')
    .action(addressAction);
  verb('utxos', 'coins that can be spent now, tokens and pins', 'utxos --json')
    .option('--count <number>', 'of each kind only so many, those worth most', '1000')
    .action(utxosAction);
  verb('history', 'transactions of the key and what each changed, oldest first', 'history')
    .option('--count <number>', 'only the last so many', '50')
    .action(historyAction);
  wallet
    .command('list')
    .description('keys, accounts, and what is watched')
    .addHelpText('after', '\nExample:\n  $ bitmodel wallet list')
    .action(listAction);
  registerSending(verb);
  registerMessages(wallet, verb);
  registerTransfer(wallet, verb);
  registerAbandoning(wallet);
  registerLocks(wallet);
  verb('faucet', 'test coins from a node that mines on regtest', 'faucet 100')
    .argument('[amount]', 'coins (default: 100)')
    .action(faucetAction);
}
