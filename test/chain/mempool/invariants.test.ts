import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ChainNode,
  formatOutpoint,
  type MempoolEntry,
  RejectError,
  type Transaction,
} from '#src/chain/index.js';
import { assembleBlock } from '#src/chain/node/miner.js';
import { cases, timeLimit } from '../../long.js';
import { openTemporaryNode, REGTEST } from '../node/setup.js';
import { ANYONE, copyChain, spend } from './anyone.js';

const LIMIT = 16_000;

type Temporary = Awaited<ReturnType<typeof openTemporaryNode>>;

interface Pair {
  readonly a: Temporary;
  /** Another node, with which `a` shares some of its chain. */
  readonly b: Temporary;
}

/** Numbers that choose among whatever is there when the step comes. */
type Step =
  | {
      readonly kind: 'add';
      readonly inputs: number[];
      readonly outputs: number;
      readonly fee: number;
    }
  | { readonly kind: 'replace'; readonly which: number; readonly fee: number }
  | { readonly kind: 'prioritise'; readonly which: number; readonly fee: number }
  | { readonly kind: 'mine' }
  | { readonly kind: 'share' }
  | { readonly kind: 'reorganise'; readonly rivals: number[] };

const choice = fc.nat(1_000_000);
const fee = fc.nat({ max: 3_000 });
const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      inputs: fc.array(choice, { minLength: 1, maxLength: 3 }),
      outputs: fc.integer({ min: 1, max: 3 }),
      fee,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('replace' as const), which: choice, fee }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('prioritise' as const), which: choice, fee }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('mine' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('share' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('reorganise' as const),
      rivals: fc.array(choice, { maxLength: 3 }),
    }),
  },
);

async function offer(node: ChainNode, transaction: Transaction): Promise<void> {
  try {
    await node.submitTransaction(transaction);
  } catch (thrown) {
    // whatever the steps make of it may break a rule; that is what they are for
    if (!(thrown instanceof RejectError)) throw thrown;
  }
}

/** Coins to choose from: those of age, and now and then one that is not. */
function coinsOf(node: ChainNode) {
  const all = node.unspentOf(ANYONE).map(({ outpoint, coin }) => ({
    outpoint,
    value: coin.output.value,
    ripe: !coin.coinbase || coin.height <= node.tip.height + 1 - REGTEST.maturity,
  }));
  return [...all.filter(({ ripe }) => ripe), ...all.filter(({ ripe }) => !ripe).slice(0, 1)];
}

async function take({ a, b }: Pair, step: Step): Promise<void> {
  const { node } = a;
  const entries = [...node.mempool.entries()];
  if (step.kind === 'mine') await node.mine(1, ANYONE);
  if (step.kind === 'share') await copyChain(node, b.node);
  if (step.kind === 'add') {
    const coins = coinsOf(node);
    const chosen = new Map(
      step.inputs.map((each) => coins[each % coins.length]!).map((coin) => [coin.outpoint, coin]),
    );
    await offer(node, spend([...chosen.values()], step.outputs, step.fee));
  }
  if (step.kind === 'replace' && entries.length > 0) {
    const entry = entries[step.which % entries.length]!;
    const [input] = entry.transaction.inputs;
    const value = entry.spent[0]!.output.value;
    await offer(node, spend([{ outpoint: input!.outpoint, value }], 1, step.fee));
  }
  if (step.kind === 'prioritise' && entries.length > 0) {
    node.mempool.prioritise(entries[step.which % entries.length]!.hash, BigInt(step.fee - 1_500));
  }
  if (step.kind === 'reorganise') {
    const coins = coinsOf(b.node);
    for (const each of step.rivals) {
      await offer(b.node, spend([coins[each % coins.length]!], 2, 1_000));
    }
    const more = node.tip.height - b.node.tip.height + 1;
    await b.node.mine(more, ANYONE);
    await copyChain(b.node, node);
    expect(node.tip).toEqual(b.node.tip);
  }
}

/** Everything reached over parents or children that are looked up anew. */
function reached(node: ChainNode, entry: MempoolEntry, up: boolean): Set<MempoolEntry> {
  const found = new Set([entry]);
  for (const each of found) {
    if (up) {
      for (const { outpoint } of each.transaction.inputs) {
        const parent = node.mempool.get(outpoint.hash);
        if (parent) found.add(parent);
      }
    } else {
      each.transaction.outputs.forEach((_, index) => {
        const child = node.mempool.spender({ hash: each.hash, index });
        if (child) found.add(child.entry);
      });
    }
  }
  return found;
}

const totals = (entries: Iterable<MempoolEntry>) => {
  const all = [...entries];
  return {
    count: all.length,
    size: all.reduce((sum, { size }) => sum + size, 0),
    fee: all.reduce((sum, { modifiedFee }) => sum + modifiedFee, 0n),
  };
};

async function check(node: ChainNode): Promise<void> {
  const { mempool } = node;
  const entries = [...mempool.entries()];
  const spent = new Set<string>();
  const before = new Set<MempoolEntry>();
  for (const entry of entries) {
    for (const { outpoint } of entry.transaction.inputs) {
      const name = formatOutpoint(outpoint);
      expect(spent.has(name)).toBe(false);
      spent.add(name);
      const parent = mempool.get(outpoint.hash);
      if (parent) {
        expect(before.has(parent)).toBe(true);
        expect(parent.transaction.outputs[outpoint.index]).toBeDefined();
      } else expect(node.store.coin(outpoint)).toBeDefined();
    }
    before.add(entry);
    const ancestors = reached(node, entry, true);
    const descendants = reached(node, entry, false);
    expect(entry.ancestors).toEqual(totals(ancestors));
    expect(entry.descendants).toEqual(totals(descendants));
    expect(ancestors.size).toBeLessThanOrEqual(25);
    expect(entry.modifiedFee - entry.fee).toBe(mempool.delta(entry.hash));
  }
  const sums = totals(entries);
  expect({ count: mempool.size, size: mempool.bytes }).toMatchObject({
    count: sums.count,
    size: sums.size,
  });
  expect(mempool.fees).toBe(entries.reduce((sum, each) => sum + each.fee, 0n));
  expect(mempool.usage).toBeLessThanOrEqual(LIMIT);
  await node.testBlock(assembleBlock(node, ANYONE));
}

describe('the mempool', () => {
  it(
    'holds no conflicts, only what can be spent, its own sums, and a valid block, whatever comes',
    async () => {
      const steps = fc.array(stepArbitrary, { minLength: 20, maxLength: 60, size: 'max' });
      await fc.assert(
        fc.asyncProperty(steps, async (all) => {
          const a = await openTemporaryNode({ mempoolBytes: LIMIT });
          const b = await openTemporaryNode();
          try {
            await a.node.mine(112, ANYONE);
            await copyChain(a.node, b.node);
            for (const step of all) {
              await take({ a, b }, step);
              await check(a.node);
            }
          } finally {
            await a.end();
            await b.end();
          }
        }),
        { numRuns: cases(6, 2_000) },
      );
    },
    timeLimit(240_000),
  );
});
