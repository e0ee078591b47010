import { availableParallelism } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { Miner } from '../mining/Miner.js';
import { surviveRefusal } from '../mining/refusal.js';
import type { ChainNode } from '../node/ChainNode.js';

/** How a node mines. */
export interface MiningOptions {
  /** Locking script that blocks pay to. */
  readonly lockingScript: Uint8Array;
  /** Seconds between two blocks; on regtest only, elsewhere the target decides. */
  readonly blockTime: number;
  readonly signal: AbortSignal;
}

/** How many threads mine unless stated: all cores but one, on which the node itself goes on. */
function defaultThreads(): number {
  return Math.max(availableParallelism() - 1, 1);
}

/** Gives an empty regtest chain at once what makes its first coins spendable. */
export async function mineFirstCoins(node: ChainNode, lockingScript: Uint8Array): Promise<void> {
  const { name, maturity } = node.parameters;
  if (name === 'regtest' && node.tip.height === 0) await node.mine(maturity + 1, lockingScript);
}

/** Mines on regtest until the signal ends it: a block per block time. A block that is refused is left out. */
export async function mineOnTime(node: ChainNode, options: MiningOptions): Promise<void> {
  const { lockingScript, blockTime, signal } = options;
  try {
    while (!signal.aborted) {
      await delay(blockTime * 1000, undefined, { signal });
      await surviveRefusal(node, () => node.mine(1, lockingScript, signal));
    }
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  }
}

/** What a node mines with: the clock on regtest, threads elsewhere. */
export interface Mining {
  /** Hashes per second of its threads; 0 on regtest. */
  hashRate(): number;
  /** Mines until the signal ends it. */
  run(signal: AbortSignal): Promise<void>;
}

/** Prepares mining on any network; nothing is done before `run`. */
export function prepareMining(
  node: ChainNode,
  options: Omit<MiningOptions, 'signal'> & { readonly threads?: number | undefined },
): Mining {
  const { lockingScript } = options;
  if (node.parameters.name === 'regtest') {
    const run = (signal: AbortSignal) => mineOnTime(node, { ...options, signal });
    return { hashRate: () => 0, run };
  }
  const miner = new Miner({ node, lockingScript, threads: options.threads ?? defaultThreads() });
  return { hashRate: () => miner.hashRate, run: (signal) => miner.run(signal) };
}
