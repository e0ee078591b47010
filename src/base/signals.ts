import { setMaxListeners } from 'node:events';

/** One signal made of several; see {@link joinSignals}. */
export interface JoinedSignal {
  readonly signal: AbortSignal;
  /** Lets go of what it was made of: it aborts no more. To be called when what it is for has ended. */
  readonly release: () => void;
}

/**
 * A signal that aborts as soon as one of several does, with its reason. `AbortSignal.any` leaves an entry in each source
 * for every signal that was ever made of it (Node 20), for ever in one that lives as long as the node; this leaves
 * nothing behind once it was aborted or released.
 * @param sources undefined ones are passed over
 */
export function joinSignals(...sources: readonly (AbortSignal | undefined)[]): JoinedSignal {
  const joined = new AbortController();
  const followed = sources.filter((source) => source !== undefined);
  const release = (): void => {
    for (const source of followed) source.removeEventListener('abort', onAbort);
  };
  const onAbort = (): void => {
    release();
    joined.abort(followed.find(({ aborted }) => aborted)?.reason);
  };
  for (const source of followed) {
    // as many at once as there are calls: no leak, which Node would warn of after ten
    setMaxListeners(0, source);
    source.addEventListener('abort', onAbort, { once: true });
  }
  if (followed.some(({ aborted }) => aborted)) onAbort();
  return { signal: joined.signal, release };
}
