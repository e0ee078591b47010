import { hashToId, parseOutpoint } from '../../codec/transaction.js';
import type { ChainNode } from '../../node/ChainNode.js';
import { findCategory, findTokens } from '../../node/tokens.js';
import { Params } from '../Params.js';
import type { RpcServer } from '../RpcServer.js';
import { coinView } from './indexes.js';

/** Most outputs in one answer. */
const LIST_LIMIT = 1_000;

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

function showCategory(node: ChainNode, params: Params): object | null {
  const category = params.hash(0, 'category');
  const found = findCategory(node, category);
  if (!found) return null;
  const { counts, history } = found;
  const { amount = 0n, outputs = 0, none = 0, mutable = 0, minting = 0 } = counts ?? {};
  return {
    category: hashToId(category),
    genesis: hashToId(history[0]!.hash),
    height: history[0]!.height,
    amount: amount.toString(),
    outputs,
    nfts: { none, mutable, minting },
    history: history.map(({ hash, height }) => ({ txid: hashToId(hash), height })),
  };
}

/** What the index of tokens knows (CHIP-2022-02, DESIGN 4.4). */
export function registerTokenMethods(server: RpcServer, node: ChainNode): void {
  server.register('gettokens', (values) => listTokens(node, new Params(values)), {
    group: 'Bitmodel',
    summary:
      'Lists the unspent outputs that hold tokens of a category: who has them now. Those of the mempool, at height 0, come last; those spent there are left out.',
    params: [
      { name: 'category', type: 'string', about: 'Its id: the transaction it was born from.' },
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
  server.register('gettoken', (values) => showCategory(node, new Params(values)), {
    group: 'Bitmodel',
    summary:
      'Shows a token category: where it was born, what there is of it, and its transactions.',
    params: [
      { name: 'category', type: 'string', about: 'Its id: the transaction it was born from.' },
    ],
    result:
      '{category, genesis, height, amount, outputs, nfts: {none, mutable, minting}, history: [{txid, height}]}, or null when no transaction named it. Counts are of the chain alone.',
    example: '5f1b…c9',
  });
}
