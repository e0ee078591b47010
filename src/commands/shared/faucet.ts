import { BitmodelError } from '../../base/index.js';
import { RPC_CODE, RpcError } from '../../chain/index.js';
import type { Settings } from './settings.js';

/** Why a node gives no test coins, and who does; undefined where it is about something else. */
export function noFaucet(thrown: unknown, { network }: Settings): BitmodelError | undefined {
  if (!(thrown instanceof RpcError)) return undefined;
  const elsewhere = 'name the node that mines: --rpc URL';
  switch (thrown.rpcCode) {
    case RPC_CODE.methodNotFound:
      return new BitmodelError('NO_FAUCET', `Nobody gives coins away on ${network}.`, {
        next: 'Mine them (bitmodel node --mine --mine-to ADDRESS), or try things on regtest first: bitmodel node --regtest --mine',
        cause: thrown,
      });
    case RPC_CODE.headersOnly:
      return new BitmodelError('NO_FAUCET', 'A light node has no coins to give away.', {
        next: `As it does not mine, ${elsewhere}`,
        cause: thrown,
      });
    case RPC_CODE.misc:
      return new BitmodelError('NO_FAUCET', 'This node has mined too few coins to give any away.', {
        next: `Start it with --mine, or ${elsewhere}`,
        cause: thrown,
      });
    default:
      return undefined;
  }
}
