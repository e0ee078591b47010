import { createKey, networkParameters, type RpcClient } from '#src/chain/index.js';

/** Seconds between blocks that nobody waits for: a dispute window of ten is half a minute, in which a slow machine starts a process. */
export const UNHURRIED = ['--block-time', '3'];

/** Mines a block each time it is so. @returns what ends it */
function mineWhen(rpc: RpcClient, interval: number, isSo: () => Promise<boolean>): () => void {
  const { address } = createKey(networkParameters('regtest'));
  let isAsking = false;
  const look = async (): Promise<void> => {
    if (isAsking) return;
    isAsking = true;
    try {
      if (await isSo()) await rpc.call('generatetoaddress', 1, address);
    } catch {
      // the node may be away, or be ending
    } finally {
      isAsking = false;
    }
  };
  const timer = setInterval(() => void look(), interval);
  return () => clearInterval(timer);
}

/** Mines a block soon after something has come to wait for one. @returns what ends it */
export function mineWhatWaits(rpc: RpcClient): () => void {
  return mineWhen(rpc, 250, async () => {
    const { size } = await rpc.call<{ size: number }>('getmempoolinfo');
    return size > 0;
  });
}

/** Mines block after block: for a height that has to come. @returns what ends it */
export function mineOn(rpc: RpcClient): () => void {
  return mineWhen(rpc, 500, async () => true);
}
