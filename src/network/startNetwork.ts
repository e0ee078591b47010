import type { ChainNode } from '../chain/index.js';
import { Delivery } from './delivery/Delivery.js';
import { TransactionGossip } from './gossip/TransactionGossip.js';
import type { PeerId } from './host/Host.js';
import { ProofServer } from './light/ProofServer.js';
import type { CalibrationTest } from './models/fetchCalibrations.js';
import { ModelExchange } from './models/ModelExchange.js';
import { Network } from './Network.js';
import { Peers, type PeersOptions } from './peers/Peers.js';
import { DialBack } from './reach/DialBack.js';
import { Reachability } from './reach/Reachability.js';
import { ChainSync } from './sync/ChainSync.js';

/** What {@link startNetwork} needs beside what {@link Peers} take. */
export interface NetworkOptions extends Omit<PeersOptions, 'folder' | 'network'> {
  readonly node: ChainNode;
  /** Program and version as others see it; `bitmodel` unless stated. */
  readonly agent?: string | undefined;
  /** Models that are given to others and fetched; none unless stated. */
  readonly models?: ModelOptions | undefined;
}

/** What a node has to do with models. */
export interface ModelOptions {
  /** Folder of the user, which lists the models that are here. */
  readonly datadir: string;
  /** Whether those are given to others; they are unless stated. */
  readonly isServing?: boolean | undefined;
  /** Looked at with what is fetched as a calibration, before it is kept. */
  readonly isCalibration: CalibrationTest;
}

/** The network of a node that has the whole chain. */
export type FullNetwork = Network<{
  /** Tells peers whether they can be dialled. */
  readonly dialBack: DialBack;
  /** Finds out whether this node can be dialled; undefined where it does not listen. */
  readonly reach: Reachability | undefined;
  /** Private messages between nodes. */
  readonly delivery: Delivery;
  /** Keeps the node on the chain with the most work. */
  readonly sync: ChainSync;
  readonly gossip: TransactionGossip;
  readonly proofs: ProofServer | undefined;
  readonly models: ModelExchange | undefined;
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
  const expect = (peer: PeerId): (() => void) => peers.expect(peer);
  const { onWarning, models, listen, announce } = options;
  const parts = {
    dialBack: new DialBack({ host, penalties }),
    // nobody can dial who does not listen
    reach:
      listen.length > 0
        ? new Reachability({ host, penalties, announce, expect, onWarning })
        : undefined,
    delivery: new Delivery({ host, penalties, addressesOf: (peer) => peers.addressesOf(peer) }),
    sync: new ChainSync({ host, penalties, node, agent: options.agent ?? 'bitmodel' }),
    gossip: new TransactionGossip({ host, penalties, node, onWarning: options.onWarning }),
    // who keeps no old blocks can't prove what was in them
    proofs: ProofServer.canServe(node) ? new ProofServer({ host, penalties, node }) : undefined,
    models:
      models &&
      new ModelExchange({ host, penalties, network: parameters.name, onWarning, ...models }),
  };
  return new Network(peers, parts, parameters.p2pPort);
}
