import { parseAmount } from '../../base/index.js';
import { badAnswer } from './badAnswer.js';
import type { CoinsOf } from './coinPages.js';
import type { RpcClient } from './RpcClient.js';

/** What coins come to, as a node says. Base units. */
export interface SaidBalance {
  /** In a block, and to be spent now. */
  readonly confirmed: bigint;
  /** Waits in the mempool. */
  readonly pending: bigint;
  /** Mined, but not yet deep enough to be spent. */
  readonly immature: bigint;
  /** Lies under tokens and pins. */
  readonly reserved: bigint;
  /** How many coins these are. */
  readonly coins: number;
}

const NAMES = ['confirmed', 'pending', 'immature', 'reserved'] as const;

function isBalance(
  json: unknown,
): json is Record<(typeof NAMES)[number], string> & { coins: number } {
  const said = (json ?? {}) as Readonly<Record<string, unknown>>;
  const isCount = Number.isSafeInteger(said.coins) && (said.coins as number) >= 0;
  return isCount && NAMES.every((name) => /^\d{1,12}(\.\d{1,8})?$/.test(String(said[name])));
}

/** What `getaddressbalance` says of any number of addresses or scripts. @throws BitmodelError `BAD_RPC_ANSWER` */
export async function balanceOf(rpc: RpcClient, batches: readonly CoinsOf[]): Promise<SaidBalance> {
  const sum = { confirmed: 0n, pending: 0n, immature: 0n, reserved: 0n, coins: 0 };
  for (const of of batches) {
    const json = await rpc.call('getaddressbalance', of, true);
    if (!isBalance(json)) throw badAnswer('The node tells no balance.');
    for (const name of NAMES) sum[name] += parseAmount(json[name]);
    sum.coins += json.coins;
  }
  return sum;
}
