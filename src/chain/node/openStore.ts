import { blockHash } from '../codec/block.js';
import { checkBlock } from '../consensus/blockRules.js';
import { checkConnection } from '../consensus/connect.js';
import { checkProofOfWork } from '../consensus/headers.js';
import type { NetworkParameters } from '../consensus/parameters.js';
import { bitsToTarget, workOf } from '../consensus/target.js';
import { ChainStore } from '../store/ChainStore.js';

/** Opens the store of a network; an empty one begins with the genesis block, which passes the rules like any other. */
export function openStore(folder: string, parameters: NetworkParameters): ChainStore {
  const { genesis } = parameters;
  const hash = blockHash(genesis.header);
  checkProofOfWork(genesis.header, hash, parameters);
  const entry = {
    hash,
    header: genesis.header,
    height: 0,
    work: workOf(bitsToTarget(genesis.header.bits)!),
  };
  const connectable = checkConnection(checkBlock(genesis), {
    parameters,
    height: 0,
    coins: { coin: () => undefined },
    hasTransaction: () => false,
    medianTimeAt: () => genesis.header.time,
  });
  return ChainStore.open(folder, entry, connectable, parameters);
}
