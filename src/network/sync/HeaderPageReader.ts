import { equalBytes } from '../../base/index.js';
import type { ChainNode, HeaderBranch, HeaderEntry } from '../../chain/index.js';
import { decodeHeaders } from './messages.js';

/** What became of one answer of `headers/1`. */
export interface ReadPage {
  /** How many headers it has. */
  readonly count: number;
  /** The last of them; undefined when there are none. */
  readonly last?: HeaderEntry;
  /** The branch that they are on, where it has too little work to be stored. */
  readonly pending?: HeaderBranch | undefined;
}

/** Hands the headers that peers answer with to the node. */
export class HeaderPageReader {
  readonly #node: ChainNode;
  /** The last answer that was stored: peers that are asked at the same time give the same one, byte by byte. */
  #stored:
    | { readonly answer: Uint8Array; readonly count: number; readonly last: Uint8Array }
    | undefined;

  constructor(node: ChainNode) {
    this.#node = node;
  }

  /**
   * @param pending what the answer before this one left, to which it goes on
   * @throws BitmodelError `BAD_ENCODING`, and as `HeaderAcceptance.take`
   */
  read(answer: Uint8Array, pending?: HeaderBranch): ReadPage {
    const again = pending ? undefined : this.#again(answer);
    if (again) return again;
    const headers = decodeHeaders(answer);
    const count = headers.length;
    if (count === 0) return { count };
    const goesOn = pending && equalBytes(headers[0]!.previousHash, pending.last.hash);
    const taken = this.#node.headers.take(headers, goesOn ? pending : undefined);
    if (!taken.pending) this.#stored = { answer, count, last: taken.last.hash };
    return { count, ...taken };
  }

  #again(answer: Uint8Array): ReadPage | undefined {
    if (!this.#stored || !equalBytes(this.#stored.answer, answer)) return undefined;
    const last = this.#node.store.header(this.#stored.last);
    if (!last || last.status === 'invalid' || last.status === 'refused') return undefined;
    return { count: this.#stored.count, last };
  }
}
