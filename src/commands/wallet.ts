import type { Command } from 'commander';
import { formatAmount, parseAmount, toHex } from '../base/index.js';
import {
  addressScript,
  formatOutpoint,
  keyPath,
  networkParameters,
  readKeystore,
  Wallet,
} from '../chain/index.js';
import { type ActionContext, action } from './shared/action.js';
import { PASSPHRASE_OPTION } from './shared/passphrase.js';
import type { Settings } from './shared/settings.js';
import { nodeClient, openWallet } from './shared/wallet.js';
import { addressOf } from './shared/wallet-address.js';
import { feeRateOption } from './tx-build.js';

interface KeyOptions {
  readonly key: string;
}

interface SendOptions extends KeyOptions {
  readonly passphraseFile?: string;
  readonly feeRate?: string;
  readonly allowHighFee?: boolean;
}

/** A wallet that only looks: no passphrase is asked for. */
function watch(key: string, settings: Settings): Wallet {
  return new Wallet({
    client: nodeClient(settings),
    keys: [],
    watch: [addressOf(key, settings)],
    params: networkParameters(settings.network),
  });
}

const balanceAction = action<KeyOptions>(async (_args, { options, settings, terminal }) => {
  const wallet = watch(options.key, settings);
  const balance = await wallet.balance();
  const confirmed = formatAmount(balance.confirmed);
  const pending = formatAmount(balance.pending);
  const immature = formatAmount(balance.immature);
  const lines = [
    `confirmed ${confirmed}`,
    ...(balance.pending > 0n ? [`pending   ${pending}`] : []),
    ...(balance.immature > 0n ? [`immature  ${immature}`] : []),
  ];
  const address = wallet.addresses[0];
  terminal.result({ address, confirmed, pending, immature }, lines.join('\n'), confirmed);
});

const addressAction = action<KeyOptions>(async (_args, { options, settings, terminal }) => {
  const parameters = networkParameters(settings.network);
  const path = keyPath(settings.datadir, parameters, options.key);
  const { address, publicKey } = readKeystore(path, parameters);
  terminal.result({ address, publicKey, network: settings.network, path }, address, address);
});

const utxosAction = action<KeyOptions>(async (_args, { options, settings, terminal }) => {
  const utxos = (await watch(options.key, settings).utxos()).map((utxo) => ({
    outpoint: formatOutpoint(utxo.outpoint),
    value: formatAmount(utxo.output.value),
    height: utxo.height,
    coinbase: utxo.coinbase,
    lockingScript: toHex(utxo.output.lockingScript),
  }));
  if (utxos.length === 0) terminal.note('There are no coins to spend.');
  const lines = utxos.map(
    ({ outpoint, value, height }) => `${outpoint}  ${value}  ${height || 'mempool'}`,
  );
  if (utxos.length > 0 || terminal.json) {
    terminal.result({ utxos }, lines.join('\n'), utxos.map(({ outpoint }) => outpoint).join('\n'));
  }
});

const historyAction = action<KeyOptions>(async (_args, { options, settings, terminal }) => {
  const address = addressOf(options.key, settings);
  const { rpc } = nodeClient(settings);
  const history = await rpc.call<{ txid: string; height: number }[]>('getaddresshistory', address);
  if (history.length === 0) terminal.note('Nothing has happened at this address.');
  const lines = history.map(({ txid, height }) => `${txid}  ${height || 'mempool'}`);
  if (history.length > 0 || terminal.json) {
    terminal.result(
      { address, history },
      lines.join('\n'),
      history.map(({ txid }) => txid).join('\n'),
    );
  }
});

async function send([to, amount]: string[], context: ActionContext<SendOptions>): Promise<void> {
  const { options, settings, terminal, signal } = context;
  const lockingScript = addressScript(to!, networkParameters(settings.network));
  const value = parseAmount(amount!);
  const feeRate = feeRateOption(options.feeRate);
  await terminal.confirm(`Send ${formatAmount(value)} coins to ${to}?`);
  const wallet = await openWallet(nodeClient(settings), settings, options, signal);
  const allowHighFee = options.allowHighFee === true;
  const { txid, fee } = await wallet.send([{ value, lockingScript }], { feeRate, allowHighFee });
  terminal.note(`fee ${formatAmount(fee)}`);
  terminal.result({ txid, fee: formatAmount(fee) }, txid, txid);
}

const sendAction = action<SendOptions>(async (args, context) => send(args, context));

const faucetAction = action<KeyOptions>(async ([amount], { options, settings, terminal }) => {
  const value = formatAmount(parseAmount(amount ?? '100'));
  const address = addressOf(options.key, settings);
  const txid = await nodeClient(settings).rpc.call<string>('faucet', address, value);
  terminal.note(`${value} test coins are on their way to ${address}`);
  terminal.result({ txid, address, amount: value }, txid, txid);
});

/** Adds `wallet` with its verbs. */
export function register(program: Command): void {
  const wallet = program.command('wallet').description('balance, sending, test coins');
  const verb = (name: string, description: string, example: string): Command =>
    wallet
      .command(name)
      .description(description)
      .option('--key <name>', 'the key (or, to look only, an address)', 'default')
      .addHelpText('after', `\nExample:\n  $ bitmodel wallet ${example}`);
  verb('balance', 'what the key owns', 'balance --key savings').action(balanceAction);
  verb('address', "the key's address", 'address').action(addressAction);
  verb('utxos', 'coins that can be spent now', 'utxos --json').action(utxosAction);
  verb('history', 'transactions of the key, oldest first', 'history').action(historyAction);
  verb(
    'send',
    'pay somebody; asks before it does',
    'send mkpZhYtJu2r87Js3pDiWJDmPte2NRZ8bJV 1.5 --yes --passphrase-file pass.txt',
  )
    .argument('<address>', 'whom to pay')
    .argument('<amount>', 'coins, such as 1.5')
    .option('--fee-rate <units>', 'base units per byte (default: 1)')
    .option('--allow-high-fee', 'let the fee be more than a tenth of what is sent')
    .option(...PASSPHRASE_OPTION)
    .action(sendAction);
  verb('faucet', 'test coins from a node that mines on regtest', 'faucet 100')
    .argument('[amount]', 'coins (default: 100)')
    .action(faucetAction);
}
