import { blockHash } from '../codec/block.js';
import { checkBlock } from '../consensus/blockRules.js';
import { type ConnectableBlock, checkConnection } from '../consensus/connect.js';
import { checkProofOfWork, type HeaderEntry } from '../consensus/headers.js';
import type { NetworkParameters } from '../consensus/parameters.js';
import type { ScriptVerifier } from '../consensus/ScriptVerifier.js';
import { bitsToTarget, workOf } from '../consensus/target.js';
import { ChainStore } from '../store/ChainStore.js';
import { Branches } from './Branches.js';
import { catchUp } from './catchUp.js';
import { rebuild, resetToGenesis } from './rebuild.js';
import { type CheckOptions, DEFAULT_CHECK, verifyChain } from './verifyChain.js';

/** The genesis block at its place; it passes the rules like any other. */
function genesisOf(parameters: NetworkParameters): [HeaderEntry, ConnectableBlock] {
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
  return [entry, connectable];
}

/** How a chain is opened; see `ChainNodeOptions`. */
export interface OpenChainOptions {
  readonly check?: CheckOptions | undefined;
  readonly reindex?: boolean | undefined;
  readonly onNote?: ((text: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens the chain of a folder; an empty one begins with the genesis block. With `reindex` everything but the blocks is
 * made anew; where that was begun already, it goes on, asked for or not.
 * @throws BitmodelError as `ChainNode.open`
 */
export async function openChain(
  folder: string,
  parameters: NetworkParameters,
  scripts: ScriptVerifier,
  options: OpenChainOptions,
): Promise<{ store: ChainStore; branches: Branches }> {
  const store = await ChainStore.open(folder, parameters);
  try {
    const [entry, genesis] = genesisOf(parameters);
    const goesOn = store.marks.rebuilding && store.marks.isOfThisFormat;
    const begins = options.reindex === true && !goesOn && !store.isEmpty;
    if (begins) resetToGenesis(store, entry, genesis, parameters);
    else store.begin(entry, genesis);
    const branches = new Branches(store, parameters, scripts);
    if (store.marks.rebuilding) await rebuild(store, branches, options);
    verify({ store, parameters, scripts }, options);
    await catchUp(store, branches, { signal: options.signal });
    return { store, branches };
  } catch (thrown) {
    await store.close();
    throw thrown;
  }
}

function verify(
  verification: Parameters<typeof verifyChain>[0],
  { check = DEFAULT_CHECK, onNote }: OpenChainOptions,
): void {
  const { blocks, endedAfter } = verifyChain(verification, check);
  if (endedAfter === undefined) return;
  onNote?.(`verified ${blocks} blocks, but only the last ${endedAfter} beyond level 2`);
}
