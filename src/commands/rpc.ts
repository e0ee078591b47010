import { printable, printableJson } from '../base/index.js';
import {
  argumentsFromText,
  indentJson,
  type MethodHelp,
  RpcClient,
  RpcError,
} from '../chain/index.js';
import { action } from './shared/action.js';
import { readStdin } from './shared/input.js';
import type { Register } from './shared/register.js';
import { warnings } from './shared/warnings.js';

interface RpcOptions {
  readonly named?: boolean;
}

/** What the node says of a method, so that what was typed can be read as what it takes. */
async function describe(
  client: RpcClient,
  method: string,
  signal: AbortSignal,
): Promise<MethodHelp | undefined> {
  try {
    return await client.callWith<MethodHelp>({ signal }, 'describemethod', method);
  } catch (thrown) {
    // an older node, or a method that it can't describe: what looks like JSON is JSON then
    if (thrown instanceof RpcError) return undefined;
    throw thrown;
  }
}

/** The texts, with the lines of stdin in the place of `-`. */
async function withStdin(texts: readonly string[]): Promise<string[]> {
  if (!texts.includes('-')) return [...texts];
  const piped = await readStdin('argument', 'Pipe the arguments in, one on each line');
  const lines = piped.split('\n').map((line) => line.replace(/\r$/, ''));
  return texts.flatMap((text) => (text === '-' ? lines.filter(Boolean) : [text]));
}

/** Prints an error of the node as bitcoin-cli does, with its number, and the next step. */
function printError({ code, rpcCode, message, next }: RpcError, json: boolean): void {
  const text = json
    ? printableJson(JSON.stringify(warnings.joinTo({ error: { code, rpcCode, message, next } })))
    : `error code: ${rpcCode}\nerror message:\n${message.trimEnd()}\n  next: ${next}`;
  process.stderr.write(`${printable(text)}\n`);
}

const run = action<RpcOptions>(async ([method, ...args], context) => {
  const { options, settings, terminal, signal } = context;
  const client = RpcClient.forNode(settings);
  try {
    const texts = await withStdin(args);
    const help = texts.length === 0 ? undefined : await describe(client, method!, signal);
    const params = argumentsFromText(method!, help, texts, options.named);
    const text = await client.callText(method!, params, { signal });
    // as bitcoin-cli does: nothing for null, a text without its quotes, everything else as JSON with every digit
    if (settings.json) terminal.line(text);
    else if (text.startsWith('"')) terminal.line(JSON.parse(text) as string);
    else if (text !== 'null') terminal.line(printableJson(indentJson(text)));
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof RpcError)) throw thrown;
    printError(thrown, settings.json);
    return thrown.exitCode;
  } finally {
    await client.close();
  }
});

/** `bitmodel rpc`. */
export const register: Register = (program) => {
  program
    .command('rpc')
    .description('call a method of the node and print its answer; "rpc help" lists them')
    .argument('<method>', 'such as getblockcount')
    .argument('[arguments...]', 'as the method takes them; - stands for the lines of stdin')
    .option('--named', 'the arguments are NAME=VALUE')
    .addHelpText(
      'after',
      `
It prints what bitcoin-cli prints. Errors show the node's number; the exit code is bitmodel's own.

Example:
  $ bitmodel rpc getblockhash 0
  $ bitmodel rpc --named getblock blockhash=08b68180…74fd433f83 verbosity=2
  $ bitmodel rpc getpins '{"path":"/protocols/bitmodel-model"}'
  $ cat signed.hex | bitmodel rpc sendrawtransaction -`,
    )
    .action(run);
};
