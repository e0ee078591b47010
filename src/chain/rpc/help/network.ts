import { type MethodHelp, OWN_GROUP, type ParamHelp } from '../method.js';

const NODE: ParamHelp = {
  name: 'node',
  type: 'string',
  about: 'HOST:PORT of the node, [IPV6]:PORT, or a multiaddr.',
};
const DISABLED = [-31, 'The node has no peer-to-peer network.'] as const;

/** Methods about peers. A node without a peer-to-peer network answers them, too: it has none. */
export const NETWORK_HELP = {
  getnetworkinfo: {
    group: 'Network',
    summary: 'Shows the state of the peer-to-peer network.',
    params: [],
    result:
      'An object: version, subversion, protocolversion, localservices, localservicesnames, localrelay, timeoffset, ' +
      'networkactive (false without a network), connections, connections_in, connections_out, networks, relayfee and ' +
      'incrementalfee (coins per 1,000 bytes), localaddresses [{address, port, score}], warnings; with a network also ' +
      'id (what other nodes know this one by) and addresses (multiaddrs under which it can be reached).',
  },
  getnettotals: {
    group: 'Network',
    summary: 'Shows how many bytes went over the peer-to-peer network since the start.',
    params: [],
    result:
      'An object: totalbytesrecv, totalbytessent (inside the encryption; what goes through a relay counts for the ' +
      'connection with the relay, too), timemillis, uploadtarget (of clients of Bitcoin Core: there is none).',
  },
  getconnectioncount: {
    group: 'Network',
    summary: 'Number of peers.',
    params: [],
    result: 'The number.',
  },
  getpeerinfo: {
    group: 'Network',
    summary: 'Shows the peers.',
    params: [],
    result:
      'An array of objects: id (a number), peer (the id of its key), addr, network, services, servicesnames (the ' +
      'protocols that it speaks), relaytxes, bytessent and bytesrecv (over the connections that are open), conntime, timeoffset (seconds that its clock is ahead), pingtime and minping (seconds), version, subver, ' +
      'inbound, synced_headers and synced_blocks (-1 where unknown), connection_type, relayed (whether another node ' +
      'carries the connection), score (points held against it; at 100 it is banned).',
  },
  getaddednodeinfo: {
    group: 'Network',
    summary: 'Shows the nodes that addnode added, and those that the node was started with.',
    params: [{ name: 'node', type: 'string', optional: true, about: 'Only this one.' }],
    result: 'An array of objects: addednode, connected, addresses [{address, connected}].',
    errors: [[-24, 'The node that is named was not added.']],
  },
  addnode: {
    group: 'Network',
    summary: 'Adds or removes a node to be dialled for ever, or dials one once.',
    params: [
      NODE,
      { name: 'command', type: 'string', about: 'add, remove or onetry.' },
      {
        name: 'v2transport',
        type: 'boolean',
        optional: true,
        about: 'Taken for the sake of clients: every connection is encrypted.',
      },
    ],
    result: 'Null.',
    errors: [
      [-1, 'The command is none of the three.'],
      [-5, 'The address is none.'],
      [-23, 'The node was added already.'],
      [-24, 'The node that is to be removed was not added.'],
      DISABLED,
    ],
    example: '192.168.0.6:9732 add',
  },
  disconnectnode: {
    group: 'Network',
    summary: 'Disconnects a peer.',
    params: [
      {
        name: 'address',
        type: 'string',
        default: '""',
        about: 'HOST:PORT of the peer, or the id of its key.',
      },
      { name: 'nodeid', type: 'number', optional: true, about: 'Its number in getpeerinfo.' },
    ],
    result: 'Null.',
    errors: [
      [-29, 'It is no peer.'],
      [-32602, 'Both or none of the two are given.'],
    ],
    example: '192.168.0.6:9732',
  },
  getnodeaddresses: {
    group: 'Network',
    summary: 'Shows nodes that this one knows of, connected or not, at random.',
    params: [
      { name: 'count', type: 'number', default: '1', about: 'How many at most; 0 for all.' },
      { name: 'network', type: 'string', optional: true, about: 'Only ipv4 or ipv6.' },
    ],
    result:
      'An array of objects: time (when it was last heard of, seconds since 1970), services, address, port, network, ' +
      'peer (the id of its key).',
    errors: [[-8, 'The count is below 0, or there is no such network.']],
    example: '8',
  },
  ping: {
    group: 'Network',
    summary: 'Measures how far the peers are; getpeerinfo shows it (pingtime) soon after.',
    params: [],
    result: 'Null.',
    errors: [DISABLED],
  },
  setnetworkactive: {
    group: 'Network',
    summary: 'Ends or resumes all peer-to-peer connections.',
    params: [{ name: 'state', type: 'boolean', about: 'True to have peers, false to have none.' }],
    result: 'The state: true or false.',
    errors: [DISABLED],
    example: 'true',
  },
  setban: {
    group: 'Network',
    summary: 'Bans addresses or a peer, or lifts a ban. Whoever is banned is disconnected.',
    params: [
      {
        name: 'subnet',
        type: 'string',
        about: 'An address, a range as 192.168.1.0/24, or the id of a peer.',
      },
      { name: 'command', type: 'string', about: 'add or remove.' },
      { name: 'bantime', type: 'number', default: '0', about: 'Seconds; 0 means a day.' },
      {
        name: 'absolute',
        type: 'boolean',
        default: 'false',
        about: 'Whether bantime is when the ban ends, in seconds since 1970.',
      },
    ],
    result: 'Null.',
    errors: [
      [-1, 'The command is none of the two.'],
      [-8, 'The time is past.'],
      [-23, 'It is banned already.'],
      [-30, 'That is no address, range or id; or there is no such ban to lift.'],
      DISABLED,
    ],
    example: '192.168.0.6 add 86400',
  },
  listbanned: {
    group: 'Network',
    summary: 'Shows the bans.',
    params: [],
    result:
      'An array of objects: address (an address, a range or the id of a peer), ban_created, banned_until (seconds ' +
      'since 1970), ban_duration, time_remaining (seconds), reason.',
    errors: [DISABLED],
  },
  clearbanned: {
    group: 'Network',
    summary: 'Lifts all bans.',
    params: [],
    result: 'Null.',
    errors: [DISABLED],
  },
  getnodestatus: {
    group: OWN_GROUP,
    summary: 'Shows how the node does among others: bitmodel node status.',
    params: [],
    result:
      'An object: id, addresses, reachable (yes, no or unknown: whether other nodes can dial this one, as far as they ' +
      'say), relays (ids of the nodes through which it is reached), outbound, inbound and aim (peers that it is connected to, and how many it aims for), ' +
      'known (peers it knows of), banned, received and sent (bytes since the start), seeds [{address, connected}], and what each part of the network says of itself.',
    errors: [DISABLED],
  },
} satisfies Record<string, MethodHelp>;
