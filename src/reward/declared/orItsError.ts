import { BitmodelError, isUnreachable } from '../../base/index.js';
import type { ChainClient } from '../../chain/index.js';

/**
 * What a reading finds, or the error that it ends in, so that one thing that can't be read ends no list of many: strangers
 * make some of what is listed. An answer that can't be taken looks as if nobody had answered; so whoever still tells the
 * height is there.
 * @throws BitmodelError `NODE_UNREACHABLE` where the node answers nothing more; whatever is no `BitmodelError`
 */
export async function orItsError<T>(
  client: Pick<ChainClient, 'height'>,
  read: () => Promise<T>,
): Promise<T | BitmodelError> {
  try {
    return await read();
  } catch (thrown) {
    if (!(thrown instanceof BitmodelError)) throw thrown;
    if (isUnreachable(thrown)) await client.height();
    return thrown;
  }
}
