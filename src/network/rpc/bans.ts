import { NETWORK_HELP, Params, RPC_CODE, RpcError, type RpcServer } from '../../chain/index.js';
import { banTarget } from '../peers/BanList.js';
import type { Peers } from '../peers/Peers.js';
import { BAN_TIME } from '../peers/Scores.js';
import { banView } from './views.js';

const MOST_SECONDS = 100 * 365 * 24 * 3600;

/** When a ban ends, milliseconds since 1970. */
function endOf(params: Params): number {
  const isAbsolute = params.boolean(3, 'absolute', false);
  const most = isAbsolute ? Number.MAX_SAFE_INTEGER / 1000 : MOST_SECONDS;
  const time = params.integer(2, 'bantime', 0, Math.floor(most), 0);
  if (!isAbsolute) return Date.now() + (time * 1000 || BAN_TIME);
  if (time * 1000 > Date.now()) return time * 1000;
  throw new RpcError(RPC_CODE.invalidParameter, 'Error: Absolute timestamp is in the past');
}

async function setBan(peers: Peers, params: Params): Promise<null> {
  const command = params.string(1, 'command');
  if (command !== 'add' && command !== 'remove') {
    throw new RpcError(RPC_CODE.misc, 'The command is add or remove');
  }
  const target = banTarget(params.string(0, 'subnet'));
  if (target === undefined) {
    throw new RpcError(RPC_CODE.badSubnet, 'Error: Invalid IP/Subnet');
  }
  if (command === 'add') {
    if (peers.bans.get(target)) {
      throw new RpcError(RPC_CODE.alreadyAdded, 'Error: IP/Subnet already banned');
    }
    peers.bans.add(target, endOf(params), 'manually added');
  } else if (!peers.bans.remove(target)) {
    const message =
      'Error: Unban failed. Requested address/subnet was not previously manually banned.';
    throw new RpcError(RPC_CODE.badSubnet, message);
  }
  // the operator's word stands once it is answered, whatever happens to the node then
  peers.bans.save();
  await peers.enforceBans();
  return null;
}

/** Registers `setban`, `listbanned` and `clearbanned`. */
export function registerBanMethods(server: RpcServer, peers: Peers): void {
  const help = NETWORK_HELP;
  server.register('setban', (values) => setBan(peers, new Params(values)), help.setban);
  server.register('listbanned', () => peers.bans.list().map(banView), help.listbanned);
  server.register(
    'clearbanned',
    () => {
      peers.bans.clear();
      peers.bans.save();
      return null;
    },
    help.clearbanned,
  );
}
