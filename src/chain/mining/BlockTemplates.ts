import { secondsNow } from '../consensus/clock.js';
import { requiredBits } from '../consensus/headers.js';
import { subsidyAt } from '../consensus/subsidy.js';
import type { MempoolEntry } from '../mempool/entry.js';
import { selectTransactions } from '../mempool/template.js';
import type { ChainNode } from '../node/ChainNode.js';
import type { HeaderRecord } from '../store/records.js';

/** What a block states as its version: BIP9's top bits, none of the others. */
export const BLOCK_VERSION = 0x2000_0000;

/** Seconds for which a choice of transactions stands although better ones came, as Bitcoin Core has it. */
const FRESH = 5;

/** The next block, but for its coinbase and nonce. */
export interface BlockTemplate {
  /** The block below. */
  readonly previous: HeaderRecord;
  readonly height: number;
  /** Parents before children. */
  readonly entries: readonly MempoolEntry[];
  /** Most that the coinbase may pay, in base units. */
  readonly coinbaseValue: bigint;
  /** Earliest time that the block may state. */
  readonly minimumTime: number;
  /** The mempool's sequence number when the transactions were chosen. */
  readonly sequence: number;
}

/** Where the next block stands. */
export function nextPlace(
  node: ChainNode,
): Pick<BlockTemplate, 'previous' | 'height' | 'minimumTime'> {
  const previous = node.store.tip();
  return {
    previous,
    height: previous.height + 1,
    minimumTime: node.medianTimeAt(previous.height) + 1,
  };
}

/** What the next block may hold, out of a node's mempool. */
export function makeTemplate(node: ChainNode): BlockTemplate {
  const place = nextPlace(node);
  const { height } = place;
  const entries = selectTransactions(node.mempool);
  const fees = entries.reduce((sum, entry) => sum + entry.fee, 0n);
  return {
    ...place,
    entries,
    coinbaseValue: subsidyAt(height, node.parameters) + fees,
    sequence: node.mempool.sequence,
  };
}

/** The time a block made now states, and the target it must meet. */
export function timeAndBits(
  node: ChainNode,
  { previous, minimumTime }: Pick<BlockTemplate, 'previous' | 'minimumTime'>,
): { readonly time: number; readonly bits: number } {
  const time = Math.max(secondsNow(), minimumTime);
  return { time, bits: requiredBits(previous, time, node.parameters, node.store) };
}

/** The node's current template, made anew when the tip changes, or when better paying transactions may have come. */
export class BlockTemplates {
  readonly #node: ChainNode;
  #current: { readonly template: BlockTemplate; readonly made: number } | undefined;

  constructor(node: ChainNode) {
    this.#node = node;
  }

  /** The last one made; undefined before the first. */
  get last(): BlockTemplate | undefined {
    return this.#current?.template;
  }

  current(): BlockTemplate {
    const now = secondsNow();
    const known = this.#current;
    if (known) {
      const { previous, sequence } = known.template;
      const sameTip = Buffer.compare(previous.hash, this.#node.store.tip().hash) === 0;
      const fresh = sequence === this.#node.mempool.sequence || now < known.made + FRESH;
      if (sameTip && fresh) return known.template;
    }
    const template = makeTemplate(this.#node);
    this.#current = { template, made: now };
    return template;
  }
}
