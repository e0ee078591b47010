import { messageOf } from '../../base/index.js';
import type { ChainNode, RpcServer } from '../../chain/index.js';
import { registerSuspects, SuspectIndex, type SuspectSource } from '../../job/index.js';
import { coalesced } from './job-pool.js';

/**
 * Gives a node its list of those who were slashed: it follows the chain, and answers `listsuspects` and `getsuspect`.
 * @param anew whether to read the whole chain again
 * @param warn told in one sentence what went wrong that the node can go on without
 * @returns ends it, before the node closes
 */
export function attachSuspects(
  server: RpcServer,
  node: SuspectSource & Pick<ChainNode, 'on' | 'off'>,
  anew: boolean,
  warn: (text: string) => void,
): () => Promise<void> {
  const index = SuspectIndex.open(node, anew);
  registerSuspects(server, index, node.parameters);
  const advance = coalesced(
    () => index.advance(),
    (thrown) => warn(`suspects: ${messageOf(thrown)}`),
  );
  node.on('block', advance);
  advance();
  return async () => {
    node.off('block', advance);
    await index.close();
  };
}
