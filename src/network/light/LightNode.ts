import { join } from 'node:path';
import {
  LightStore,
  type NetworkName,
  type NetworkParameters,
  networkParameters,
  type Tip,
} from '../../chain/index.js';
import { Delivery } from '../delivery/Delivery.js';
import { Network, type NetworkFeature } from '../Network.js';
import { Peers, type PeersOptions } from '../peers/Peers.js';
import { DialBack } from '../reach/DialBack.js';
import { Reachability } from '../reach/Reachability.js';
import { genesisEntry, HeaderChain } from './HeaderChain.js';
import { HeaderSync } from './HeaderSync.js';
import { LightChain } from './LightChain.js';
import { choosePeers } from './peers.js';
import { PROOFS } from './protocols.js';

/** What a light node is started with. */
export interface LightNodeOptions extends Omit<PeersOptions, 'folder' | 'network'> {
  /** Folder of all networks; this one's is below it. */
  readonly datadir: string;
  readonly network: NetworkName;
}

/** The network of a node that keeps headers only. */
export type LightNetwork = Network<{
  /** Private messages between nodes. */
  readonly delivery: Delivery;
  readonly headers: HeaderSync;
  readonly light: NetworkFeature;
}>;

/** A node that keeps headers and asks peers, whom it doesn't trust, for proofs of the rest. */
export class LightNode {
  /** Folder of this network. */
  readonly folder: string;
  readonly network: LightNetwork;
  readonly headers: HeaderChain;
  readonly chain: LightChain;
  readonly #store: LightStore;
  readonly #onWarning: (message: string) => void;
  #closing: Promise<void> | undefined;

  private constructor(folder: string, store: LightStore, peers: Peers, options: LightNodeOptions) {
    const { host, penalties } = peers;
    this.folder = folder;
    this.#store = store;
    this.#onWarning = options.onWarning;
    this.headers = new HeaderChain(store, networkParameters(options.network));
    const shared = { host, penalties, headers: this.headers };
    const onError = (thrown: unknown): void => this.#warn(thrown);
    const headers = new HeaderSync({ ...shared, onError });
    const learnHeaders = (peer: string): Promise<void> => headers.learn(peer);
    const addressesOf = (peer: string): string[] => peers.addressesOf(peer);
    const delivery = new Delivery({ host, penalties, addressesOf });
    const { listen, announce, onWarning } = options;
    const expect = (peer: string): (() => void) => peers.expect(peer);
    const dialBack = new DialBack({ host, penalties });
    const reach =
      listen.length > 0
        ? new Reachability({ host, penalties, announce, expect, onWarning })
        : undefined;
    const light = { close: () => {}, status: () => ({ light: this.#status() }) };
    const parts = { dialBack, reach, delivery, headers, light };
    this.network = new Network(peers, parts, this.headers.parameters.p2pPort);
    this.chain = new LightChain({ ...shared, store, learnHeaders });
    this.headers.on('block', () => {
      this.chain.outbox.afterBlock().catch(onError);
    });
  }

  /**
   * Opens the node of a data folder, which no other node may have meanwhile, and begins to look for peers.
   * @throws BitmodelError `DATADIR_LOCKED`, `WRONG_CHAIN`, `STORE_DAMAGED`, `STORE_FAILED`, `DISK_FULL`, and those of
   * `createHost`
   */
  static async open(options: LightNodeOptions): Promise<LightNode> {
    const { datadir, network } = options;
    const folder = join(datadir, network);
    const parameters = networkParameters(network);
    const store = await LightStore.open(join(folder, 'light'), genesisEntry(parameters));
    try {
      const peers = await Peers.start({ ...options, folder, network });
      return new LightNode(folder, store, peers, options);
    } catch (thrown) {
      await store.close();
      throw thrown;
    }
  }

  get parameters(): NetworkParameters {
    return this.headers.parameters;
  }

  get tip(): Tip {
    return this.headers.tip;
  }

  /** Who is told when the store can't be used any more; the node must be closed then. */
  set onFailure(listener: (error: Error) => void) {
    this.#store.onFailure = listener;
  }

  /** Ends all connections, writes everything out and gives the data folder back. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.network.close();
    await this.#store.close();
  }

  /** What `node status` shows: peers that are asked, transactions proven, own payments that wait for a block. */
  #status(): object {
    const { facts, outbox } = this.chain;
    const asked = choosePeers(this.network.host, PROOFS.asking.name).length;
    return { asked, proven: facts.size, sending: outbox.size };
  }

  #warn(thrown: unknown): void {
    if (this.#closing) return;
    this.#onWarning(thrown instanceof Error ? thrown.message : String(thrown));
  }
}
