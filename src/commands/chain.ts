import { BitmodelError, EXIT, formatAmount, toHex } from '../base/index.js';
import {
  ChainClient,
  formatOutpoint,
  hashToId,
  JOB_VERSION,
  type KnownTransaction,
  networkParameters,
  RpcClient,
  scriptAddress,
} from '../chain/index.js';
import { type ActionContext, action } from './shared/action.js';
import type { Register } from './shared/register.js';
import { factTable, listTable } from './shared/tables.js';

type Body = (
  client: ChainClient,
  args: string[],
  context: ActionContext<Record<string, unknown>>,
) => Promise<void>;

/** An action with a client of the node that is closed afterwards. */
function withClient(body: Body): ReturnType<typeof action> {
  return action(async (args, context) => {
    const rpc = RpcClient.forNode(context.settings);
    try {
      await body(new ChainClient(rpc), args, context);
    } finally {
      await rpc.close();
    }
  });
}

interface ChainInfo {
  readonly chain: string;
  readonly blocks: number;
  readonly bestblockhash: string;
  readonly time: number;
  readonly difficulty: number;
  readonly chainwork: string;
}

interface BlockInfo {
  readonly hash: string;
  readonly height: number;
  readonly confirmations: number;
  readonly time: number;
  readonly size: number;
  readonly previousblockhash?: string;
  readonly tx: readonly string[];
}

const utc = (seconds: number): string => new Date(seconds * 1000).toISOString();

const info = withClient(async ({ rpc }, _args, { terminal }) => {
  const chain = await rpc.call<ChainInfo>('getblockchaininfo');
  const mempool = await rpc.call<{ size: number; bytes: number }>('getmempoolinfo');
  const found = {
    network: chain.chain,
    height: chain.blocks,
    tip: chain.bestblockhash,
    time: utc(chain.time),
    difficulty: chain.difficulty,
    work: chain.chainwork.replace(/^0+/, '0x'),
    waiting: mempool.size,
    waitingBytes: mempool.bytes,
  };
  terminal.result(found, await factTable(found), String(found.height));
});

const block = withClient(async ({ rpc }, [which], { terminal }) => {
  const id =
    which === undefined || which === 'tip'
      ? await rpc.call<string>('getbestblockhash')
      : /^\d{1,10}$/.test(which)
        ? await rpc.call<string>('getblockhash', Number(which))
        : which;
  const { hash, height, confirmations, time, size, previousblockhash, tx } =
    await rpc.call<BlockInfo>('getblock', id);
  const facts = { hash, height, confirmations, time: utc(time), size, previous: previousblockhash };
  const text = async (): Promise<string> =>
    `${await factTable(facts)}\n${await listTable(
      ['transactions'],
      tx.map((txid) => [txid]),
    )}`;
  terminal.result({ ...facts, transactions: tx }, await text(), hash);
});

async function describeInputs(client: ChainClient, { transaction }: KnownTransaction) {
  const inputs: { from: string; value: string | undefined }[] = [];
  for (const { outpoint } of transaction.inputs) {
    const source = await client.transaction(hashToId(outpoint.hash));
    const output = source?.transaction.outputs[outpoint.index];
    inputs.push({ from: formatOutpoint(outpoint), value: output && formatAmount(output.value) });
  }
  return inputs;
}

const tx = withClient(async (client, [txid], { terminal, settings }) => {
  const found = await client.transaction(txid!);
  if (!found) {
    throw new BitmodelError('UNKNOWN_TRANSACTION', 'The node knows no such transaction.', {
      next: 'Check the id; ids are 64 hexadecimal digits',
      exitCode: EXIT.notFound,
    });
  }
  const { transaction, height, blockHash, time } = found;
  const parameters = networkParameters(settings.network);
  const facts = {
    txid,
    version: transaction.version,
    lockTime: transaction.lockTime,
    job: transaction.version >= JOB_VERSION ? toHex(transaction.jobId) : undefined,
    height: height === 0 && blockHash === undefined ? 'waiting' : height,
    block: blockHash,
    time: time === undefined ? undefined : utc(time),
  };
  const inputs = await describeInputs(client, found);
  const outputs = transaction.outputs.map(({ value, lockingScript }, index) => ({
    index,
    to: scriptAddress(lockingScript, parameters) ?? `script ${toHex(lockingScript)}`,
    value: formatAmount(value),
  }));
  const cut = (text: string): string => (text.length > 72 ? `${text.slice(0, 71)}…` : text);
  const text = [
    await factTable(facts),
    await listTable(
      ['spends', 'coins'],
      inputs.map((each) => [each.from, each.value ?? 'new']),
    ),
    await listTable(
      ['', 'pays', 'coins'],
      outputs.map((o) => [`${o.index}`, cut(o.to), o.value]),
    ),
  ];
  terminal.result({ ...facts, inputs, outputs }, text.join('\n'), txid);
});

const address = withClient(async ({ rpc }, [which], { terminal }) => {
  const balance = await rpc.call<Record<string, string>>('getaddressbalance', which);
  const history = await rpc.call<{ txid: string; height: number }[]>('getaddresshistory', which);
  const rows = history.map(({ txid, height }) => [height === 0 ? 'waiting' : `${height}`, txid]);
  const text = `${await factTable({ address: which, ...balance })}\n${await listTable(['height', 'transaction'], rows)}`;
  terminal.result({ address: which, ...balance, history }, text, balance.confirmed);
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
    .description('one block')
    .argument('[block]', 'a height, a block id, or "tip"', 'tip')
    .addHelpText('after', '\nExample:\n  $ bitmodel chain block 101')
    .action(block);
  chain
    .command('tx')
    .description('one transaction')
    .argument('<txid>', 'its id')
    .addHelpText(
      'after',
      '\nExample:\n  $ bitmodel chain tx 8abdc027e07cb1f1948dcab3b2ffa27ac1f65ad2a080ddd11b46dc839c66e38b',
    )
    .action(tx);
  chain
    .command('address')
    .description('balance and history of an address')
    .argument('<address>', 'an address of this network')
    .addHelpText(
      'after',
      '\nExample:\n  $ bitmodel chain address mgA7SfyBBrVGVSpQ7oqGHPhxpp2gUZWtfc',
    )
    .action(address);
};
