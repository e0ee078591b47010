import { BitmodelError } from '../../../base/index.js';
import { hashToId, idToHash } from '../../codec/transaction.js';
import type { ChainNode } from '../../node/ChainNode.js';
import { type HistoryOf, type HistoryOrder, walkHistory } from '../../node/histories.js';
import { walkAtOnce } from '../../node/turns.js';
import { scriptKey } from '../../store/keys.js';
import { RPC_CODE, RpcError } from '../../wire/RpcError.js';
import type { Params } from '../Params.js';
import { tooLong } from './coinLists.js';

const NO_LIMIT = 0xffff_ffff;

/** An entry of a history, as it is answered. */
export interface HistoryView {
  readonly txid: string;
  /** 0 in the mempool. */
  readonly height: number;
}

interface HistoryPage {
  /** Undefined: all there are, as long as that is no page of its own. */
  readonly count: number | undefined;
  readonly skip: number;
  readonly order: HistoryOrder;
  readonly after: HistoryView | undefined;
}

/** What arguments 1 to 4 ask for: count, skip, order, after. */
function pageOf(params: Params): HistoryPage {
  const order = params.has(3) ? params.string(3, 'order') : 'oldest';
  if (order !== 'oldest' && order !== 'newest') {
    throw new RpcError(RPC_CODE.invalidParameter, 'order must be oldest or newest');
  }
  return {
    order,
    skip: params.integer(2, 'skip', 0, NO_LIMIT, 0),
    count: params.has(1) ? params.integer(1, 'count', 0, NO_LIMIT) : undefined,
    after: params.has(4) ? entryOf(params.raw(4)) : undefined,
  };
}

function entryOf(json: unknown): HistoryView {
  const { txid, height } = (json ?? {}) as Partial<HistoryView>;
  const isId = typeof txid === 'string' && /^[0-9a-f]{64}$/i.test(txid);
  if (isId && Number.isInteger(height)) return { txid: txid.toLowerCase(), height: height! };
  const message = 'after must be an entry of this list: {"txid", "height"}';
  throw new RpcError(RPC_CODE.invalidParameter, message);
}

function notFound(thrown: unknown): unknown {
  if (!(thrown instanceof BitmodelError) || thrown.code !== 'UNKNOWN_TRANSACTION') return thrown;
  return new RpcError(RPC_CODE.notFound, thrown.message, { cause: thrown });
}

/** The part of a history that is asked for in arguments 1 to 4: count, skip, order, after. @param most entries */
export async function historyList(
  node: ChainNode,
  of: HistoryOf,
  params: Params,
  signal: AbortSignal,
  most: number,
): Promise<HistoryView[]> {
  const { count, skip, order, after } = pageOf(params);
  const found: HistoryView[] = [];
  if (count === 0) return found;
  let skipped = 0;
  const behind = after && { hash: idToHash(after.txid), height: after.height };
  try {
    await walkAtOnce(
      node,
      signal,
      (tables) => walkHistory(node, tables, of, order, behind),
      (entry) => {
        if (skipped++ < skip) return true;
        if (found.length === most) throw tooLong('transactions', 'count');
        found.push({ txid: hashToId(entry.hash), height: entry.height });
        return found.length !== count;
      },
    );
  } catch (thrown) {
    throw notFound(thrown);
  }
  return found;
}

/** Of what `getaddresshistory` tells. */
export function historyOfScripts(node: ChainNode, scripts: readonly Uint8Array[]): HistoryOf {
  return {
    index: 'history',
    groups: scripts.map(scriptKey),
    waiting: scripts.flatMap((script) => Array.from(node.mempool.byScript(script), (e) => e.hash)),
  };
}

/** The part of a history, oldest first, that is asked for, for whoever has all of it in memory. */
export function historyPage(found: readonly HistoryView[], params: Params): HistoryView[] {
  const { count = NO_LIMIT, skip, order, after } = pageOf(params);
  const ordered = order === 'newest' ? found.toReversed() : found;
  const at = after
    ? ordered.findIndex(({ txid, height }) => txid === after.txid && height === after.height)
    : -1;
  if (after && at < 0) {
    throw new RpcError(RPC_CODE.notFound, `${after.txid} is not in this history any more.`);
  }
  return ordered.slice(at + 1 + skip).slice(0, count);
}
