import { type MethodHelp, OWN_GROUP, type ParamHelp } from '../method.js';

const group = OWN_GROUP;
const EXAMPLE_ADDRESS = 'mgA7SfyBBrVGVSpQ7oqGHPhxpp2gUZWtfc';
const ID = '8abdc027e07cb1f1948dcab3b2ffa27ac1f65ad2a080ddd11b46dc839c66e38b';

const OF: ParamHelp = {
  name: 'of',
  aliases: ['addresses', 'address'],
  type: ['string', 'array', 'object'],
  about:
    'An address, an array of addresses, or {"addresses": [text, …]} or {"scripts": [hex, …]} for locking scripts that ' +
    'are no addresses; at most 1,000.',
};
const NO_ADDRESS = [-5, 'An address is not valid on this network.'] as const;
/** What a list that strangers can lengthen is refused with. */
export const TOO_LONG = [
  -8,
  'There is more than one answer may hold (100,000 entries, or 32 MB of scripts): ask for pages.',
] as const;
/** What a page behind a transaction is refused with. */
export const NOT_IN_HISTORY = [
  -5,
  '"after" is not among these transactions, or no longer at that height: the mempool or the chain has changed.',
] as const;

/** Which part of a history is asked for. */
export const HISTORY_PAGE: readonly ParamHelp[] = [
  { name: 'count', type: 'number', optional: true, about: 'At most so many; all when absent.' },
  { name: 'skip', type: 'number', default: '0', about: 'Leave out so many first.' },
  {
    name: 'order',
    type: 'string',
    default: 'oldest',
    about: '"oldest" or "newest" first, as they stand in the chain; the mempool is newest.',
  },
  {
    name: 'after',
    type: 'object',
    optional: true,
    about:
      'Only those behind this one, as it was answered ({txid, height}): the last of the page before. No block that comes ' +
      'between two pages moves those of the chain.',
  },
];

/** Our own methods beside Bitcoin Core's: what the indexes know. */
export const INDEX_HELP = {
  getaddressutxos: {
    group,
    summary:
      'Unspent outputs of addresses, those of the mempool included, those spent there left out.',
    params: [
      OF,
      {
        name: 'largest',
        type: 'number',
        optional: true,
        about:
          'Of each script only so many, those worth most; all when absent. The list goes script by script, each from ' +
          'the output worth most down.',
      },
      {
        name: 'limit',
        type: 'number',
        optional: true,
        about:
          'A page of at most so many (1 to 10,000; 1,000 where only "after" or "carrying" is named), of all scripts ' +
          'together from the output worth most down; of equal ones by transaction hash (in byte order) and index. It ' +
          'ends earlier when it is longer than 4 MB.',
      },
      {
        name: 'after',
        type: 'object',
        optional: true,
        about:
          'Only those behind this one, as it was answered (its txid, vout and value count): the last of the page before. ' +
          'Ask until none comes. It may be spent meanwhile, and no block that comes between two pages moves the others.',
      },
      {
        name: 'carrying',
        type: 'boolean',
        default: 'false',
        about: 'Only those that a token rides on, or pins lie in.',
      },
    ],
    result:
      'An array of {address, txid, vout, value (a text of coins), scriptPubKey (hex), height (0 in the mempool), ' +
      'coinbase, tokenData (if a token rides on it), pins (if pins lie in it)}.',
    errors: [NO_ADDRESS, TOO_LONG],
    example: EXAMPLE_ADDRESS,
  },
  getaddressbalance: {
    group,
    summary: 'What the unspent outputs of addresses are worth.',
    params: [
      OF,
      {
        name: 'apart',
        type: 'boolean',
        default: 'false',
        about:
          'Tell what lies under tokens and pins apart, as reserved, and the number of outputs.',
      },
    ],
    result:
      'An object of texts of coins: confirmed, pending (in the mempool), immature (mined, and too young to spend); with ' +
      '"apart" also reserved, and coins: how many outputs these are.',
    errors: [NO_ADDRESS],
    example: EXAMPLE_ADDRESS,
  },
  getaddresshistory: {
    group,
    summary: 'Transactions that pay to addresses or spend from them.',
    params: [OF, ...HISTORY_PAGE],
    result: 'An array of {txid, height (0 in the mempool)}.',
    errors: [NO_ADDRESS, NOT_IN_HISTORY, TOO_LONG],
    example: `${EXAMPLE_ADDRESS} 20 0 newest`,
  },
  getoutpointspend: {
    group,
    summary: 'An output, spent or not, and what spent it.',
    params: [
      { name: 'txid', type: 'string', about: "The transaction's id." },
      { name: 'n', type: 'number', about: 'Which of its outputs; the first is 0.' },
    ],
    result:
      'The fields of getaddressutxos and spent: {txid, vin, height (0 in the mempool)} or null. Null alone when no such ' +
      'output is known.',
    errors: [[-8, 'The id is not 64 hexadecimal digits.']],
    example: `${ID} 0`,
  },
  getjobtransactions: {
    group,
    summary: 'Transactions that carry a job id.',
    params: [
      { name: 'jobid', type: 'string', about: 'The job id: 64 hexadecimal digits.' },
      ...HISTORY_PAGE,
    ],
    result: 'An array of {txid, height (0 in the mempool)}.',
    errors: [[-22, 'The id is not 64 hexadecimal digits.'], NOT_IN_HISTORY, TOO_LONG],
    example: '0000000000000000000000000000000000000000000000000000000000000000',
  },
  faucet: {
    group,
    summary: "Pays coins out of a regtest node's own key, to which it mines.",
    params: [
      { name: 'address', type: 'string', about: 'Who is paid.' },
      { name: 'amount', type: 'amount', about: 'Coins, at most 10,000.' },
    ],
    result: "The transaction's id.",
    errors: [
      [-1, 'The faucet has not mined enough yet.'],
      NO_ADDRESS,
      [-8, 'The amount is 0 or above 10,000.'],
    ],
    example: `${EXAMPLE_ADDRESS} 1.5`,
  },
} satisfies Record<string, MethodHelp>;
