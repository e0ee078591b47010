import { unlinkSync } from 'node:fs';
import { deferred, writeFileAtomic } from '../../base/index.js';
import { addressScript } from '../address/address.js';
import { addressPath, cookiePath, type RpcAuth } from '../client/nodeLocation.js';
import type { NetworkName } from '../consensus/parameters.js';
import { ChainNode } from '../node/ChainNode.js';
import type { CheckOptions } from '../node/verifyChain.js';
import { registerChainMethods } from '../rpc/nodeServer.js';
import { RpcServer } from '../rpc/RpcServer.js';
import { faucetKey, registerFaucet } from './faucet.js';
import { type Mining, mineFirstCoins, prepareMining } from './mining.js';

/** What a node is started with. */
export interface RunNodeOptions {
  readonly datadir: string;
  readonly network: NetworkName;
  readonly version: string;
  /** Port of the RPC server; 0 takes any free one; the network's own unless stated. */
  readonly rpcPort?: number | undefined;
  readonly rpcHost?: string | undefined;
  /** Callers beside this machine, as addresses or ranges; with any, `rpcHost` may be another address than loopback. */
  readonly rpcAllow?: readonly string[] | undefined;
  /** Instead of the cookie. */
  readonly rpcAuth?: RpcAuth | undefined;
  /** Threads that run the scripts of blocks, the main one included; as many as there are cores unless stated. */
  readonly threads?: number | undefined;
  readonly mine?: {
    /** Address that blocks pay to; the faucet's on regtest unless stated. */
    readonly to?: string | undefined;
    /** Seconds between two blocks on regtest. */
    readonly blockTime: number;
    /** Threads that mine on other networks; all cores but one unless stated. */
    readonly threads?: number | undefined;
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
  /**
   * Adds what other rooms do with a node before the server begins to answer. What it returns ends that again, before
   * the node closes.
   */
  readonly extend?: (server: RpcServer, node: ChainNode) => Extension | Promise<Extension>;
}

/** Ends what was added to a node; undefined where nothing goes on. */
export type Extension = (() => Promise<void>) | undefined;

/** A node with its RPC server, mining if asked to. */
export interface RunningNode {
  readonly node: ChainNode;
  readonly url: string;
  /** Settles when the node was closed, or fails with what ended it. */
  readonly stopped: Promise<void>;
  /** Hashes per second of the mining threads. */
  hashRate(): number;
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
  const cookieFile = cookiePath(datadir, network);
  const server = new RpcServer({ auth: options.rpcAuth, cookieFile, allow: options.rpcAllow });
  const node = await ChainNode.open(options);
  const ending = new AbortController();
  const { promise: stopped, resolve, reject } = deferred();
  let mined: Promise<void> = Promise.resolve();
  let stopping: Promise<void> | undefined;
  const end = async (): Promise<void> => {
    ending.abort();
    await mined;
    if (url) unlinkSync(addressPath(datadir, network));
    await server.close();
    await extension?.();
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
  let mining: Mining | undefined;
  let extension: Extension;
  try {
    const prepared = prepare(node, server, options, () => void stop());
    mining = prepared.mining;
    extension = await options.extend?.(server, node);
    if (prepared.lockingScript) await mineFirstCoins(node, prepared.lockingScript);
    url = await server.listen(options.rpcPort ?? node.parameters.rpcPort, options.rpcHost);
    writeFileAtomic(addressPath(datadir, network), url);
    if (mining) mined = mining.run(ending.signal).catch(fail);
  } catch (thrown) {
    await server.close();
    await extension?.();
    await node.close();
    throw thrown;
  }
  return { node, url, stopped, stop, hashRate: () => mining?.hashRate() ?? 0 };
}

/** Registers all methods, and prepares mining if asked to. */
function prepare(
  node: ChainNode,
  server: RpcServer,
  { version, mine }: RunNodeOptions,
  stop: () => void,
): { readonly mining?: Mining | undefined; readonly lockingScript?: Uint8Array | undefined } {
  const { parameters } = node;
  const key = parameters.name === 'regtest' ? faucetKey(node) : undefined;
  const to = mine && (mine.to ?? key?.address);
  const lockingScript = to === undefined ? undefined : addressScript(to, parameters);
  const mining = mine && lockingScript && prepareMining(node, { ...mine, lockingScript });
  const hashRate = mining && (() => mining.hashRate());
  registerChainMethods(server, node, { version, stop, hashRate });
  if (key) registerFaucet(server, node, key);
  return { mining: mining || undefined, lockingScript };
}
