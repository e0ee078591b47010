import { equalBytes, messageOf, sha256d } from '../../base/index.js';
import { type HeaderRecord, hashToId } from '../../chain/index.js';
import type { PeerId } from '../host/Host.js';
import type { ArrivedBlock } from './BlockConnector.js';
import { BlockConnector } from './BlockConnector.js';
import type { WantedBlock } from './BlockStream.js';
import { BranchPath } from './BranchPath.js';
import { bestShown } from './bestShown.js';
import { PeerDownload } from './PeerDownload.js';
import type { SyncContext } from './SyncContext.js';
import type { SyncPeers } from './SyncPeer.js';

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
const MOST_LACKS = 4;

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
  /** Who owes the blocks of the way, by height. */
  readonly #asked = new Map<number, PeerId>();
  /** Height below which every block of the window has come or is owed. */
  #covered = 0;
  readonly #lacks = new Map<string, { readonly times: number; readonly until: number }>();
  #stallTime = STALL.least;
  #heldUpSince = performance.now();
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
    const now = performance.now();
    const isResting = (id: PeerId): boolean => this.#downloads.get(id)?.isResting(now) === true;
    const best = bestShown(
      { node, peers: [...this.#peers.values()], path: this.#path },
      (peer) => ({
        isResting: isResting(peer.id),
        isHopeless: peer.best !== undefined && this.#connector.isHopeless(peer.best),
      }),
    );
    if (!best) {
      this.#turnTo(undefined);
    } else if (!this.#path) {
      this.#turnTo(best);
    } else if (!this.#path.holds(best) && !this.#path.extendTo(node.store, best)) {
      this.#turnTo(best);
    }
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
    this.#covered = 0;
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
    const now = performance.now();
    const able = this.#byLoad().filter((download) => download.room(now) > 0);
    if (able.length === 0) return;
    const free = this.#free(path);
    for (const download of able) {
      if (free.size === 0) return;
      const wanted = this.#shareOf(download, free, now);
      if (wanted.length === 0) continue;
      for (const height of wanted) {
        free.delete(height);
        this.#asked.set(height, download.peer.id);
      }
      download.ask(wanted.map((height) => ({ height, path, hash: path.at(height)! })));
    }
  }

  /** Heights of the window that nobody was asked for, from the lowest up. */
  #free(path: BranchPath): Set<number> {
    const end = Math.min(this.#next + WINDOW, path.top.height + 1);
    const free = new Set<number>();
    const from = Math.max(this.#next, this.#covered);
    for (let height = from; height < end; height++) {
      if (!this.#arrived.has(height) && !this.#asked.has(height)) free.add(height);
    }
    this.#covered = free.size === 0 ? end : free.values().next().value!;
    return free;
  }

  /** The heights that a peer is asked for: the lowest that it has, as many as it has room for. */
  #shareOf(download: PeerDownload, free: ReadonlySet<number>, now: number): number[] {
    const path = this.#path!;
    const room = download.room(now);
    const top = download.sharedWith(path, this.#context.node.store);
    if (top === undefined) return [];
    const wanted: number[] = [];
    for (const height of free) {
      if (height > top || wanted.length === room) break;
      if (!download.peer.keeps(height)) continue;
      if ((this.#lacks.get(`${download.peer.id} ${height}`)?.until ?? 0) > now) continue;
      wanted.push(height);
    }
    return wanted;
  }

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
    const isMine = path === this.#path && this.#asked.get(height) === id;
    if (isMine) this.#asked.delete(height);
    if (!bytes) {
      this.#noteLack(download, height);
    } else if (!equalBytes(sha256d(bytes.subarray(0, 80)), hash)) {
      this.#context.penalties.penalise(id, 'unasked', 'another block than was asked for');
      this.#distrust(id);
    } else if (isMine) {
      download.noteSize(bytes.length);
      this.#arrived.set(height, { bytes, peer: id });
      this.#arrivedBytes += bytes.length;
    }
    if (isMine && !this.#arrived.has(height)) this.#uncover(height);
    this.wake();
    return this.#arrivedBytes > MOST_BYTES ? this.#room(id) : undefined;
  }

  /** A block below may be free again. */
  #uncover(height: number): void {
    this.#covered = Math.min(this.#covered, height);
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
    return this.#path && this.#asked.get(this.#next);
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
  }

  #drop(height: number): void {
    const block = this.#arrived.get(height);
    if (!block) return;
    this.#arrived.delete(height);
    if (height >= this.#next) this.#uncover(height);
    this.#arrivedBytes -= block.bytes.length;
  }

  /** What a peer owes may be asked of others. */
  #release(peer: PeerId): void {
    for (const [height, asked] of this.#asked) if (asked === peer) this.#asked.delete(height);
    this.#covered = 0;
    this.#makeRoom();
    this.wake();
  }

  /**
   * A peer lacks a block of the branch that it showed. It may have passed on the header of one that nobody was given, so
   * that it is not to blame; but then its word for that branch counts no more.
   */
  #noteLack({ peer }: PeerDownload, height: number): void {
    const name = `${peer.id} ${height}`;
    const times = (this.#lacks.get(name)?.times ?? 0) + 1;
    this.#lacks.set(name, { times, until: performance.now() + LACK * times });
    if (times < MOST_LACKS) return;
    this.#lacks.delete(name);
    const tip = this.#context.node.store.header(peer.status.tip);
    peer.best = tip && tip.work < (peer.best?.work ?? 0n) ? tip : undefined;
  }

  /** Looks for peers that owe blocks and send nothing. */
  #watch(): void {
    const now = performance.now();
    const late = now - this.#lastTick - TICK;
    this.#lastTick = now;
    const holder = this.#holder();
    for (const download of this.#downloads.values()) {
      // what came while this process was busy has not been read yet
      if (late > TICK) download.excuse(late);
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
    this.#context.penalties.penalise(download.peer.id, 'stall', detail);
  }
}
