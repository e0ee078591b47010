import {
  NETWORK_HELP,
  netTotals,
  networkInfo,
  Params,
  RPC_CODE,
  RpcError,
  type RpcServer,
  requireAddCommand,
} from '../../chain/index.js';
import type { Network } from '../Network.js';
import { hostAndPort, parsePeerAddress, readMultiaddr, scopeOf } from '../peers/addresses.js';
import { registerBanMethods } from './bans.js';
import { networkName, peerView, serviceBits, statusView } from './views.js';

const MOST_ADDRESSES = 100_000;

/** Median of the seconds that the clocks of peers are ahead, of those that this node chose where there are such. */
function clockOffset(network: Network): number {
  const all = network.list();
  const chosen = all.filter(({ direction }) => direction === 'outbound');
  const offsets = (chosen.length > 0 ? chosen : all)
    .flatMap(({ clockOffset: offset }) => (offset === undefined ? [] : [offset]))
    .sort((a, b) => a - b);
  return offsets[offsets.length >> 1] ?? 0;
}

function info(network: Network, version: string): object {
  const { host, peers } = network;
  const list = network.list();
  const inbound = list.filter(({ direction }) => direction === 'inbound').length;
  const addresses = host.addresses();
  const local = addresses.flatMap((text) => {
    const at = readMultiaddr(text);
    const isShown = at && !at.isName && !at.isRelayed && scopeOf(at.host) === 'public';
    return isShown ? [{ address: at.host, port: at.port, score: 1 }] : [];
  });
  const networks = ['ipv4', 'ipv6'].map((name) => ({
    name,
    limited: false,
    reachable: true,
    proxy: '',
    proxy_randomize_credentials: false,
  }));
  return {
    ...networkInfo(version),
    localservices: '0000000000000001',
    localservicesnames: ['NETWORK'],
    localrelay: true,
    timeoffset: clockOffset(network),
    networkactive: peers.isActive,
    connections: list.length,
    connections_in: inbound,
    connections_out: list.length - inbound,
    networks,
    localaddresses: local,
    id: host.id,
    addresses,
  };
}

/** The multiaddr that an argument names. @throws RpcError -5 */
function addressOf(network: Network, text: string): string {
  try {
    return parsePeerAddress(text, network.p2pPort);
  } catch (cause) {
    const message = `Error: ${text.slice(0, 80)} is no address of a node`;
    throw new RpcError(RPC_CODE.notFound, message, { cause });
  }
}

function addNode(network: Network, params: Params): null {
  const { dialler } = network.peers;
  const command = requireAddCommand(params);
  const address = addressOf(network, params.string(0, 'node'));
  if (command === 'add' && !dialler.add(address)) {
    throw new RpcError(RPC_CODE.alreadyAdded, 'Error: Node already added');
  }
  if (command === 'remove' && !dialler.remove(address)) {
    const message = 'Error: Node could not be removed. It has not been added previously.';
    throw new RpcError(RPC_CODE.notAdded, message);
  }
  // as in Bitcoin Core, whether it was found shows in getpeerinfo
  if (command === 'onetry') dialler.once(address).catch(() => undefined);
  return null;
}

function addedNodes(network: Network, params: Params): object[] {
  const { host, peers } = network;
  const list = network.list();
  const all = peers.dialler.fixed();
  const wanted = params.has(0) ? addressOf(network, params.string(0, 'node')) : undefined;
  const shown = all.filter(({ address }) => wanted === undefined || address === wanted);
  if (wanted !== undefined && shown.length === 0) {
    throw new RpcError(RPC_CODE.notAdded, 'Error: Node has not been added.');
  }
  return shown.map(({ address, peer }) => {
    const connected = peer !== undefined && host.isConnected(peer);
    const found = connected ? list.find((each) => each.peer === peer) : undefined;
    const at = readMultiaddr(address)!;
    return {
      addednode: hostAndPort(at),
      connected,
      addresses: found ? [{ address: found.address, connected: found.direction }] : [],
    };
  });
}

async function disconnectNode(network: Network, params: Params): Promise<null> {
  const address = params.has(0) ? params.string(0, 'address') : '';
  const number = params.has(1) ? params.integer(1, 'nodeid', 0, 0x7fff_ffff) : undefined;
  if ((address === '') === (number === undefined)) {
    const message = 'Only one of address and nodeid should be provided.';
    throw new RpcError(RPC_CODE.invalidParams, message);
  }
  const found = network
    .list()
    .find((peer) =>
      number === undefined
        ? peer.address === address || peer.peer === address
        : peer.number === number,
    );
  if (!found) throw new RpcError(RPC_CODE.notConnected, 'Node not found in connected nodes');
  await network.host.disconnect(found.peer);
  return null;
}

function nodeAddresses(network: Network, params: Params): object[] {
  const count = params.integer(0, 'count', 0, MOST_ADDRESSES, 1);
  const only = params.has(1) ? params.string(1, 'network') : undefined;
  if (only !== undefined && only !== 'ipv4' && only !== 'ipv6') {
    throw new RpcError(RPC_CODE.invalidParameter, `Network not recognized: ${only.slice(0, 40)}`);
  }
  const { book } = network.peers;
  const found = book.sample(count === 0 ? MOST_ADDRESSES : count, ({ addresses }) => {
    const at = readMultiaddr(addresses[0]!)!;
    return only === undefined || networkName(at) === only;
  });
  return found.map(({ peer, addresses, lastSeen, services }) => {
    const at = readMultiaddr(addresses[0]!)!;
    return {
      time: Math.floor(lastSeen / 1000),
      services: serviceBits(services),
      address: at.host,
      port: at.port,
      network: networkName(at),
      peer,
    };
  });
}

/** Registers the methods about peers of a node that has a network, in place of those of one that has none. */
export function registerNetworkMethods(server: RpcServer, network: Network, version: string): void {
  const help = NETWORK_HELP;
  const { peers } = network;
  server.register('getnetworkinfo', () => info(network, version), help.getnetworkinfo);
  server.register('getnettotals', () => netTotals(network.host.traffic()), help.getnettotals);
  server.register('getconnectioncount', () => network.list().length, help.getconnectioncount);
  server.register('getpeerinfo', () => network.list().map(peerView), help.getpeerinfo);
  server.register('addnode', (values) => addNode(network, new Params(values)), help.addnode);
  server.register(
    'getaddednodeinfo',
    (values) => addedNodes(network, new Params(values)),
    help.getaddednodeinfo,
  );
  server.register(
    'disconnectnode',
    (values) => disconnectNode(network, new Params(values)),
    help.disconnectnode,
  );
  server.register(
    'getnodeaddresses',
    (values) => nodeAddresses(network, new Params(values)),
    help.getnodeaddresses,
  );
  server.register(
    'ping',
    () => {
      void peers.latency.measureAll();
      return null;
    },
    help.ping,
  );
  server.register(
    'setnetworkactive',
    async (values) => {
      const isActive = new Params(values).boolean(0, 'state', true);
      await peers.setActive(isActive);
      return isActive;
    },
    help.setnetworkactive,
  );
  server.register('getnodestatus', () => statusView(network), help.getnodestatus);
  registerBanMethods(server, peers);
}
