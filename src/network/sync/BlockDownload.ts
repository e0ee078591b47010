import { equalBytes, messageOf, sha256d } from '../../base/index.js';
import { type HeaderRecord, hashToId } from '../../chain/index.js';
import type { PeerId } from '../host/Host.js';
import { BlockConnector } from './BlockConnector.js';
import type { WantedBlock } from './BlockStream.js';
import { BlockWindow } from './BlockWindow.js';
import { BranchPath } from './BranchPath.js';
import { bestShown } from './bestShown.js';
import { PeerDownload } from './PeerDownload.js';
import { StallClock } from './StallClock.js';
import type { SyncContext } from './SyncContext.js';
import type { SyncPeers } from './SyncPeer.js';

const TICK = 250;
/** How often a peer may say that it lacks a block of the branch that it showed. */
const MOST_LACKS = 4;
const HEADER_SIZE = 80;

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
  readonly #clock = new StallClock();
  #window: BlockWindow | undefined;
  #lastTick = performance.now();
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
    return this.#window?.path.top;
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
    this.#window?.forgetLacks(peer);
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
    if (!this.#window) return;
    this.#skipKept(this.#window);
    this.#assign(this.#window);
    void this.#connect();
  }

  /** Turns to the best header that a peer has shown, if it has more work than the tip. */
  #choose(): void {
    const { node } = this.#context;
    const path = this.#window?.path;
    const now = performance.now();
    const isResting = (id: PeerId): boolean => this.#downloads.get(id)?.isResting(now) === true;
    const best = bestShown({ node, peers: [...this.#peers.values()], path }, (peer) => ({
      isResting: isResting(peer.id),
      isHopeless: peer.best !== undefined && this.#connector.isHopeless(peer.best),
    }));
    if (!best || !path) this.#turnTo(best);
    else if (!path.holds(best) && !path.extendTo(node.store, best)) this.#turnTo(best);
  }

  /** What is under way for the last target is let go of when it comes. */
  #turnTo(target: HeaderRecord | undefined): void {
    if (!target && !this.#window) return;
    const { store } = this.#context.node;
    this.#window = target && new BlockWindow(BranchPath.to(store, target));
    this.#clock.progress();
    this.#makeRoom();
  }

  /** Goes on above blocks that are kept already: of a branch that was left, or from before a restart. */
  #skipKept(window: BlockWindow): void {
    const { store } = this.#context.node;
    for (;;) {
      const hash = window.path.at(window.next);
      if (!hash || this.#isConnecting || store.header(hash)?.status === 'header') return;
      if (window.next === window.path.top.height) return;
      window.advance(1);
    }
  }

  /** Asks peers for blocks of the window that nobody was asked for. */
  #assign(window: BlockWindow): void {
    if (!window.isFull) this.#assignAll(window);
    if (window.isOpen) this.#assignNext(window);
  }

  #assignAll(window: BlockWindow): void {
    const { path } = window;
    const { store } = this.#context.node;
    const now = performance.now();
    for (const download of this.#byLoad()) {
      const room = download.room(now);
      const top = room > 0 ? download.sharedWith(path, store) : undefined;
      if (top === undefined) continue;
      const { peer } = download;
      const heights = window.claim(peer.id, room, (height) => height <= top && peer.keeps(height));
      if (heights.length > 0) this.#ask(download, path, heights);
    }
  }

  /**
   * Asks for the next block whoever has it, however much that peer owes: all others wait for it. Slow peers that rest are
   * asked if there is nobody else.
   */
  #assignNext(window: BlockWindow): void {
    const { next, path } = window;
    const { store } = this.#context.node;
    const now = performance.now();
    const able = this.#byLoad().filter((each) => each.canGiveNext(window, store));
    const awake = able.filter((each) => !each.isResting(now));
    const asked = awake.length > 0 ? awake : able.filter((each) => each.isRestingAsSlow(now));
    for (const download of asked) {
      download.endRest();
      const isClaimed =
        !download.isOpening &&
        window.claim(download.peer.id, 1, (height) => height === next).length > 0;
      if (!isClaimed) continue;
      this.#ask(download, path, [next]);
      // it may have waited for room
      this.#makeRoom();
      return;
    }
  }

  #ask(download: PeerDownload, path: BranchPath, heights: readonly number[]): void {
    download.ask(heights.map((height) => ({ height, path, hash: path.at(height)! })));
  }

  /** Those that may be asked, who owes least first. */
  #byLoad(): PeerDownload[] {
    for (const peer of this.#peers.values()) {
      if (this.#downloads.get(peer.id)?.peer === peer) continue;
      this.#downloads.get(peer.id)?.close();
      const download = new PeerDownload(this.#context.host, peer, {
        onBlock: (wanted, bytes) => this.#take(download, wanted, bytes),
        onBroken: (thrown) => this.#connector.blameStream(peer.id, thrown),
        onRelease: () => this.#release(peer.id),
      });
      this.#downloads.set(peer.id, download);
    }
    return [...this.#downloads.values()].sort((a, b) => a.inFlight - b.inFlight);
  }

  /** A block came, or the word that a peer does not keep it. Returns what to wait for before more is read of it. */
  #take(
    download: PeerDownload,
    { hash, height, path }: WantedBlock,
    bytes: Uint8Array | undefined,
  ): Promise<void> | undefined {
    const { id } = download.peer;
    const window = path === this.#window?.path ? this.#window : undefined;
    const isMine = window?.settle(id, height) === true;
    if (!bytes) {
      if (isMine) this.#noteLack(download, height);
    } else if (!equalBytes(sha256d(bytes.subarray(0, HEADER_SIZE)), hash)) {
      this.#context.penalties.penalise(id, 'unasked', 'another block than was asked for');
      this.#distrust(id);
    } else if (isMine) {
      download.noteBlock(bytes.length);
      window?.put(height, { bytes, hash, peer: id });
      this.wake();
      return window?.isFull ? this.#room(id) : undefined;
    }
    if (isMine) window?.uncover(height);
    this.wake();
    return this.#window?.isFull ? this.#room(id) : undefined;
  }

  /** Waits until there is room for more, unless it is this peer that the window waits for. */
  async #room(peer: PeerId): Promise<void> {
    while (this.#window?.isFull && !this.#closed && this.#window.holder !== peer) {
      await new Promise<void>((resolve) => this.#roomFor.push(resolve));
    }
  }

  #makeRoom(): void {
    const waiting = this.#roomFor;
    this.#roomFor = [];
    for (const resolve of waiting) resolve();
  }

  async #connect(): Promise<void> {
    if (this.#isConnecting) return;
    this.#isConnecting = true;
    try {
      while (!this.#closed && this.#window?.isReady) await this.#connectSome(this.#window);
    } catch (thrown) {
      if (!this.#closed) this.#context.node.emit('warning', `Syncing: ${messageOf(thrown)}`);
    } finally {
      this.#isConnecting = false;
    }
    this.wake();
  }

  async #connectSome(window: BlockWindow): Promise<void> {
    const run = window.run(BlockConnector.MOST);
    const { top } = window.path;
    const { taken, refused } = await this.#connector.connect(run, top);
    // the tip may have moved elsewhere meanwhile
    if (this.#window !== window) return;
    window.advance(taken);
    if (taken > 0) this.#clock.hasten();
    if (refused === 'bytes') this.#distrust(run[0]!.peer);
    if (refused === 'block' || window.next > window.path.top.height) this.#turnTo(undefined);
    this.#makeRoom();
    this.wake();
  }

  /** Drops all that a peer sent, and leaves it alone for a while. */
  #distrust(peer: PeerId): void {
    this.#window?.dropOf(peer);
    this.#downloads.get(peer)?.rest(performance.now());
  }

  /** What a peer owes may be asked of others. */
  #release(peer: PeerId): void {
    this.#window?.release(peer);
    this.#makeRoom();
    this.wake();
  }

  /**
   * A peer lacks a block of the branch that it showed. It may have passed on the header of one that nobody was given, so
   * that it is not to blame; but then its word for that branch counts no more.
   */
  #noteLack({ peer }: PeerDownload, height: number): void {
    if ((this.#window?.noteLack(peer.id, height) ?? 0) < MOST_LACKS) return;
    this.#window?.forgetLacks(peer.id);
    const tip = this.#context.node.store.header(peer.status.tip);
    peer.best = tip && tip.work < (peer.best?.work ?? 0n) ? tip : undefined;
  }

  /** Looks for peers that owe blocks and send nothing. */
  #watch(): void {
    const now = performance.now();
    const late = now - this.#lastTick - TICK;
    this.#lastTick = now;
    const holder = this.#window?.holder;
    const hasOthers = this.#downloads.size > 1;
    for (const download of this.#downloads.values()) {
      // what came while this process was busy has not been read yet
      if (late > TICK) download.excuse(late);
      if (download.inFlight === 0) continue;
      const isHolder = download.peer.id === holder && !this.#isConnecting;
      if (this.#clock.isStalled(download.quietFor(now), isHolder, hasOthers)) {
        this.#stall(download, isHolder, now);
      } else if (
        download.isTooSlow(TICK, isHolder && late <= TICK && this.#leavesIdle(download, now))
      ) {
        download.restAsSlow(now);
      }
    }
    this.wake();
  }

  /** Whether another peer than the one that owes the next block could give it, and has nothing to do. */
  #leavesIdle(holder: PeerDownload, now: number): boolean {
    const { store } = this.#context.node;
    return [...this.#downloads.values()].some(
      (each) =>
        each !== holder &&
        each.isIdle &&
        !each.isResting(now) &&
        each.canGiveNext(this.#window!, store),
    );
  }

  #stall(download: PeerDownload, isHolder: boolean, now: number): void {
    const hash = this.#window?.path.at(this.#window.next);
    const detail = isHolder && hash ? `holds up block ${hashToId(hash)}` : 'owes blocks';
    this.#clock.noteStall(isHolder);
    download.rest(now);
    this.#context.penalties.penalise(download.peer.id, 'stall', detail);
  }
}
