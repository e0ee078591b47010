import { hashToId } from '../../codec/transaction.js';
import { type MempoolEntry, withAncestors, withDescendants } from '../../mempool/entry.js';
import { INCREMENTAL_FEE_RATE, MIN_RELAY_FEE_RATE } from '../../mempool/MinimumFee.js';
import type { ChainNode } from '../../node/ChainNode.js';
import { JsonAmount } from '../../wire/json.js';
import { RPC_CODE, RpcError } from '../../wire/RpcError.js';
import { MEMPOOL_HELP } from '../help/mempool.js';
import { Params } from '../Params.js';
import type { RpcServer } from '../RpcServer.js';
import { rawFee, smartFee } from './fees.js';
import { testAccept } from './testAccept.js';

const MAX_SEQUENCE_REPLACEABLE = 0xffff_fffd;
const PER_KILOBYTE = 1_000n;

const ids = (entries: Iterable<MempoolEntry>): string[] =>
  [...entries].map(({ hash }) => hashToId(hash));

/** Whether it says itself that it may be replaced (BIP125); all may be, see docs/mempool.md. */
function signals(entry: MempoolEntry): boolean {
  return [...withAncestors(entry)].some(({ transaction }) =>
    transaction.inputs.some(({ sequence }) => sequence <= MAX_SEQUENCE_REPLACEABLE),
  );
}

/** A waiting transaction as `getmempoolentry` shows it. */
function entryView(entry: MempoolEntry): object {
  const { size, time, height, ancestors, descendants } = entry;
  return {
    vsize: size,
    weight: 4 * size,
    time,
    height,
    descendantcount: descendants.count,
    descendantsize: descendants.size,
    ancestorcount: ancestors.count,
    ancestorsize: ancestors.size,
    wtxid: hashToId(entry.hash),
    fees: {
      base: new JsonAmount(entry.fee),
      modified: new JsonAmount(entry.modifiedFee),
      ancestor: new JsonAmount(ancestors.fee),
      descendant: new JsonAmount(descendants.fee),
    },
    depends: ids(entry.parents),
    spentby: ids(entry.children),
    'bip125-replaceable': signals(entry),
    unbroadcast: false,
  };
}

function listView(entries: Iterable<MempoolEntry>, verbose: boolean): unknown {
  if (!verbose) return ids(entries);
  return Object.fromEntries([...entries].map((each) => [hashToId(each.hash), entryView(each)]));
}

function rawMempool({ mempool }: ChainNode, params: Params): unknown {
  const verbose = params.boolean(0, 'verbose', false);
  if (!params.boolean(1, 'mempool_sequence', false)) return listView(mempool.entries(), verbose);
  if (verbose) {
    const message = 'Verbose results cannot contain mempool sequence values.';
    throw new RpcError(RPC_CODE.invalidParameter, message);
  }
  return { txids: ids(mempool.entries()), mempool_sequence: mempool.sequence };
}

function findEntry({ mempool }: ChainNode, params: Params): MempoolEntry {
  const entry = mempool.get(params.hash(0, 'txid'));
  if (!entry) throw new RpcError(RPC_CODE.notFound, 'Transaction not in mempool');
  return entry;
}

function mempoolInfo({ mempool, mempoolFile, admission }: ChainNode): object {
  return {
    loaded: mempoolFile.isLoaded,
    size: mempool.size,
    bytes: mempool.bytes,
    usage: mempool.usage,
    total_fee: new JsonAmount(mempool.fees),
    maxmempool: admission.bytes,
    mempoolminfee: new JsonAmount(admission.minimumFee),
    minrelaytxfee: new JsonAmount(MIN_RELAY_FEE_RATE * PER_KILOBYTE),
    incrementalrelayfee: new JsonAmount(INCREMENTAL_FEE_RATE * PER_KILOBYTE),
    unbroadcastcount: 0,
    fullrbf: true,
  };
}

function prioritise({ mempool }: ChainNode, params: Params): boolean {
  const hash = params.hash(0, 'txid');
  if (params.has(1) && params.raw(1) !== 0) {
    throw new RpcError(
      RPC_CODE.invalidParameter,
      'Priority is no longer supported, dummy argument to prioritisetransaction must be 0.',
    );
  }
  const { MIN_SAFE_INTEGER: least, MAX_SAFE_INTEGER: most } = Number;
  mempool.prioritise(hash, BigInt(params.integer(2, 'fee_delta', least, most)));
  return true;
}

function prioritised({ mempool }: ChainNode): object {
  return Object.fromEntries(
    [...mempool.deltas()].map(([hash, delta]) => {
      const entry = mempool.get(hash);
      const modified = entry ? { modified_fee: Number(entry.modifiedFee) } : {};
      const view = { fee_delta: Number(delta), in_mempool: entry !== undefined, ...modified };
      return [hashToId(hash), view];
    }),
  );
}

function save({ mempoolFile }: ChainNode): object {
  if (!mempoolFile.isLoaded) throw new RpcError(RPC_CODE.misc, 'The mempool was not loaded yet');
  mempoolFile.save();
  return { filename: mempoolFile.path };
}

/** What an entry hangs on, or what hangs on it, without itself. */
function relatives(
  node: ChainNode,
  params: Params,
  reach: (entry: MempoolEntry) => Iterable<MempoolEntry>,
): unknown {
  const [, ...others] = reach(findEntry(node, params));
  return listView(others, params.boolean(1, 'verbose', false));
}

/** As Bitcoin Core does of what waits in its mempool or is in a block, and of what is none of its own: it keeps no more. */
function refuseToAbandon({ mempool, store }: ChainNode, params: Params): never {
  const hash = params.hash(0, 'txid');
  const isKnown = mempool.get(hash) ?? store.transactionByHash(hash);
  const message = isKnown
    ? 'Transaction not eligible for abandonment'
    : 'Invalid or non-wallet transaction id';
  throw new RpcError(RPC_CODE.notFound, message);
}

type MempoolMethod = keyof typeof MEMPOOL_HELP;

/** Methods that show the mempool and try what it would take, named and shaped as Bitcoin Core's. */
export function registerMempoolMethods(server: RpcServer, node: ChainNode): void {
  const answers: Record<MempoolMethod, (params: Params) => unknown> = {
    getmempoolinfo: () => mempoolInfo(node),
    getrawmempool: (params) => rawMempool(node, params),
    getmempoolentry: (params) => entryView(findEntry(node, params)),
    getmempoolancestors: (params) => relatives(node, params, withAncestors),
    getmempooldescendants: (params) => relatives(node, params, withDescendants),
    abandontransaction: (params) => refuseToAbandon(node, params),
    savemempool: () => save(node),
    testmempoolaccept: (params) => testAccept(node, params),
    prioritisetransaction: (params) => prioritise(node, params),
    getprioritisedtransactions: () => prioritised(node),
    estimatesmartfee: (params) => smartFee(node, params),
    estimaterawfee: (params) => rawFee(node, params),
  };
  for (const [name, answer] of Object.entries(answers)) {
    server.register(
      name,
      (values) => answer(new Params(values)),
      MEMPOOL_HELP[name as MempoolMethod],
    );
  }
}
