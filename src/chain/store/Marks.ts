import type { HeaderEntry } from '../consensus/headers.js';
import { damaged } from './damage.js';
import { heightKey, heightOfKey } from './keys.js';
import { STORE_FORMAT, type Table, type Tables } from './tables.js';

const TIP = Buffer.from('tip');
const FORMAT = Buffer.from('format');
const REBUILDING = Buffer.from('rebuilding');
const PRUNED = Buffer.from('pruned');
const BEST_HEADER = Buffer.from('best header');
const BODIES = Buffer.from('bodies');
const PRESENT = Uint8Array.of(1);

/** The few facts about the store as a whole. They are set within its transactions. */
export class Marks {
  readonly #table: Table;
  readonly #counters: Table;

  constructor({ meta, counters }: Pick<Tables, 'meta' | 'counters'>) {
    this.#table = meta;
    this.#counters = counters;
  }

  get isEmpty(): boolean {
    return !this.#table.doesExist(TIP);
  }

  /** Hash of the block at the top of the active chain. @throws BitmodelError `STORE_DAMAGED` */
  get tip(): Uint8Array {
    const hash = this.#table.getBinary(TIP);
    if (!hash) throw damaged('the tip is missing');
    return hash;
  }

  set tip(hash: HeaderEntry['hash']) {
    this.#table.putSync(TIP, hash);
  }

  /** Whether keys and records have today's form. */
  get isOfThisFormat(): boolean {
    const format = this.#table.getBinary(FORMAT);
    return format !== undefined && heightOfKey(format, 0) === STORE_FORMAT;
  }

  setFormat(): void {
    this.#table.putSync(FORMAT, heightKey(STORE_FORMAT));
  }

  /** Whether the store is being rebuilt from its blocks, by this process or by one that was killed. */
  get rebuilding(): boolean {
    return this.#table.doesExist(REBUILDING);
  }

  set rebuilding(rebuilding: boolean) {
    if (rebuilding) this.#table.putSync(REBUILDING, PRESENT);
    else this.#table.removeSync(REBUILDING);
  }

  /** Height of the lowest block whose body is kept; undefined when none was dropped. */
  get pruneHeight(): number | undefined {
    const bytes = this.#table.getBinary(PRUNED);
    return bytes && heightOfKey(bytes, 0);
  }

  set pruneHeight(height: number) {
    this.#table.putSync(PRUNED, heightKey(height));
  }

  /** Hash of the header with the most work, if one was noted. It is no more than a hint: it may be gone, or invalid. */
  get bestHeader(): Uint8Array | undefined {
    return this.#counters.getBinary(BEST_HEADER);
  }

  set bestHeader(hash: HeaderEntry['hash']) {
    this.#counters.putSync(BEST_HEADER, hash);
  }

  /** Bytes of all blocks and undo data that are kept. */
  get bodyBytes(): number {
    const bytes = this.#counters.getBinary(BODIES);
    return bytes ? Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0)) : 0;
  }

  addBodyBytes(bytes: number): void {
    const sum = new Uint8Array(8);
    new DataView(sum.buffer).setBigUint64(0, BigInt(this.bodyBytes + bytes));
    this.#counters.putSync(BODIES, sum);
  }
}
