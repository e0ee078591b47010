import { BitmodelError, equalBytes } from '../../base/index.js';
import type { HeaderBranch, HeaderEntry } from '../../chain/index.js';
import { hashKey, RejectError } from '../../chain/index.js';
import { locatorOf } from './locator.js';
import { decodeHeaders, encodeLocator } from './messages.js';
import { HEADERS, MAX_HEADERS, MAX_LOCATOR } from './protocols.js';
import type { SyncContext } from './SyncContext.js';
import type { SyncPeer, SyncPeers } from './SyncPeers.js';

/** Peers whose headers are fetched at once: with one, whoever is slow would hold up everything. */
const AT_ONCE = 2;
const TIMEOUT = 20_000;
/** Milliseconds before a peer whose stream broke is asked again. */
const RETRY = 3_000;

/** Fetches headers from peers that say they have more, and holds them to what they said. */
export class HeaderSync {
  readonly #context: SyncContext;
  readonly #peers: SyncPeers;
  readonly #onShown: (peer: SyncPeer) => void;
  readonly #waiting = new Set<SyncPeer>();
  readonly #running = new Set<SyncPeer>();
  /** Whose branch of too little work is held at the moment: one at a time, so that they can't add up. */
  #collector: SyncPeer | undefined;
  #closed = false;

  /** @param onShown told when a peer has shown headers that are stored */
  constructor(context: SyncContext, peers: SyncPeers, onShown: (peer: SyncPeer) => void) {
    this.#context = context;
    this.#peers = peers;
    this.#onShown = onShown;
  }

  /** Has the headers of a peer fetched that are not known here. */
  follow(peer: SyncPeer): void {
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

  #next(): void {
    // who claims the most comes first
    const order = [...this.#waiting].sort((a, b) => (a.status.work < b.status.work ? 1 : -1));
    for (const peer of order) {
      if (this.#running.size >= AT_ONCE) return;
      if (this.#running.has(peer)) continue;
      this.#waiting.delete(peer);
      if (this.#peers.get(peer.id) !== peer) continue;
      this.#running.add(peer);
      void this.#run(peer);
    }
  }

  async #run(peer: SyncPeer): Promise<void> {
    try {
      await this.#fetch(peer);
    } catch (thrown) {
      this.#blame(peer, thrown);
    } finally {
      if (this.#collector === peer) this.#collector = undefined;
      this.#running.delete(peer);
      this.#next();
    }
  }

  async #fetch(peer: SyncPeer): Promise<void> {
    const { node, host } = this.#context;
    const claimed = peer.status;
    let last: HeaderEntry = node.headers.best;
    let pending: HeaderBranch | undefined;
    for (let first = true; ; first = false) {
      const question = encodeLocator(this.#locator(last));
      const answer = await host.request(peer.id, HEADERS.asking, question, { timeout: TIMEOUT });
      const headers = decodeHeaders(answer);
      if (headers.length > 0) {
        const goesOn = pending && equalBytes(headers[0]!.previousHash, pending.last.hash);
        const taken = node.headers.take(headers, goesOn ? pending : undefined);
        if (!first && taken.last.height <= last.height) throw notOn();
        last = taken.last;
        pending = taken.pending;
        if (pending && (this.#collector ?? peer) !== peer) return;
        if (pending) this.#collector = peer;
        else this.#shown(peer, last.hash);
      }
      if (headers.length < MAX_HEADERS) break;
    }
    this.#holdTo(peer, claimed);
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

  /** A peer has shown all it has: the tip that it claimed is among it, at the height and with the work that it claimed. */
  #holdTo(peer: SyncPeer, claimed: SyncPeer['status']): void {
    const { node, penalties } = this.#context;
    const tip = node.store.header(claimed.tip);
    const isTrue = tip
      ? tip.height === claimed.height && tip.work === claimed.work
      : // it may have left that tip for one with more work meanwhile
        claimed.work <= (peer.best ?? node.headers.best).work;
    if (!isTrue) {
      const detail = `height ${claimed.height} of which its headers show ${peer.best?.height ?? 'none'}`;
      penalties.penalise(peer.id, 'false-height', detail);
    } else if (tip && node.headers.isSound(tip)) {
      this.#shown(peer, tip.hash);
    }
  }

  #again(peer: SyncPeer): void {
    setTimeout(() => {
      if (this.#peers.get(peer.id) === peer && !this.#closed) this.follow(peer);
    }, RETRY).unref();
  }

  #blame(peer: SyncPeer, thrown: unknown): void {
    const { penalties, node } = this.#context;
    if (thrown instanceof RejectError) {
      // clocks differ
      if (thrown.reason === 'time-too-new') return;
      penalties.penalise(peer.id, 'invalid-header', thrown.reason);
    } else if (thrown instanceof BitmodelError) {
      if (thrown.code === 'BAD_ENCODING') penalties.penalise(peer.id, 'garbage', 'headers/1');
      if (thrown.code === 'STREAM_TIMEOUT') penalties.penalise(peer.id, 'stall', 'no headers');
      if (thrown.code === 'STREAM_ENDED') this.#again(peer);
      if (thrown.code === 'UNASKED') penalties.penalise(peer.id, 'unasked', thrown.message);
    } else {
      node.emit('warning', `Headers could not be taken: ${String(thrown)}`);
    }
  }
}

function notOn(): BitmodelError {
  return new BitmodelError('UNASKED', 'The headers do not go on where they were asked to.');
}
