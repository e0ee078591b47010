import { BitmodelError, equalBytes, messageOf } from '../../base/index.js';
import { secondsNow } from '../../chain/index.js';
import type { PeerId } from '../host/Host.js';
import { RateLimit } from '../limits/RateLimit.js';
import { STATUS } from './protocols.js';
import type { SyncContext } from './SyncContext.js';
import { decodeStatus, encodeStatus, SERVICES, type Status, WIRE_VERSION } from './status.js';

/** Milliseconds between two looks at how a peer stands: an announcement may be lost on the way. */
const POLL = 30_000;
const TIMEOUT = 15_000;
/** Milliseconds before a peer whose stream broke is asked again. */
const RETRY = 3_000;
/** Milliseconds after which a new peer is asked once more: until both sides' gossip stands, announcements pass it by. */
const SETTLED = 5_000;
/** Questions of one peer. */
const RATE = { perSecond: 1, burst: 20 };

/** Both ends of a new connection tell each other what chain they have; whoever has another genesis block must go. */
export class StatusExchange {
  readonly #context: SyncContext;
  readonly #onStatus: (peer: PeerId, status: Status) => void;
  readonly #genesis: Uint8Array;
  readonly #rate = new RateLimit(RATE);
  readonly #poll: NodeJS.Timeout;
  #closed = false;
  readonly #onConnect = ({ peer }: { readonly peer: PeerId }): void => {
    void this.ask(peer);
    this.#later(peer, SETTLED);
  };

  /** @param onStatus told of every status of this chain */
  constructor(context: SyncContext, onStatus: (peer: PeerId, status: Status) => void) {
    this.#context = context;
    this.#onStatus = onStatus;
    const { host, node } = context;
    this.#genesis = node.store.hashAt(0)!;
    host.answer(STATUS.answering, (frame, peer) => this.#answer(frame, peer));
    host.on('connect', this.#onConnect);
    this.#poll = setInterval(() => this.#askAll(), POLL);
    this.#poll.unref();
    this.#askAll();
  }

  /** Asks a peer how it stands. Rejects never: nobody waits for it. */
  async ask(peer: PeerId): Promise<void> {
    const { host, penalties } = this.#context;
    try {
      const frame = await host.request(peer, STATUS.asking, encodeStatus(this.own()), {
        timeout: TIMEOUT,
      });
      this.#take(peer, frame);
    } catch (thrown) {
      if (!(thrown instanceof BitmodelError)) this.#warn(thrown);
      // who speaks another protocol, or is gone, is none to sync with
      else if (thrown.code === 'STREAM_TIMEOUT') penalties.penalise(peer, 'stall', 'no status');
      // a stream may break under a connection that lasts
      else if (thrown.code === 'STREAM_ENDED') this.#later(peer, RETRY);
    }
  }

  /** What this node says of itself. */
  own(): Status {
    const { node, agent } = this.#context;
    const { height, work, hash } = node.store.tip();
    const isPruned = node.store.marks.pruneHeight !== undefined || node.pruneBytes !== undefined;
    return {
      version: WIRE_VERSION,
      genesis: this.#genesis,
      services: isPruned ? SERVICES['recent-blocks'] : SERVICES.blocks,
      height,
      work,
      tip: hash,
      time: secondsNow(),
      agent,
    };
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#poll);
    this.#context.host.off('connect', this.#onConnect);
  }

  #warn(thrown: unknown): void {
    this.#context.node.emit('warning', `A peer's status could not be taken: ${messageOf(thrown)}`);
  }

  #later(peer: PeerId, wait: number): void {
    setTimeout(() => {
      if (this.#context.host.isConnected(peer) && !this.#closed) void this.ask(peer);
    }, wait).unref();
  }

  #askAll(): void {
    const peers = new Set(this.#context.host.connections().map(({ peer }) => peer));
    for (const peer of peers) void this.ask(peer);
  }

  #answer(frame: Uint8Array, peer: PeerId): Uint8Array {
    if (!this.#rate.take(peer)) {
      this.#context.penalties.penalise(peer, 'flood', 'asks for the status again and again');
      throw new BitmodelError('FLOOD', 'A peer asks too often.');
    }
    this.#take(peer, frame);
    return encodeStatus(this.own());
  }

  #take(peer: PeerId, frame: Uint8Array): void {
    const { host, penalties } = this.#context;
    try {
      const status = decodeStatus(frame);
      if (!equalBytes(status.genesis, this.#genesis))
        host.disconnect(peer).catch((thrown) => this.#warn(thrown));
      else this.#onStatus(peer, status);
    } catch (thrown) {
      if (thrown instanceof BitmodelError) penalties.penalise(peer, 'garbage', 'status/1');
      throw thrown;
    }
  }
}
