import {
  exploreAddress,
  exploreBlock,
  exploreChain,
  exploreTransaction,
  type Page,
  RpcClient,
} from '../chain/index.js';
import { type ActionContext, action } from './shared/action.js';
import { addressText, blockText, chainText, shownTransactionText } from './shared/chain-view.js';
import { wholeOption } from './shared/number-options.js';
import type { Register } from './shared/register.js';
import { suspectsShown, suspectText } from './shared/suspects.js';

interface PageOptions {
  readonly page?: string;
  readonly count?: string;
}

type Body = (rpc: RpcClient, args: string[], context: ActionContext<PageOptions>) => Promise<void>;

const DEFAULT_COUNT = '25';
const MAX_COUNT = 1_000;

/** An action with a client of the node that is closed afterwards. */
function withClient(body: Body): ReturnType<typeof action> {
  return action<PageOptions>(async (args, context) => {
    const rpc = RpcClient.forNode(context.settings);
    try {
      await body(rpc, args, context);
    } finally {
      await rpc.close();
    }
  });
}

function pageOption({ page = '1', count = DEFAULT_COUNT }: PageOptions): Page {
  return {
    page: wholeOption(page, '--page', 1),
    size: wholeOption(count, '--count', 1, MAX_COUNT),
  };
}

const info = withClient(async (rpc, _args, { terminal }) => {
  const chain = await exploreChain(rpc);
  terminal.result(chain, await chainText(chain), String(chain.height));
});

const block = withClient(async (rpc, [which = 'tip'], { options, terminal }) => {
  const found = await exploreBlock(rpc, which, pageOption(options));
  terminal.result(found, await blockText(found), found.hash);
});

const tx = withClient(async (rpc, [txid], { terminal }) => {
  const found = await exploreTransaction(rpc, txid!);
  terminal.result(found, await shownTransactionText(found), found.txid);
});

const address = withClient(async (rpc, [which], { options, terminal }) => {
  const found = await exploreAddress(rpc, which!, pageOption(options));
  const ids = found.history.map(({ txid }) => txid).join('\n');
  const suspect = (await suspectsShown({ rpc }, [found.address])).get(found.address);
  const warning = suspect ? `\n${suspectText(suspect)}` : '';
  const text = `${await addressText(found)}${warning}`;
  terminal.result({ ...found, ...(suspect && { suspect }) }, text, ids);
});

/** `bitmodel chain`. */
export const register: Register = (program) => {
  const chain = program.command('chain').description('look at the chain');
  chain
    .command('info')
    .description('the tip, and what waits')
    .addHelpText('after', '\nExample:\n  $ bitmodel chain info --json')
    .action(info);
  chain
    .command('block')
    .description('one block and its transactions')
    .argument('[block]', 'a height, a block id, or "tip"', 'tip')
    .option('--page <number>', 'which page of its transactions', '1')
    .option('--count <number>', 'transactions on a page', DEFAULT_COUNT)
    .addHelpText('after', '\nExample:\n  $ bitmodel chain block 101')
    .action(block);
  chain
    .command('tx')
    .description('one transaction: what it spends, pays and carries')
    .argument('<txid>', 'its id')
    .addHelpText('after', '\nExample:\n  $ bitmodel chain tx 8abdc027e07cb1f1…11b46dc839c66e38b')
    .action(tx);
  chain
    .command('address')
    .description('balance and history of an address, the newest first')
    .argument('<address>', 'an address of this network')
    .option('--page <number>', 'which page of the history', '1')
    .option('--count <number>', 'transactions on a page', DEFAULT_COUNT)
    .addHelpText(
      'after',
      `
With --quiet it prints ids of transactions, one on each line.

Example:
  $ bitmodel chain address mgA7SfyBBrVGVSpQ7oqGHPhxpp2gUZWtfc --page 2`,
    )
    .action(address);
};
