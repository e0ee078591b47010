import { getEventListeners } from 'node:events';

/** Watches the signals that are used while something runs, and what they keep of it afterwards. */
export class SignalWatch {
  readonly #used = new Set<AbortSignal>();
  readonly #any = AbortSignal.any;
  readonly #listen = EventTarget.prototype.addEventListener;

  constructor() {
    const used = this.#used;
    const listen = this.#listen;
    AbortSignal.any = (signals) => {
      for (const signal of signals) used.add(signal);
      return this.#any.call(AbortSignal, signals);
    };
    EventTarget.prototype.addEventListener = function (...given: Parameters<typeof listen>) {
      if (this instanceof AbortSignal && !isGossip()) used.add(this);
      return listen.apply(this, given);
    };
  }

  /** How much the signal keeps that keeps most: listeners, and signals that were made of it. */
  most(): number {
    return Math.max(0, ...[...this.#used].map(keptBy));
  }

  close(): void {
    AbortSignal.any = this.#any;
    EventTarget.prototype.addEventListener = this.#listen;
  }
}

/** Whether a stream of gossip listens: these open when they please, and last as long as the connection. */
function isGossip(): boolean {
  return new Error().stack?.includes('gossipsub') === true;
}

/** What a signal keeps: listeners, and entries of signals made of it by `AbortSignal.any`, also of such as are gone. */
export function keptBy(signal: AbortSignal): number {
  const key = Object.getOwnPropertySymbols(signal).find(
    ({ description }) => description === 'kDependantSignals',
  );
  const made = key && (Reflect.get(signal, key) as Set<unknown> | undefined);
  return getEventListeners(signal, 'abort').length + (made?.size ?? 0);
}
