import { unlinkSync } from 'node:fs';
import { writeFileAtomic } from '../../base/index.js';
import type { NetworkName } from '../consensus/parameters.js';
import { registerChainMethods } from '../rpc/nodeServer.js';
import { addressPath, cookiePath, type RpcAuth } from '../rpc/RpcClient.js';
import { RpcServer } from '../rpc/RpcServer.js';
import { addressScript } from '../wallet/address.js';
import { ChainNode } from './ChainNode.js';
import { faucetKey, registerFaucet } from './faucet.js';
import { mineContinually, mineFirstCoins } from './mining.js';
import type { CheckOptions } from './verifyChain.js';

export interface RunNodeOptions {
  readonly datadir: string;
  readonly network: NetworkName;
  readonly version: string;
  /** Port of the RPC server; 0 takes any free one; the network's own unless stated. */
  readonly rpcPort?: number | undefined;
  readonly rpcHost?: string | undefined;
  /** Instead of the cookie. */
  readonly rpcAuth?: RpcAuth | undefined;
  /** Threads that run the scripts of blocks, the main one included; as many as there are cores unless stated. */
  readonly threads?: number | undefined;
  readonly mine?: {
    /** Address that blocks pay to; the faucet's on regtest unless stated. */
    readonly to?: string | undefined;
    /** Seconds between two blocks on regtest. */
    readonly blockTime: number;
  };
  /** As in `ChainNodeOptions`. */
  readonly check?: CheckOptions | undefined;
  readonly reindex?: boolean | undefined;
  readonly pruneBytes?: number | undefined;
  readonly onNote?: ((text: string) => void) | undefined;
  readonly mempoolBytes?: number | undefined;
  readonly mempoolExpiry?: number | undefined;
  /** Told of what goes wrong and the node goes on without, in one sentence each. */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Ends a long start. */
  readonly signal?: AbortSignal | undefined;
  /** Adds methods of other rooms before the server begins to answer. */
  readonly extend?: (server: RpcServer, node: ChainNode) => void;
}

/** A node with its RPC server, mining if asked to. */
export interface RunningNode {
  readonly node: ChainNode;
  readonly url: string;
  /** Settles when the node was closed, or fails with what ended it. */
  readonly stopped: Promise<void>;
  /** Ends mining, the server and the node, in this order. */
  stop(): Promise<void>;
}

/**
 * Opens a node, lets it answer RPC, and starts mining if asked to. While it runs, its address stands in a file of its
 * folder, so that the other commands find it on whatever port it is.
 * @throws BitmodelError of `ChainNode.open` and `RpcServer.listen`
 */
export async function runNode(options: RunNodeOptions): Promise<RunningNode> {
  const { datadir, network } = options;
  const node = await ChainNode.open(options);
  const server = new RpcServer({ auth: options.rpcAuth, cookieFile: cookiePath(datadir, network) });
  const mining = new AbortController();
  const { promise: stopped, resolve, reject } = deferred();
  let mined: Promise<void> = Promise.resolve();
  let stopping: Promise<void> | undefined;
  const end = async (): Promise<void> => {
    mining.abort();
    await mined;
    if (url) unlinkSync(addressPath(datadir, network));
    await server.close();
    await node.close();
  };
  const stop = (): Promise<void> => {
    stopping ??= end().then(resolve, reject);
    return stopping;
  };
  const fail = (thrown: unknown): void => {
    reject(thrown);
    // whoever asked is answered first; what ended the node is reported through `stopped`
    setImmediate(() => void stop());
  };
  node.once('failure', fail);
  node.on('warning', (message) => options.onWarning?.(message));
  let url = '';
  try {
    const lockingScript = prepare(node, server, options, () => void stop());
    if (lockingScript) await mineFirstCoins(node, lockingScript);
    url = await server.listen(options.rpcPort ?? node.parameters.rpcPort, options.rpcHost);
    writeFileAtomic(addressPath(datadir, network), url);
    if (lockingScript && options.mine) {
      const { blockTime } = options.mine;
      const work = mineContinually(node, { lockingScript, blockTime, signal: mining.signal });
      mined = work.catch(fail);
    }
  } catch (thrown) {
    await server.close();
    await node.close();
    throw thrown;
  }
  return { node, url, stopped, stop };
}

/** Registers all methods; returns the script to mine to, if there is mining. */
function prepare(
  node: ChainNode,
  server: RpcServer,
  options: RunNodeOptions,
  stop: () => void,
): Uint8Array | undefined {
  const { parameters } = node;
  registerChainMethods(server, node, { version: options.version, stop });
  const key = parameters.name === 'regtest' ? faucetKey(node) : undefined;
  if (key) registerFaucet(server, node, key);
  options.extend?.(server, node);
  const to = options.mine && (options.mine.to ?? key?.address);
  return to === undefined ? undefined : addressScript(to, parameters);
}

function deferred(): {
  promise: Promise<void>;
  resolve: () => void;
  reject: (thrown: unknown) => void;
} {
  let resolve: () => void = () => {};
  let reject: (thrown: unknown) => void = () => {};
  const promise = new Promise<void>((onDone, onFail) => {
    resolve = onDone;
    reject = onFail;
  });
  // whoever doesn't wait for the end is told by `stop` all the same
  promise.catch(() => {});
  return { promise, resolve, reject };
}
