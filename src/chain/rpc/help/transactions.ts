import type { MethodHelp, ParamHelp } from '../method.js';

const group = 'Rawtransactions';

const TXID: ParamHelp = { name: 'txid', type: 'string', about: "The transaction's id." };
const HEX: ParamHelp = { name: 'hexstring', type: 'string', about: 'The bytes in hex.' };
const ID = '8abdc027e07cb1f1948dcab3b2ffa27ac1f65ad2a080ddd11b46dc839c66e38b';
const MALFORMED = [-8, 'An id is not 64 hexadecimal digits.'] as const;

/** Methods that make, take apart and find transactions. */
export const TRANSACTION_HELP = {
  getrawtransaction: {
    group,
    summary: 'Shows a transaction of the chain or of the mempool.',
    params: [
      TXID,
      {
        name: 'verbosity',
        aliases: ['verbose'],
        type: ['number', 'boolean'],
        default: '0',
        about: '0 for its bytes in hex, 1 for an object, 2 with its fee and the coins it spends.',
      },
      {
        name: 'blockhash',
        type: 'string',
        optional: true,
        about: 'Look in this block only, on whatever branch it is.',
      },
    ],
    result:
      'The hex; or an object: in_active_chain (if a block was named), the fields of decoderawtransaction, hex, and for ' +
      'a transaction in a block blockhash, height, confirmations, time, blocktime; time (when it came) in the mempool. ' +
      'With 2 also fee, and in each entry of vin prevout {generated, height, value, scriptPubKey}.',
    errors: [
      [-5, 'Neither the chain nor the mempool has it, or the block is unknown or lacks it.'],
      MALFORMED,
    ],
    example: `${ID} 1`,
  },
  createrawtransaction: {
    group,
    summary: 'Makes an unsigned transaction. Nothing is stored or sent.',
    params: [
      {
        name: 'inputs',
        type: 'array',
        about:
          'What it spends: {"txid": text, "vout": number, "sequence": number (optional)} each.',
      },
      {
        name: 'outputs',
        type: ['array', 'object'],
        exact: true,
        about:
          'What it pays: {"ADDRESS": amount, …, "data": "hex"}, or an array of such with one member each, in their order.',
      },
      {
        name: 'locktime',
        type: 'number',
        default: '0',
        about: 'Not in a block before this height or, from 500000000 on, this time.',
      },
      {
        name: 'replaceable',
        type: 'boolean',
        default: 'true',
        about: 'Inputs without a sequence say that it may be replaced (BIP125).',
      },
      {
        name: 'jobid',
        type: 'string',
        optional: true,
        about: 'The job it pays for, 64 hexadecimal digits: it gets version 10 instead of 2.',
      },
    ],
    result: 'The transaction in hex.',
    errors: [
      [-3, 'An amount is no amount, or out of range.'],
      [-5, 'An address is not valid on this network.'],
      [-8, 'An input or an output is malformed, or an address stands twice.'],
    ],
    example: `'[{"txid":"${ID}","vout":0}]' '{"mgA7SfyBBrVGVSpQ7oqGHPhxpp2gUZWtfc":0.01}'`,
  },
  decoderawtransaction: {
    group,
    summary: 'Shows what a transaction in hex holds.',
    params: [
      HEX,
      {
        name: 'iswitness',
        type: 'boolean',
        optional: true,
        about: "Taken for Bitcoin's clients, and ignored: there are no witnesses here.",
      },
    ],
    result:
      'An object: txid and hash (the same), version, size and vsize (bytes), weight (4 × size), locktime, jobid (from ' +
      'version 10 on), vin [{txid, vout, scriptSig {asm, hex}, sequence} or {coinbase, sequence}], vout [{value, n, ' +
      'scriptPubKey {asm, hex, address, type}, tokenData}]. The asm of a script is cut after 10,000 operations.',
    errors: [[-22, 'It is not the encoding of a transaction.']],
    example: '"hexstring"',
  },
  decodescript: {
    group,
    summary: 'Shows what a script in hex holds.',
    params: [{ ...HEX, about: 'The script in hex.' }],
    result:
      'An object: asm, address (if it has one), type (pubkeyhash, pubkey, nulldata, nonstandard).',
    errors: [[-8, 'It is not hexadecimal.']],
    example: '76a914000000000000000000000000000000000000000088ac',
  },
  gettxout: {
    group: 'Blockchain',
    summary: 'Shows an output that nothing has spent.',
    params: [
      TXID,
      { name: 'n', type: 'number', about: 'Which of its outputs; the first is 0.' },
      {
        name: 'include_mempool',
        type: 'boolean',
        default: 'true',
        about: 'Whether what waits in the mempool counts.',
      },
    ],
    result:
      'An object: bestblock, confirmations (0 in the mempool), value, scriptPubKey, coinbase. Null when it is spent or unknown.',
    errors: [MALFORMED],
    example: `${ID} 0`,
  },
} satisfies Record<string, MethodHelp>;
