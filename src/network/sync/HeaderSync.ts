import { BitmodelError } from '../../base/index.js';
import type { HeaderBranch, HeaderEntry } from '../../chain/index.js';
import { hashKey, RejectError } from '../../chain/index.js';
import type { PeerConnection } from '../host/Host.js';
import { HeaderPageReader } from './HeaderPageReader.js';
import { HeaderTime } from './HeaderTime.js';
import { locatorOf } from './locator.js';
import { encodeLocator } from './messages.js';
import { HEADERS, MAX_HEADERS, MAX_LOCATOR } from './protocols.js';
import type { SyncContext } from './SyncContext.js';
import type { SyncPeer, SyncPeers } from './SyncPeer.js';
import type { Status } from './status.js';

/** Peers whose headers are fetched at once: with one, whoever is slow would hold up everything. */
const AT_ONCE = 3;
/** How many of them may have come by themselves: strangers can be many, those that this node chose can't. */
const MOST_INBOUND = AT_ONCE - 1;
/** Milliseconds before a peer whose stream broke is asked again. */
const RETRY = 3_000;

type Direction = PeerConnection['direction'];

/** Fetches headers from peers that say they have more, and holds them to what they said. */
export class HeaderSync {
  readonly #context: SyncContext;
  readonly #peers: SyncPeers;
  readonly #onShown: (peer: SyncPeer) => void;
  readonly #pages: HeaderPageReader;
  readonly #waiting = new Set<SyncPeer>();
  readonly #running = new Map<SyncPeer, Direction>();
  /** Whose branch of too little work is held at the moment: one of each direction, so that they can't add up. */
  readonly #collectors = new Map<Direction, SyncPeer>();
  /** Whether the next turn is that of who has waited longest. */
  #isByTurn = false;
  #closed = false;

  /** @param onShown told when a peer has shown headers that are stored */
  constructor(context: SyncContext, peers: SyncPeers, onShown: (peer: SyncPeer) => void) {
    this.#context = context;
    this.#peers = peers;
    this.#onShown = onShown;
    this.#pages = new HeaderPageReader(context.node);
  }

  /** Has the headers of a peer fetched that are not known here. */
  follow(peer: SyncPeer): void {
    if (this.#isPointless(peer)) return;
    this.#waiting.add(peer);
    this.#next();
  }

  close(): void {
    this.#closed = true;
  }

  /** Whether headers are being fetched. */
  get isBusy(): boolean {
    return this.#running.size > 0;
  }

  /** Whether what a peer says it has is a branch that would not be stored in any case. */
  #isPointless({ status }: SyncPeer): boolean {
    const { store, headers } = this.#context.node;
    return status.work < headers.leastWork && !store.header(status.tip);
  }

  #next(): void {
    while (this.#running.size < AT_ONCE && !this.#closed) {
      const able = this.#able();
      if (able.length === 0) return;
      // who claims most comes first, but claims are free: every other turn is that of who has waited longest
      const [longest] = able;
      const chosen = this.#isByTurn
        ? longest!
        : able.reduce((most, peer) => (peer.status.work > most.status.work ? peer : most));
      this.#isByTurn = !this.#isByTurn;
      this.#waiting.delete(chosen);
      this.#running.set(chosen, this.#directionOf(chosen));
      void this.#run(chosen);
    }
  }

  /** Those that wait and may have a turn, longest first. */
  #able(): SyncPeer[] {
    const inbound = [...this.#running.values()].filter((each) => each === 'inbound').length;
    const able: SyncPeer[] = [];
    for (const peer of this.#waiting) {
      if (this.#peers.get(peer.id) !== peer) this.#waiting.delete(peer);
      else if (this.#running.has(peer)) continue;
      else if (inbound < MOST_INBOUND || this.#directionOf(peer) === 'outbound') able.push(peer);
    }
    return able;
  }

  #directionOf({ id }: SyncPeer): Direction {
    const isOutbound = this.#context.host
      .connections()
      .some(({ peer, direction }) => peer === id && direction === 'outbound');
    return isOutbound ? 'outbound' : 'inbound';
  }

  async #run(peer: SyncPeer): Promise<void> {
    const claimed = peer.status;
    try {
      await this.#fetch(peer, claimed);
    } catch (thrown) {
      this.#blame(peer, claimed, thrown);
    } finally {
      for (const [direction, collector] of this.#collectors) {
        if (collector === peer) this.#collectors.delete(direction);
      }
      this.#running.delete(peer);
      this.#next();
    }
  }

  async #fetch(peer: SyncPeer, claimed: Status): Promise<void> {
    const { node, host } = this.#context;
    const direction = this.#running.get(peer)!;
    const time = new HeaderTime(this.#context.headerTime);
    let last: HeaderEntry = node.headers.best;
    let pending: HeaderBranch | undefined;
    for (let first = true; ; first = false) {
      const question = encodeLocator(this.#locator(last));
      const answer = await time.of((timeout) =>
        host.request(peer.id, HEADERS.asking, question, { timeout }),
      );
      const page = this.#pages.read(answer, pending);
      time.earn(page.count);
      if (page.last) {
        if (!first && page.last.height <= last.height) throw notOn();
        ({ last, pending } = page);
        if (pending && (this.#collectors.get(direction) ?? peer) !== peer) return;
        if (pending) this.#collectors.set(direction, peer);
        else this.#shown(peer, last.hash);
      }
      if (page.count < MAX_HEADERS) break;
    }
    this.#holdTo(peer, claimed, pending && last);
  }

  /** Where a peer may take up: behind a header that it gave or may know, or else behind the last one of our chain. */
  #locator(last: HeaderEntry): Uint8Array[] {
    const { store } = this.#context.node;
    const rest = locatorOf(store, store.tip());
    const key = hashKey(last.hash);
    return [last.hash, ...rest.filter((hash) => hashKey(hash) !== key)].slice(0, MAX_LOCATOR);
  }

  #shown(peer: SyncPeer, hash: Uint8Array): void {
    const entry = this.#context.node.store.header(hash);
    if (!entry) return;
    peer.shows(entry);
    this.#onShown(peer);
  }

  /**
   * A peer has shown all it has: the tip that it claimed is among it, at the height and with the work that it claimed.
   * @param dropped the last header of its branch, when that has too little work to be stored
   */
  #holdTo(peer: SyncPeer, claimed: Status, dropped?: HeaderEntry): void {
    const { node, penalties } = this.#context;
    const tip = node.store.header(claimed.tip);
    const isTrue = tip
      ? tip.height === claimed.height && tip.work === claimed.work
      : // it may have left that tip for one with more work meanwhile
        claimed.work <= (dropped ?? peer.best ?? node.headers.best).work;
    if (!isTrue) {
      const detail = `height ${claimed.height} of which its headers show ${peer.best?.height ?? 'none'}`;
      penalties.penalise(peer.id, 'false-height', detail);
    } else if (tip && tip.work > (peer.best?.work ?? 0n) && node.headers.isSound(tip)) {
      this.#shown(peer, tip.hash);
    }
  }

  #again(peer: SyncPeer): void {
    setTimeout(() => {
      if (this.#peers.get(peer.id) === peer && !this.#closed) this.follow(peer);
    }, RETRY).unref();
  }

  #blame(peer: SyncPeer, claimed: Status, thrown: unknown): void {
    const { penalties, node } = this.#context;
    if (thrown instanceof RejectError) {
      // clocks differ
      if (thrown.reason === 'time-too-new') return;
      penalties.penalise(peer.id, 'invalid-header', thrown.reason);
    } else if (thrown instanceof BitmodelError) {
      if (thrown.code === 'BAD_ENCODING') penalties.penalise(peer.id, 'garbage', 'headers/1');
      if (thrown.code === 'STREAM_TIMEOUT') penalties.penalise(peer.id, 'stall', 'no headers');
      if (thrown.code === 'STREAM_ENDED') this.#again(peer);
      if (thrown.code === 'TOO_LITTLE_WORK') {
        const detail = `work ${claimed.work} of which its headers show next to nothing`;
        penalties.penalise(peer.id, 'false-height', detail);
      }
      if (thrown.code === 'UNASKED') penalties.penalise(peer.id, 'unasked', thrown.message);
    } else {
      node.emit('warning', `Headers could not be taken: ${String(thrown)}`);
    }
  }
}

function notOn(): BitmodelError {
  return new BitmodelError('UNASKED', 'The headers do not go on where they were asked to.');
}
