import type { ChainClient } from '../../chain/index.js';
import { parseMessage } from '../messages.js';
import type { PooledCase } from './CaseEntries.js';
import { JobPool } from './JobPool.js';
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

/** The cases that a node's pool holds, every message of them checked here. @throws RpcError */
export async function pooledCases(node: Node): Promise<PooledCase[]> {
  const pool = new JobPool();
  for (let after = 0; ; ) {
    const { messages, next } = await listJobMessages(node, { after });
    if (messages.length === 0) break;
    for (const value of messages) {
      const { type } = value as { readonly type?: unknown };
      if (type === 'appeal' || type === 'rejudgement') pool.add(parseMessage(value));
    }
    after = next;
  }
  return pool.caseIds().map((id) => pool.case(id)!);
}
