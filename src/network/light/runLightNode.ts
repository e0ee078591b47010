import { unlinkSync } from 'node:fs';
import { deferred, writeFileAtomic } from '../../base/index.js';
import {
  addressPath,
  cookiePath,
  type RpcAuth,
  RpcServer,
  registerControlMethods,
  registerUtilMethods,
} from '../../chain/index.js';
import { registerNetworkMethods } from '../rpc/registerNetworkMethods.js';
import { LightNode, type LightNodeOptions } from './LightNode.js';
import { registerCoinMethods } from './rpc/coinMethods.js';
import { registerHeaderMethods } from './rpc/headerMethods.js';
import { registerRefusals } from './rpc/refusals.js';
import { registerTransactionMethods } from './rpc/transactionMethods.js';

/** What a light node is run with. */
export interface RunLightNodeOptions extends LightNodeOptions {
  readonly version: string;
  /** As in `RunNodeOptions`. */
  readonly rpcPort?: number | undefined;
  readonly rpcHost?: string | undefined;
  readonly rpcAllow?: readonly string[] | undefined;
  readonly rpcAuth?: RpcAuth | undefined;
  /** Adds methods of other rooms before the server begins to answer; what it returns ends them, before the network. */
  readonly extend?: (server: RpcServer, node: LightNode) => () => void;
}

/** A light node with its RPC server. */
export interface RunningLightNode {
  readonly node: LightNode;
  readonly url: string;
  /** Settles when the node was closed, or fails with what ended it. */
  readonly stopped: Promise<void>;
  stop(): Promise<void>;
}

/**
 * Opens a light node and lets it answer the calls of wallets and job clients, as a full node does. While it runs, its
 * address stands in a file of its folder, so that the other commands find it.
 * @throws BitmodelError of `LightNode.open` and `RpcServer.listen`
 */
export async function runLightNode(options: RunLightNodeOptions): Promise<RunningLightNode> {
  const { datadir, network, version } = options;
  const cookieFile = cookiePath(datadir, network);
  const server = new RpcServer({ auth: options.rpcAuth, cookieFile, allow: options.rpcAllow });
  const node = await LightNode.open(options);
  const { promise: stopped, resolve, reject } = deferred();
  let url = '';
  let leave: (() => void) | undefined;
  let stopping: Promise<void> | undefined;
  const end = async (): Promise<void> => {
    if (url) unlinkSync(addressPath(datadir, network));
    leave?.();
    await server.close();
    await node.close();
  };
  const stop = (): Promise<void> => {
    stopping ??= end().then(resolve, reject);
    return stopping;
  };
  node.onFailure = (error) => {
    reject(error);
    // whoever asked is answered first
    setImmediate(() => void stop());
  };
  try {
    registerMethods(server, node, version, () => void stop());
    leave = options.extend?.(server, node);
    url = await server.listen(options.rpcPort ?? node.parameters.rpcPort, options.rpcHost);
    writeFileAtomic(addressPath(datadir, network), url);
  } catch (thrown) {
    await server.close();
    await node.close();
    throw thrown;
  }
  return { node, url, stopped, stop };
}

function registerMethods(
  server: RpcServer,
  node: LightNode,
  version: string,
  stop: () => void,
): void {
  registerRefusals(server);
  registerHeaderMethods(server, node.headers);
  registerCoinMethods(server, node.chain);
  registerTransactionMethods(server, node.chain);
  registerUtilMethods(server, node.parameters);
  registerControlMethods(server, { version, stop });
  registerNetworkMethods(server, node.network, version);
}
