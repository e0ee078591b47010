import { equalBytes, messageOf, sha256d } from '../../base/index.js';
import { type HeaderRecord, hashKey, hashToId } from '../../chain/index.js';
import type { PeerId } from '../host/Host.js';
import type { ArrivedBlock } from './BlockConnector.js';
import { BlockConnector } from './BlockConnector.js';
import { BranchPath } from './BranchPath.js';
import { PeerDownload } from './PeerDownload.js';
import type { SyncContext } from './SyncContext.js';
import type { SyncPeers } from './SyncPeers.js';

/** Blocks above the next one to be connected that are asked for. */
const WINDOW = 1_024;
/** Bytes of blocks that have come and wait for one below; beyond, no more is read but what is next. */
const MOST_BYTES = 64_000_000;
const TICK = 250;
/** Milliseconds without a byte from whoever holds up the window: at first, and at most (Bitcoin Core's). */
const STALL = { least: 2_000, most: 64_000, growth: 2, decay: 0.85 };
/** Milliseconds without a byte from any other that owes blocks. */
const QUIET = 20_000;
/** Milliseconds for which the next block may take altogether while others wait behind it. */
const HOLD_UP = 60_000;
/** Milliseconds before a peer that said that it lacks a block is asked for it again, and how often it may say so. */
const LACK = 500;
const MOST_LACKS = 8;

/** Who was asked for a block. */
interface Asked {
  readonly height: number;
  readonly peer: PeerId;
}

/**
 * Fetches the blocks on the way to the best header that any peer has shown: from all peers at once, in a window that
 * moves with the chain, and connects them in order. Whoever holds up the window is asked no more for a while.
 */
export class BlockDownload {
  readonly #context: SyncContext;
  readonly #peers: SyncPeers;
  readonly #downloads = new Map<PeerId, PeerDownload>();
  readonly #connector: BlockConnector;
  readonly #tick: NodeJS.Timeout;
  #path: BranchPath | undefined;
  /** Height of the next block to be connected. */
  #next = 0;
  readonly #arrived = new Map<number, ArrivedBlock>();
  #arrivedBytes = 0;
  /** By the hash of the block. */
  readonly #asked = new Map<string, Asked>();
  readonly #lacks = new Map<string, { readonly times: number; readonly until: number }>();
  #stallTime = STALL.least;
  #heldUpSince = performance.now();
  #isAwake = false;
  #isConnecting = false;
  #closed = false;
  /** Those who wait for room. */
  #roomFor: (() => void)[] = [];

  constructor(context: SyncContext, peers: SyncPeers) {
    this.#context = context;
    this.#peers = peers;
    this.#connector = new BlockConnector(context);
    this.#tick = setInterval(() => this.#watch(), TICK);
    this.#tick.unref();
  }

  /** The header that is gone to; undefined when the tip is the best there is. */
  get target(): HeaderRecord | undefined {
    return this.#path?.top;
  }

  /** Something has changed: a peer came or has shown a header, or the tip moved. */
  wake(): void {
    if (this.#isAwake || this.#closed) return;
    this.#isAwake = true;
    setImmediate(() => {
      this.#isAwake = false;
      if (!this.#closed) this.#go();
    });
  }

  /** A peer is gone. */
  forget(peer: PeerId): void {
    this.#downloads.get(peer)?.close();
    this.#downloads.delete(peer);
    this.#release(peer);
    this.wake();
  }

  /** Blocks that a peer owes. */
  owedBy(peer: PeerId): number {
    return this.#downloads.get(peer)?.inFlight ?? 0;
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#tick);
    for (const download of this.#downloads.values()) download.close();
    this.#makeRoom();
  }

  #go(): void {
    this.#choose();
    if (!this.#path) return;
    this.#skipKept();
    this.#assign();
    void this.#connect();
  }

  /** Turns to the best header that a peer has shown, if it has more work than the tip. */
  #choose(): void {
    const { node } = this.#context;
    const best = this.#bestShown();
    if (!best) {
      this.#turnTo(undefined);
    } else if (!this.#path) {
      this.#turnTo(best);
    } else if (!this.#path.holds(best) && !this.#path.extendTo(node.store, best)) {
      this.#turnTo(best);
    }
  }

  #bestShown(): HeaderRecord | undefined {
    const { node } = this.#context;
    let best: HeaderRecord | undefined;
    for (const peer of this.#peers.values()) {
      if (!peer.best || this.#connector.isHopeless(peer.best)) continue;
      if (peer.best.work <= (best ?? node.store.tip()).work) continue;
      if (node.headers.isSound(peer.best)) best = peer.best;
      else peer.best = undefined;
    }
    return best;
  }

  #turnTo(target: HeaderRecord | undefined): void {
    if (!target && !this.#path) return;
    const { store } = this.#context.node;
    this.#path = target && BranchPath.to(store, target);
    this.#next = this.#path?.first ?? 0;
    // what is under way for the old one is let go of when it comes
    this.#asked.clear();
    this.#arrived.clear();
    this.#arrivedBytes = 0;
    this.#lacks.clear();
    this.#heldUpSince = performance.now();
    this.#makeRoom();
  }

  /** Goes on above blocks that are kept already: of a branch that was left, or from before a restart. */
  #skipKept(): void {
    const { store } = this.#context.node;
    for (;;) {
      const hash = this.#path?.at(this.#next);
      if (!hash || this.#isConnecting || store.header(hash)?.status === 'header') return;
      if (this.#next === this.#path!.top.height) return;
      this.#drop(this.#next);
      this.#next += 1;
    }
  }

  /** Asks peers for blocks of the window that nobody was asked for. */
  #assign(): void {
    const path = this.#path!;
    if (this.#arrivedBytes > MOST_BYTES) return;
    const end = Math.min(this.#next + WINDOW, path.top.height + 1);
    const free: number[] = [];
    for (let height = this.#next; height < end; height++) {
      if (!this.#arrived.has(height) && !this.#asked.has(hashKey(path.at(height)!))) {
        free.push(height);
      }
    }
    if (free.length === 0) return;
    const taken = new Set<number>();
    for (const download of this.#byLoad()) {
      const wanted = this.#shareOf(download, free, taken);
      if (wanted.length === 0) continue;
      const hashes = wanted.map((height) => path.at(height)!);
      for (const [index, height] of wanted.entries()) {
        taken.add(height);
        this.#asked.set(hashKey(hashes[index]!), { height, peer: download.peer.id });
      }
      download.ask(hashes);
    }
  }

  /** The heights that a peer is asked for: the lowest that it has, as many as it has room for. */
  #shareOf(download: PeerDownload, free: readonly number[], taken: ReadonlySet<number>): number[] {
    const path = this.#path!;
    const now = performance.now();
    const room = download.room(now);
    const top = room > 0 ? download.sharedWith(path, this.#context.node.store) : undefined;
    if (top === undefined) return [];
    const wanted: number[] = [];
    for (const height of free) {
      if (height > top || wanted.length === room) break;
      if (taken.has(height) || !download.peer.keeps(height)) continue;
      if (this.#lacksUntil(download.peer.id, path.at(height)!) > now) continue;
      wanted.push(height);
    }
    return wanted;
  }

  #byLoad(): PeerDownload[] {
    for (const peer of this.#peers.values()) {
      if (this.#downloads.get(peer.id)?.peer === peer) continue;
      this.#downloads.get(peer.id)?.close();
      const download = new PeerDownload(this.#context.host, peer, {
        onBlock: (hash, bytes) => this.#take(download, hash, bytes),
        onEnd: (thrown) => {
          this.#connector.blameStream(peer.id, thrown);
          this.#release(peer.id);
          this.wake();
        },
      });
      this.#downloads.set(peer.id, download);
    }
    return [...this.#downloads.values()].sort((a, b) => a.inFlight - b.inFlight);
  }

  /** A block came, or the word that a peer does not keep it. */
  async #take(
    download: PeerDownload,
    hash: Uint8Array,
    bytes: Uint8Array | undefined,
  ): Promise<void> {
    const key = hashKey(hash);
    const { id } = download.peer;
    const asked = this.#asked.get(key);
    const isMine = asked?.peer === id;
    if (isMine) this.#asked.delete(key);
    if (!bytes) {
      this.#noteLack(id, key);
    } else if (!equalBytes(sha256d(bytes.subarray(0, 80)), hash)) {
      this.#context.penalties.penalise(id, 'unasked', 'another block than was asked for');
      download.rest(performance.now());
    } else if (isMine) {
      download.noteSize(bytes.length);
      this.#arrived.set(asked.height, { bytes, peer: id });
      this.#arrivedBytes += bytes.length;
    }
    this.wake();
    await this.#room(id);
  }

  /** Waits until there is room for more, unless it is this peer that the window waits for. */
  async #room(peer: PeerId): Promise<void> {
    while (this.#arrivedBytes > MOST_BYTES && !this.#closed && this.#holder() !== peer) {
      await new Promise<void>((resolve) => this.#roomFor.push(resolve));
    }
  }

  #makeRoom(): void {
    const waiting = this.#roomFor;
    this.#roomFor = [];
    for (const resolve of waiting) resolve();
  }

  /** The peer that owes the next block. */
  #holder(): PeerId | undefined {
    const hash = this.#path?.at(this.#next);
    return hash && this.#asked.get(hashKey(hash))?.peer;
  }

  async #connect(): Promise<void> {
    if (this.#isConnecting) return;
    this.#isConnecting = true;
    try {
      while (!this.#closed && this.#path && this.#arrived.has(this.#next)) {
        await this.#connectSome(this.#path);
      }
    } catch (thrown) {
      if (!this.#closed) this.#context.node.emit('warning', `Syncing: ${messageOf(thrown)}`);
    } finally {
      this.#isConnecting = false;
    }
    this.wake();
  }

  async #connectSome(path: BranchPath): Promise<void> {
    const run: ArrivedBlock[] = [];
    for (let at = this.#next; run.length < BlockConnector.MOST; at++) {
      const block = this.#arrived.get(at);
      if (!block) break;
      run.push(block);
    }
    const outcome = await this.#connector.connect(run, path.top);
    // the tip may have moved elsewhere meanwhile
    if (this.#path !== path) return;
    for (let count = 0; count < outcome.taken; count++) this.#drop(this.#next++);
    if (outcome.taken > 0) {
      this.#heldUpSince = performance.now();
      this.#stallTime = Math.max(STALL.least, this.#stallTime * STALL.decay);
    }
    if (outcome.refused === 'bytes') this.#distrust(run[0]!.peer);
    if (outcome.refused === 'block' || this.#next > path.top.height) this.#turnTo(undefined);
    this.#makeRoom();
    this.wake();
  }

  /** Drops all that a peer sent, and leaves it alone for a while. */
  #distrust(peer: PeerId): void {
    for (const [height, block] of this.#arrived) if (block.peer === peer) this.#drop(height);
    this.#downloads.get(peer)?.rest(performance.now());
    this.#release(peer);
  }

  #drop(height: number): void {
    const block = this.#arrived.get(height);
    if (!block) return;
    this.#arrived.delete(height);
    this.#arrivedBytes -= block.bytes.length;
  }

  /** What a peer owes may be asked of others. */
  #release(peer: PeerId): void {
    for (const [key, asked] of this.#asked) if (asked.peer === peer) this.#asked.delete(key);
    this.#makeRoom();
  }

  #lacksUntil(peer: PeerId, hash: Uint8Array): number {
    return this.#lacks.get(`${peer} ${hashKey(hash)}`)?.until ?? 0;
  }

  #noteLack(peer: PeerId, key: string): void {
    const name = `${peer} ${key}`;
    const times = (this.#lacks.get(name)?.times ?? 0) + 1;
    this.#lacks.set(name, { times, until: performance.now() + LACK * times });
    if (times >= MOST_LACKS) {
      this.#context.penalties.penalise(peer, 'stall', 'lacks a block that it showed');
    }
  }

  /** Looks for peers that owe blocks and send nothing. */
  #watch(): void {
    const now = performance.now();
    const holder = this.#holder();
    for (const download of this.#downloads.values()) {
      if (download.inFlight === 0) continue;
      const quiet = download.quietFor(now);
      const isHolder = download.peer.id === holder && !this.#isConnecting;
      const heldUp = isHolder && now - this.#heldUpSince > HOLD_UP && this.#downloads.size > 1;
      if (quiet > (isHolder ? this.#stallTime : QUIET) || heldUp) {
        this.#stall(download, isHolder, now);
      }
    }
    this.wake();
  }

  #stall(download: PeerDownload, isHolder: boolean, now: number): void {
    const hash = this.#path?.at(this.#next);
    const detail = isHolder && hash ? `holds up block ${hashToId(hash)}` : 'owes blocks';
    // one that is slow because all is slow must not make the next one fail as well
    if (isHolder) this.#stallTime = Math.min(STALL.most, this.#stallTime * STALL.growth);
    this.#heldUpSince = now;
    download.rest(now);
    this.#release(download.peer.id);
    this.#context.penalties.penalise(download.peer.id, 'stall', detail);
  }
}
