import { wholeOption } from './number-options.js';

const MEGABYTE = 1_000_000;
/** A thousand terabytes. */
const MOST_MEGABYTES = 1_000_000_000;

/** Bytes of `--max-size`, which is in megabytes, if it is given. @throws BitmodelError `BAD_OPTION` */
export function maxSizeOption(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return wholeOption(text, '--max-size', 1, MOST_MEGABYTES) * MEGABYTE;
}
