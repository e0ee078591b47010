import type { ChainNode } from '../chain/index.js';
import { Delivery } from './delivery/Delivery.js';
import { TransactionGossip } from './gossip/TransactionGossip.js';
import { ProofServer } from './light/ProofServer.js';
import { Network } from './Network.js';
import { Peers, type PeersOptions } from './peers/Peers.js';
import { ChainSync } from './sync/ChainSync.js';

/** What {@link startNetwork} needs beside what {@link Peers} take. */
export interface NetworkOptions extends Omit<PeersOptions, 'folder' | 'network'> {
  readonly node: ChainNode;
  /** Program and version as others see it; `bitmodel` unless stated. */
  readonly agent?: string | undefined;
}

/** The network of a node that has the whole chain. */
export type FullNetwork = Network<{
  /** Private messages between nodes. */
  readonly delivery: Delivery;
  /** Keeps the node on the chain with the most work. */
  readonly sync: ChainSync;
  readonly gossip: TransactionGossip;
  readonly proofs: ProofServer | undefined;
}>;

/**
 * Gives a node its network: a host, peers, and every part that works on them. To end it, close it before the node.
 * @throws BitmodelError `BAD_ADDRESS`, `BAD_NODE_KEY`, `LISTEN_FAILED`
 */
export async function startNetwork(options: NetworkOptions): Promise<FullNetwork> {
  const { node } = options;
  const { folder, parameters } = node;
  const peers = await Peers.start({ ...options, folder, network: parameters.name });
  const { host, penalties } = peers;
  const parts = {
    delivery: new Delivery({ host, penalties, addressesOf: (peer) => peers.addressesOf(peer) }),
    sync: new ChainSync({ host, penalties, node, agent: options.agent ?? 'bitmodel' }),
    gossip: new TransactionGossip({ host, penalties, node, onWarning: options.onWarning }),
    // who keeps no old blocks can't prove what was in them
    proofs: ProofServer.canServe(node) ? new ProofServer({ host, penalties, node }) : undefined,
  };
  return new Network(peers, parts, parameters.p2pPort);
}
