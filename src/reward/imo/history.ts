import { BitmodelError } from '../../base/index.js';
import {
  type ChainClient,
  type HistoryPlace,
  hashToId,
  RPC_CODE,
  RpcError,
} from '../../chain/index.js';

/** Transactions asked for at once. */
const PAGE = 5_000;

/** The transactions in blocks up to a height that pay to or spend from any of the scripts, oldest first, each once. */
export async function minedHistory(
  client: ChainClient,
  scripts: readonly Uint8Array[],
  atHeight: number,
): Promise<HistoryPlace[]> {
  const found: HistoryPlace[] = [];
  for await (const place of client.eachInHistory({ scripts })) {
    if (place.height === 0 || place.height > atHeight) break;
    found.push(place);
  }
  return found;
}

async function unitPage(
  client: ChainClient,
  category: string,
  after: HistoryPlace | undefined,
): Promise<HistoryPlace[]> {
  try {
    const of = [category, PAGE, 0, 'oldest', ...(after ? [after] : [])] as const;
    return await client.rpc.call<HistoryPlace[]>('gettokenhistory', ...of);
  } catch (thrown) {
    if (!(thrown instanceof RpcError) || thrown.rpcCode !== RPC_CODE.notFound) throw thrown;
    throw new BitmodelError('CHAIN_MOVED', 'The chain changed while a history was read.', {
      next: 'Try again',
      cause: thrown,
    });
  }
}

/**
 * The transactions in blocks that made, moved or burnt units of a category, oldest first, page by page.
 * @throws BitmodelError `CHAIN_MOVED` when a reorganisation comes meanwhile
 */
export async function* unitHistory(
  client: ChainClient,
  category: Uint8Array,
): AsyncGenerator<HistoryPlace, void> {
  for (let last: HistoryPlace | undefined; ; ) {
    const page = await unitPage(client, hashToId(category), last);
    for (const place of page) {
      if (place.height === 0) return;
      yield place;
    }
    last = page.at(-1);
    if (page.length < PAGE) return;
  }
}
