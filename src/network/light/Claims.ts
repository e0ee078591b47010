import {
  decodeTransaction,
  hashToId,
  type Outpoint,
  outpointKey,
  type Transaction,
  transactionHash,
} from '../../chain/index.js';

/** A transaction that somebody says waits for a block. */
export interface Claim {
  /** Printed id. */
  readonly txid: string;
  readonly hash: Uint8Array;
  readonly transaction: Transaction;
  readonly bytes: Uint8Array;
  /** Whether this node sent it: nobody has to say that it is there. */
  readonly isOwn: boolean;
}

interface Kept {
  claim: Claim;
  /** When it was last claimed, milliseconds since the start. */
  at: number;
}

/** A claim that nobody repeats is forgotten after this many milliseconds. */
const LASTING = 30_000;
/** Most claims that are kept, and most bytes of them. */
const MOST = 2_000;
const MOST_BYTES = 16 << 20;

/** Makes a claim of a transaction's bytes. @throws BitmodelError `BAD_ENCODING` */
export function claimOf(bytes: Uint8Array, isOwn: boolean): Claim {
  const transaction = decodeTransaction(bytes);
  const hash = transactionHash(transaction);
  return { txid: hashToId(hash), hash, transaction, bytes, isOwn };
}

/** Transactions said to wait for a block. Nothing proves them. */
export class Claims {
  readonly #kept = new Map<string, Kept>();
  readonly #now: () => number;
  #bytes = 0;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** Takes one, in place of a claim that was made before. */
  add(claim: Claim): void {
    const before = this.#kept.get(claim.txid);
    this.#remove(claim.txid);
    const isOwn = claim.isOwn || before?.claim.isOwn === true;
    this.#kept.set(claim.txid, { claim: { ...claim, isOwn }, at: this.#now() });
    this.#bytes += claim.bytes.length;
    this.#forget();
  }

  get(txid: string): Claim | undefined {
    const kept = this.#kept.get(txid);
    return kept && this.#isCurrent(kept) ? kept.claim : undefined;
  }

  /** All that are current, the oldest first. */
  *all(): Generator<Claim> {
    for (const kept of this.#kept.values()) if (this.#isCurrent(kept)) yield kept.claim;
  }

  /** The claim that spends an output; the newest where there are several. */
  spender(outpoint: Outpoint): { claim: Claim; inputIndex: number } | undefined {
    const key = outpointKey(outpoint);
    for (const claim of [...this.all()].reverse()) {
      const inputs = claim.transaction.inputs;
      const inputIndex = inputs.findIndex((input) => outpointKey(input.outpoint) === key);
      if (inputIndex >= 0) return { claim, inputIndex };
    }
    return undefined;
  }

  remove(txid: string): void {
    this.#remove(txid);
  }

  #isCurrent({ claim, at }: Kept): boolean {
    return claim.isOwn || this.#now() - at < LASTING;
  }

  #remove(txid: string): void {
    this.#bytes -= this.#kept.get(txid)?.claim.bytes.length ?? 0;
    this.#kept.delete(txid);
  }

  #forget(): void {
    for (const [txid, kept] of this.#kept) {
      const isFull = this.#kept.size > MOST || this.#bytes > MOST_BYTES;
      if (!kept.claim.isOwn && (isFull || !this.#isCurrent(kept))) this.#remove(txid);
    }
  }
}
