import { setTimeout as delay } from 'node:timers/promises';
import type { ChainNode } from './ChainNode.js';

export interface MiningOptions {
  /** Locking script that blocks pay to. */
  readonly lockingScript: Uint8Array;
  /** Seconds between two blocks; on regtest only, elsewhere the target decides. */
  readonly blockTime: number;
  readonly signal: AbortSignal;
}

/** Gives an empty regtest chain at once what makes its first coins spendable. */
export async function mineFirstCoins(node: ChainNode, lockingScript: Uint8Array): Promise<void> {
  const { name, maturity } = node.parameters;
  if (name === 'regtest' && node.tip.height === 0) await node.mine(maturity + 1, lockingScript);
}

/** Mines until the signal ends it: on regtest a block per block time, elsewhere as fast as the target lets it. */
export async function mineContinually(node: ChainNode, options: MiningOptions): Promise<void> {
  const { lockingScript, blockTime, signal } = options;
  const onDemand = node.parameters.name === 'regtest';
  try {
    while (!signal.aborted) {
      if (onDemand) await delay(blockTime * 1000, undefined, { signal });
      await node.mine(1, lockingScript, signal);
    }
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  }
}
