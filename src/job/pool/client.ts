import type { ChainClient } from '../../chain/index.js';
import type { SendResult } from './JobPoolService.js';

/** Messages as a node's job pool hands them out: not checked yet. */
export interface JobMessages {
  readonly messages: readonly unknown[];
  /** Pass it as `after` to get what came later. */
  readonly next: number;
  /** Peer id of the node, where it is on a network. */
  readonly node?: unknown;
}

/** The node that is asked. */
type Node = { readonly rpc: Pick<ChainClient['rpc'], 'call'> };

/** Puts a signed job message into a node's job pool. @throws RpcError */
export function sendJobMessage(node: Node, message: unknown): Promise<SendResult> {
  return node.rpc.call<SendResult>('sendjobmessage', message);
}

/** Messages of a node's job pool: of one job, or all, from `after` on. @throws RpcError */
export function listJobMessages(
  node: Node,
  options: { readonly jobId?: string; readonly after?: number } = {},
): Promise<JobMessages> {
  return node.rpc.call<JobMessages>('listjobmessages', options);
}
