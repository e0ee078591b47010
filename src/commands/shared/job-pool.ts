import { type ChainNode, LocalChain, type RpcServer } from '../../chain/index.js';
import { registerJobPool } from '../../job/index.js';

/**
 * Gives a node its job pool: `sendjobmessage` and `listjobmessages` over its RPC, and forgetting with each block what
 * is over. The chain itself stays ignorant of jobs.
 * @param onError told when a block's housekeeping failed
 */
export function attachJobPool(
  server: RpcServer,
  node: ChainNode,
  onError: (thrown: unknown) => void,
): void {
  const pool = registerJobPool(server, new LocalChain(node));
  node.on('block', () => {
    pool.advance().catch(onError);
  });
}
