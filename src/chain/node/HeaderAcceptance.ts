import { BitmodelError } from '../../base/index.js';
import { type BlockHeader, blockHash } from '../codec/block.js';
import type { HeaderEntry } from '../consensus/headers.js';
import type { NetworkParameters } from '../consensus/parameters.js';
import { rejectBlock } from '../consensus/RejectError.js';
import { bitsToTarget, workOf } from '../consensus/target.js';
import type { ChainStore } from '../store/ChainStore.js';
import type { HeaderRecord } from '../store/records.js';
import { HeaderBranch } from './HeaderBranch.js';

/** A branch may be behind by the work of so many blocks and is stored all the same (Bitcoin Core's buffer). */
const WORK_BUFFER = 144n;

/** Most headers of a branch that is not stored yet: 21 MB, a year of blocks. */
export const MAX_PENDING_HEADERS = 262_144;

/** What became of a list of headers. */
export interface TakenHeaders {
  /** The last one, at its place. */
  readonly last: HeaderEntry;
  /** Where the branch still has too little work to be stored: it is held here, to be handed in with the next list. */
  readonly pending?: HeaderBranch | undefined;
}

/**
 * Takes headers whose blocks have not come yet, so that the chain with the most work is known before its blocks are
 * fetched. A header costs disk for ever, so a branch is stored only once it has about as much work as the best one known;
 * until then it is checked and held by whoever collects it. On a chain that is still short nothing else bounds it, and
 * nothing must: ASERT gives out easy headers no faster than the clock does.
 */
export class HeaderAcceptance {
  readonly #store: ChainStore;
  readonly #parameters: NetworkParameters;
  #best: HeaderRecord | undefined;

  constructor(store: ChainStore, parameters: NetworkParameters) {
    this.#store = store;
    this.#parameters = parameters;
    const hint = store.marks.bestHeader;
    const best = hint && store.header(hint);
    if (best && best.work > store.tip().work && this.isSound(best)) this.#best = best;
  }

  /** The header with the most work that nothing is known against; the tip's when none has more. */
  get best(): HeaderRecord {
    const tip = this.#store.tip();
    if (this.#best && this.#best.work > tip.work) return this.#best;
    this.#best = undefined;
    return tip;
  }

  /** The work from which on a branch is stored. */
  get leastWork(): bigint {
    const { work, header } = this.best;
    return work - WORK_BUFFER * workOf(bitsToTarget(header.bits)!);
  }

  /**
   * Takes headers that stand on top of each other, the first of them on one that is known. Those that are known already
   * are passed over.
   * @param pending what an earlier list left, when this one goes on with it
   * @throws RejectError of the first header that breaks a rule, or stands on one that does (`bad-prevblk`), or on none
   * that is known (`prev-blk-not-found`). Those below a bad one are not stored either
   * @throws BitmodelError `TOO_LITTLE_WORK` when the branch grew too long to be held; `BLOCK_REFUSED` upon a block that the
   * operator refuses
   */
  take(headers: readonly BlockHeader[], pending?: HeaderBranch): TakenHeaders {
    const hashes = headers.map(blockHash);
    let branch = pending;
    let last: HeaderRecord | undefined;
    for (const [index, header] of headers.entries()) {
      const known = branch ? undefined : this.#store.header(hashes[index]!);
      if (known) {
        demandSound(known);
        last = known;
        continue;
      }
      branch ??= this.#begin(header);
      branch.append(header, hashes[index]);
    }
    if (!branch) return { last: last ?? this.#store.tip() };
    if (branch.last.work >= this.leastWork) return { last: this.#keep(branch) };
    if (branch.length > MAX_PENDING_HEADERS) {
      throw new BitmodelError('TOO_LITTLE_WORK', 'A branch of many headers has too little work.');
    }
    return { last: branch.last, pending: branch };
  }

  /**
   * Whether neither a header nor one below it is known to break a rule, or is refused. What stands on one that breaks a
   * rule is noted as breaking it, too.
   * @param isKnown headers of which it is known, so that none below is looked at
   */
  isSound(entry: HeaderRecord, isKnown: (entry: HeaderRecord) => boolean = () => false): boolean {
    const path: HeaderRecord[] = [];
    let at: HeaderRecord | undefined = entry;
    while (at && !isBad(at) && !this.#store.isActive(at) && !isKnown(at)) {
      path.push(at);
      at = this.#store.parent(at);
    }
    if (!at) return false;
    if (!isBad(at)) return true;
    if (at.status === 'invalid' && path.length > 0) {
      this.#store.transaction(() => {
        for (const above of path) this.#store.markInvalid(above);
      });
    }
    return false;
  }

  /** Gives up the best header when it turned out to stand on a block that breaks a rule. */
  reconsider(): void {
    const best = this.#best && this.#store.header(this.#best.hash);
    if (best && !this.isSound(best)) this.#best = undefined;
  }

  #begin(header: BlockHeader): HeaderBranch {
    const base = this.#store.header(header.previousHash);
    if (!base) throw rejectBlock('prev-blk-not-found');
    demandSound(base);
    return new HeaderBranch(this.#store, this.#parameters, base);
  }

  #keep(branch: HeaderBranch): HeaderRecord {
    const store = this.#store;
    const { hash, work } = branch.last;
    const isBest = work > this.best.work;
    store.transaction(() => {
      for (const entry of branch.entries()) {
        // one of them may have come as a block meanwhile
        if (!store.header(entry.hash)) store.putBareHeader(entry);
      }
      if (isBest) store.marks.bestHeader = hash;
    });
    const kept = store.header(hash)!;
    if (isBest) this.#best = kept;
    return kept;
  }
}

function demandSound({ status }: HeaderRecord): void {
  if (status === 'invalid') throw rejectBlock('bad-prevblk');
  if (status === 'refused') {
    throw new BitmodelError('BLOCK_REFUSED', 'The operator of this node refuses a block below.');
  }
}

function isBad({ status }: HeaderRecord): boolean {
  return status === 'invalid' || status === 'refused';
}
