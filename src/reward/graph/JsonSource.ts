import type { GraphBuilder } from './GraphBuilder.js';
import { assertLabel, graphError, quoted, STANDINGS } from './graph.js';
import { Uint32List } from './Uint32List.js';
import { readPpm } from './weight.js';

/** The source that is being read from JSON: its fields come in any order, so that it is put together here. */
export class JsonSource {
  readonly #builder: GraphBuilder;
  #count = 0;
  #id: string | undefined;
  #owner: string | undefined;
  #kind: string | undefined;
  #name: string | undefined;
  #hasParents = false;
  readonly #parents = new Uint32List();
  readonly #weights = new Uint32List();
  readonly #standings = new Uint32List();
  // of the parent being read
  #parentId: string | undefined;
  #ppm: string | undefined;
  /** As {@link GraphBuilder.edge} takes it. */
  #standing = 0;

  constructor(builder: GraphBuilder) {
    this.#builder = builder;
  }

  /** Sources begun so far. */
  get count(): number {
    return this.#count;
  }

  /** What the source is called in errors. */
  get text(): string {
    return this.#id === undefined ? `source ${this.#count}` : quoted(this.#id);
  }

  /** What the parent being read is called in errors. */
  get parentText(): string {
    return `A parent of ${this.text}`;
  }

  /** Begins the next source. */
  begin(): void {
    this.#count++;
  }

  /** Whether a field of the source, or of the parent being read, was there already. */
  isGiven(key: string, ofParent: boolean): boolean {
    switch (key) {
      case 'id':
        return (ofParent ? this.#parentId : this.#id) !== undefined;
      case 'ppm':
        return this.#ppm !== undefined;
      case 'standing':
        return this.#standing !== 0;
      case 'parents':
        return this.#hasParents;
      case 'owner':
        return this.#owner !== undefined;
      case 'kind':
        return this.#kind !== undefined;
      default:
        return this.#name !== undefined;
    }
  }

  /** Begins the list of parents. */
  beginParents(): void {
    this.#hasParents = true;
  }

  /** Takes id, owner, kind or name. @throws BitmodelError `BAD_GRAPH` */
  takeLabel(key: string, text: unknown): void {
    if (key === 'id') {
      assertLabel(text, `The id of source ${this.#count}`);
      this.#id = text;
      return;
    }
    assertLabel(text, `The ${key} of ${this.text}`);
    if (key === 'owner') this.#owner = text;
    else if (key === 'kind') this.#kind = text;
    else this.#name = text;
  }

  /** Takes id, ppm (its digits) or standing of a parent. @throws BitmodelError `BAD_GRAPH` */
  takeOfParent(key: string, text: unknown): void {
    if (key === 'ppm') {
      this.#ppm = String(text);
    } else if (key === 'id') {
      // one that is new is looked at by the builder
      if (typeof text !== 'string') assertLabel(text, `The id of a parent of ${this.text}`);
      this.#parentId = text;
    } else {
      this.#standing = (STANDINGS as readonly unknown[]).indexOf(text) + 1;
      if (this.#standing > 0) return;
      throw graphError(
        `The standing of a parent of ${this.text} is none of ${STANDINGS.join(', ')}.`,
        'Write one of them, or leave it out',
      );
    }
  }

  /** Ends a parent. @throws BitmodelError `BAD_GRAPH` */
  endParent(): void {
    const parent = this.#parentId;
    if (parent === undefined) {
      throw graphError(`The id of a parent of ${this.text} is missing.`, 'Write it as "id":"…"');
    }
    const child = this.#id ?? `source ${this.#count}`;
    const ppm = readPpm(this.#ppm ?? 'nothing', child, parent);
    this.#parents.push(this.#builder.number(parent));
    this.#weights.push(ppm);
    this.#standings.push(this.#standing);
    this.#parentId = this.#ppm = undefined;
    this.#standing = 0;
  }

  /** Ends the source, and hands it to the builder. @throws BitmodelError `BAD_GRAPH` */
  end(): void {
    assertLabel(this.#id, `The id of source ${this.#count}`);
    const labels = { owner: this.#owner, kind: this.#kind, name: this.#name };
    const child = this.#builder.declare(this.#id, labels);
    for (let e = 0; e < this.#parents.length; e++) {
      this.#builder.edge(child, this.#parents.at(e), this.#weights.at(e), this.#standings.at(e));
    }
    this.#parents.clear();
    this.#weights.clear();
    this.#standings.clear();
    this.#hasParents = false;
    this.#id = this.#owner = this.#kind = this.#name = undefined;
  }
}
