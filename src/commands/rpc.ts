import { indentJson, RpcClient } from '../chain/index.js';
import { action } from './shared/action.js';
import type { Register } from './shared/register.js';
import { rpcArgument } from './shared/rpc-argument.js';

const run = action(async ([method, ...args], { settings, terminal, signal }) => {
  const client = RpcClient.forNode(settings);
  try {
    const text = await client.callText(method!, args.map(rpcArgument), { signal });
    // as bitcoin-cli does: a text without its quotes, everything else as JSON with every digit
    if (settings.json) terminal.line(text);
    else terminal.line(text.startsWith('"') ? (JSON.parse(text) as string) : indentJson(text));
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
    .argument('[arguments...]', 'numbers, true, false, null, {…} and […] as JSON, the rest as text')
    .addHelpText(
      'after',
      `
Example:
  $ bitmodel rpc getblockhash 0
  $ bitmodel rpc getpins '{"path":"/protocols/bitmodel-model"}'`,
    )
    .action(run);
};
