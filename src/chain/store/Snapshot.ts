import type { Transaction as ReadTransaction } from 'lmdb';
import { BitmodelError } from '../../base/index.js';
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

  constructor(tables: Tables, onDone: (snapshot: Snapshot) => void) {
    this.#tables = tables;
    this.#transaction = tables.meta.useReadTransaction();
    this.#onDone = onDone;
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

  done(): void {
    this.#transaction.done();
    this.#onDone(this);
  }

  #demandOpen(): void {
    if (this.#closing) throw new BitmodelError('NODE_STOPPING', 'The node is being stopped.');
  }
}
