import { setTimeout as delay } from 'node:timers/promises';
import { BitmodelError } from '../../base/index.js';
import type { FrameStream, PeerId } from '../host/Host.js';
import { RateLimit } from '../limits/RateLimit.js';
import { BlockRecordWriter } from './blockRecords.js';
import { HeaderPages } from './HeaderPages.js';
import { decodeLocator, decodeWanted } from './messages.js';
import { BLOCKS, HEADERS } from './protocols.js';
import type { SyncContext } from './SyncContext.js';

/** Blocks asked for by one peer. */
const BLOCK_RATE = { perSecond: 10_000, burst: 20_000 };
/** Milliseconds in which a peer must take a frame of blocks: slower than 13 kB/s is as good as gone. */
const FRAME_TIME = 20_000;
/** Milliseconds for which a question waits for blocks whose headers were passed on before the blocks came. */
const BLOCK_COMES = 1_000;

/** Answers `headers/1` and `blocks/1`. One block at a time is in memory per stream, and only as fast as it is read. */
export class ChainServer {
  readonly #context: SyncContext;
  readonly #pages: HeaderPages;
  readonly #blockRate = new RateLimit(BLOCK_RATE);
  readonly #closing = new AbortController();
  /** Those who wait for a block: one listener for all of them. */
  readonly #forBlock = new Set<() => void>();
  readonly #onBlock = (): void => {
    for (const end of [...this.#forBlock]) end();
  };

  constructor(context: SyncContext) {
    this.#context = context;
    const { host, node } = context;
    this.#pages = new HeaderPages(node.store);
    node.on('block', this.#onBlock);
    host.answer(HEADERS.answering, (frame, peer) => this.#headers(frame, peer));
    host.handle(BLOCKS.answering, (stream) => this.#serve(stream));
  }

  close(): void {
    this.#closing.abort();
    this.#context.node.off('block', this.#onBlock);
    this.#onBlock();
    this.#pages.close();
  }

  async #headers(frame: Uint8Array, peer: PeerId): Promise<Uint8Array> {
    const locator = this.#decoded(peer, 'headers/1', () => decodeLocator(frame));
    const page = await this.#pages.answer(peer, locator);
    if (!page) throw new BitmodelError('NODE_BUSY', 'Too many questions for headers wait.');
    return page;
  }

  async #serve(stream: FrameStream): Promise<void> {
    const { peer } = stream;
    const writer = new BlockRecordWriter((frame) => this.#send(stream, frame));
    for (;;) {
      const frame = await stream.receive();
      if (!frame) return;
      const hashes = this.#decoded(peer, 'blocks/1', () => decodeWanted(frame));
      await this.#pace(this.#blockRate, peer, hashes.length);
      const until = performance.now() + BLOCK_COMES;
      for (const hash of hashes) {
        const kept = this.#bytes(hash);
        const sent = writer.add(kept ?? (await this.#late(hash, until)));
        if (sent) await sent;
      }
      await writer.flush();
    }
  }

  /**
   * The bytes of a block that could not be given: where its header came first, or the chain goes to its branch, it may
   * soon be.
   */
  async #late(hash: Uint8Array, until: number): Promise<Uint8Array | undefined> {
    const { store } = this.#context.node;
    for (;;) {
      const bytes = this.#bytes(hash);
      const left = until - performance.now();
      if (bytes || left <= 0 || this.#closing.signal.aborted) return bytes;
      const status = store.header(hash)?.status;
      if (status !== 'header' && status !== 'unchecked') return undefined;
      await this.#nextTip(left);
    }
  }

  /**
   * The bytes of a block that was connected once. Of any other it is not known whether it keeps the rules, and who gives
   * one that doesn't is blamed for it (Bitcoin Core's `BlockRequestAllowed`).
   */
  #bytes(hash: Uint8Array): Uint8Array | undefined {
    const { store } = this.#context.node;
    return store.header(hash)?.status === 'valid' ? store.blockBytes(hash) : undefined;
  }

  /** Waits until the tip changes, or so many milliseconds. */
  #nextTip(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#forBlock.delete(end);
        resolve();
      };
      const timer = setTimeout(end, milliseconds);
      this.#forBlock.add(end);
    });
  }

  /** Sends a frame; a peer that doesn't read it is cut off. */
  async #send(stream: FrameStream, frame: Uint8Array): Promise<void> {
    const timer = setTimeout(() => {
      this.#context.penalties.penalise(
        stream.peer,
        'slow',
        'does not read the blocks it asked for',
      );
      stream.abort();
    }, this.#context.frameTime ?? FRAME_TIME);
    try {
      await stream.send(frame);
    } finally {
      clearTimeout(timer);
    }
  }

  async #pace(rate: RateLimit, peer: PeerId, amount: number): Promise<void> {
    while (!rate.take(peer, amount)) {
      await delay(Math.max(1, rate.wait(peer, amount)), undefined, {
        signal: this.#closing.signal,
        ref: false,
      });
    }
  }

  #decoded<T>(peer: PeerId, protocol: string, decode: () => T): T {
    try {
      return decode();
    } catch (thrown) {
      if (thrown instanceof BitmodelError) {
        this.#context.penalties.penalise(peer, 'garbage', protocol);
      }
      throw thrown;
    }
  }
}
