import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addressScript,
  checkAmounts,
  checkScripts,
  createKey,
  DUST,
  encodeTransaction,
  FEE_RATE,
  formatOutpoint,
  fundTransaction,
  MAX_FEE,
  NO_JOB,
  networkParameters,
  P2PKH_INPUT_SIZE,
  P2PKH_OUTPUT_SIZE,
  signP2pkhInputs,
  sizeWhenUnlocked,
  sweepTransactions,
  type Utxo,
} from '#src/chain/index.js';

const regtest = networkParameters('regtest');
const key = createKey(regtest);
const own = addressScript(key.address, regtest);
const other = addressScript(createKey(regtest).address, regtest);

const coin = (index: number, value: bigint, height = 1): Utxo => ({
  outpoint: { hash: new Uint8Array(32).fill(7), index },
  output: { value, lockingScript: own },
  height,
  coinbase: false,
});

const coins = fc
  .array(fc.bigInt({ min: 0n, max: 1_000_000n }), { minLength: 1, maxLength: 40 })
  .map((values) => values.map((value, i) => coin(i, value)));
const payments = fc
  .array(fc.bigInt({ min: DUST, max: 400_000n }), { minLength: 1, maxLength: 5 })
  .map((values) => values.map((value) => ({ value, lockingScript: other })));
const rates = fc.bigInt({ min: FEE_RATE, max: 20n });

describe('funding a transaction', () => {
  it('pays what was asked, makes no dust, keeps to its rate, and loses no unit', () => {
    fc.assert(
      fc.property(coins, payments, rates, (utxos, outputs, feeRate) => {
        const wanted = outputs.reduce((sum, { value }) => sum + value, 0n);
        const usable = utxos
          .map(({ output }) => output.value - BigInt(P2PKH_INPUT_SIZE) * feeRate)
          .filter((value) => value > 0n)
          .reduce((sum, value) => sum + value, 0n);
        let funded: ReturnType<typeof fundTransaction>;
        try {
          funded = fundTransaction({ outputs, utxos, changeScript: own, feeRate });
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'INSUFFICIENT_FUNDS' });
          expect(usable - wanted).toBeLessThan(300n * feeRate);
          return;
        }
        const { transaction, spentOutputs, fee } = funded;
        expect(transaction.outputs.slice(0, outputs.length)).toEqual(outputs);
        expect(transaction.outputs.length - outputs.length).toBeLessThanOrEqual(1);
        for (const { value } of transaction.outputs) expect(value).toBeGreaterThanOrEqual(DUST);
        const sum = (list: readonly { value: bigint }[]): bigint =>
          list.reduce((total, { value }) => total + value, 0n);
        expect(sum(spentOutputs) - sum(transaction.outputs)).toBe(fee);
        const spent = transaction.inputs.map(({ outpoint }) => formatOutpoint(outpoint));
        expect(new Set(spent).size).toBe(spent.length);
        const signed = signP2pkhInputs(transaction, spentOutputs, [key]);
        const size = BigInt(encodeTransaction(signed).length);
        expect(fee).toBeGreaterThanOrEqual(size * feeRate);
        // signatures may be a few bytes shorter than allowed for; unmade change is at most dust and its own output
        const spare = BigInt(8 + 4 * spent.length + P2PKH_OUTPUT_SIZE + 8) * feeRate + DUST;
        expect(fee).toBeLessThanOrEqual(size * feeRate + spare);
      }),
      { numRuns: 60 },
    );
  });

  it('takes the fee out of the first amount when it is told to, and loses no unit', () => {
    fc.assert(
      fc.property(coins, payments, rates, (utxos, outputs, feeRate) => {
        const request = { outputs, utxos, changeScript: own, feeRate, subtractFee: true };
        let funded: ReturnType<typeof fundTransaction>;
        try {
          funded = fundTransaction(request);
        } catch (thrown) {
          expect((thrown as { code: string }).code).toMatch(
            /^(INSUFFICIENT_FUNDS|FEE_ABOVE_AMOUNT)$/,
          );
          return;
        }
        const { transaction, spentOutputs, fee } = funded;
        const sum = (list: readonly { value: bigint }[]): bigint =>
          list.reduce((total, { value }) => total + value, 0n);
        expect(sum(spentOutputs) - sum(transaction.outputs)).toBe(fee);
        expect(transaction.outputs.slice(1, outputs.length)).toEqual(outputs.slice(1));
        expect(transaction.outputs[0]!.value).toBeLessThanOrEqual(outputs[0]!.value);
        const signed = signP2pkhInputs(transaction, spentOutputs, [key]);
        expect(fee).toBeGreaterThanOrEqual(BigInt(encodeTransaction(signed).length) * feeRate);
        for (const { value } of transaction.outputs) expect(value).toBeGreaterThanOrEqual(DUST);
      }),
      { numRuns: 40 },
    );
  });

  it('spends exactly the coins it is told to', () => {
    const utxos = [coin(0, 50_000n), coin(1, 60_000n), coin(2, 70_000n)];
    const outputs = [{ value: 20_000n, lockingScript: other }];
    const request = { outputs, utxos, changeScript: own, spendAll: true };
    expect(fundTransaction(request).transaction.inputs).toHaveLength(3);
    const tooMuch = [{ value: 179_900n, lockingScript: other }];
    expect(() => fundTransaction({ ...request, outputs: tooMuch })).toThrow(
      expect.objectContaining({ code: 'INSUFFICIENT_FUNDS' }),
    );
  });

  it('signals that it may be replaced only when it is told to (BIP125)', () => {
    const outputs = [{ value: 20_000n, lockingScript: other }];
    const sequence = (options: object): number =>
      fundTransaction({ outputs, utxos: [coin(0, 50_000n)], changeScript: own, ...options })
        .transaction.inputs[0]!.sequence;
    expect(sequence({ replaceable: true })).toBe(0xffff_fffd);
    expect(sequence({})).toBe(0xffff_ffff);
    expect(sequence({ lockTime: 5 })).toBe(0xffff_fffe);
  });

  it('needs no change when some coins fit exactly', () => {
    const utxos = [coin(0, 900_000n), coin(1, 50_000n), coin(2, 30_000n), coin(3, 7_000n)];
    const target = 80_000n - 2n * BigInt(P2PKH_INPUT_SIZE) - 150n;
    const { transaction } = fundTransaction({
      outputs: [{ value: target, lockingScript: other }],
      utxos,
      changeScript: own,
    });
    expect(transaction.inputs.map(({ outpoint }) => outpoint.index).sort()).toEqual([1, 2]);
    expect(transaction.outputs).toHaveLength(1);
  });

  it('uses coins of the mempool only when those of the chain are not enough', () => {
    const utxos = [coin(0, 500_000n, 0), coin(1, 100_000n), coin(2, 90_000n)];
    const fund = (value: bigint) =>
      fundTransaction({
        outputs: [{ value, lockingScript: other }],
        utxos,
        changeScript: own,
      }).transaction.inputs.map(({ outpoint }) => outpoint.index);
    expect(fund(150_000n)).not.toContain(0);
    expect(fund(300_000n)).toContain(0);
  });

  it('keeps given inputs first and in order, and never takes one of them twice', () => {
    const escrow = { value: 5_000n, lockingScript: Uint8Array.of(0x51) };
    const utxos = [coin(0, 100_000n), coin(1, 100_000n)];
    const { transaction, spentOutputs } = fundTransaction({
      outputs: [{ value: 120_000n, lockingScript: other }],
      inputs: [
        { outpoint: { hash: NO_JOB, index: 9 }, output: escrow, unlockingSize: 500, sequence: 10 },
        { outpoint: utxos[1]!.outpoint, output: utxos[1]!.output, unlockingSize: 107 },
      ],
      utxos,
      changeScript: own,
      jobId: new Uint8Array(32).fill(1),
      lockTime: 100,
    });
    expect(transaction.inputs.map(({ outpoint }) => outpoint.index)).toEqual([9, 1, 0]);
    expect(transaction.inputs.map(({ sequence }) => sequence)).toEqual([
      10, 0xffff_fffe, 0xffff_fffe,
    ]);
    expect(spentOutputs[0]).toEqual(escrow);
    const signed = signP2pkhInputs(transaction, spentOutputs, [key]);
    expect(signed.inputs[0]!.unlockingScript).toHaveLength(0);
    expect(() => checkScripts(signed, spentOutputs)).not.toThrow();
  });

  it('spends given inputs without a coin when they are enough', () => {
    const { transaction } = fundTransaction({
      outputs: [],
      inputs: [
        {
          outpoint: { hash: NO_JOB, index: 0 },
          output: { value: 50_000n, lockingScript: own },
          unlockingSize: 107,
        },
      ],
      utxos: [coin(0, 100_000n)],
      changeScript: other,
    });
    expect(transaction.inputs).toHaveLength(1);
    expect(transaction.outputs).toHaveLength(1);
  });
});

describe('sweeping', () => {
  it('moves every coin worth moving, in transactions small enough to relay, each paying its fee', () => {
    const many = fc
      .array(fc.bigInt({ min: 0n, max: 5_000n }), { minLength: 1, maxLength: 1_500 })
      .map((values) => values.map((value, i) => coin(i, value)));
    fc.assert(
      fc.property(many, rates, (utxos, feeRate) => {
        const swept = sweepTransactions({ utxos, lockingScript: other, feeRate });
        const worth = utxos.filter(({ output }) => output.value > 148n * feeRate);
        const spent = swept.flatMap(({ transaction }) =>
          transaction.inputs.map(({ outpoint }) => formatOutpoint(outpoint)),
        );
        expect(new Set(spent).size).toBe(spent.length);
        // what is left of the coins worth moving is the last handful, too small for an output
        const left = worth.filter(({ outpoint }) => !spent.includes(formatOutpoint(outpoint)));
        const bring = left.reduce((sum, { output }) => sum + output.value - 148n * feeRate, 0n);
        expect(bring).toBeLessThan(100n * feeRate + DUST);
        for (const { transaction, spentOutputs, fee } of swept) {
          const size = BigInt(sizeWhenUnlocked(transaction, []));
          expect(size).toBeLessThanOrEqual(100_000n);
          expect(fee).toBe(size * feeRate);
          expect(transaction.outputs).toHaveLength(1);
          const value = spentOutputs.reduce((sum, each) => sum + each.value, 0n);
          expect(transaction.outputs[0]).toEqual({ value: value - fee, lockingScript: other });
        }
      }),
      { numRuns: 20 },
    );
  });
});

describe('checking a transaction before it is sent', () => {
  const utxos = [coin(0, 1_000_000n)];
  const funded = fundTransaction({
    outputs: [{ value: 500_000n, lockingScript: other }],
    utxos,
    changeScript: own,
  });
  const signed = signP2pkhInputs(funded.transaction, funded.spentOutputs, [key]);

  it('finds nothing wrong with an honest one', () => {
    expect(checkAmounts(signed, funded.spentOutputs)).toBe(funded.fee);
    expect(() => checkScripts(signed, funded.spentOutputs)).not.toThrow();
  });

  it('tells an unsigned input from a bad signature', () => {
    expect(() => checkScripts(funded.transaction, funded.spentOutputs)).toThrow(
      expect.objectContaining({ code: 'UNSIGNED_INPUT' }),
    );
    const altered = {
      ...signed,
      outputs: signed.outputs.map((output) => ({ ...output, value: output.value - 1n })),
    };
    expect(() => checkScripts(altered, funded.spentOutputs)).toThrow(
      expect.objectContaining({ code: 'BAD_SIGNATURE' }),
    );
    const lied = funded.spentOutputs.map((output) => ({ ...output, value: output.value + 1n }));
    expect(() => checkScripts(signed, lied)).toThrow(
      expect.objectContaining({ code: 'BAD_SIGNATURE' }),
    );
  });

  it('refuses an amount above the inputs, a high fee and dust, each by its name', () => {
    const pay = (value: bigint) => ({
      ...signed,
      outputs: [{ value, lockingScript: other }],
    });
    expect(() => checkAmounts(pay(1_000_001n), funded.spentOutputs)).toThrow(
      expect.objectContaining({ code: 'AMOUNT_ABOVE_INPUTS' }),
    );
    expect(() => checkAmounts(pay(900_000n), funded.spentOutputs)).toThrow(
      expect.objectContaining({ code: 'HIGH_FEE', exitCode: 4 }),
    );
    expect(checkAmounts(pay(900_000n), funded.spentOutputs, { allowHighFee: true })).toBe(100_000n);
    expect(() => checkAmounts(pay(DUST - 1n), funded.spentOutputs)).toThrow(
      expect.objectContaining({ code: 'DUST_OUTPUT' }),
    );
  });

  it('keeps to the fee that it is allowed', () => {
    const large = { value: 10_000_000_000n, lockingScript: own };
    const transaction = (fee: bigint) => ({
      ...signed,
      outputs: [{ value: large.value - fee, lockingScript: other }],
    });
    const high = expect.objectContaining({ code: 'HIGH_FEE' });
    expect(checkAmounts(transaction(MAX_FEE), [large])).toBe(MAX_FEE);
    expect(() => checkAmounts(transaction(MAX_FEE + 1n), [large])).toThrow(high);
    expect(() => checkAmounts(transaction(501n), [large], { maxFee: 500n })).toThrow(high);
    const both = { maxFee: 500n, allowHighFee: true };
    expect(() => checkAmounts(transaction(501n), [large], both)).toThrow(high);
    const allowed = { allowHighFee: true };
    expect(checkAmounts(transaction(MAX_FEE * 9n), [large], allowed)).toBe(MAX_FEE * 9n);
  });

  it('measures the fee against what leaves, not against the change', () => {
    const spent = [{ value: 100_000_000n, lockingScript: own }];
    const transaction = {
      ...signed,
      outputs: [
        { value: 1_000n, lockingScript: other },
        { value: 99_998_000n, lockingScript: own },
      ],
    };
    expect(() => checkAmounts(transaction, spent)).toThrow(
      expect.objectContaining({ code: 'HIGH_FEE' }),
    );
  });
});
