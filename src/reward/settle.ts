import { BitmodelError, EXIT, sha256, toHex } from '../base/index.js';
import { type ChainClient, estimateFeeRate, type Utxo, type Wallet } from '../chain/index.js';
import { findDeclaration, type Published, type Registry, readRegistry } from './registry.js';
import { parseSplitScript, type SplitShare } from './split.js';
import { MAXIMUM_SPLIT_INPUTS, splitSpend, unlockSplit } from './splitSpend.js';

/** One output of a settlement. */
export interface SettledShare {
  /** Id of the parent, or of the source itself for what it keeps. */
  readonly id: string;
  /** Whether it went to another split contract (and from there on) or to an address. */
  readonly to: 'split' | 'address';
  readonly lockingScript: Uint8Array;
  /** Base units. */
  readonly amount: bigint;
}

/** One transaction that paid out what lay in a split contract. */
export interface Settlement {
  readonly txid: string;
  /** Id and name of the source whose contract it was. */
  readonly id: string;
  readonly name: string;
  /** Base units that lay in the contract, in this many coins. */
  readonly amount: bigint;
  readonly coins: number;
  readonly shares: readonly SettledShare[];
  /** Base units that the wallet paid. */
  readonly fee: bigint;
}

/** What is left alone by a settlement, and who can end it. */
export interface SettleOptions {
  /** Leave a contract alone until at least this much lies in it (base units); 1 unless stated. */
  readonly minimum?: bigint;
  readonly signal?: AbortSignal;
}

/** Blocks until a mined coin may be spent: the same on every network (DESIGN 4.1). */
const COINBASE_MATURITY = 100;

/**
 * The declarations that have a split contract, from this one upstream, each before all it pays. A circle is not
 * possible: a script names its parents' hashes.
 */
function upstream(registry: Registry, from: Published): Published[] {
  const seen = new Set<string>();
  const postorder: Published[] = [];
  const walk: { readonly source: Published; next: number }[] = [];
  const enter = (source: Published): void => {
    const key = toHex(sha256(source.split));
    if (seen.has(key) || !parseSplitScript(source.split)) return;
    seen.add(key);
    walk.push({ source, next: 0 });
  };
  enter(from);
  while (walk.length > 0) {
    const here = walk.at(-1)!;
    const parent = here.source.parents[here.next++];
    if (!parent) {
      postorder.push(here.source);
      walk.pop();
      continue;
    }
    const published = parent.ppm > 0 ? registry.byScript.get(toHex(parent.pays)) : undefined;
    if (published) enter(published);
  }
  return postorder.reverse();
}

/** The full scripts behind the hashes of a contract's shares, from the pins that name them. */
function destinationsOf(registry: Registry, shares: readonly SplitShare[]): Uint8Array[] {
  return shares.map(({ scriptHash }) => {
    const script = registry.scripts.get(toHex(scriptHash));
    if (script) return script;
    throw new BitmodelError(
      'UNKNOWN_DESTINATION',
      `No pin on the chain shows the script with the hash ${toHex(scriptHash)}, so nothing can be paid to it yet.`,
      { next: "Publish the parent's own pin first", exitCode: EXIT.notFound },
    );
  });
}

/** Ids of those that the outputs of a source's contract pay, in order. */
function payees(source: Published, count: number): string[] {
  const paid = source.parents.filter(({ ppm }) => ppm > 0).map(({ id }) => id);
  return paid.length === count ? paid : [...paid, source.id];
}

async function settleCoins(
  client: ChainClient,
  wallet: Wallet,
  registry: Registry,
  source: Published,
  coins: readonly Utxo[],
): Promise<Settlement> {
  const destinations = destinationsOf(registry, parseSplitScript(source.split)!);
  const spend = splitSpend(source.split, coins, destinations);
  const inputs = coins.map(({ outpoint, output }, i) => ({
    outpoint,
    output,
    unlockingSize: spend.unlockingScripts[i]!.length,
  }));
  const { transaction, spentOutputs, fee } = await wallet.fund({
    inputs,
    outputs: spend.outputs,
    feeRate: await estimateFeeRate(client),
  });
  const signed = wallet.sign(unlockSplit(transaction, spend), spentOutputs);
  const ids = payees(source, spend.outputs.length);
  try {
    return {
      txid: await client.send(signed),
      id: source.id,
      name: source.name,
      amount: coins.reduce((sum, { output }) => sum + output.value, 0n),
      coins: coins.length,
      shares: spend.outputs.map(({ value, lockingScript }, i) => ({
        id: ids[i]!,
        to: parseSplitScript(lockingScript) ? 'split' : 'address',
        lockingScript,
        amount: value,
      })),
      fee,
    };
  } catch (thrown) {
    // a node that could not be reached may have taken it all the same: its coins stay locked
    const lost = thrown instanceof BitmodelError && thrown.exitCode === EXIT.unreachable;
    if (!lost) wallet.release(transaction);
    throw thrown;
  }
}

/**
 * Pays out what lies in a source's split contract, then what that brought to its parents' contracts, and so on until
 * all lies at addresses. Anybody may do this, with a wallet that pays the fees; where the money goes is fixed. The
 * mempool takes a chain of 25 transactions that wait for each other: with deeper graphs run it again after a block.
 * @param id of the model or other source
 * @returns the transactions sent, in order; none when nothing lay there
 * @throws BitmodelError `UNKNOWN_SOURCE`, `UNKNOWN_DESTINATION`, `INSUFFICIENT_FUNDS`, and what the node says
 */
export async function settleSplits(
  client: ChainClient,
  wallet: Wallet,
  id: string,
  { minimum = 1n, signal }: SettleOptions = {},
): Promise<Settlement[]> {
  const registry = await readRegistry(client);
  const start = findDeclaration(registry, id);
  const height = await client.height();
  const done: Settlement[] = [];
  for (const source of upstream(registry, start)) {
    signal?.throwIfAborted();
    const coins = (await client.scriptUtxos([source.split])).filter(
      (coin) => !coin.coinbase || height + 1 - coin.height >= COINBASE_MATURITY,
    );
    const amount = coins.reduce((sum, { output }) => sum + output.value, 0n);
    if (coins.length === 0 || amount < minimum) continue;
    for (let at = 0; at < coins.length; at += MAXIMUM_SPLIT_INPUTS) {
      const some = coins.slice(at, at + MAXIMUM_SPLIT_INPUTS);
      done.push(await settleCoins(client, wallet, registry, source, some));
    }
  }
  return done;
}
