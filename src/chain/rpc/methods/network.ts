import { MIN_RELAY_FEE_RATE } from '../../mempool/MinimumFee.js';
import { JsonAmount } from '../../wire/json.js';
import { RPC_CODE, RpcError } from '../../wire/RpcError.js';
import { NETWORK_HELP } from '../help/network.js';
import { Params } from '../Params.js';
import type { RpcServer } from '../RpcServer.js';

const PROTOCOL_VERSION = 1;

function noNetwork(): RpcError {
  const message = 'Error: Peer-to-peer functionality missing or disabled';
  return new RpcError(RPC_CODE.p2pDisabled, message);
}

/** `1.2.3` as 10203, the way Bitcoin Core numbers its versions. */
function versionNumber(version: string): number {
  const parts = version.split('.').map((part) => Number.parseInt(part, 10));
  return parts.reduce((sum, part) => sum * 100 + part, 0);
}

/** The state of the network of a node that has none. */
export function networkInfo(version: string): object {
  const perKilobyte = new JsonAmount(MIN_RELAY_FEE_RATE * 1000n);
  return {
    version: versionNumber(version),
    subversion: `/bitmodel:${version}/`,
    protocolversion: PROTOCOL_VERSION,
    localservices: '0000000000000000',
    localservicesnames: [],
    localrelay: false,
    timeoffset: 0,
    networkactive: false,
    connections: 0,
    connections_in: 0,
    connections_out: 0,
    networks: [],
    relayfee: perKilobyte,
    incrementalfee: perKilobyte,
    localaddresses: [],
    warnings: [],
  };
}

/** Bytes that went over the network, as Bitcoin Core shows them; nothing here aims for a limit of what is sent. */
export function netTotals({ received, sent }: { received: number; sent: number }): object {
  const uploadtarget = {
    timeframe: 86_400,
    target: 0,
    target_reached: false,
    serve_historical_blocks: true,
    bytes_left_in_cycle: 0,
    time_left_in_cycle: 0,
  };
  return { totalbytesrecv: received, totalbytessent: sent, timemillis: Date.now(), uploadtarget };
}

/** Methods of which nothing is left without a network. */
const DISABLED = [
  'ping',
  'setnetworkactive',
  'setban',
  'listbanned',
  'clearbanned',
  'getnodestatus',
] as const;

/**
 * Methods about peers, of a node that has none: it says so as Bitcoin Core does with its network switched off. Whoever
 * gives it a network registers them anew.
 */
export function registerNetworkMethods(server: RpcServer, version: string): void {
  const help = NETWORK_HELP;
  server.register('getnetworkinfo', () => networkInfo(version), help.getnetworkinfo);
  const nothing = { received: 0, sent: 0 };
  server.register('getnettotals', () => netTotals(nothing), help.getnettotals);
  server.register('getconnectioncount', () => 0, help.getconnectioncount);
  server.register('getpeerinfo', () => [], help.getpeerinfo);
  server.register('getnodeaddresses', () => [], help.getnodeaddresses);
  for (const method of DISABLED) {
    server.register(
      method,
      () => {
        throw noNetwork();
      },
      help[method],
    );
  }
  server.register(
    'getaddednodeinfo',
    (values) => {
      if (!new Params(values).has(0)) return [];
      throw new RpcError(RPC_CODE.notAdded, 'Error: Node has not been added.');
    },
    help.getaddednodeinfo,
  );
  server.register(
    'addnode',
    (values) => {
      requireAddCommand(new Params(values));
      throw noNetwork();
    },
    help.addnode,
  );
  server.register(
    'disconnectnode',
    () => {
      throw new RpcError(RPC_CODE.notConnected, 'Node not found in connected nodes');
    },
    help.disconnectnode,
  );
}

/** What is to be done with a node that is named. @throws RpcError -1 */
export function requireAddCommand(params: Params): 'add' | 'remove' | 'onetry' {
  const command = params.string(1, 'command');
  if (command === 'add' || command === 'remove' || command === 'onetry') return command;
  throw new RpcError(RPC_CODE.misc, 'The command is add, remove or onetry');
}
