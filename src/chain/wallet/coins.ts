import type { Utxo } from '../client/ChainClient.js';
import { P2PKH_INPUT_SIZE, P2PKH_OUTPUT_SIZE } from './size.js';

interface Candidate {
  readonly utxo: Utxo;
  /** What the coin adds after paying for its own input. */
  readonly effective: bigint;
}

/** Steps of the search for an exact sum before the wallet settles for change. */
const SEARCH_LIMIT = 10_000;

function sum(candidates: readonly Candidate[]): bigint {
  return candidates.reduce((total, { effective }) => total + effective, 0n);
}

/**
 * Branch and bound (Erhardt 2016, as in Bitcoin Core): coins whose sum is at least `target` and at most `slack` above,
 * so that no change is needed.
 * @param candidates largest first
 */
function exactMatch(
  candidates: readonly Candidate[],
  target: bigint,
  slack: bigint,
): Candidate[] | undefined {
  const after = new Array<bigint>(candidates.length + 1).fill(0n);
  for (let i = candidates.length - 1; i >= 0; i--)
    after[i] = after[i + 1]! + candidates[i]!.effective;
  // an explicit stack: a wallet may hold more coins than the call stack is deep
  const chosen: number[] = [];
  let total = 0n;
  let next = 0;
  for (let step = 0; step < SEARCH_LIMIT; step++) {
    if (total >= target && total <= target + slack) return chosen.map((i) => candidates[i]!);
    const hopeless = total > target + slack || total + after[next]! < target;
    if (!hopeless && next < candidates.length) {
      chosen.push(next);
      total += candidates[next]!.effective;
      next++;
      continue;
    }
    const last = chosen.pop();
    if (last === undefined) return undefined;
    total -= candidates[last]!.effective;
    next = last + 1;
  }
  return undefined;
}

function largestFirst(candidates: readonly Candidate[], target: bigint): Candidate[] | undefined {
  let total = 0n;
  for (let count = 0; count < candidates.length; count++) {
    total += candidates[count]!.effective;
    if (total >= target) return candidates.slice(0, count + 1);
  }
  return undefined;
}

/**
 * Chooses P2PKH coins that are worth `target` after paying for their own inputs: a set that needs no change, if one is
 * found (within the price of making and later spending the change); else the largest first. Confirmed coins are used
 * before those that wait in the mempool; coins that cost more than they bring never.
 * @param target base units wanted beyond what the inputs cost
 * @param feeRate base units per byte
 * @returns the coins, or undefined when all together are not enough
 */
export function selectCoins(
  utxos: readonly Utxo[],
  target: bigint,
  feeRate: bigint,
): Utxo[] | undefined {
  if (target <= 0n) return [];
  const slack = BigInt(P2PKH_INPUT_SIZE + P2PKH_OUTPUT_SIZE) * feeRate;
  const candidates = utxos
    .map((utxo) => ({
      utxo,
      effective: utxo.output.value - BigInt(P2PKH_INPUT_SIZE) * feeRate,
    }))
    .filter(({ effective }) => effective > 0n)
    .sort((a, b) => (a.effective > b.effective ? -1 : a.effective < b.effective ? 1 : 0));
  const confirmed = candidates.filter(({ utxo }) => utxo.height > 0);
  const pool = sum(confirmed) >= target ? confirmed : candidates;
  const chosen = exactMatch(pool, target, slack) ?? largestFirst(pool, target);
  return chosen?.map(({ utxo }) => utxo);
}
