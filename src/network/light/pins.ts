import { sha256, utf8 } from '../../base/index.js';
import {
  type Coin,
  decodePin,
  encodeOutpoint,
  formatOutpoint,
  formatPinId,
  type LightStore,
  type Outpoint,
  type PinQueries,
  type PlacedTransaction,
} from '../../chain/index.js';
import type { Fact } from './facts.js';
import type { LightChain } from './LightChain.js';
import { isBefore } from './question.js';

/** Pins that are followed: those at a path, or one. */
export type PinsOf = { readonly path: string } | { readonly id: Outpoint };

/** How often a pin may have moved for all of its way to be followed. */
const MOST_MOVES = 200;
const EVERY_PIN = { atHeight: 0xffff_ffff, limit: Number.MAX_SAFE_INTEGER, all: true };
/** The index of pins does not ask where a transaction's bytes are. */
const NOWHERE = { blockHash: new Uint8Array(32), offset: 0, length: 0 };

/** Outputs in which pins lie at the end of what is known. */
function locations(pins: PinQueries, of: PinsOf): Outpoint[] {
  const states = 'path' in of ? pins.byPath(of.path, EVERY_PIN) : [pins.get(of.id)];
  return states.flatMap((state) => state?.last.location?.outpoint ?? []);
}

async function firstFacts(chain: LightChain, of: PinsOf): Promise<Fact[]> {
  if ('id' in of) {
    const hash = Buffer.from(of.id.hash).reverse().toString('hex');
    const made = await chain.fact(hash);
    return made ? [made] : [];
  }
  const key = sha256(utf8(of.path));
  await chain.client.ask('pins', [key]);
  return chain.facts.answering('pins', key);
}

/** A proven transaction as the index of pins takes it; undefined while a coin that it spends is unproven. */
async function placed(chain: LightChain, fact: Fact): Promise<PlacedTransaction | undefined> {
  const { transaction, hash, height, position } = fact;
  const coins = position === 0 ? [] : await chain.spentCoins(transaction);
  if (coins.includes(undefined)) return undefined;
  // which of them carry pins is what the index finds out
  const spent = (coins as Coin[]).map((coin) => ({ ...coin, carriesPins: true }));
  return { transaction, hash, location: NOWHERE, height, position, spent };
}

/**
 * Follows pins from where they were made through everything that moved them: each step is proven, and asked of several
 * peers, so that none can hide a change that another one knows of.
 * @returns the transactions, in the chain's order, for {@link LightStore.withPins}
 * @throws BitmodelError `NO_PEERS`, `NO_ANSWER`
 */
export async function pinTrails(
  chain: LightChain,
  store: LightStore,
  of: PinsOf,
): Promise<PlacedTransaction[]> {
  const steps = new Map<string, PlacedTransaction>();
  let fresh = await firstFacts(chain, of);
  for (let moves = 0; fresh.length > 0 && moves < MOST_MOVES; moves++) {
    for (const fact of fresh) {
      const step = await placed(chain, fact);
      if (step) steps.set(fact.txid, step);
    }
    const at = store.withPins(inOrder(steps.values()), chain.parameters, (pins) =>
      locations(pins, of),
    );
    const unique = [...new Map(at.map((each) => [formatOutpoint(each), each])).values()];
    if (unique.length > 0) await chain.client.ask('outputs', unique.map(encodeOutpoint));
    fresh = unique.flatMap((outpoint) => {
      const spent = chain.facts.spender(outpoint)?.fact;
      return spent && !steps.has(spent.txid) ? [spent] : [];
    });
  }
  return inOrder(steps.values());
}

/** Stands for a coin of somebody else's, of which nothing is known. */
const UNKNOWN: Coin = {
  output: { value: 0n, lockingScript: new Uint8Array(0) },
  height: 0,
  coinbase: false,
};

/**
 * Which pins lie in outputs, as far as the proven history of some scripts shows it. A pin that came from elsewhere with
 * a transaction of somebody else's is not seen.
 */
export function pinsByOutput(
  chain: LightChain,
  store: LightStore,
  scriptHashes: readonly Uint8Array[],
): (outpoint: Outpoint) => string[] {
  const facts = new Map(
    scriptHashes
      .flatMap((hash) => chain.facts.answering('history', hash))
      .map((fact) => [fact.txid, fact]),
  );
  const saysPin = ({ transaction }: Fact): boolean =>
    transaction.outputs.some(({ lockingScript }) => decodePin(lockingScript) !== undefined);
  if (![...facts.values()].some(saysPin)) return () => [];
  const steps = [...facts.values()].map(({ transaction, hash, height, position }) => {
    const coins = transaction.inputs.map(({ outpoint }) => chain.facts.coin(outpoint) ?? UNKNOWN);
    const spent = position === 0 ? [] : coins.map((coin) => ({ ...coin, carriesPins: true }));
    return { transaction, hash, location: NOWHERE, height, position, spent };
  });
  const found = new Map<string, string[]>();
  store.withPins(inOrder(steps), chain.parameters, (pins) => {
    for (const { hash, transaction } of steps) {
      for (const index of transaction.outputs.keys()) {
        const ids = pins.at({ hash, index }).map(formatPinId);
        if (ids.length > 0) found.set(formatOutpoint({ hash, index }), ids);
      }
    }
  });
  return (outpoint) => found.get(formatOutpoint(outpoint)) ?? [];
}

function inOrder(steps: Iterable<PlacedTransaction>): PlacedTransaction[] {
  return [...steps].sort((a, b) => (isBefore(a, b) ? -1 : 1));
}
