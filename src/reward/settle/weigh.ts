import { toHex } from '../../base/index.js';
import {
  DUST,
  encodeTransaction,
  JOB_VERSION,
  NO_JOB,
  P2PKH_INPUT_SIZE,
  P2PKH_OUTPUT_SIZE,
  type Utxo,
} from '../../chain/index.js';
import type { Published, Registry } from '../declared/registry.js';
import { PPM } from '../graph/graph.js';
import { parseSplitScript, type SplitShare, splitAmounts } from '../split/split.js';
import { MAXIMUM_SPLIT_INPUTS, type SplitSpend, splitSpend } from '../split/splitSpend.js';

/** Why money is left in a contract. */
export type LeftReason =
  /** A share would be smaller than the dust limit: it waits for more. */
  | 'dust'
  /** Less lies there than the minimum that was asked for. */
  | 'minimum'
  /** Settling costs more than it pays out. */
  | 'cost'
  /** No pin shows the script behind one of the hashes. */
  | 'destination'
  /** Coins of a block too young. */
  | 'immature'
  /** Somebody else spent the coins first. */
  | 'taken'
  /** Too many transactions already wait for each other; the next block makes room. */
  | 'chain'
  /** The wallet has too little for the fee. */
  | 'funds'
  /** The fees have come to what may be paid. */
  | 'budget'
  /** What the contract pays makes a larger transaction than nodes relay. */
  | 'size'
  /** The node takes no such transaction, for a reason of its own. */
  | 'refused';

/** What stays in a contract after a settlement, and why. */
export interface LeftAlone {
  readonly id: string;
  readonly name: string;
  readonly reason: LeftReason;
  /** Base units that stay, in this many coins. */
  readonly amount: bigint;
  readonly coins: number;
  /** Base units that must lie there until it is settled by itself; for `dust`, `minimum` and some of `cost`. */
  readonly needs?: bigint;
  /** Base units that settling would cost; for `cost`, `budget`. */
  readonly fee?: bigint;
  /** SHA-256 of the script that nobody has shown, hex; for `destination`. */
  readonly missing?: string;
  /** What the node said; for `refused`. */
  readonly detail?: string;
  /** Blocks that were waited for in vain; for `chain`. */
  readonly waited?: number;
}

/** One transaction's part of what lies in a contract, ready to be funded. */
export interface WeighedSpend {
  readonly spend: SplitSpend;
  readonly amount: bigint;
  /** Bytes, with one coin for the fee and its change. */
  readonly size: number;
}

/** What to do about one contract. */
export interface Weighed {
  readonly spends: readonly WeighedSpend[];
  readonly left: readonly LeftAlone[];
}

/** By what a contract is judged. */
export interface WeighOptions {
  /** Base units per byte. */
  readonly feeRate: bigint;
  /** Settle whatever comes to this much (base units), dust and dear coins included; the default rules where undefined. */
  readonly minimum?: bigint | undefined;
  /** Base units of fees that were paid to bring a coin here; 0 of one that others brought. Nothing has one unless given. */
  readonly carried?: (coin: Utxo) => bigint;
}

/** Bytes of an input without its unlocking script, and of a padding push beside its zeros. */
const INPUT_OVERHEAD = 44;
/** Bytes of padding of one input, there and at input 0, for each byte of the contract: docs/rewards.md has the figures. */
const PADDING_PER_BYTE = 0.05;
/**
 * Bytes of inputs in one transaction: what their scripts may cost is 800 for each byte, and what is relayed costs at
 * most 200 million.
 */
const MOST_INPUT_BYTES = 230_000;

/** Bytes that nodes relay at most, and what the wallet's coins for the fee may take of them. */
const MOST_BYTES = 1_000_000 - 20_000;
/** All fees of the way to a coin are at most this part of it: a hundredth. */
const MOST_COST = 100n;
/** Bytes of a plain settlement: of the money of others it costs them about as much to ask for one as it costs to make. */
const PLAIN_BYTES = 2_000;

const sumOf = (coins: readonly Utxo[]): bigint =>
  coins.reduce((sum, { output }) => sum + output.value, 0n);

const inputBytes = (script: Uint8Array): number =>
  INPUT_OVERHEAD + Math.ceil(script.length * PADDING_PER_BYTE);

const outputBytes = (scripts: readonly Uint8Array[]): number =>
  scripts.reduce((sum, { length }) => sum + length + 13, 0);

/** The most coins of a contract that one transaction spends: 500, or fewer of a contract with many shares. */
export function mostCoins(script: Uint8Array): number {
  return Math.min(MAXIMUM_SPLIT_INPUTS, Math.floor(MOST_INPUT_BYTES / inputBytes(script)));
}

/** What must lie in a contract so that no share is below the dust limit: every paid share, what is left included. */
export function leastWithoutDust(shares: readonly SplitShare[]): bigint {
  const smallest = Math.min(...shares.map(({ ppm }) => ppm));
  const whole = BigInt(PPM);
  return (DUST * whole + BigInt(smallest) - 1n) / BigInt(smallest);
}

function sizeOf({ coins, outputs, unlockingScripts }: SplitSpend): number {
  const inputs = coins.map(({ outpoint }, i) => ({
    outpoint,
    unlockingScript: unlockingScripts[i]!,
    sequence: 0,
  }));
  const bare = { version: JOB_VERSION, inputs, outputs, lockTime: 0, jobId: NO_JOB };
  // 8 bytes beyond: one input and one output more may lengthen their counts
  return encodeTransaction(bare).length + P2PKH_INPUT_SIZE + P2PKH_OUTPUT_SIZE + 8;
}

/** The locking scripts behind the hashes of a contract's shares, or the first hash that no pin shows a script for. */
export function destinationsOf(
  registry: Pick<Registry, 'scripts'>,
  shares: readonly SplitShare[],
): { scripts: Uint8Array[] } | { missing: string } {
  const scripts: Uint8Array[] = [];
  for (const { scriptHash } of shares) {
    const hash = toHex(scriptHash);
    const script = registry.scripts.get(hash);
    if (!script) return { missing: hash };
    scripts.push(script);
  }
  return { scripts };
}

/** Largest first, so that the few which pay for the many small ones are spent whatever becomes of those. */
function bySize(a: Utxo, b: Utxo): number {
  return a.output.value === b.output.value ? 0 : a.output.value > b.output.value ? -1 : 1;
}

/**
 * Judges what lies in one contract. Without a `minimum`: a coin that costs more to spend than it is worth stays, so that
 * nobody can make settling dear by paying dust; coins stay until every share of them reaches the dust limit; and so do
 * coins whose settlement would cost more than it pays. A stranger's contracts can pay each other, and the settler all the
 * fees: what one walk pays on the way to a coin is at most a hundredth of it, and so is what a dear settlement costs. What
 * stays is in the contract, and is paid with what comes later.
 * @param coins that can be spent now
 */
export function weighContract(
  registry: Pick<Registry, 'scripts'>,
  source: Published,
  coins: readonly Utxo[],
  { feeRate, minimum, carried = () => 0n }: WeighOptions,
): Weighed {
  const { id, name, split } = source;
  const stay = (
    some: readonly Utxo[],
    reason: LeftReason,
    more: Pick<LeftAlone, 'needs' | 'fee' | 'missing'> = {},
  ): LeftAlone => ({ id, name, reason, amount: sumOf(some), coins: some.length, ...more });

  if (coins.length === 0) return { spends: [], left: [] };
  const shares = parseSplitScript(split)!;
  const destinations = destinationsOf(registry, shares);
  if ('missing' in destinations) {
    return { spends: [], left: [stay(coins, 'destination', { missing: destinations.missing })] };
  }
  if (minimum !== undefined && sumOf(coins) < minimum) {
    return { spends: [], left: [stay(coins, 'minimum', { needs: minimum })] };
  }
  const coinCost = BigInt(inputBytes(split)) * feeRate;
  const isDear = ({ output }: Utxo): boolean => minimum === undefined && output.value <= coinCost;
  const dear = coins.filter(isDear);
  const worthwhile = coins.filter((coin) => !isDear(coin)).sort(bySize);
  const spends: WeighedSpend[] = [];
  const left: LeftAlone[] =
    dear.length > 0 ? [stay(dear, 'cost', { fee: coinCost * BigInt(dear.length) })] : [];
  const needs = leastWithoutDust(shares);
  const room = MOST_BYTES - outputBytes(destinations.scripts);
  // of a contract that pays much, fewer coins: at least one is tried, and found too large then
  const most = Math.max(1, Math.min(mostCoins(split), Math.floor(room / inputBytes(split))));
  for (let at = 0; at < worthwhile.length; at += most) {
    const some = worthwhile.slice(at, at + most);
    const amount = sumOf(some);
    if (minimum === undefined && hasDust(shares, amount)) {
      left.push(stay(worthwhile.slice(at), 'dust', { needs }));
      break;
    }
    if (some.length * inputBytes(split) > room) {
      left.push(stay(worthwhile.slice(at), 'size'));
      break;
    }
    const spend = splitSpend(split, some, destinations.scripts);
    const size = sizeOf(spend);
    const fee = BigInt(size) * feeRate;
    if (size > MOST_BYTES) {
      left.push(stay(worthwhile.slice(at), 'size'));
      break;
    }
    if (minimum === undefined) {
      const cost = fee + some.reduce((sum, coin) => sum + carried(coin), 0n);
      const fresh = sumOf(some.filter((coin) => carried(coin) === 0n));
      // whoever paid the coins in paid about as much for each as it costs to spend
      const isPlain = size - some.length * inputBytes(split) <= PLAIN_BYTES && fee <= fresh;
      if (!isPlain && cost * MOST_COST > amount) {
        left.push(stay(worthwhile.slice(at), 'cost', { fee, needs: cost * MOST_COST }));
        break;
      }
    }
    spends.push({ spend, amount, size });
  }
  return { spends, left };
}

function hasDust(shares: readonly SplitShare[], sum: bigint): boolean {
  return splitAmounts(shares, sum).some((amount) => amount < DUST);
}
