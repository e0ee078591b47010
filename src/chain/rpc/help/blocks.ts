import type { MethodHelp, ParamHelp } from '../method.js';

const group = 'Blockchain';

const BLOCKHASH: ParamHelp = { name: 'blockhash', type: 'string', about: "The block's id." };
const ID = '08b681803f22ee7c6be8015cf6f72d37605498ff8cba5a332c922874fd433f83';
const UNKNOWN = [-5, 'No block has this id.'] as const;
const MALFORMED = [-8, 'The id is not 64 hexadecimal digits.'] as const;

/** Methods that show the chain. */
export const BLOCK_HELP = {
  getblockchaininfo: {
    group,
    summary: 'Shows the state of the chain.',
    params: [],
    result:
      'An object: chain ("main", "test" or "regtest"), blocks (height of the tip), headers (height of the header with the most work), bestblockhash, bits, ' +
      'difficulty, time and mediantime of the tip, verificationprogress (0 to 1), initialblockdownload (a day of blocks behind), chainwork (hex), ' +
      'size_on_disk (bytes), pruned, warnings.',
  },
  getblockcount: {
    group,
    summary: 'Height of the tip of the active chain; the genesis block has height 0.',
    params: [],
    result: 'A number.',
  },
  getbestblockhash: {
    group,
    summary: 'Id of the tip of the active chain.',
    params: [],
    result: 'The block id.',
  },
  getdifficulty: {
    group,
    summary: "How much harder than Bitcoin's difficulty 1 the tip's target is.",
    params: [],
    result: 'A number.',
  },
  getchaintips: {
    group,
    summary: 'The ends of all branches that are known, the active one included.',
    params: [],
    result:
      'An array of {height, hash, branchlen (blocks off the active chain), status}: "active"; "valid-fork", once ' +
      'connected; "valid-headers", kept, never connected; "headers-only", not fetched; "invalid".',
  },
  getblockhash: {
    group,
    summary: "Id of the active chain's block at a height.",
    params: [{ name: 'height', type: 'number', about: 'The height.' }],
    result: 'The block id.',
    errors: [[-8, 'The chain has no such height.']],
    example: '0',
  },
  getblockheader: {
    group,
    summary: "Shows a block's header.",
    params: [
      BLOCKHASH,
      {
        name: 'verbose',
        type: 'boolean',
        default: 'true',
        about: 'True for an object, false for the 80 bytes in hex.',
      },
    ],
    result:
      'An object: hash, confirmations (-1 off the active chain), height, version, versionHex, merkleroot, time, ' +
      'mediantime, nonce, bits, difficulty, chainwork, nTx, previousblockhash, nextblockhash. Or the hex.',
    errors: [UNKNOWN, MALFORMED],
    example: ID,
  },
  getblock: {
    group,
    summary: 'Shows a block.',
    params: [
      BLOCKHASH,
      {
        name: 'verbosity',
        aliases: ['verbose'],
        type: ['number', 'boolean'],
        default: '1',
        about:
          '0 for its bytes in hex, 1 for an object with transaction ids, 2 with transactions and their fees, 3 with ' +
          'the coins that they spend, too.',
      },
    ],
    result:
      'The fields of getblockheader, then strippedsize and size (bytes), weight (4 × size), tx. Or the hex.',
    errors: [[-1, 'The block is no longer kept.'], UNKNOWN, MALFORMED],
    example: `${ID} 2`,
  },
  getblockstats: {
    group,
    summary:
      'Counts what a block of the active chain holds. Amounts are in base units; the coinbase pays no fee.',
    params: [
      {
        name: 'hash_or_height',
        type: ['number', 'string'],
        about: "The block's id, or its height on the active chain.",
      },
      { name: 'stats', type: 'array', optional: true, about: 'Only these; all when absent.' },
    ],
    result:
      'An object: avgfee, avgfeerate (per byte), avgtxsize, blockhash, feerate_percentiles (10th, 25th, 50th, 75th and ' +
      '90th, by bytes), height, ins, maxfee, maxfeerate, maxtxsize, medianfee, mediantime, mediantxsize, minfee, ' +
      'minfeerate, mintxsize, outs, subsidy, swtotal_size, swtotal_weight and swtxs (0: there are no witnesses), time, ' +
      'total_out, total_size and total_weight (without the coinbase), totalfee, txs, utxo_increase, utxo_size_inc.',
    errors: [
      [-1, 'The block is no longer kept.'],
      [-5, 'No block of the active chain has this id.'],
      [-8, 'The chain has no such height, or a statistic no such name.'],
    ],
    example: `0 '["txs","totalfee"]'`,
  },
} satisfies Record<string, MethodHelp>;
