import { cases } from './long.js';

/** More than any machine needs, and less than the time a test has, so that a failure says what it waited for. */
const SECONDS = cases(150, 600);

/** How patiently something is waited for. */
export interface Patience {
  readonly seconds?: number;
  /** Milliseconds from one look to the next. */
  readonly every?: number;
}

/**
 * Waits until something holds. What it throws counts as not holding, such as a node that is not up yet.
 * @throws Error with the text of the condition and its last error, when it does not come
 */
export async function until(
  holds: () => boolean | Promise<boolean>,
  { seconds = SECONDS, every = 50 }: Patience = {},
): Promise<void> {
  const end = performance.now() + seconds * 1000;
  for (let cause: unknown; ; ) {
    try {
      if (await holds()) return;
      cause = undefined;
    } catch (thrown) {
      cause = thrown;
    }
    if (performance.now() > end)
      throw new Error(`did not come in ${seconds} s: ${holds.toString()}`, { cause });
    await new Promise((resolve) => setTimeout(resolve, every));
  }
}
