import { type MethodHelp, OWN_GROUP, type ParamHelp } from '../method.js';

const TIMEOUT: ParamHelp = {
  name: 'timeout',
  type: 'number',
  default: '0',
  about: 'Milliseconds after which it answers all the same; 0, and what is beyond, means 60000.',
};
const TIP = 'The tip as it is then: {hash, height}.';

/** Methods that answer when the chain has moved. */
export const WAITING_HELP = {
  waitfornewblock: {
    group: 'Blockchain',
    summary: 'Waits until the tip changes.',
    params: [TIMEOUT],
    result: TIP,
    example: '1000',
  },
  waitforblock: {
    group: 'Blockchain',
    summary: 'Waits until a block is the tip.',
    params: [{ name: 'blockhash', type: 'string', about: "The block's id." }, TIMEOUT],
    result: TIP,
    errors: [[-8, 'The id is not 64 hexadecimal digits.']],
    example: '08b681803f22ee7c6be8015cf6f72d37605498ff8cba5a332c922874fd433f83 1000',
  },
  waitforblockheight: {
    group: 'Blockchain',
    summary: 'Waits until the chain has a height.',
    params: [{ name: 'height', type: 'number', about: 'The height.' }, TIMEOUT],
    result: TIP,
    example: '100 1000',
  },
} satisfies Record<string, MethodHelp>;

/** Methods about the node's process. */
export const CONTROL_HELP = {
  uptime: {
    group: 'Control',
    summary: 'How long the node has run.',
    params: [],
    result: 'Seconds.',
  },
  help: {
    group: 'Control',
    summary: 'Lists all methods, or shows what one does and takes.',
    params: [{ name: 'command', type: 'string', optional: true, about: 'A method.' }],
    result: 'The text.',
    example: 'getblock',
  },
  describemethod: {
    group: OWN_GROUP,
    summary: 'Shows what help shows, for programs: what a method takes, and of which type.',
    params: [{ name: 'command', type: 'string', about: 'A method.' }],
    result:
      'An object: name, usage, group, summary, params [{name, aliases, type, about, optional, default}], result, ' +
      'errors [[number, when]], example.',
    errors: [[-5, 'There is no such method, or nothing is known of what it takes.']],
    example: 'getblock',
  },
  getrpcinfo: {
    group: 'Control',
    summary: 'Shows what the RPC server is doing.',
    params: [],
    result:
      'An object: active_commands [{method, duration (microseconds)}], logpath (empty: the node writes no log file).',
  },
  stop: {
    group: 'Control',
    summary: 'Ends the node, once this was answered.',
    params: [],
    result: '"bitmodel stopping"',
  },
} satisfies Record<string, MethodHelp>;

const ADDRESS: ParamHelp = { name: 'address', type: 'string', about: 'The address.' };
const MESSAGE: ParamHelp = {
  name: 'message',
  type: 'string',
  about: 'The message that is signed.',
};
const EXAMPLE_ADDRESS = 'mgA7SfyBBrVGVSpQ7oqGHPhxpp2gUZWtfc';

/** Methods that need no chain. */
export const UTIL_HELP = {
  validateaddress: {
    group: 'Util',
    summary: 'Whether an address is one of this network.',
    params: [ADDRESS],
    result:
      'An object: isvalid; when it is, address, scriptPubKey (hex), isscript and iswitness (always false); when not, ' +
      'error and error_locations (always empty).',
    example: EXAMPLE_ADDRESS,
  },
  verifymessage: {
    group: 'Util',
    summary: 'Whether the owner of an address signed a message.',
    params: [
      ADDRESS,
      { name: 'signature', type: 'string', about: 'The signature in base64.' },
      MESSAGE,
    ],
    result: 'True or false.',
    errors: [
      [-3, 'The signature is not base64.'],
      [-5, 'The address is not valid on this network.'],
    ],
    example: `${EXAMPLE_ADDRESS} "signature" "my message"`,
  },
  signmessagewithprivkey: {
    group: 'Util',
    summary: "Signs a message with a private key, in Bitcoin's format.",
    params: [
      { name: 'privkey', type: 'string', about: 'The key in wallet import format.' },
      MESSAGE,
    ],
    result: 'The signature in base64.',
    errors: [[-5, 'The key is not valid on this network.']],
    example: '"privkey" "my message"',
  },
} satisfies Record<string, MethodHelp>;
