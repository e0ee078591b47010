import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COIN, sha256, toHex } from '#src/base/index.js';
import {
  encodeTransaction,
  type FixedInput,
  type Outpoint,
  p2pkhScript,
  type RpcError,
  type Transaction,
  type TransactionOutput,
} from '#src/chain/index.js';
import { splitScript, splitSpend, unlockSplit } from '#src/reward/index.js';
import { Regtest } from '../../regtest.js';

const address = (n: number): Uint8Array => p2pkhScript(new Uint8Array(20).fill(n));
const [MOTHER, FATHER, OWNER, THIEF] = [1, 2, 3, 4].map(address) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
];
const SHARES = [
  { scriptHash: sha256(MOTHER), ppm: 200_000 },
  { scriptHash: sha256(FATHER), ppm: 50_001 },
];
const SPLIT = splitScript(SHARES, sha256(OWNER));
const TWIN = splitScript(SHARES, sha256(THIEF));
const PAID = [MOTHER, FATHER, OWNER];

let regtest: Regtest;
/** Coins that lie in the contract and in another one, and a token of the wallet's. */
let coins: { outpoint: Outpoint; output: TransactionOutput }[];
let twin: { outpoint: Outpoint; output: TransactionOutput };
beforeAll(async () => {
  regtest = await Regtest.open();
  const outputs = [SPLIT, SPLIT, TWIN].map((lockingScript, i) => ({
    value: COIN + BigInt(i),
    lockingScript,
  }));
  const { outpoint } = await regtest.pay(outputs);
  const all = outputs.map((output, i) => ({ outpoint: outpoint(i), output }));
  coins = all.slice(0, 2);
  twin = all[2]!;
});
afterAll(() => regtest.close());

/** What a thief changes in an honest settlement before the fee is funded and signed, so that nothing else is wrong with it. */
interface Change {
  readonly inputs?: (inputs: FixedInput[]) => FixedInput[];
  readonly outputs?: (outputs: TransactionOutput[]) => TransactionOutput[];
  /** Puts the signed transaction's inputs into another order. */
  readonly order?: (transaction: Transaction) => Transaction;
}

/** Hands a settlement to the node, and gives what the node says of it: undefined when it would take it. */
async function refusal({ inputs, outputs, order }: Change): Promise<string | undefined> {
  const spend = splitSpend(SPLIT, coins, PAID);
  const fixed: FixedInput[] = coins.map((coin, i) => ({
    ...coin,
    unlockingSize: spend.unlockingScripts[i]!.length + 50,
  }));
  const funded = await regtest.wallet.fund({
    inputs: inputs?.(fixed) ?? fixed,
    outputs: outputs?.([...spend.outputs]) ?? spend.outputs,
    // a thief who takes less than lies there leaves it to the miner
    feeRate: 2n,
  });
  const unlocked = unlockSplit(funded.transaction, {
    ...spend,
    unlockingScripts: (inputs?.(fixed) ?? fixed).map(() => spend.unlockingScripts[0]!),
  });
  const draft = order?.(unlocked) ?? unlocked;
  const spentBy = (outpoint: Outpoint): TransactionOutput => {
    const at = unlocked.inputs.findIndex((each) => each.outpoint === outpoint);
    return funded.spentOutputs[at]!;
  };
  const signed = regtest.wallet.sign(
    draft,
    draft.inputs.map(({ outpoint }) => spentBy(outpoint)),
  );
  regtest.wallet.release(funded.transaction);
  const [said] = await regtest.chain.rpc.call<{ allowed: boolean; 'reject-reason'?: string }[]>(
    'testmempoolaccept',
    [toHex(encodeTransaction(signed))],
    0,
  );
  if (said!.allowed) return undefined;
  // no miner can bring it past the mempool either
  const block = regtest.chain.rpc.call('generateblock', regtest.key.address, [
    toHex(encodeTransaction(signed)),
  ]);
  await expect(block).rejects.toThrow(/script|TestBlockValidity/);
  return said!['reject-reason'];
}

const at = (index: number, change: Partial<TransactionOutput>) => (outputs: TransactionOutput[]) =>
  outputs.map((output, i) => (i === index ? { ...output, ...change } : output));
const move = (from: number, to: number, units: bigint) => (outputs: TransactionOutput[]) =>
  outputs.map((output, i) => {
    const less = i === from ? -units : 0n;
    return { ...output, value: output.value + less + (i === to ? units : 0n) };
  });

const CHEATS: [string, Change][] = [
  ['moves a unit from one parent to the other', { outputs: move(0, 1, 1n) }],
  ['moves a unit from the owner to a parent', { outputs: move(2, 0, 1n) }],
  ['moves a unit from a parent to the owner', { outputs: move(1, 2, 1n) }],
  ['pays all to the owner', { outputs: move(0, 2, (2n * COIN + 1n) / 5n) }],
  ["pays a parent's share to a thief", { outputs: at(0, { lockingScript: THIEF }) }],
  ["pays the owner's share to a thief", { outputs: at(2, { lockingScript: THIEF }) }],
  ['pays a unit too little, which the miner gets', { outputs: move(2, 9, 1n) }],
  ['swaps two outputs', { outputs: ([a, b, c]) => [b!, a!, c!] }],
  ['leaves out the last output', { outputs: (outputs) => outputs.slice(0, 2) }],
  ['pays nobody', { outputs: () => [{ value: COIN, lockingScript: THIEF }] }],
  [
    'puts an output of its own in front',
    { outputs: (outputs) => [{ value: 1_000n, lockingScript: THIEF }, ...outputs] },
  ],
  ['pays the shares of both coins and spends one', { inputs: (inputs) => inputs.slice(0, 1) }],
  [
    'pays the shares of one coin and spends both',
    {
      outputs: () => [...splitSpend(SPLIT, coins.slice(0, 1), PAID).outputs],
    },
  ],
  [
    'spends two contracts at once, the other behind',
    { inputs: (inputs) => [...inputs, { ...twin, unlockingSize: 60 }] },
  ],
  [
    'spends two contracts at once, the other in front',
    { inputs: (inputs) => [{ ...twin, unlockingSize: 60 }, ...inputs] },
  ],
  [
    'spends another contract between its coins',
    { inputs: ([a, b]) => [a!, { ...twin, unlockingSize: 60 }, b!] },
  ],
  [
    'puts the coin for the fee in front',
    {
      order: (transaction) => ({
        ...transaction,
        inputs: [...transaction.inputs.slice(2), ...transaction.inputs.slice(0, 2)],
      }),
    },
  ],
  [
    'puts the coin for the fee between its coins',
    {
      order: ({ inputs: [a, b, ...fees], ...rest }) => ({ ...rest, inputs: [a!, ...fees, b!] }),
    },
  ],
];

describe('a split contract on a real chain', () => {
  it('takes an honest settlement', async () => {
    expect(await refusal({})).toBeUndefined();
  });

  it.each(CHEATS)('refuses a settlement that %s', async (_, change) => {
    expect(await refusal(change)).toMatch(/script/);
  });

  it('refuses a settlement without the padding that pays for its work', async () => {
    const many = splitScript(
      Array.from({ length: 100 }, (_, i) => ({ scriptHash: sha256(address(i)), ppm: 1_000 })),
      sha256(OWNER),
    );
    const { outpoint } = await regtest.pay([{ value: COIN, lockingScript: many }]);
    const output = { value: COIN, lockingScript: many };
    const paid = [...Array.from({ length: 100 }, (_, i) => address(i)), OWNER];
    const spend = splitSpend(many, [{ outpoint: outpoint(0), output }], paid);
    const send = (unlockingScript: Uint8Array) =>
      regtest.spend(
        {
          inputs: [{ outpoint: outpoint(0), output, unlockingSize: 300, sequence: 0xffff_ffff }],
          outputs: spend.outputs,
          lockTime: 0,
          jobId: new Uint8Array(32),
        },
        () => [unlockingScript],
      );
    await expect(send(Uint8Array.of(1, 0))).rejects.toSatisfy((error: RpcError) =>
      /script/.test(error.message),
    );
    await send(spend.unlockingScripts[0]!);
  });
});
