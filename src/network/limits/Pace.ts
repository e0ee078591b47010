import { setTimeout } from 'node:timers/promises';
import { BitmodelError } from '../../base/index.js';
import type { PeerId } from '../host/Host.js';
import type { Penalties } from '../peers/offences.js';
import { type Rate, RateLimit } from './RateLimit.js';

/** Longest that an answer is held back from who asks faster than it may, in milliseconds; beyond it that is a flood. */
const LONGEST_HOLD = 10_000;

/** Holds answers back so that no peer gets more than its rate: who asks in good faith is slowed, a flood is penalised. */
export class Pace {
  readonly #limit: RateLimit;
  readonly #penalties: Penalties;
  readonly #what: string;

  /** @param what is asked, as in "it asks too much about transactions" */
  constructor(rate: Rate, penalties: Penalties, what: string) {
    this.#limit = new RateLimit(rate);
    this.#penalties = penalties;
    this.#what = what;
  }

  /** Settles when a peer may have so much. @throws BitmodelError `FLOOD` */
  async hold(peer: PeerId, amount = 1): Promise<void> {
    for (;;) {
      const wait = this.#limit.wait(peer, amount);
      if (wait > LONGEST_HOLD) {
        this.#penalties.penalise(peer, 'flood', `it asks too much about ${this.#what}`);
        throw new BitmodelError('FLOOD', `A peer asks more than its share about ${this.#what}.`);
      }
      if (this.#limit.take(peer, amount)) return;
      await setTimeout(Math.max(1, wait), undefined, { ref: false });
    }
  }
}
