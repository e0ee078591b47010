import { hashToId, parseOutpoint } from '../../codec/transaction.js';
import type { ChainNode } from '../../node/ChainNode.js';
import { findTokens, historyOfTokens } from '../../node/tokens.js';
import { tokenCategory } from '../../store/tokenIndex.js';
import { coinView } from '../coinViews.js';
import { HISTORY_PAGE, NOT_IN_HISTORY, TOO_LONG } from '../help/indexes.js';
import type { ParamHelp } from '../method.js';
import { Params } from '../Params.js';
import type { RpcServer } from '../RpcServer.js';
import { LIST_BOUNDS, type ListBounds } from './coinLists.js';
import { type HistoryView, historyList } from './histories.js';

/** Most outputs in one answer. */
const LIST_LIMIT = 1_000;
const NO_LIMIT = 0xffff_ffff;

function listTokens(node: ChainNode, params: Params): object[] {
  const category = params.hash(0, 'category');
  const limit = params.integer(1, 'limit', 1, LIST_LIMIT, LIST_LIMIT);
  const after = params.raw(2) === undefined ? undefined : parseOutpoint(params.string(2, 'after'));
  const found: object[] = [];
  for (const { outpoint, coin } of findTokens(node, category, after)) {
    if (found.length === limit) break;
    found.push(coinView(node, outpoint, coin));
  }
  return found;
}

/** The latest transactions of a category, oldest first: at most so many, or all. */
async function latestOf(
  node: ChainNode,
  category: Uint8Array,
  count: number | undefined,
  signal: AbortSignal,
  most: number,
): Promise<HistoryView[]> {
  const page = new Params([undefined, count, 0, 'newest']);
  const of = historyOfTokens(node, category);
  const latest = await historyList(node, of, page, signal, most);
  return latest.reverse();
}

async function showCategory(
  node: ChainNode,
  params: Params,
  signal: AbortSignal,
  most: number,
): Promise<object | null> {
  const category = params.hash(0, 'category');
  const count = params.has(1) ? params.integer(1, 'count', 0, NO_LIMIT) : undefined;
  const counts = tokenCategory(node.store, category);
  const [firstWaiting] = historyOfTokens(node, category).waiting;
  const genesis = counts?.genesis ?? firstWaiting;
  if (!genesis) return null;
  const { amount = 0n, outputs = 0, none = 0, mutable = 0, minting = 0 } = counts ?? {};
  return {
    category: hashToId(category),
    genesis: hashToId(genesis),
    height: counts?.height ?? 0,
    amount: amount.toString(),
    outputs,
    nfts: { none, mutable, minting },
    history: await latestOf(node, category, count, signal, most),
  };
}

function tokenHistory(
  node: ChainNode,
  params: Params,
  signal: AbortSignal,
  most: number,
): Promise<HistoryView[]> {
  const of = historyOfTokens(node, params.hash(0, 'category'));
  return historyList(node, of, params, signal, most);
}

const CATEGORY: ParamHelp = {
  name: 'category',
  type: 'string',
  about: 'Its id: the transaction it was born from.',
};

/** What the index of tokens knows (CHIP-2022-02, DESIGN 4.4). */
export function registerTokenMethods(
  server: RpcServer,
  node: ChainNode,
  { entries }: ListBounds = LIST_BOUNDS,
): void {
  server.register('gettokens', (values) => listTokens(node, new Params(values)), {
    group: 'Bitmodel',
    summary:
      'Lists the unspent outputs that hold tokens of a category: who has them now. Those of the mempool, at height 0, come last; those spent there are left out.',
    params: [
      CATEGORY,
      { name: 'limit', type: 'number', about: 'Most outputs in the answer.', default: '1000' },
      {
        name: 'after',
        type: 'string',
        about: 'Only those behind this outpoint, TXID:VOUT, to read a long list in pages.',
        optional: true,
      },
    ],
    result: 'Array of outputs as of getaddressutxos, each with tokenData.',
    example: '5f1b…c9',
  });
  server.register(
    'gettoken',
    (values, { signal }) => showCategory(node, new Params(values), signal, entries),
    {
      group: 'Bitmodel',
      summary:
        'Shows a token category: where it was born, what there is of it, and its transactions.',
      params: [
        CATEGORY,
        {
          name: 'count',
          type: 'number',
          optional: true,
          about: 'Of its transactions at most so many, the latest; all when absent.',
        },
      ],
      result:
        '{category, genesis, height, amount, outputs, nfts: {none, mutable, minting}, history: [{txid, height}]}, or null when no transaction named it. Counts are of the chain alone.',
      errors: [TOO_LONG],
      example: '5f1b…c9',
    },
  );
  server.register(
    'gettokenhistory',
    (values, { signal }) => tokenHistory(node, new Params(values), signal, entries),
    {
      group: 'Bitmodel',
      summary: 'Lists the transactions that made, moved or burnt tokens of a category.',
      params: [CATEGORY, ...HISTORY_PAGE],
      result: 'An array of {txid, height (0 in the mempool)}.',
      errors: [NOT_IN_HISTORY, TOO_LONG],
      example: '5f1b…c9 100',
    },
  );
}
