import {
  ChainClient,
  createKey,
  type KeyPair,
  keyPath,
  networkParameters,
  RpcClient,
  sealKey,
  Wallet,
  writeKeyFile,
} from '#src/chain/index.js';
import type { ImiHands } from '#src/reward/index.js';
import type { Place } from './harness.js';

const REGTEST = networkParameters('regtest');

/** The node that was started in a place, asked from this process: for what only sets the stage. */
export function clientOf(place: Place): ChainClient {
  const node = { datadir: place.folder, network: 'regtest', rpc: undefined } as const;
  return new ChainClient(RpcClient.forNode(node));
}

/** Somebody whose key lies in the data folder, where the binary finds it, and who acts from this process, too. */
export async function actor(place: Place, chain: ChainClient, name: string): Promise<ImiHands> {
  const key: KeyPair = createKey(REGTEST);
  const sealed = await sealKey(key, place.passphrase, REGTEST);
  writeKeyFile(keyPath(place.folder, REGTEST, name), sealed);
  return { chain, key, wallet: new Wallet({ client: chain, keys: [key], params: REGTEST }) };
}
