import type { ChainClient } from '../../chain/index.js';
import { wholeOption } from './number-options.js';

/** The block that `--at` names; undefined for the last. @throws BitmodelError `BAD_OPTION` for one that is not there yet */
export async function atOption(
  client: Pick<ChainClient, 'height'>,
  at: string | undefined,
): Promise<number | undefined> {
  if (at === undefined) return undefined;
  return wholeOption(at, '--at', 0, await client.height());
}
