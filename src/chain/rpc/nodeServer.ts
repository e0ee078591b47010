import type { ChainNode } from '../node/ChainNode.js';
import { registerEvents } from './events.js';
import { registerBlockStats } from './methods/blockStats.js';
import { registerBlockMethods } from './methods/blocks.js';
import type { ListBounds } from './methods/coinLists.js';
import { type ControlOptions, registerControlMethods } from './methods/control.js';
import { registerIndexMethods } from './methods/indexes.js';
import { registerMempoolMethods } from './methods/mempool.js';
import { registerMiningMethods } from './methods/mining.js';
import { registerNetworkMethods } from './methods/network.js';
import { registerOverrulingMethods } from './methods/overruling.js';
import { registerPinMethods } from './methods/pins.js';
import { registerProofMethods } from './methods/proofs.js';
import { registerRawTransactionMethods } from './methods/rawTransactions.js';
import { registerTokenMethods } from './methods/tokens.js';
import { registerTransactionMethods } from './methods/transactions.js';
import { registerUtilMethods } from './methods/util.js';
import { registerUtxoSetMethods } from './methods/utxoSet.js';
import { registerWaitingMethods } from './methods/waiting.js';
import type { RpcServer } from './RpcServer.js';

/** Registers every method of the chain, and its events. @param options `bounds`: of lists that are answered whole */
export function registerChainMethods(
  server: RpcServer,
  node: ChainNode,
  options: ControlOptions & { readonly bounds?: ListBounds },
): void {
  registerBlockMethods(server, node);
  registerBlockStats(server, node);
  registerWaitingMethods(server, node);
  registerOverrulingMethods(server, node);
  registerProofMethods(server, node);
  registerRawTransactionMethods(server, node);
  registerTransactionMethods(server, node);
  registerMempoolMethods(server, node);
  registerMiningMethods(server, node, options.hashRate);
  registerIndexMethods(server, node, options.bounds);
  registerPinMethods(server, node);
  registerUtilMethods(server, node.parameters);
  registerNetworkMethods(server, options.version);
  registerTokenMethods(server, node, options.bounds);
  registerControlMethods(server, options);
  registerUtxoSetMethods(server, node);
  registerEvents(server, node);
}
