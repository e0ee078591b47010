import type { ChainNode } from '../node/ChainNode.js';
import { registerEvents } from './events.js';
import { registerBlockMethods } from './methods/blocks.js';
import { type ControlOptions, registerControlMethods } from './methods/control.js';
import { registerFeeMethods } from './methods/fees.js';
import { registerIndexMethods } from './methods/indexes.js';
import { registerMempoolMethods } from './methods/mempool.js';
import { registerPinMethods } from './methods/pins.js';
import { registerTransactionMethods } from './methods/transactions.js';
import type { RpcServer } from './RpcServer.js';

/** Registers every method of the chain, and its events. */
export function registerChainMethods(
  server: RpcServer,
  node: ChainNode,
  options: ControlOptions,
): void {
  registerBlockMethods(server, node);
  registerTransactionMethods(server, node);
  registerMempoolMethods(server, node);
  registerFeeMethods(server, node);
  registerIndexMethods(server, node);
  registerPinMethods(server, node);
  registerControlMethods(server, node, options);
  registerEvents(server, node);
}
