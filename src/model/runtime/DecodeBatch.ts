import type { ArenaSlot, CacheArena } from './CacheArena.js';
import type { DecoderGraph } from './DecoderGraph.js';
import type { Output } from './Output.js';
import type { DecodeTimes } from './protocol.js';
import { promptParts, TokenStream } from './TokenStream.js';

/** Output tokens for which room is made at once; more as they come. */
export const ROOM = 256;

/** A stream from its request to its last token. */
interface Member {
  readonly output: Output;
  readonly cancelled: () => boolean;
  readonly resolve: (times: DecodeTimes) => void;
  readonly reject: (thrown: unknown) => void;
  /** The least is the next to join. */
  readonly rank: number;
  started: number;
  prefilled: number;
}

/** A stream whose prompt is being computed, in the slot behind those of the rows. */
interface Joiner {
  readonly member: Member;
  readonly slot: ArenaSlot;
  readonly stream: TokenStream;
  readonly parts: (readonly number[])[];
}

/** A stream that is decoded, in the slot of the same number as its place among the rows. */
interface Row {
  readonly member: Member;
  /** Tokens in its slot. */
  length: number;
  /** To be fed next. */
  token: number;
}

/** What a step made of a row: logits, or the error of its run. */
interface Computed {
  readonly logits?: Float32Array;
  readonly thrown?: unknown;
}

/**
 * Decodes the streams of one graph in one run per step. A stream joins when its prompt has been computed, alone and in the
 * same parts as it would be without the others, between their steps; it leaves after its last token, and the last of the
 * others moves into its place.
 */
export class DecodeBatch {
  readonly #graph: DecoderGraph;
  readonly #most: number;
  readonly #fewest: number;
  readonly #arena: CacheArena;
  readonly #waiting: Member[] = [];
  readonly #rows: Row[] = [];
  #joiner: Joiner | undefined;
  /** Tokens of the prompts that were begun so far. */
  #begun = 0;
  /** As many rows as there were when memory was too short for one more: until one leaves, none is tried. */
  #crowd = Number.POSITIVE_INFINITY;
  #isRunning = false;

  /** @param fewest rows that are computed in one run; fewer, one after another */
  constructor(graph: DecoderGraph, most: number, fewest: number) {
    this.#graph = graph;
    this.#most = most;
    this.#fewest = fewest;
    this.#arena = graph.newArena(most);
  }

  /**
   * Decodes an output, beside others where there are any.
   * @returns when its last token was drawn, or it was cancelled
   * @throws BitmodelError `BAD_LOGITS`, `MODEL_RUN_FAILED`, `OUT_OF_MEMORY`
   */
  generate(output: Output, cancelled: () => boolean): Promise<DecodeTimes> {
    return new Promise((resolve, reject) => {
      // shorter prompts go first; once others of as many tokens as its own were begun, none that comes later overtakes a prompt
      const rank = this.#begun + output.request.promptIds.length;
      this.#waiting.push({ output, cancelled, resolve, reject, rank, started: 0, prefilled: 0 });
      this.#waiting.sort((a, b) => a.rank - b.rank);
      if (!this.#isRunning) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    // milliseconds that are the rows' before the next part of a prompt
    let owed = 0;
    while (this.#waiting.length + this.#rows.length > 0 || this.#joiner) {
      this.#begin();
      if (owed <= 0 || this.#rows.length === 0) owed = await this.#computePart();
      const before = performance.now();
      await this.#step();
      owed -= performance.now() - before;
    }
    this.#arena.clear();
    this.#isRunning = false;
  }

  /** Takes one that waits, if there is a place and room; those that nobody waits for any more end. */
  #begin(): void {
    for (let i = this.#waiting.length - 1; i >= 0; i--) {
      const member = this.#waiting[i]!;
      if (!member.cancelled()) continue;
      this.#waiting.splice(i, 1);
      this.#crowd = Number.POSITIVE_INFINITY;
      member.resolve({ promptSeconds: 0, decodeSeconds: 0 });
    }
    const joining = this.#joiner?.member;
    if (joining?.cancelled()) this.#dismiss(() => this.#end(joining));
    const index = this.#rows.length;
    const member = this.#waiting[0];
    if (!member || this.#joiner || index >= Math.min(this.#most, this.#crowd)) return;
    const { promptIds, limit } = member.output.request;
    try {
      this.#arena.reserve(index + 1, promptIds.length + Math.min(limit, ROOM));
    } catch (thrown) {
      this.#crowd = index;
      // rows that leave make room
      if (index > 0) return;
      this.#crowd = Number.POSITIVE_INFINITY;
      this.#waiting.shift();
      member.reject(thrown);
      return;
    }
    this.#waiting.shift();
    this.#begun += promptIds.length;
    member.started = performance.now();
    const slot = this.#arena.slot(index);
    const stream = new TokenStream(this.#graph, slot);
    this.#joiner = { member, slot, stream, parts: promptParts(promptIds) };
  }

  /**
   * Computes a part of the joiner's prompt; after the last it is a row.
   * @returns milliseconds that the rows have in turn
   */
  async #computePart(): Promise<number> {
    if (!this.#joiner) return 0;
    // streams that decode and streams that could join have equal shares of the time, but prompts have half of it at least:
    // however long they are and however short their answers, the others get on, and a batch that is empty fills soon
    const places = this.#most - this.#rows.length;
    const share = Math.min(1, this.#rows.length / Math.min(places, 1 + this.#waiting.length));
    const before = performance.now();
    await this.#feedJoiner(this.#joiner);
    return (performance.now() - before) * share;
  }

  async #feedJoiner({ member, stream, parts }: Joiner): Promise<void> {
    try {
      const logits = await stream.feed(parts.shift()!);
      if (parts.length > 0) return;
      member.prefilled = performance.now();
      const token = member.output.draw(logits);
      if (token === undefined) return this.#dismiss(() => this.#end(member));
      this.#rows.push({ member, length: stream.length, token });
      this.#joiner = undefined;
    } catch (thrown) {
      this.#dismiss(() => member.reject(thrown));
    }
  }

  #dismiss(tell: () => void): void {
    this.#joiner?.slot.close();
    this.#joiner = undefined;
    tell();
  }

  #end({ started, prefilled, resolve }: Member): void {
    const now = performance.now();
    const prompt = (prefilled || now) - started;
    resolve({ promptSeconds: prompt / 1000, decodeSeconds: (now - started - prompt) / 1000 });
  }

  /** One token for each row. */
  async #step(): Promise<void> {
    const rows = this.#rows;
    for (let i = rows.length - 1; i >= 0; i--) {
      const { member } = rows[i]!;
      if (member.cancelled()) this.#leave(i, () => this.#end(member));
    }
    this.#makeRoom();
    if (rows.length === 0) return;
    const computed = await this.#compute();
    // from the last on, since those that leave change places
    for (let i = rows.length - 1; i >= 0; i--) {
      const { logits, thrown } = computed[i]!;
      rows[i]!.length += 1;
      if (logits) this.#draw(i, logits);
      else this.#leave(i, rows[i]!.member.reject, thrown);
    }
  }

  /** The logits after the next token of each row; where a run of them all fails, only the rows at fault go without. */
  async #compute(): Promise<Computed[]> {
    const fed = this.#rows.map(({ token, length }) => ({ ids: [token], past: length }));
    if (fed.length >= this.#fewest) {
      // of several, it does not say which row it failed for; that shows as each is computed alone
      const all = await this.#graph.runBatch(fed, this.#arena).catch(() => undefined);
      const width = this.#graph.info.vocabularySize;
      if (all) return fed.map((_, i) => ({ logits: all.subarray(i * width, (i + 1) * width) }));
    }
    const computed: Computed[] = [];
    for (const [slot, row] of fed.entries()) {
      const run = this.#graph.runBatch([row], this.#arena, slot);
      computed.push(
        await run.then(
          (logits) => ({ logits }),
          (thrown: unknown) => ({ thrown }),
        ),
      );
    }
    return computed;
  }

  #draw(index: number, logits: Float32Array): void {
    const row = this.#rows[index]!;
    const { member } = row;
    try {
      const token = member.output.draw(logits);
      if (token === undefined) this.#leave(index, () => this.#end(member));
      else row.token = token;
    } catch (thrown) {
      this.#leave(index, member.reject, thrown);
    }
  }

  /** Room for one more token of each row. Where memory is short, the joiner waits again; without one, the longest row ends. */
  #makeRoom(): void {
    const rows = this.#rows;
    while (rows.length > 0) {
      const lengths = rows.map(({ length }) => length);
      const longest = Math.max(...lengths);
      try {
        this.#arena.reserve(rows.length + (this.#joiner ? 1 : 0), longest + 1);
        return;
      } catch (thrown) {
        if (this.#joiner) this.#sendBack(this.#joiner.member);
        else {
          const index = lengths.indexOf(longest);
          this.#leave(index, rows[index]!.member.reject, thrown);
        }
      }
    }
  }

  /** Lets the joiner begin anew when a row has left. */
  #sendBack(member: Member): void {
    this.#crowd = this.#rows.length;
    this.#dismiss(() => this.#waiting.unshift(member));
  }

  /** Ends a row; the last takes its place, and the joiner that of the last. */
  #leave<T extends readonly unknown[]>(
    index: number,
    tell: (...args: T) => void,
    ...args: T
  ): void {
    this.#crowd = Number.POSITIVE_INFINITY;
    const last = this.#rows.length - 1;
    const moved = this.#rows.pop()!;
    if (index < last) {
      this.#rows[index] = moved;
      this.#arena.move(last, index);
    }
    this.#arena.hold(last, 0);
    if (this.#joiner) {
      this.#arena.move(last + 1, last);
      this.#joiner.slot.index = last;
    }
    tell(...args);
  }
}
