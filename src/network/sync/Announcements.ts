import { BitmodelError, messageOf } from '../../base/index.js';
import {
  type BlockStatus,
  blockHash,
  decodeHeader,
  encodeHeader,
  type HeaderRecord,
  RejectError,
} from '../../chain/index.js';
import type { GossipVerdict, PeerId } from '../host/Host.js';
import type { SyncContext } from './SyncContext.js';

/** Topic of new blocks; a message is the header's 80 bytes. */
export const BLOCK_TOPIC = 'blocks/1';
/** Bytes of an announcement. */
export const ANNOUNCEMENT_BYTES = 80;

/** What announcements lead to. */
export interface AnnouncementListener {
  /** A neighbour passed on a header that was taken. */
  readonly onHeader: (peer: PeerId, entry: HeaderRecord) => void;
  /** A neighbour passed on a header that stands on none that is known here. */
  readonly onOrphan: (peer: PeerId) => void;
}

/**
 * Tells of new blocks and hears of them. The design passes on a hash; here it is the header, so that nothing is passed on
 * whose work was not checked, and nobody need ask what the hash stands for. The block is asked for afterwards.
 */
export class Announcements {
  readonly #context: SyncContext;
  readonly #listener: AnnouncementListener;
  readonly #onBlock = (): void => void this.#announce();

  constructor(context: SyncContext, listener: AnnouncementListener) {
    this.#context = context;
    this.#listener = listener;
    context.host.join({
      name: BLOCK_TOPIC,
      maxBytes: ANNOUNCEMENT_BYTES,
      validate: (data, from) => this.#validate(data, from),
    });
    context.node.on('block', this.#onBlock);
  }

  close(): void {
    this.#context.node.off('block', this.#onBlock);
  }

  async #announce(): Promise<void> {
    const { node, host } = this.#context;
    // while the node catches up, others know its tips already
    if (node.isFarBehind) return;
    try {
      await host.publish(BLOCK_TOPIC, encodeHeader(node.store.tip().header));
    } catch (thrown) {
      node.emit('warning', `A block could not be announced: ${messageOf(thrown)}`);
    }
  }

  #validate(data: Uint8Array, from: PeerId): GossipVerdict {
    if (data.length !== ANNOUNCEMENT_BYTES) return 'reject';
    const header = decodeHeader(data);
    const { store, headers } = this.#context.node;
    const known = store.header(blockHash(header));
    if (known) return this.#repeated(known, from);
    if (!store.header(header.previousHash)) {
      this.#listener.onOrphan(from);
      return 'ignore';
    }
    try {
      const { last, pending } = headers.take([header]);
      if (pending) return 'ignore';
      return this.#repeated(store.header(last.hash)!, from);
    } catch (thrown) {
      if (thrown instanceof RejectError) return isInnocent(thrown) ? 'ignore' : 'reject';
      if (thrown instanceof BitmodelError && thrown.code === 'BLOCK_REFUSED') return 'ignore';
      throw thrown;
    }
  }

  #repeated(entry: HeaderRecord, from: PeerId): GossipVerdict {
    const { store } = this.#context.node;
    if (BAD.includes(entry.status)) return 'ignore';
    this.#listener.onHeader(from, entry);
    // nobody gains from a block that lost already
    return entry.work >= store.tip().work ? 'accept' : 'ignore';
  }
}

/**
 * Whether an honest neighbour may pass on a header that is refused here: clocks differ, and a neighbour may not have come
 * yet to a block below that breaks a rule.
 */
function isInnocent({ reason }: RejectError): boolean {
  return reason === 'time-too-new' || reason === 'bad-prevblk';
}

const BAD: readonly BlockStatus[] = ['invalid', 'refused'];
