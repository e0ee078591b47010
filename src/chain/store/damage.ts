import { BitmodelError } from '../../base/index.js';

/**
 * What is on the disk is not what was written.
 * @param what the record, and what is wrong with it
 */
export function damaged(what: string, cause?: unknown): BitmodelError {
  return new BitmodelError('STORE_DAMAGED', `The chain on disk is damaged: ${what}.`, {
    next: 'Run: bitmodel node --reindex (it rebuilds everything from the blocks that are kept)',
    cause,
  });
}

/** What a node can't go on after. */
const FATAL = new Set(['DISK_FULL', 'STORE_FAILED', 'STORE_DAMAGED']);

/** Whether after an error the store can't be trusted to go on, so that the node ends. */
export function endsStore(thrown: unknown): thrown is BitmodelError {
  return thrown instanceof BitmodelError && FATAL.has(thrown.code);
}

/** Whether an error says that what is on the disk is damaged. */
export function isDamage(thrown: unknown): boolean {
  return thrown instanceof BitmodelError && thrown.code === 'STORE_DAMAGED';
}
