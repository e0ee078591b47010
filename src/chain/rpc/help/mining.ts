import type { MethodHelp } from '../method.js';

const group = 'Mining';

/** What the methods to mine with take and answer. */
export const MINING_HELP = {
  getmininginfo: {
    group,
    summary: 'Shows what is known about mining: heights, targets, hash rates.',
    params: [],
    result:
      '{blocks, currentblockweight, currentblocktx, bits, difficulty, target, networkhashps, pooledtx, blockmintxfee, chain, next: {height, bits, difficulty, target}, localhashps, warnings}; localhashps are the hashes per second of the threads of node --mine',
  },
  getnetworkhashps: {
    group,
    summary: 'Estimates the hashes per second behind the last blocks.',
    params: [
      {
        name: 'nblocks',
        type: 'number',
        about:
          'How many blocks to judge by; -1 is the default too, since every block has its own target.',
        default: '120',
      },
      {
        name: 'height',
        type: 'number',
        about: 'Last of the blocks; -1 is the tip.',
        default: '-1',
      },
    ],
    result: 'hashes per second',
    errors: [[-8, 'nblocks is 0, or no block has this height']],
    example: '120',
  },
  getblocktemplate: {
    group,
    summary:
      'Gives an outside miner what it needs for the next block (BIP22, BIP23), or judges a block that is proposed.',
    params: [
      {
        name: 'template_request',
        type: 'object',
        about:
          '{mode: "template" or "proposal", capabilities, rules, longpollid: waits until that template is out of date, data: the proposed block in hex}',
        optional: true,
      },
    ],
    result:
      '{capabilities, version, rules, vbavailable, vbrequired, previousblockhash, transactions: [{data, txid, hash, depends, fee, sigops, weight}], coinbaseaux, coinbasevalue, longpollid, target, mintime, mutable, noncerange, sigoplimit, sizelimit, weightlimit, curtime, bits, height}; of a proposal null, or what is wrong with it',
    errors: [
      [-8, 'the mode or the longpollid is none'],
      [-22, 'the proposed block is not decoded'],
    ],
  },
  submitblock: {
    group,
    summary: 'Hands in a block that was mined.',
    params: [
      { name: 'hexdata', type: 'string', about: 'The block in hex.' },
      { name: 'dummy', type: 'any', about: 'Ignored, as BIP22 has it.', optional: true },
    ],
    result:
      'null when it is the new tip; inconclusive when it lies on a branch with less work; duplicate, duplicate-invalid, duplicate-inconclusive when it is known; else the reason why it is refused',
    errors: [[-22, 'the block is not decoded, or has no coinbase']],
    example: 'HEX',
  },
  generatetoaddress: {
    group,
    summary: 'Mines blocks at once; on regtest only.',
    params: [
      { name: 'nblocks', type: 'number', about: 'How many, at most 10000.' },
      { name: 'address', type: 'string', about: 'Whom they pay.' },
      {
        name: 'maxtries',
        type: 'number',
        about: 'Ignored: at the target of regtest every other try is a block.',
        optional: true,
      },
    ],
    result: '[ids of the blocks]',
    errors: [[-5, 'the address is none of this network']],
    example: '1 mgA7SfyBBrVGVSpQ7oqGHPhxpp2gUZWtfc',
  },
  generateblock: {
    group,
    summary:
      'Mines a block of just these transactions at once, whose fees nobody takes; on regtest only.',
    params: [
      { name: 'output', type: 'string', about: 'Address that the block pays to.' },
      {
        name: 'transactions',
        type: 'array',
        about: 'Ids of waiting transactions, or transactions in hex, parents first.',
      },
      { name: 'submit', type: 'boolean', about: 'Whether it is taken at once.', default: 'true' },
    ],
    result: '{hash, hex: the block, when it is not taken}',
    errors: [
      [-5, 'a transaction does not wait here, or the address is none of this network'],
      [-22, 'a transaction is not decoded'],
      [-25, 'the block would break a rule'],
    ],
    example: 'mgA7SfyBBrVGVSpQ7oqGHPhxpp2gUZWtfc []',
  },
} as const satisfies Record<string, MethodHelp>;
