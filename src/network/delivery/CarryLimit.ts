import type { PeerId } from '../host/Host.js';
import { type Rate, RateLimit } from '../limits/RateLimit.js';

/**
 * What is handed to each neighbour: at most half of what it takes, so that nobody is over a neighbour's bound because of
 * what strangers have it carry; and for strangers at most half of that, so that they leave room for what is our own.
 */
export class CarryLimit {
  readonly #all: RateLimit;
  readonly #carried: RateLimit;

  /** @param taken what a node takes from one neighbour */
  constructor({ perSecond, burst }: Rate) {
    this.#all = new RateLimit({ perSecond: perSecond / 2, burst: burst / 2 });
    this.#carried = new RateLimit({ perSecond: perSecond / 4, burst: burst / 4 });
  }

  /** Takes an amount that another node has carried; false says that it must stay here. */
  carry(neighbour: PeerId, amount = 1): boolean {
    if (this.#all.wait(neighbour, amount) > 0 || !this.#carried.take(neighbour, amount)) {
      return false;
    }
    return this.#all.take(neighbour, amount);
  }

  /** Takes an amount of our own. */
  take(neighbour: PeerId, amount = 1): boolean {
    return this.#all.take(neighbour, amount);
  }

  /** Milliseconds until an amount of our own may go. */
  wait(neighbour: PeerId, amount = 1): number {
    return this.#all.wait(neighbour, amount);
  }
}
