import { EventEmitter } from 'node:events';
import { secondsNow } from '../../chain/index.js';
import type { PeerId } from '../host/Host.js';
import { RateLimit } from '../limits/RateLimit.js';
import { Announcements } from './Announcements.js';
import { BlockDownload } from './BlockDownload.js';
import { ChainServer } from './ChainServer.js';
import { HeaderSync } from './HeaderSync.js';
import { StatusExchange } from './StatusExchange.js';
import type { SyncContext } from './SyncContext.js';
import { SyncPeer, type SyncPeers } from './SyncPeer.js';
import { SyncRate } from './SyncRate.js';
import { type ServiceName, type Status, serviceNames } from './status.js';

/** Questions for headers that announcements of one peer may lead to. */
const ORPHAN_RATE = { perSecond: 0.2, burst: 5 };

/** How far a node is. */
export interface SyncProgress {
  /** Height of the tip. */
  readonly height: number;
  /** Height of the header with the most work. */
  readonly headers: number;
  /** Whether headers or blocks are being fetched. */
  readonly isSyncing: boolean;
  /** Blocks connected per second over the last seconds, and seconds left at this rate; while blocks are fetched. */
  readonly blocksPerSecond?: number;
  readonly secondsLeft?: number;
}

/** What is told of a peer. */
export interface PeerChainFacts {
  /** Height of its tip: as it has shown since, or else as it says; nothing is built on that. */
  readonly height: number;
  /** Height of the best header that it has shown; absent when it has shown none. */
  readonly headers?: number;
  readonly version: string;
  readonly clockOffset: number;
  /** Which blocks it has. */
  readonly keeps: ServiceName[];
  /** Blocks that it owes. */
  readonly owed: number;
}

interface Events {
  /** The tip, or the best header, moved. */
  progress: [progress: SyncProgress];
}

/**
 * Keeps a node on the chain with the most work that any of its peers has: they tell each other how they stand, headers
 * come first and are checked, then blocks come from all peers at once and are connected in order; new ones are announced.
 */
export class ChainSync extends EventEmitter<Events> {
  readonly #context: SyncContext;
  readonly #peers: SyncPeers = new Map();
  readonly #statuses: StatusExchange;
  readonly #server: ChainServer;
  readonly #headers: HeaderSync;
  readonly #blocks: BlockDownload;
  readonly #announcements: Announcements;
  readonly #rate = new SyncRate();
  readonly #orphans = new RateLimit(ORPHAN_RATE);
  readonly #onBlock = (): void => this.#moved();
  readonly #onDisconnect = (peer: PeerId): void => {
    this.#peers.delete(peer);
    this.#blocks.forget(peer);
  };

  constructor(context: SyncContext) {
    super();
    this.#context = context;
    this.#blocks = new BlockDownload(context, this.#peers);
    this.#headers = new HeaderSync(context, this.#peers, () => this.#moved());
    this.#server = new ChainServer(context);
    this.#announcements = new Announcements(context, {
      onHeader: (id, entry) => {
        this.#peers.get(id)?.shows(entry);
        this.#moved();
      },
      onOrphan: (id) => {
        const peer = this.#peers.get(id);
        if (peer && this.#orphans.take(id)) this.#headers.follow(peer);
      },
    });
    context.node.on('block', this.#onBlock);
    context.host.on('disconnect', this.#onDisconnect);
    this.#statuses = new StatusExchange(context, (peer, status) => this.#noteStatus(peer, status));
  }

  get progress(): SyncProgress {
    const { node } = this.#context;
    const { height } = node.tip;
    const headers = node.headers.best.height;
    const isSyncing = this.#headers.isBusy || this.#blocks.target !== undefined;
    const rate = isSyncing && height < headers ? this.#rate.of(height) : undefined;
    if (rate === undefined) return { height, headers, isSyncing };
    const blocksPerSecond = Number(rate.toPrecision(3));
    const secondsLeft = Math.ceil((headers - height) / rate);
    return { height, headers, isSyncing, blocksPerSecond, secondsLeft };
  }

  /** What a peer said of itself last; undefined before it did. */
  statusOf(peer: PeerId): Status | undefined {
    return this.#peers.get(peer)?.status;
  }

  /** For `node peers`. */
  aboutPeer(id: PeerId): PeerChainFacts | undefined {
    const peer = this.#peers.get(id);
    return (
      peer && {
        height: heightOf(peer),
        ...(peer.best ? { headers: peer.best.height } : {}),
        version: peer.status.agent,
        clockOffset: peer.clockOffset,
        keeps: serviceNames(peer.status.services),
        owed: this.#blocks.owedBy(id),
      }
    );
  }

  /** For `node status`. */
  status(): { syncing: SyncProgress } {
    return { syncing: this.progress };
  }

  /** Ends all of it; the host and the node stay. */
  close(): void {
    const { node, host } = this.#context;
    node.off('block', this.#onBlock);
    host.off('disconnect', this.#onDisconnect);
    this.#announcements.close();
    this.#statuses.close();
    this.#server.close();
    this.#headers.close();
    this.#blocks.close();
  }

  #noteStatus(id: PeerId, status: Status): void {
    if (!this.#context.host.isConnected(id)) return;
    const known = this.#peers.get(id);
    const peer = known ?? new SyncPeer(id, status);
    peer.status = status;
    peer.clockOffset = status.time - secondsNow();
    this.#peers.set(id, peer);
    const tip = this.#context.node.store.header(status.tip);
    const isTrue = tip && tip.height === status.height && tip.work === status.work;
    if (!isTrue || !known) this.#headers.follow(peer);
    else peer.shows(tip);
  }

  #moved(): void {
    this.#rate.note(this.#context.node.tip.height);
    this.#blocks.wake();
    this.emit('progress', this.progress);
  }
}

/** A tip with more work than the one that a peer told of is one that it came to later. */
function heightOf({ status, best }: SyncPeer): number {
  return best && best.work > status.work ? best.height : status.height;
}
