import type { JobEvent } from '../job/index.js';
import type { Cast, Person } from './DemoMarket.js';
import type { DemoEvent } from './events.js';

/** Steps of other participants than the buyer that the story tells. */
const TOLD_BY: Readonly<Record<string, readonly string[]>> = {
  client: [
    'announced',
    'offered',
    'escrowed',
    'opened',
    'checked',
    'contested',
    'settled',
    'slashed',
    'cleared',
    'lapsed',
    'refunded',
    'withdrawn',
    'problem',
  ],
  worker: [
    'started',
    'token',
    'self-checked',
    'committed',
    'claimed',
    'counterproof',
    'released',
    'cleared',
    'lapsed',
    'withdrawn',
    'problem',
  ],
  verifier: ['judged', 'slashed', 'cleared', 'lapsed', 'problem'],
};

/** Milliseconds between two looks at what has been heard. */
const LOOK_MILLISECONDS = 20;

/** Passes on what the participants tell, and mines when one of them waits for a block. */
export class Watch {
  readonly #cast: Cast;
  readonly #onEvent: (event: DemoEvent) => void;
  readonly #fail: (thrown: unknown) => void;
  #ready = 0;
  #closed = false;
  #startedAt = 0;
  /** Height up to which blocks are mined or being mined. */
  #wanted = 0;
  generateSeconds = 0;
  text = '';

  constructor(cast: Cast, onEvent: (event: DemoEvent) => void, fail: (thrown: unknown) => void) {
    this.#cast = cast;
    this.#onEvent = onEvent;
    this.#fail = fail;
  }

  hear(event: JobEvent, person: Person): void {
    const { market } = this.#cast;
    if (event.step === 'ready') this.#ready++;
    if (event.step === 'closed' && event.role === 'worker') this.#closed = true;
    if (event.step === 'started') this.#startedAt = performance.now();
    if (event.step === 'token') {
      this.text += event.text ?? '';
      this.generateSeconds = (performance.now() - this.#startedAt) / 1000;
    }
    if (event.step === 'waiting' && event.untilHeight !== undefined) {
      this.#mine(event.untilHeight, event.detail ?? '');
    }
    if (TOLD_BY[event.role]?.includes(event.step)) {
      const { height } = market;
      this.#onEvent({ type: 'job', event, who: person.name, height });
    }
  }

  #mine(height: number, why: string): void {
    const { market } = this.#cast;
    if (height <= this.#wanted) return;
    this.#wanted = height;
    market
      .mineTo(height)
      .then(() => this.#onEvent({ type: 'block', height: market.height, why }))
      .catch(this.#fail);
  }

  /** Until every verifier has announced itself. */
  async allReady(count: number, signal: AbortSignal): Promise<void> {
    await until(() => this.#ready >= count, signal);
  }

  /** Until the seller has seen the job's end. */
  async closed(signal: AbortSignal): Promise<void> {
    await until(() => this.#closed, signal);
  }
}

async function until(holds: () => boolean, signal: AbortSignal): Promise<void> {
  while (!holds()) {
    signal.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, LOOK_MILLISECONDS));
  }
}
