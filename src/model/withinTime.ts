import { createContext, Script } from 'node:vm';

/** A function was stopped because it took too long. */
export class TimeLimitError extends Error {
  constructor() {
    super('it takes too long');
  }
}

/** A global object for the one line that a clock is put on; made when first needed. */
let clocked: { run?: () => unknown } | undefined;
const CALL = new Script('run()');

/**
 * Calls a function of code or data of strangers, and stops it where it takes too long: the clock of `node:vm` stops
 * whatever JavaScript of this thread its script calls, regular expressions included.
 * @throws TimeLimitError, and whatever `run` throws
 */
export function withinTime<T>(milliseconds: number, run: () => T): T {
  clocked ??= createContext({});
  const before = clocked.run;
  clocked.run = run;
  try {
    return CALL.runInContext(clocked, { timeout: milliseconds }) as T;
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    throw code === 'ERR_SCRIPT_EXECUTION_TIMEOUT' ? new TimeLimitError() : thrown;
  } finally {
    if (before) clocked.run = before;
    else delete clocked.run;
  }
}
