import { BitmodelError, EXIT, formatAmount, parseAmount } from '../base/index.js';
import {
  addressScript,
  decodeWif,
  keyPair,
  networkParameters,
  planBump,
  type Sent,
  type SpendPlan,
  scriptAddress,
  type TransactionOutput,
  Wallet,
} from '../chain/index.js';
import { type ActionContext, action } from './shared/action.js';
import { collect } from './shared/collect.js';
import { readInput } from './shared/input.js';
import { feeRateOption } from './shared/number-options.js';
import { PASSPHRASE_OPTION, readSecret } from './shared/passphrase.js';
import {
  addCoinOptions,
  addFeeOptions,
  type CoinOptions,
  chosenFeeRate,
  coinChoice,
  type FeeOptions,
  feeLimits,
  PINS_OPTION,
  paymentOf,
} from './shared/payment-options.js';
import type { Settings } from './shared/settings.js';
import { nodeClient, openWallet, walletBook } from './shared/wallet.js';
import type { Verb } from './wallet.js';

interface SendOptions extends CoinOptions {
  readonly key: string;
  readonly passphraseFile?: string;
  readonly to?: string[];
  readonly all?: boolean;
  readonly allowBurn?: boolean;
}

interface SweepOptions extends FeeOptions {
  readonly allowPins?: boolean;
  readonly key: string;
  readonly passphraseFile?: string;
  readonly wif?: boolean;
  readonly wifFile?: string;
}

interface BumpOptions extends FeeOptions {
  readonly key: string;
  readonly passphraseFile?: string;
}

/** No file with one private key is longer. */
const WIF_FILE_LIMIT = 4096;

function usage(message: string, next: string): BitmodelError {
  return new BitmodelError('USAGE', message, { next, exitCode: EXIT.usage });
}

function recipients(
  [to, amount]: readonly string[],
  options: SendOptions,
  settings: Settings,
): TransactionOutput[] {
  const more = (options.to ?? []).map((text) => paymentOf(text, settings));
  if (to === undefined && more.length > 0) return more;
  if (to === undefined || amount === undefined) {
    throw usage(
      'Nobody is to be paid.',
      'Name an address and an amount, or pass --to ADDRESS:AMOUNT',
    );
  }
  const lockingScript = addressScript(to, networkParameters(settings.network));
  return [{ value: parseAmount(amount), lockingScript }, ...more];
}

function printSent(sent: readonly Sent[], { terminal }: ActionContext<unknown>): void {
  const fee = formatAmount(sent.reduce((sum, each) => sum + each.fee, 0n));
  terminal.note(`fee ${fee}`);
  const ids = sent.map(({ txid }) => txid);
  const object = ids.length === 1 ? { txid: ids[0], fee } : { txids: ids, fee };
  terminal.result(object, ids.join('\n'), ids.join('\n'));
}

/**
 * Asks once the coins are chosen and the fee is known; again only when the fee has grown meanwhile, as it may when
 * another process took the coins first.
 */
function asking(
  { terminal }: ActionContext<unknown>,
  what: (plan: SpendPlan) => string,
): (plan: SpendPlan) => Promise<void> {
  let agreed = -1n;
  return async (plan) => {
    if (plan.fee <= agreed) return;
    await terminal.confirm(`${what(plan)}, fee ${formatAmount(plan.fee)}?`);
    agreed = plan.fee;
  };
}

/** Asks whether all coins of somebody may go to an address. */
function askingForAll(whose: string, to: string, context: ActionContext<unknown>) {
  return asking(context, ({ transactions }) => {
    const paid = transactions.flatMap(({ outputs }) => outputs);
    const sum = formatAmount(paid.reduce((total, { value }) => total + value, 0n));
    return `Send all coins of ${whose}, ${sum}, to ${to}`;
  });
}

async function sendAll(
  [to, amount]: readonly string[],
  context: ActionContext<SendOptions>,
): Promise<void> {
  const { options, settings, signal } = context;
  const next = 'bitmodel wallet send ADDRESS --all';
  if (to === undefined || options.to || options.fromCoin) {
    throw usage('--all sends everything to one address.', next);
  }
  if (amount !== undefined) throw usage('An amount and --all differ.', `Leave one out: ${next}`);
  if (options.subtractFee || options.allowBurn) {
    const name = options.subtractFee ? '--subtract-fee' : '--allow-burn';
    throw usage('--all takes the fee out of the sum, and spends no token.', `Leave ${name} out`);
  }
  const script = addressScript(to, networkParameters(settings.network));
  const client = nodeClient(settings);
  const wallet = await openWallet(client, settings, options, signal);
  const feeRate = await chosenFeeRate(client, options.feeRate);
  const replaceable = options.replaceable === true;
  const { allowPins } = options;
  const agree = askingForAll(options.key, to, context);
  const limits = { ...feeLimits(options), allowPins, agree };
  printSent(await wallet.sweep(script, { ...limits, feeRate, replaceable }), context);
}

async function send(args: readonly string[], context: ActionContext<SendOptions>): Promise<void> {
  const { options, settings, signal } = context;
  if (options.all) return sendAll(args, context);
  const outputs = recipients(args, options, settings);
  const params = networkParameters(settings.network);
  const { allowBurn } = options;
  const choice = { ...coinChoice(options), ...feeLimits(options), allowBurn };
  const whom = outputs.map(
    ({ value, lockingScript }) =>
      `${formatAmount(value)} coins to ${scriptAddress(lockingScript, params)}`,
  );
  const agree = asking(context, () => `Send ${whom.join(', ')}`);
  const client = nodeClient(settings);
  const wallet = await openWallet(client, settings, options, signal);
  const feeRate = await chosenFeeRate(client, options.feeRate);
  printSent([await wallet.send(outputs, { ...choice, feeRate, agree })], context);
}

/** A private key that is not kept here: never an argument, which shells and process lists remember. */
async function foreignKey({ options, settings, signal }: ActionContext<SweepOptions>) {
  const params = networkParameters(settings.network);
  const text =
    options.wifFile === undefined
      ? await readSecret(
          'private key',
          'Give it on stdin, or pass --wif-file FILE',
          settings,
          signal,
        )
      : await readInput(options.wifFile, WIF_FILE_LIMIT);
  return keyPair(decodeWif(text.trim(), params), params);
}

async function sweep(to: string, context: ActionContext<SweepOptions>): Promise<void> {
  const { options, settings, signal } = context;
  const params = networkParameters(settings.network);
  const script = addressScript(to, params);
  const client = nodeClient(settings);
  const foreign = options.wif === true || options.wifFile !== undefined;
  const agree = askingForAll(foreign ? 'this key' : options.key, to, context);
  const limits = { ...feeLimits(options), allowPins: options.allowPins, agree };
  const wallet = foreign
    ? new Wallet({ client, keys: [await foreignKey(context)], book: walletBook(settings), params })
    : await openWallet(client, settings, options, signal);
  const feeRate = await chosenFeeRate(client, options.feeRate);
  printSent(await wallet.sweep(script, { ...limits, feeRate }), context);
}

async function bump(txid: string, context: ActionContext<BumpOptions>): Promise<void> {
  const { options, settings, terminal, signal } = context;
  const client = nodeClient(settings);
  const feeRate = options.feeRate === undefined ? undefined : feeRateOption(options.feeRate);
  const wallet = await openWallet(client, settings, options, signal);
  const { funded, oldFee } = await planBump(wallet, client, txid, feeRate);
  await terminal.confirm(
    `Raise the fee from ${formatAmount(oldFee)} to ${formatAmount(funded.fee)} coins?`,
  );
  const sent = await wallet.submit(funded, feeLimits(options));
  const fee = formatAmount(sent.fee);
  terminal.note(`fee ${fee}, before ${formatAmount(oldFee)}`);
  terminal.result({ txid: sent.txid, replaced: txid, fee }, sent.txid, sent.txid);
}

const sendAction = action<SendOptions>(async (args, context) => send(args, context));
const sweepAction = action<SweepOptions>(async ([to], context) => sweep(to!, context));
const bumpAction = action<BumpOptions>(async ([txid], context) => bump(txid!, context));

/** Adds the verbs that spend. */
export function registerSending(verb: Verb): void {
  const send = verb(
    'send',
    'pay somebody; asks before it does',
    'send mkpZhYtJu2r87Js3pDiWJDmPte2NRZ8bJV 1.5 --yes --passphrase-file pass.txt',
  )
    .argument('[address]', 'whom to pay')
    .argument('[amount]', 'coins, such as 1.5')
    .option('--to <address:amount>', 'whom else to pay; may be given many times', collect)
    .option('--all', 'send everything, less the fee, to the address');
  addCoinOptions(send)
    .option('--allow-burn', 'let the token on a coin named with --from-coin go lost')
    .option(...PASSPHRASE_OPTION)
    .action(sendAction);
  const sweep = verb(
    'sweep',
    'move all coins of a key to an address; asks before it does',
    'sweep mkpZhYtJu2r87Js3pDiWJDmPte2NRZ8bJV --wif < paper.txt',
  )
    .argument('<address>', 'where the coins go')
    .option('--wif', 'of a private key that is not kept here: asked for, or the next line of stdin')
    .option('--wif-file <file>', 'of the private key in this file');
  addFeeOptions(sweep)
    .option(...PINS_OPTION)
    .option(...PASSPHRASE_OPTION)
    .action(sweepAction);
  const bump = verb(
    'bump',
    'raise the fee of a transaction that waits (BIP125); asks before it does',
    'bump TXID --fee-rate 5',
  ).argument('<txid>', 'the transaction');
  addFeeOptions(bump)
    .option(...PASSPHRASE_OPTION)
    .action(bumpAction);
}
