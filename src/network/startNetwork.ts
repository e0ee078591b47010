import type { ChainNode } from '../chain/index.js';
import { TransactionGossip } from './gossip/TransactionGossip.js';
import { ProofServer } from './light/ProofServer.js';
import { Network, type NetworkFeature } from './Network.js';
import { Peers, type PeersOptions } from './peers/Peers.js';
import { ChainSync } from './sync/ChainSync.js';

/** What {@link startNetwork} needs beside what {@link Peers} take. */
export interface NetworkOptions extends Omit<PeersOptions, 'folder' | 'network'> {
  readonly node: ChainNode;
  /** Program and version as others see it; `bitmodel` unless stated. */
  readonly agent?: string | undefined;
}

/**
 * Gives a node its network: a host, peers, and every part that works on them. To end it, close it before the node.
 * @throws BitmodelError `BAD_ADDRESS`, `BAD_NODE_KEY`, `LISTEN_FAILED`
 */
export async function startNetwork(options: NetworkOptions): Promise<Network> {
  const { node } = options;
  const { folder, parameters } = node;
  const peers = await Peers.start({ ...options, folder, network: parameters.name });
  const { host, penalties } = peers;
  const sync = new ChainSync({ host, penalties, node, agent: options.agent ?? 'bitmodel' });
  // who keeps no old blocks can't prove what was in them
  const proofs = ProofServer.canServe(node) ? [new ProofServer({ host, penalties, node })] : [];
  const gossip = new TransactionGossip({ host, penalties, node, onWarning: options.onWarning });
  const features: NetworkFeature[] = [sync, gossip, ...proofs];
  return new Network(node, peers, sync, features);
}
