import { hashToId } from '../../codec/transaction.js';
import type { ChainNode } from '../../node/ChainNode.js';
import type { HistoryOf } from '../../node/histories.js';
import { coinView } from '../coinViews.js';
import { INDEX_HELP } from '../help/indexes.js';
import { Params } from '../Params.js';
import type { RpcServer } from '../RpcServer.js';
import { balance } from './balances.js';
import { LIST_BOUNDS, type ListBounds, unspentList } from './coinLists.js';
import { historyList, historyOfScripts } from './histories.js';
import { scriptsOf } from './scripts.js';

function outpointSpend(node: ChainNode, params: Params): unknown {
  const outpoint = { hash: params.hash(0, 'txid'), index: params.integer(1, 'n', 0, 0xffff_ffff) };
  const coin = node.output(outpoint);
  if (!coin) return null;
  const spender = node.spender(outpoint);
  const spent = spender && {
    txid: hashToId(spender.hash),
    vin: spender.inputIndex,
    height: spender.height,
  };
  return { ...coinView(node, outpoint, coin), spent: spent ?? null };
}

function transactionsOfJob(node: ChainNode, jobId: Uint8Array): HistoryOf {
  const waiting = Array.from(node.mempool.byJob(jobId), ({ hash }) => hash);
  return { index: 'jobs', groups: [jobId], waiting };
}

/**
 * Our own methods beside Bitcoin Core's: what the indexes know. Amounts are decimal texts here.
 * @param bounds of answers that are no pages
 */
export function registerIndexMethods(
  server: RpcServer,
  node: ChainNode,
  bounds: ListBounds = LIST_BOUNDS,
): void {
  const scriptsIn = (params: Params): Uint8Array[] => scriptsOf(node.parameters, params.raw(0));
  server.register(
    'getaddressutxos',
    (values, { signal }) => {
      const params = new Params(values);
      return unspentList(node, scriptsIn(params), params, signal, bounds);
    },
    INDEX_HELP.getaddressutxos,
  );
  server.register(
    'getaddressbalance',
    (values, { signal }) => {
      const params = new Params(values);
      return balance(node, scriptsIn(params), params, signal);
    },
    INDEX_HELP.getaddressbalance,
  );
  server.register(
    'getaddresshistory',
    (values, { signal }) => {
      const params = new Params(values);
      const of = historyOfScripts(node, scriptsIn(params));
      return historyList(node, of, params, signal, bounds.entries);
    },
    INDEX_HELP.getaddresshistory,
  );
  server.register(
    'getoutpointspend',
    (values) => outpointSpend(node, new Params(values)),
    INDEX_HELP.getoutpointspend,
  );
  server.register(
    'getjobtransactions',
    (values, { signal }) => {
      const params = new Params(values);
      const of = transactionsOfJob(node, params.hex(0, 'jobid', 32));
      return historyList(node, of, params, signal, bounds.entries);
    },
    INDEX_HELP.getjobtransactions,
  );
}
