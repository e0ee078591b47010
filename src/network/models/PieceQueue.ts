import type { BundlePiece } from '../../model/index.js';

interface UnderWay {
  readonly piece: BundlePiece;
  readonly lanes: Set<object>;
  readonly since: number;
}

/** Lanes that one piece may be asked on at once, when nothing else is left to ask for. */
const MOST_LANES = 3;
/** A piece that is under way for so long may be asked elsewhere as well. */
const SLOW_MS = 1_000;

/**
 * Which piece is asked from whom. All who are asked hold all of the model, so no piece is rarer than another, and they go in
 * order. At the end, what a slow peer was asked for is asked from a faster one, too, so that one peer can't hold up the rest.
 */
export class PieceQueue {
  readonly #waiting: BundlePiece[];
  readonly #underWay = new Map<number, UnderWay>();
  #next = 0;

  constructor(missing: readonly BundlePiece[]) {
    this.#waiting = [...missing];
  }

  /** Whether every piece is kept. */
  get isEmpty(): boolean {
    return this.#next === this.#waiting.length && this.#underWay.size === 0;
  }

  /** A piece to ask for on a lane; undefined when there is none for it now. */
  take(lane: object): BundlePiece | undefined {
    const now = performance.now();
    const piece = this.#waiting[this.#next];
    if (piece !== undefined) {
      this.#next++;
      const known = this.#underWay.get(piece.number);
      if (known) known.lanes.add(lane);
      else this.#underWay.set(piece.number, { piece, lanes: new Set([lane]), since: now });
      return piece;
    }
    for (const { piece: slow, lanes, since } of this.#underWay.values()) {
      if (now - since < SLOW_MS || lanes.has(lane) || lanes.size >= MOST_LANES) continue;
      lanes.add(lane);
      return slow;
    }
    return undefined;
  }

  /** Whether a piece is still wanted: another lane may have been faster. */
  isWanted(piece: BundlePiece): boolean {
    return this.#underWay.has(piece.number);
  }

  /** A piece is kept. */
  done(piece: BundlePiece): void {
    this.#underWay.delete(piece.number);
  }

  /** A lane did not bring a piece: it is asked again, unless another lane is at it. */
  giveBack(piece: BundlePiece, lane: object): void {
    const entry = this.#underWay.get(piece.number);
    if (!entry?.lanes.delete(lane) || entry.lanes.size > 0) return;
    this.#underWay.delete(piece.number);
    this.#waiting.push(piece);
  }
}
