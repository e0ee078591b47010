import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256 } from '#src/base/index.js';
import {
  NO_JOB,
  p2pkhScript,
  type Transaction,
  type TransactionOutput,
  verifyInput,
} from '#src/chain/index.js';
import {
  buildGraph,
  MAXIMUM_SHARES,
  parseSplitScript,
  payout,
  splitAmounts,
  splitScript,
  splitSpend,
} from '#src/reward/index.js';

const address = (n: number): Uint8Array => p2pkhScript(new Uint8Array(20).fill(n));
const coin = (lockingScript: Uint8Array, value: bigint, index: number) => ({
  outpoint: { hash: new Uint8Array(32).fill(7), index },
  output: { value, lockingScript },
});

const MOTHER = address(1);
const FATHER = address(2);
const OWNER = address(3);
const STRANGER = address(4);
const SHARES = [
  { scriptHash: sha256(MOTHER), ppm: 200_000 },
  { scriptHash: sha256(FATHER), ppm: 50_001 },
];
const SPLIT = splitScript(SHARES, sha256(OWNER));
const OTHER = splitScript(SHARES, sha256(STRANGER));
const PAID = [MOTHER, FATHER, OWNER];

interface Spend {
  readonly transaction: Transaction;
  readonly spent: readonly TransactionOutput[];
}

/** A payout of these values with a fee coin behind, before anybody tampers with it. */
function honest(
  values: readonly bigint[],
  script = SPLIT,
  destinations: readonly Uint8Array[] = PAID,
): Spend {
  const spend = splitSpend(
    script,
    values.map((value, i) => coin(script, value, i)),
    destinations,
  );
  const fee = coin(STRANGER, 5_000n, 99);
  const coins = [...spend.coins, fee];
  const inputs = coins.map(({ outpoint }, i) => ({
    outpoint,
    unlockingScript: spend.unlockingScripts[i] ?? new Uint8Array(0),
    sequence: 0xffff_fffe,
  }));
  const change = { value: 4_000n, lockingScript: STRANGER };
  const outputs = [...spend.outputs, change];
  return {
    transaction: { version: 10, inputs, outputs, lockTime: 0, jobId: NO_JOB },
    spent: coins.map(({ output }) => output),
  };
}

const outputsOf = (spend: Spend, outputs: readonly TransactionOutput[]): Spend => ({
  ...spend,
  transaction: { ...spend.transaction, outputs },
});
/** The same transaction with its inputs in another order or number. */
const inputsOf = (spend: Spend, order: readonly number[]): Spend => ({
  spent: order.map((i) => spend.spent[i]!),
  transaction: { ...spend.transaction, inputs: order.map((i) => spend.transaction.inputs[i]!) },
});
const check = ({ transaction, spent }: Spend, inputIndex = 0) =>
  verifyInput({ transaction, inputIndex, spentOutputs: spent });
/** Whether all inputs that spend a split contract are satisfied. */
const accepted = (spend: Spend): boolean =>
  spend.spent.every(({ lockingScript }, i) =>
    parseSplitScript(lockingScript) ? check(spend, i).ok : true,
  );

describe('a split contract', () => {
  it('pays each parent its part, rounded down, and the owner the rest', () => {
    const spend = honest([1_000_003n]);
    expect(spend.transaction.outputs.slice(0, 3).map((o) => o.value)).toEqual([
      200_000n,
      50_001n,
      750_002n,
    ]);
    expect(check(spend)).toMatchObject({ ok: true });
  });

  it('pays shares of the sum of several inputs', () => {
    const spend = honest([3n, 4n, 999_993n]);
    expect(spend.transaction.outputs[0]!.value).toBe(200_000n);
    expect(accepted(spend)).toBe(true);
    expect(spend.spent.slice(0, 3).every((_, i) => check(spend, i).ok)).toBe(true);
  });

  it('keeps outputs that are worth nothing', () => {
    const spend = honest([1n]);
    expect(spend.transaction.outputs.slice(0, 3).map((o) => o.value)).toEqual([0n, 0n, 1n]);
    expect(accepted(spend)).toBe(true);
    const { outputs } = spend.transaction;
    expect(accepted(outputsOf(spend, outputs.slice(1)))).toBe(false);
  });

  it('gives the last parent the rest where the owner keeps nothing', () => {
    const all = splitScript([
      { scriptHash: sha256(MOTHER), ppm: 333_333 },
      { scriptHash: sha256(FATHER), ppm: 666_667 },
    ]);
    const spend = honest([10n], all, [MOTHER, FATHER]);
    expect(spend.transaction.outputs.slice(0, 2).map((o) => o.value)).toEqual([3n, 7n]);
    expect(accepted(spend)).toBe(true);
  });

  it('passes on to a parent that is a split contract itself', () => {
    const nested = splitScript([{ scriptHash: sha256(SPLIT), ppm: 400_000 }], sha256(STRANGER));
    const spend = honest([1_000n], nested, [SPLIT, STRANGER]);
    expect(accepted(spend)).toBe(true);
    expect(accepted(honest([spend.transaction.outputs[0]!.value]))).toBe(true);
  });

  it('needs no coin for the fee behind it', () => {
    expect(accepted(inputsOf(honest([10n, 20n]), [0, 1]))).toBe(true);
  });

  it('leaves what stands behind its outputs to whoever builds the transaction', () => {
    const spend = honest([10n]);
    const extra = { value: 1n, lockingScript: address(9) };
    expect(accepted(outputsOf(spend, [...spend.transaction.outputs, extra]))).toBe(true);
    expect(accepted(outputsOf(spend, spend.transaction.outputs.slice(0, 3)))).toBe(true);
  });

  const spend = honest([1_000_000n, 500_000n]);
  const { outputs } = spend.transaction;
  const changed = (at: number, change: Partial<TransactionOutput>): Spend =>
    outputsOf(
      spend,
      outputs.map((output, i) => (i === at ? { ...output, ...change } : output)),
    );
  const mixed = (order: readonly ('split' | 'other' | 'fee')[]): Spend => {
    const scripts = { split: SPLIT, other: OTHER, fee: STRANGER };
    const sum = order.filter((kind) => kind === 'split').length;
    const base = honest(Array.from({ length: sum }, () => 1_000_000n));
    const padding = base.transaction.inputs[0]!.unlockingScript;
    const coins = order.map((kind, i) => coin(scripts[kind], 1_000_000n, i));
    const inputs = coins.map(({ outpoint }) => ({
      outpoint,
      unlockingScript: padding,
      sequence: 0,
    }));
    return { spent: coins.map((c) => c.output), transaction: { ...base.transaction, inputs } };
  };

  const cheats: [string, Spend][] = [
    ['pays a parent one unit less', changed(0, { value: outputs[0]!.value - 1n })],
    [
      'pays a parent one unit more, at the expense of the owner',
      changed(1, { value: outputs[1]!.value + 1n }),
    ],
    ['pays the owner one unit less', changed(2, { value: outputs[2]!.value - 1n })],
    ["pays a parent's share to another script", changed(0, { lockingScript: STRANGER })],
    ["pays the owner's share to another script", changed(2, { lockingScript: STRANGER })],
    ['reorders the outputs', outputsOf(spend, [outputs[1]!, outputs[0]!, ...outputs.slice(2)])],
    ['leaves out an output', outputsOf(spend, outputs.slice(0, 2))],
    ['puts another output in front', outputsOf(spend, [outputs[3]!, ...outputs])],
    ['pays shares of one input and spends two', inputsOf(honest([1_000_000n]), [0, 0, 1])],
    ['puts the fee coin in front', inputsOf(spend, [2, 0, 1])],
    ['leaves a gap between two inputs', inputsOf(spend, [0, 2, 1])],
    ['hides a second input behind the fee coin', mixed(['split', 'fee', 'split'])],
    ['mixes in another split contract behind', mixed(['split', 'other'])],
    ['mixes in another split contract in front', mixed(['other', 'split'])],
    ['mixes another split contract between its inputs', mixed(['split', 'other', 'split'])],
  ];
  it.each(cheats)('refuses a transaction that %s', (_, cheat) => {
    expect(accepted(spend)).toBe(true);
    expect(accepted(cheat)).toBe(false);
  });

  it('refuses a token on any output it pays', () => {
    const token = { category: new Uint8Array(32).fill(9), amount: 1n };
    for (const index of [0, 1, 2]) {
      const outputs = spend.transaction.outputs.map((output, i) =>
        i === index ? { ...output, token } : output,
      );
      expect(accepted(outputsOf(spend, outputs))).toBe(false);
    }
  });

  it('accepts exactly what payout computes, for any shares and amounts', () => {
    const any = fc.record({
      weights: fc.array(fc.nat(250_000), { minLength: 1, maxLength: 4 }),
      values: fc.array(fc.bigInt(0n, 10n ** 13n), { minLength: 1, maxLength: 3 }),
      shift: fc.integer({ min: -3, max: 3 }),
    });
    fc.assert(
      fc.property(any, ({ weights, values, shift }) => {
        const ppm = weights.map((w) => w + 1).map((w) => Math.min(w, 250_000));
        const whole = ppm.reduce((a, b) => a + b, 0) === 1_000_000;
        const parents = ppm.map((_, i) => address(10 + i));
        const shares = ppm.map((p, i) => ({ scriptHash: sha256(parents[i]!), ppm: p }));
        const script = splitScript(shares, whole ? undefined : sha256(OWNER));
        const destinations = whole ? parents : [...parents, OWNER];
        const built = honest(values, script, destinations);
        expect(accepted(built)).toBe(true);

        const graph = buildGraph([
          { id: 'model', parents: ppm.map((p, i) => ({ id: `p${i}`, ppm: p })) },
          ...ppm.map((_, i) => ({ id: `p${i}`, parents: [] })),
        ]);
        const sum = values.reduce((a, b) => a + b, 0n);
        const paid = payout(graph, [['model', sum]]);
        const names = [...ppm.map((_, i) => `p${i}`), ...(whole ? [] : ['model'])];
        const outputs = built.transaction.outputs.slice(0, names.length);
        expect(outputs.map((o) => o.value)).toEqual(names.map((name) => paid.get(name) ?? 0n));

        const moved = outputs[0]!.value + BigInt(shift);
        if (shift === 0 || moved < 0n) return;
        const tampered = [{ ...outputs[0]!, value: moved }, ...built.transaction.outputs.slice(1)];
        expect(accepted(outputsOf(built, tampered))).toBe(false);
      }),
      { numRuns: 60 },
    );
  });
});

describe('what a split contract can afford', () => {
  const destinations = Array.from({ length: MAXIMUM_SHARES }, (_, i) =>
    p2pkhScript(new Uint8Array(20).fill(i).fill(200, 10)),
  );
  const shares = destinations.slice(0, -1).map((d) => ({ scriptHash: sha256(d), ppm: 4_000 }));
  const large = splitScript(shares, sha256(destinations.at(-1)!));

  it(`is ${MAXIMUM_SHARES} destinations and 20 inputs, paid for by padding`, () => {
    expect(
      accepted(
        honest(
          Array.from({ length: 20 }, () => 12_345n),
          large,
          destinations,
        ),
      ),
    ).toBe(true);
  });

  it('is a parent whose own contract is as large', () => {
    const child = splitScript([{ scriptHash: sha256(large), ppm: 500_000 }], sha256(OWNER));
    expect(accepted(honest([1_000n], child, [large, OWNER]))).toBe(true);
  });

  it('fails without the padding', () => {
    const bare = honest([12_345n], large, destinations);
    const inputs = bare.transaction.inputs.map((input) => ({
      ...input,
      unlockingScript: Uint8Array.of(0),
    }));
    const result = check({ ...bare, transaction: { ...bare.transaction, inputs } });
    expect(result).toMatchObject({ ok: false, error: 'operation-cost' });
  });
});

describe('the shares of a split contract', () => {
  it('can be read back from the script', () => {
    expect(parseSplitScript(SPLIT)).toEqual([
      ...SHARES,
      { scriptHash: sha256(OWNER), ppm: 749_999 },
    ]);
  });

  it('can be read back whatever they are, and make the same script again', () => {
    const ppm = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 333_333 }));
    fc.assert(
      fc.property(fc.array(ppm, { minLength: 1, maxLength: 3 }), (weights) => {
        const list = weights.map((p, i) => ({ scriptHash: sha256(address(i)), ppm: p }));
        const script = splitScript(list, sha256(OWNER));
        const read = parseSplitScript(script)!;
        expect(read.slice(0, -1)).toEqual(list);
        expect(splitScript(read)).toEqual(script);
      }),
    );
  });

  it('are not read from a script with one byte changed, unless it is another contract in full', () => {
    fc.assert(
      fc.property(fc.nat(SPLIT.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const script = SPLIT.slice();
        script[at] = script[at]! ^ by;
        const read = parseSplitScript(script);
        if (read) expect(splitScript(read)).toEqual(script);
      }),
      { numRuns: 500 },
    );
  });

  it('are not read from an address, nothing, or any bytes', () => {
    expect(parseSplitScript(OWNER)).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(parseSplitScript(bytes)).toBeUndefined();
      }),
    );
  });

  it('sum to the amount', () => {
    const shares = parseSplitScript(SPLIT)!;
    fc.assert(
      fc.property(fc.bigInt(0n, 10n ** 16n), (sum) => {
        expect(splitAmounts(shares, sum).reduce((a, b) => a + b, 0n)).toBe(sum);
      }),
    );
  });

  const hash = sha256(MOTHER);
  const refused: [string, () => unknown][] = [
    ['no parents', () => splitScript([], hash)],
    ['a share of nothing', () => splitScript([{ scriptHash: hash, ppm: 0 }], hash)],
    ['a fraction of a millionth', () => splitScript([{ scriptHash: hash, ppm: 1.5 }], hash)],
    ['more than the whole', () => splitScript([{ scriptHash: hash, ppm: 1_000_001 }], hash)],
    ['a short hash', () => splitScript([{ scriptHash: hash.slice(1), ppm: 5 }], hash)],
    ['a rest for nobody', () => splitScript([{ scriptHash: hash, ppm: 999_999 }])],
    ['an owner with nothing left', () => splitScript([{ scriptHash: hash, ppm: 1_000_000 }], hash)],
    [
      'too many destinations',
      () =>
        splitScript(
          Array.from({ length: MAXIMUM_SHARES }, () => ({ scriptHash: hash, ppm: 1 })),
          hash,
        ),
    ],
  ];
  it.each(refused)('are refused with %s', (_, build) => {
    expect(build).toThrow(/A split contract can't have/);
  });
});

describe('a payout of a split contract', () => {
  it('is refused for coins of another script, other destinations, or no coins', () => {
    expect(() => splitSpend(SPLIT, [coin(OTHER, 1n, 0)], PAID)).toThrow(/another script/);
    expect(() => splitSpend(SPLIT, [], PAID)).toThrow(/no money/);
    expect(() => splitSpend(OWNER, [coin(OWNER, 1n, 0)], PAID)).toThrow(/no split contract/);
    expect(() => splitSpend(SPLIT, [coin(SPLIT, 1n, 0)], [MOTHER, OWNER, FATHER])).toThrow(
      /hashes/,
    );
    expect(() => splitSpend(SPLIT, [coin(SPLIT, 1n, 0)], [...PAID, OWNER])).toThrow(/hashes/);
  });
});
