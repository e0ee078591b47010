import type { MethodHelp, ParamHelp } from '../method.js';

const group = 'Mempool';
const ID = '8abdc027e07cb1f1948dcab3b2ffa27ac1f65ad2a080ddd11b46dc839c66e38b';
const txid: ParamHelp = { name: 'txid', type: 'string', about: 'Id of a waiting transaction.' };
const verbose: ParamHelp = {
  name: 'verbose',
  type: 'boolean',
  about: 'Objects by id instead of ids.',
  default: 'false',
};
const ENTRY =
  '{vsize, weight, time, height, descendantcount, descendantsize, ancestorcount, ancestorsize, wtxid, fees: {base, modified, ancestor, descendant}, depends, spentby, bip125-replaceable, unbroadcast}';
const notWaiting = [-5, 'Transaction not in mempool'] as const;

/** What the methods about the mempool take and answer. */
export const MEMPOOL_HELP = {
  getmempoolinfo: {
    group,
    summary: 'Shows how full the mempool is and what it asks for.',
    params: [],
    result:
      '{loaded, size, bytes, usage, total_fee, maxmempool, mempoolminfee, minrelaytxfee, incrementalrelayfee, unbroadcastcount, fullrbf}; bytes counts encoded transactions, usage and maxmempool memory, fees are per 1,000 bytes',
  },
  getrawmempool: {
    group,
    summary: 'Lists the transactions that wait for a block, parents before children.',
    params: [
      verbose,
      {
        name: 'mempool_sequence',
        type: 'boolean',
        about: "Adds the mempool's sequence number; not with verbose.",
        default: 'false',
      },
    ],
    result: `[ids], {txids, mempool_sequence}, or by id ${ENTRY}`,
    errors: [[-8, 'verbose and mempool_sequence are both asked for']],
    example: 'true',
  },
  getmempoolentry: {
    group,
    summary: 'Shows one waiting transaction.',
    params: [txid],
    result: ENTRY,
    errors: [notWaiting],
    example: ID,
  },
  getmempoolancestors: {
    group,
    summary: 'Lists what a waiting transaction depends on.',
    params: [txid, verbose],
    result: `[ids], or by id ${ENTRY}`,
    errors: [notWaiting],
    example: ID,
  },
  getmempooldescendants: {
    group,
    summary: 'Lists what depends on a waiting transaction.',
    params: [txid, verbose],
    result: `[ids], or by id ${ENTRY}`,
    errors: [notWaiting],
    example: ID,
  },
  abandontransaction: {
    group,
    summary:
      'Gives up a payment that waits for a block and is not getting into one, with all that spend it: their coins can be spent again.',
    params: [{ name: 'txid', type: 'string', about: 'Id of a payment that this node keeps.' }],
    result:
      'Null. Other nodes may have it and still bring it into a block. Only a light node keeps payments that it sends again; a full node has its mempool, and answers with an error.',
    errors: [[-5, 'No such payment is kept, it waits in the mempool, or it is in a block.']],
    example: ID,
  },
  savemempool: {
    group,
    summary: 'Writes the mempool to its file at once; a stop does so too.',
    params: [],
    result: '{filename}',
    errors: [[-1, 'the saved mempool is still being read back']],
  },
  testmempoolaccept: {
    group,
    summary:
      'Tells whether the mempool would take transactions, and sends none. Several may spend from each other, parents first, and may replace nothing.',
    params: [
      { name: 'rawtxs', type: 'array', about: '1 to 25 transactions in hex.' },
      {
        name: 'maxfeerate',
        type: 'amount',
        about: 'Coins per 1,000 bytes above which it says no; 0 is no limit.',
        default: '0.10',
      },
    ],
    result:
      '[{txid, wtxid, package-error, allowed, vsize, fees: {base, effective-feerate, effective-includes}, reject-reason, reject-details}]; those after a refused one are not judged. docs/mempool.md has every reason',
    errors: [
      [-8, 'there are none or more than 25, or the rate is 1 coin or more'],
      [-22, 'one is not decoded'],
    ],
    example: `'["HEX"]'`,
  },
  prioritisetransaction: {
    group,
    summary: 'Makes a transaction count as paying more or less when it is chosen or evicted.',
    params: [
      { name: 'txid', type: 'string', about: 'Its id; it may come later.' },
      { name: 'dummy', type: 'number', about: '0, as in Bitcoin Core.', optional: true },
      {
        name: 'fee_delta',
        type: 'number',
        about: 'Base units to add; below 0 they are taken off.',
      },
    ],
    result: 'true',
    errors: [[-8, 'dummy is not 0']],
    example: `${ID} 0 10000`,
  },
  getprioritisedtransactions: {
    group,
    summary: 'Lists the fees that prioritisetransaction has changed.',
    params: [],
    result: '{id: {fee_delta, in_mempool, modified_fee}}, in base units',
  },
  estimatesmartfee: {
    group: 'Util',
    summary:
      'Estimates from what this node has seen what a transaction must pay to be confirmed in time.',
    params: [
      { name: 'conf_target', type: 'number', about: 'Blocks, 1 to 1008.' },
      {
        name: 'estimate_mode',
        type: 'string',
        about: 'unset, economical or conservative; they answer alike.',
        default: 'unset',
      },
    ],
    result: '{feerate: coins per 1,000 bytes, errors: when too little was seen, blocks}',
    errors: [[-8, 'no such target or mode']],
    example: '6',
  },
  estimaterawfee: {
    group: 'Util',
    summary: 'Shows what an estimate of a fee rests on.',
    params: [
      { name: 'conf_target', type: 'number', about: 'Blocks, 1 to 1008.' },
      {
        name: 'threshold',
        type: 'number',
        about: 'Share confirmed in time, 0 to 1.',
        default: '0.95',
      },
    ],
    result:
      '{long: {feerate, decay, scale, pass: {startrange, endrange, withintarget, totalconfirmed, inmempool, leftmempool}, fail, errors}}',
    errors: [[-8, 'no such target or threshold']],
    example: '6 0.9',
  },
} as const satisfies Record<string, MethodHelp>;
