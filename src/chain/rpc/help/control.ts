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

/** Methods about peers, of which this version has none. */
export const NETWORK_HELP = {
  getnetworkinfo: {
    group: 'Network',
    summary: 'Shows the state of the peer-to-peer network. This version of the node has no peers.',
    params: [],
    result:
      'An object: version, subversion, protocolversion, localservices, localservicesnames, localrelay, timeoffset, ' +
      'networkactive (false), connections, connections_in, connections_out (0), networks, relayfee and incrementalfee ' +
      '(coins per 1,000 bytes), localaddresses, warnings.',
  },
  getconnectioncount: {
    group: 'Network',
    summary: 'Number of peers.',
    params: [],
    result: '0, in this version of the node.',
  },
  getpeerinfo: {
    group: 'Network',
    summary: 'Shows the peers.',
    params: [],
    result: 'An empty array, in this version of the node.',
  },
  getaddednodeinfo: {
    group: 'Network',
    summary: 'Shows the peers that addnode added.',
    params: [{ name: 'node', type: 'string', optional: true, about: 'Only this one.' }],
    result: 'An empty array, in this version of the node.',
    errors: [[-24, 'A node is named: none has been added.']],
  },
  addnode: {
    group: 'Network',
    summary: 'Adds or removes a peer. This version of the node has no peer-to-peer network yet.',
    params: [
      { name: 'node', type: 'string', about: 'HOST:PORT of the peer.' },
      { name: 'command', type: 'string', about: 'add, remove or onetry.' },
    ],
    result: 'Null.',
    errors: [
      [-1, 'The command is none of the three.'],
      [-31, 'In this version of the node, always.'],
    ],
    example: '192.168.0.6:8333 add',
  },
  disconnectnode: {
    group: 'Network',
    summary: 'Disconnects a peer. This version of the node has no peer-to-peer network yet.',
    params: [
      { name: 'address', type: 'string', default: '""', about: 'HOST:PORT of the peer.' },
      { name: 'nodeid', type: 'number', optional: true, about: 'Its number in getpeerinfo.' },
    ],
    result: 'Null.',
    errors: [[-29, 'It is no peer: in this version of the node, always.']],
    example: '192.168.0.6:8333',
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
