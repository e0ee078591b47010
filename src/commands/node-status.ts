import type { Command } from 'commander';
import { RPC_CODE, RpcClient, RpcError } from '../chain/index.js';
import { action } from './shared/action.js';
import { type NetworkStatus, statusText } from './shared/node-view.js';
import { takesOnly } from './shared/verb-options.js';

/** What the network says; undefined of a node without one. */
async function networkStatus(rpc: RpcClient): Promise<NetworkStatus | undefined> {
  try {
    return await rpc.call<NetworkStatus>('getnodestatus');
  } catch (thrown) {
    if (thrown instanceof RpcError && thrown.rpcCode === RPC_CODE.p2pDisabled) return undefined;
    throw thrown;
  }
}

/** What waits to be mined; undefined of a light node without peers: it keeps none of that itself. */
async function waitingOf(rpc: RpcClient): Promise<{ size: number; bytes: number } | undefined> {
  try {
    return await rpc.call<{ size: number; bytes: number }>('getmempoolinfo');
  } catch (thrown) {
    if (thrown instanceof RpcError && thrown.rpcCode === RPC_CODE.noPeers) return undefined;
    throw thrown;
  }
}

const run = action(async (_args, { settings, terminal }) => {
  const rpc = RpcClient.forNode(settings);
  try {
    const [chain, mempool, uptime, peers] = await Promise.all([
      rpc.call<{ blocks: number; headers: number; bestblockhash: string }>('getblockchaininfo'),
      waitingOf(rpc),
      rpc.call<number>('uptime'),
      networkStatus(rpc),
    ]);
    const status = {
      network: settings.network,
      height: chain.blocks,
      headers: chain.headers,
      tip: chain.bestblockhash,
      uptime,
      waiting: mempool?.size,
      waitingBytes: mempool?.bytes,
      peers,
    };
    terminal.result(
      {
        ...status,
        waiting: mempool?.size ?? null,
        waitingBytes: mempool?.bytes ?? null,
        peers: peers ?? null,
      },
      await statusText(status),
      `${chain.blocks}`,
    );
  } finally {
    await rpc.close();
  }
});

/** `bitmodel node status`. */
export function registerNodeStatus(node: Command): void {
  takesOnly(node.command('status'), node)
    .description('show how the running node does: height, peers, what is waiting')
    .addHelpText('after', '\nExample:\n  $ bitmodel node status')
    .action(run);
}
