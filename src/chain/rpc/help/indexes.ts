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
          'Of each script only so many, those worth most, in the order in which they were found; all when absent.',
      },
    ],
    result:
      'An array of {address, txid, vout, value (a text of coins), scriptPubKey (hex), height (0 in the mempool), ' +
      'coinbase, tokenData (if a token rides on it), pins (if pins lie in it)}.',
    errors: [NO_ADDRESS],
    example: EXAMPLE_ADDRESS,
  },
  getaddressbalance: {
    group,
    summary: 'What the unspent outputs of addresses are worth.',
    params: [OF],
    result:
      'An object of texts of coins: confirmed, pending (in the mempool), immature (mined, and too young to spend).',
    errors: [NO_ADDRESS],
    example: EXAMPLE_ADDRESS,
  },
  getaddresshistory: {
    group,
    summary: 'Transactions that pay to addresses or spend from them.',
    params: [
      OF,
      { name: 'count', type: 'number', optional: true, about: 'At most so many; all when absent.' },
      { name: 'skip', type: 'number', default: '0', about: 'Leave out so many first.' },
      {
        name: 'order',
        type: 'string',
        default: 'oldest',
        about: '"oldest" or "newest" first; the mempool is newest.',
      },
    ],
    result: 'An array of {txid, height (0 in the mempool)}.',
    errors: [NO_ADDRESS],
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
    params: [{ name: 'jobid', type: 'string', about: 'The job id: 64 hexadecimal digits.' }],
    result: 'An array of {txid, height (0 in the mempool)}, oldest first.',
    errors: [[-22, 'The id is not 64 hexadecimal digits.']],
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
