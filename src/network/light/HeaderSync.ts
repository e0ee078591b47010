import { BitmodelError, messageOf } from '../../base/index.js';
import { type BlockHeader, blockHash, decodeHeader, RejectError } from '../../chain/index.js';
import type { GossipVerdict, Host, PeerId } from '../host/Host.js';
import type { Penalties } from '../peers/offences.js';
import { ANNOUNCEMENT_BYTES, BLOCK_TOPIC } from '../sync/Announcements.js';
import { decodeHeaders, encodeLocator } from '../sync/messages.js';
import { HEADERS, MAX_HEADERS } from '../sync/protocols.js';
import type { HeaderChain, LightBranch } from './HeaderChain.js';
import { choosePeers } from './peers.js';

/** What the headers are fetched with. */
export interface HeaderSyncOptions {
  readonly host: Host;
  readonly penalties: Penalties;
  readonly headers: HeaderChain;
  /** Milliseconds between two questions to all; by the network unless stated. */
  readonly interval?: number | undefined;
  /** Milliseconds that a peer has for each answer. */
  readonly patience?: number | undefined;
  /** Told of what goes wrong here and is no peer's fault. */
  readonly onError?: ((thrown: unknown) => void) | undefined;
}

const PATIENCE = 10_000;
/** How often it is begun anew because another peer's headers came in between. */
const MOST_TRIES = 3;
/** Milliseconds in which a peer shows that its branch has more work; meanwhile no other's is collected. */
const LONGEST_BRANCH = 300_000;
const INTERVAL = { regtest: 1_000, other: 15_000 };

/** Follows the headers of several peers; the chain with the most work wins, whoever shows it. */
export class HeaderSync {
  readonly #options: HeaderSyncOptions;
  readonly #learning = new Map<PeerId, Promise<void>>();
  readonly #timer: NodeJS.Timeout;
  /** Whose headers without more work than the chain are being collected: one peer's at a time, as they take memory. */
  #collector: PeerId | undefined;
  #closed = false;

  constructor(options: HeaderSyncOptions) {
    this.#options = options;
    const { name } = options.headers.parameters;
    const usual = name === 'regtest' ? INTERVAL.regtest : INTERVAL.other;
    this.#timer = setInterval(() => this.#askAll(), options.interval ?? usual);
    options.host.on('connect', this.#onConnect);
    options.host.join({
      name: BLOCK_TOPIC,
      maxBytes: ANNOUNCEMENT_BYTES,
      validate: (data, from) => this.#hear(data, from),
    });
  }

  /** Learns the headers that a peer has beyond ours; what it does wrong is held against it. */
  learn(peer: PeerId): Promise<void> {
    const before = this.#learning.get(peer);
    if (before) return before;
    const learning = this.#learn(peer).finally(() => this.#learning.delete(peer));
    this.#learning.set(peer, learning);
    return learning;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#options.host.off('connect', this.#onConnect);
    await Promise.allSettled(this.#learning.values());
  }

  // what a peer speaks is known a moment after the connection is there
  readonly #onConnect = (): void => void setTimeout(() => this.#askAll(), 100).unref();

  /** A header that a neighbour passes on: one that stands on the tip is taken at once, for others it is asked. */
  #hear(data: Uint8Array, from: PeerId): GossipVerdict {
    if (data.length !== ANNOUNCEMENT_BYTES) return 'reject';
    const { headers, onError } = this.#options;
    const header = decodeHeader(data);
    const known = headers.header(blockHash(header));
    if (known) return known.work >= headers.top().work ? 'accept' : 'ignore';
    if (!headers.header(header.previousHash)) {
      this.learn(from).catch((thrown) => onError?.(thrown));
      return 'ignore';
    }
    try {
      headers.branch().add([header]);
      return headers.header(blockHash(header)) ? 'accept' : 'ignore';
    } catch (thrown) {
      if (!(thrown instanceof RejectError)) throw thrown;
      return isClockTrouble(thrown) ? 'ignore' : 'reject';
    }
  }

  #askAll(): void {
    if (this.#closed) return;
    for (const peer of choosePeers(this.#options.host, HEADERS.asking.name)) {
      this.learn(peer).catch((thrown) => this.#options.onError?.(thrown));
    }
  }

  async #learn(peer: PeerId): Promise<void> {
    const { headers, penalties } = this.#options;
    for (let tries = 0; tries < MOST_TRIES && !this.#closed; tries++) {
      const { hash } = headers.tip;
      const branch = headers.branch();
      try {
        await this.#follow(peer, branch).finally(() => this.#leaveOff(peer));
        return;
      } catch (thrown) {
        if (!(thrown instanceof BitmodelError)) throw thrown;
        // built on what was the chain when it was asked
        const isOvertaken = thrown.code === 'UNCONNECTED_HEADERS' && headers.tip.hash !== hash;
        if (isOvertaken) continue;
        const isFault = FAULTS.has(thrown.code) && !isClockTrouble(thrown);
        if (isFault) penalties.penalise(peer, 'invalid-header', messageOf(thrown));
        if (thrown.code === 'STREAM_TIMEOUT') penalties.penalise(peer, 'stall', 'headers');
        return;
      }
    }
  }

  async #follow(peer: PeerId, branch: LightBranch): Promise<void> {
    const { headers, penalties } = this.#options;
    let end: number | undefined;
    while (!this.#closed) {
      const last = branch.last?.hash;
      const own = headers.locator();
      const found = await this.#ask(peer, last ? [last, ...own.slice(-1)] : own);
      branch.add(found);
      if (found.length < MAX_HEADERS) return;
      if (branch.pending === 0) continue;
      // it is asked again when the other one is through
      if ((this.#collector ?? peer) !== peer) return;
      this.#collector = peer;
      end ??= performance.now() + LONGEST_BRANCH;
      const isLate = performance.now() > end;
      if (!branch.isTooLong && !isLate) continue;
      const offence = isLate ? 'stall' : 'false-height';
      penalties.penalise(peer, offence, 'a long branch without more work');
      return;
    }
  }

  #leaveOff(peer: PeerId): void {
    if (this.#collector === peer) this.#collector = undefined;
  }

  async #ask(peer: PeerId, locator: readonly Uint8Array[]): Promise<BlockHeader[]> {
    const { host, patience = PATIENCE } = this.#options;
    const options = { timeout: patience };
    return decodeHeaders(await host.request(peer, HEADERS.asking, encodeLocator(locator), options));
  }
}

const FAULTS: ReadonlySet<string> = new Set([
  'BLOCK_REJECTED',
  'UNCONNECTED_HEADERS',
  'BAD_ENCODING',
]);

/** A time that is ahead of this machine's may be this machine's fault. */
function isClockTrouble(thrown: BitmodelError): boolean {
  return thrown instanceof RejectError && thrown.reason === 'time-too-new';
}
