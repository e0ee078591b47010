/** A list ends with the item that brings it beyond so many characters. */
const PAGE = 4_000_000;

/**
 * Items of a list that strangers can lengthen. They are counted as they will be written, whatever they are made of: a
 * stranger fills every field that is not, until no client takes the answer any more.
 */
export class BoundedList {
  readonly items: object[] = [];
  readonly #most: number;
  #characters = 0;

  /** @param most characters */
  constructor(most = PAGE) {
    this.#most = most;
  }

  /** Whether the list is full with this one. */
  add(item: object): boolean {
    this.items.push(item);
    this.#characters += JSON.stringify(item).length;
    return this.#characters > this.#most;
  }
}
