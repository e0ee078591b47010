import type { Command } from 'commander';
import { BitmodelError, EXIT, equalBytes, formatAmount } from '../base/index.js';
import {
  Account,
  checkAmounts,
  checkScripts,
  checkTokensKept,
  decodeEnvelope,
  type Envelope,
  encodeEnvelope,
  encodeOutputScript,
  isCoinbase,
  networkParameters,
  previousOutputs,
  signP2pkhInputs,
  type TransactionOutput,
  transactionId,
} from '../chain/index.js';
import { type ActionContext, action } from './shared/action.js';
import { readStdin } from './shared/input.js';
import { PASSPHRASE_OPTION } from './shared/passphrase.js';
import { addCoinOptions, type FeeOptions, feeLimits } from './shared/payment-options.js';
import type { Settings } from './shared/settings.js';
import { transactionJson, transactionText } from './shared/transaction-view.js';
import { nodeClient, openSigner } from './shared/wallet.js';
import { watchedOf } from './shared/wallet-address.js';
import { buildAction } from './tx-build.js';

interface SignOptions extends FeeOptions {
  readonly key: string;
  readonly passphraseFile?: string;
  readonly allowBurn?: boolean;
}

const BURN_OPTION = ['--allow-burn', 'let tokens that it spends go lost'] as const;
const NEXT = 'Pipe it in, as in: bitmodel tx build … | bitmodel tx sign | bitmodel tx send';

async function readEnvelope(argument: string | undefined, settings: Settings): Promise<Envelope> {
  const text =
    argument === undefined || argument === '-' ? await readStdin('transaction', NEXT) : argument;
  return decodeEnvelope(text, settings.network);
}

/**
 * What the transaction spends, out of the envelope or, for bare hex, out of the chain.
 */
async function spentOf(
  envelope: Envelope,
  settings: Settings,
): Promise<readonly TransactionOutput[]> {
  return envelope.spentOutputs ?? previousOutputs(nodeClient(settings), envelope.transaction);
}

async function sign(
  argument: string | undefined,
  context: ActionContext<SignOptions>,
): Promise<void> {
  const { options, settings, terminal, signal } = context;
  const envelope = await readEnvelope(argument, settings);
  const spentOutputs = await spentOf(envelope, settings);
  const watched = watchedOf(options.key, settings);
  checkAmounts(
    envelope.transaction,
    spentOutputs,
    feeLimits(options),
    (script) => watched instanceof Account && watched.isChange(script),
  );
  if (!options.allowBurn) checkTokensKept(envelope.transaction, spentOutputs);
  const stdinIsData = argument === undefined || argument === '-';
  const signer = await openSigner(settings, options, signal, stdinIsData);
  const keys = signer instanceof Account ? signer.keysFor(spentOutputs) : [signer];
  const signed = signP2pkhInputs(envelope.transaction, spentOutputs, keys);
  for (const key of keys) key.privateKey.fill(0);
  if (signed.inputs.every((input, i) => input === envelope.transaction.inputs[i])) {
    throw new BitmodelError('NOTHING_TO_SIGN', `No input belongs to ${options.key}.`, {
      next: 'Name the key whose coins it spends: --key NAME',
      exitCode: EXIT.notAllowed,
    });
  }
  terminal.line(encodeEnvelope(settings.network, signed, spentOutputs));
}

async function send(
  argument: string | undefined,
  context: ActionContext<SignOptions>,
): Promise<void> {
  const { options, settings, terminal } = context;
  const { transaction, spentOutputs: said } = await readEnvelope(argument, settings);
  const client = nodeClient(settings);
  const spentOutputs = await previousOutputs(client, transaction);
  const differs = said?.findIndex((output, i) => {
    const truth = spentOutputs[i]!;
    const same = equalBytes(encodeOutputScript(truth), encodeOutputScript(output));
    return truth.value !== output.value || !same;
  });
  if (differs !== undefined && differs >= 0) {
    throw new BitmodelError(
      'WRONG_AMOUNT',
      `Input ${differs} spends something else than is said.`,
      {
        next: 'Build it anew: bitmodel tx build',
      },
    );
  }
  const fee = checkAmounts(transaction, spentOutputs, feeLimits(options));
  if (!options.allowBurn) checkTokensKept(transaction, spentOutputs);
  checkScripts(transaction, spentOutputs);
  const anyFeeRate = options.allowHighFee === true || options.maxFee !== undefined;
  const txid = await client.send(transaction, { anyFeeRate });
  terminal.result({ txid, fee: formatAmount(fee) }, txid, txid);
}

const signAction = action<SignOptions>(async ([argument], context) => sign(argument, context));
const sendAction = action<SignOptions>(async ([argument], context) => send(argument, context));

const decodeAction = action(async ([argument], { settings, terminal }) => {
  const { transaction, spentOutputs } = await readEnvelope(argument, settings);
  const parameters = networkParameters(settings.network);
  terminal.result(
    transactionJson(transaction, parameters, spentOutputs),
    () => transactionText(transaction, parameters, spentOutputs),
    transactionId(transaction),
  );
});

const showAction = action(async ([argument], { settings, terminal }) => {
  const txid = (argument ?? (await readStdin('transaction id', 'Name one'))).trim();
  const parameters = networkParameters(settings.network);
  const client = nodeClient(settings);
  if (!/^[0-9a-f]{64}$/i.test(txid)) {
    throw new BitmodelError('BAD_TXID', `"${txid.slice(0, 64)}" is no id of a transaction.`, {
      next: 'Pass its 64 hexadecimal digits',
      exitCode: EXIT.usage,
    });
  }
  const known = await client.transaction(txid);
  if (!known) {
    throw new BitmodelError('TX_NOT_FOUND', `The node knows no transaction ${txid.slice(0, 64)}.`, {
      next: 'Check the id, and that the node is of the right network: bitmodel chain info',
      exitCode: EXIT.notFound,
    });
  }
  const { transaction, height, blockHash } = known;
  // a coinbase spends nothing
  const spent = isCoinbase(transaction) ? undefined : await previousOutputs(client, transaction);
  terminal.result(
    { ...transactionJson(transaction, parameters, spent), height, blockHash },
    () =>
      `${transactionText(transaction, parameters, spent)}\n${height > 0 ? `in block ${height} (${blockHash})` : 'waits in the mempool'}`,
    transactionId(transaction),
  );
});

const PIPE_HELP = `
The pipe carries one line of JSON: {v, network, transaction, spent: [{value, script}]}, the transaction in hex
and what each input spends (a script with its token prefix), so that "sign" needs no node. "sign", "send" and "decode" also take a bare
transaction in hex, on stdin or as the argument. In a pipe the passphrase comes from the terminal or from
--passphrase-file, never from stdin.

Example:
  $ bitmodel tx build --to mkpZhYtJu2r87Js3pDiWJDmPte2NRZ8bJV:1.5 | bitmodel tx sign --key default | bitmodel tx send`;

/** Adds `tx` with its verbs. */
export function register(program: Command): void {
  const tx = program
    .command('tx')
    .description('build, sign, send and read transactions, in a pipe');
  tx.addHelpText('after', PIPE_HELP);
  const collect = (value: string, before: string[] = []): string[] => [...before, value];
  addCoinOptions(
    tx
      .command('build')
      .description('choose coins and write a transaction that is not yet signed')
      .option(
        '--to <address:amount>',
        'whom to pay, and how much; may be given many times',
        collect,
      )
      .option('--from <name|address>', 'whose coins', 'default')
      .option('--data <hex>', 'also write these bytes into the chain'),
  )
    .addHelpText('after', PIPE_HELP)
    .action(buildAction);
  tx.command('sign')
    .description('sign every input that the key opens')
    .argument('[transaction]', 'envelope or hex; stdin if absent')
    .option('--key <name>', 'the key', 'default')
    .option('--max-fee <coins>', 'most that the fee may be (default: 0.1)')
    .option('--allow-high-fee', 'let the fee be more than a tenth of what is sent')
    .option(...BURN_OPTION)
    .option(...PASSPHRASE_OPTION)
    .addHelpText('after', PIPE_HELP)
    .action(signAction);
  tx.command('send')
    .description('check a signed transaction and hand it to the node')
    .argument('[transaction]', 'envelope or hex; stdin if absent')
    .option('--max-fee <coins>', 'most that the fee may be (default: 0.1)')
    .option('--allow-high-fee', 'let the fee be more than a tenth of what is sent')
    .option(...BURN_OPTION)
    .addHelpText('after', PIPE_HELP)
    .action(sendAction);
  tx.command('decode')
    .description('show what a transaction holds, without asking a node')
    .argument('[transaction]', 'envelope or hex; stdin if absent')
    .addHelpText('after', '\nExample:\n  $ bitmodel tx decode --json < signed.json')
    .action(decodeAction);
  tx.command('show')
    .description('show a transaction of the chain or the mempool')
    .argument('[txid]', 'its id; stdin if absent')
    .addHelpText('after', '\nExample:\n  $ bitmodel tx show TXID')
    .action(showAction);
}
