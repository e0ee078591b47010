import type { RpcServer } from '../../chain/index.js';
import {
  JobGossip,
  type JobPoolService,
  jobDelivery,
  letterDelivery,
  type PoolChain,
  registerJobPool,
  registerMailbox,
} from '../../job/index.js';
import type { Delivery, Host, Penalties } from '../../network/index.js';

/** What of a network the job pool takes part in. */
export interface JobPoolNetwork {
  readonly host: Host;
  readonly penalties: Penalties;
  readonly parts: { readonly delivery: Delivery };
}

/** A node's job pool, which is its own until it joins those of others. */
export interface AttachedJobPool {
  readonly service: JobPoolService;
  /**
   * Exchanges messages with other nodes, and prompts with those that they are for, until the returned function is
   * called; before the network ends.
   */
  join(network: JobPoolNetwork): () => void;
}

/** What says `block` when its tip has changed: a node, or a chain of headers. */
export interface BlockSource {
  on(event: 'block', listener: () => void): unknown;
}

/**
 * Gives a node its job pool: `sendjobmessage` and `listjobmessages` over its RPC, and forgetting with each block what
 * is over; and letters between those who ask it and those who ask others. The chain itself stays ignorant of jobs.
 * @param warn told in one sentence what went wrong that the node can go on without
 */
export function attachJobPool(
  server: RpcServer,
  node: { readonly chain: PoolChain; readonly blocks: BlockSource },
  warn: (thrown: unknown) => void,
): AttachedJobPool {
  const service = registerJobPool(server, node.chain);
  const mailbox = registerMailbox(server);
  let gossip: JobGossip | undefined;
  const advance = coalesced(async () => {
    await service.advance();
    gossip?.advance();
  }, warn);
  node.blocks.on('block', advance);
  const join: AttachedJobPool['join'] = ({ host, penalties, parts }) => {
    service.deliverBy(jobDelivery(parts.delivery, host.id));
    mailbox.deliverBy(letterDelivery(parts.delivery, host.id));
    const joined = new JobGossip({ host, penalties, pool: service, onWarning: warn });
    gossip = joined;
    return () => {
      gossip = undefined;
      joined.close();
    };
  };
  return { service, join };
}

/**
 * Does something when it is called, but never twice at once: however often it is called meanwhile, it is done once
 * more after that. Blocks may come by the hundred.
 */
export function coalesced(work: () => Promise<void>, warn: (thrown: unknown) => void): () => void {
  let isRunning = false;
  let isDue = false;
  const run = async (): Promise<void> => {
    isRunning = true;
    while (isDue) {
      isDue = false;
      await work().catch(warn);
    }
    isRunning = false;
  };
  return () => {
    isDue = true;
    if (!isRunning) void run();
  };
}
