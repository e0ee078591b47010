import {
  type Block,
  type ChainNode,
  JOB_VERSION,
  NO_JOB,
  type Outpoint,
  type Transaction,
  transactionHash,
} from '#src/chain/index.js';

/** Whoever likes may spend it, so that no time goes into signatures. */
export const ANYONE = Uint8Array.of(0x51);

export interface AnyoneCoin {
  readonly outpoint: Outpoint;
  readonly value: bigint;
}

/** Spends coins of anyone's into so many equal ones. */
export function spend(
  coins: readonly AnyoneCoin[],
  outputs: number,
  feePaid: number,
  sequence = 0xffff_ffff,
): Transaction {
  const total = coins.reduce((sum, { value }) => sum + value, 0n) - BigInt(feePaid);
  const each = total > 0n ? total / BigInt(outputs) : 0n;
  return {
    version: JOB_VERSION,
    inputs: coins.map(({ outpoint }) => ({
      outpoint,
      unlockingScript: new Uint8Array(0),
      sequence,
    })),
    outputs: Array.from({ length: outputs }, () => ({ value: each, lockingScript: ANYONE })),
    lockTime: 0,
    jobId: NO_JOB,
  };
}

/** The coin that an output of a transaction will be. */
export function outputOf(transaction: Transaction, index = 0): AnyoneCoin {
  const outpoint = { hash: transactionHash(transaction), index };
  return { outpoint, value: transaction.outputs[index]!.value };
}

/** Hands on the blocks of one node's chain that the other lacks. */
export async function copyChain(from: ChainNode, to: ChainNode): Promise<void> {
  const lacking: Block[] = [];
  for (let height = from.tip.height; ; height--) {
    const hash = from.store.hashAt(height)!;
    if (to.store.header(hash)) break;
    lacking.unshift(from.store.block(hash)!);
  }
  for (const block of lacking) await to.submitBlock(block);
}
