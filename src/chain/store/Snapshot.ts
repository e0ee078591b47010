import type { Transaction as ReadTransaction } from 'lmdb';
import { BitmodelError } from '../../base/index.js';
import { heldTables } from './heldTables.js';
import type { TableName, Tables } from './tables.js';

/**
 * The store as it is at one moment, whatever is written meanwhile. It keeps the pages of that moment from being used
 * again, so it must be given back soon.
 */
export class Snapshot {
  readonly #tables: Tables;
  readonly #transaction: ReadTransaction;
  readonly #onDone: (snapshot: Snapshot) => void;
  #closing = false;
  /** How many have to give it back. */
  #users = 1;

  constructor(tables: Tables, onDone: (snapshot: Snapshot) => void) {
    this.#tables = tables;
    this.#transaction = tables.meta.useReadTransaction();
    this.#onDone = onDone;
  }

  /** The tables as they were then, to be read only; see {@link heldTables}. */
  tables(): Tables {
    return heldTables(this.#tables, this.#transaction);
  }

  /** At most `limit` entries behind the key `after`, or the first ones. The values are LMDB's memory: copy them. */
  range(
    table: TableName,
    after: Uint8Array | undefined,
    limit: number,
  ): Iterable<{ key: Uint8Array; value: Uint8Array }> {
    this.#demandOpen();
    const from = after === undefined ? {} : { start: after, exclusiveStart: true };
    return this.#tables[table].getRange({ ...from, limit, transaction: this.#transaction });
  }

  /** Asks whoever reads to end: the next read throws. */
  close(): void {
    this.#closing = true;
  }

  /** The same for one more, who gives it back, too. */
  share(): Snapshot {
    this.#users += 1;
    return this;
  }

  done(): void {
    this.#users -= 1;
    if (this.#users > 0) return;
    this.#transaction.done();
    this.#onDone(this);
  }

  #demandOpen(): void {
    if (this.#closing) throw new BitmodelError('NODE_STOPPING', 'The node is being stopped.');
  }
}
