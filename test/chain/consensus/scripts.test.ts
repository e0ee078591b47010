import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import { encodeBlockParts } from '#src/chain/codec/block.js';
import { ScriptJob, type Spending } from '#src/chain/consensus/ScriptJob.js';
import { ScriptPool } from '#src/chain/consensus/ScriptPool.js';
import { ScriptVerifier } from '#src/chain/consensus/ScriptVerifier.js';
import {
  addressScript,
  encodeTransaction,
  NO_JOB,
  pushData,
  signInput,
  type Transaction,
  type TransactionOutput,
  transactionHash,
} from '#src/chain/index.js';
import { type SignatureCheck, verifyEcdsa } from '#src/chain/script/ecdsa.js';
import { SignatureCache } from '#src/chain/script/SignatureCache.js';
import { keyOf, OTHER_SCRIPT, REGTEST } from '../node/setup.js';

const KEYS = Array.from({ length: 4 }, (_, index) => keyOf(`spender ${index}`));
const OTHER_OUTPUT = { value: 1n, lockingScript: OTHER_SCRIPT };

/** A signed transaction with so many P2PKH inputs; `seed` sets it apart. */
function spending(seed: number, inputCount: number): Spending {
  const spentOutputs: TransactionOutput[] = Array.from({ length: inputCount }, (_, index) => ({
    value: BigInt(seed * 100 + index),
    lockingScript: addressScript(KEYS[index % KEYS.length]!.address, REGTEST),
  }));
  const inputs = spentOutputs.map((_, index) => ({
    outpoint: { hash: new Uint8Array(32).fill(seed), index },
    unlockingScript: new Uint8Array(0),
    sequence: 0,
  }));
  const transaction: Transaction = {
    version: 10,
    inputs,
    outputs: [OTHER_OUTPUT],
    lockTime: seed,
    jobId: NO_JOB,
  };
  const signed = inputs.map((input, inputIndex) => {
    const key = KEYS[inputIndex % KEYS.length]!;
    const context = { transaction, inputIndex, spentOutputs };
    const unlocking = [signInput(context, key.privateKey), key.publicKey].map(pushData);
    return { ...input, unlockingScript: Buffer.concat(unlocking) };
  });
  return { transaction: { ...transaction, inputs: signed }, spentOutputs };
}

/** The same with one input's script broken: its last byte, of the public key, is another. */
function broken({ transaction, spentOutputs }: Spending, inputIndex: number): Spending {
  const inputs = transaction.inputs.map((input, index) => {
    if (index !== inputIndex) return input;
    const unlockingScript = Uint8Array.from(input.unlockingScript);
    unlockingScript[unlockingScript.length - 1]! ^= 1;
    return { ...input, unlockingScript };
  });
  return { transaction: { ...transaction, inputs }, spentOutputs };
}

const coinbase: Transaction = {
  version: 10,
  inputs: [],
  outputs: [OTHER_OUTPUT],
  lockTime: 0,
  jobId: NO_JOB,
};

function blockOf(spendings: readonly Spending[]) {
  const transactions = [coinbase, ...spendings.map(({ transaction }) => transaction)];
  const coins = spendings.map(({ spentOutputs }) =>
    spentOutputs.map((output) => ({ output, height: 1, coinbase: false })),
  );
  const { bytes, offsets } = encodeBlockParts({ header: REGTEST.genesis.header, transactions });
  const hashes = transactions.map(transactionHash);
  return { transactions, bytes, offsets, hashes, spent: [[], ...coins] };
}

function outcome(verifier: ScriptVerifier, spendings: readonly Spending[]): string {
  try {
    verifier.beginBlock(blockOf(spendings)).finish();
    return 'passed';
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(BitmodelError);
    return (thrown as BitmodelError).message;
  }
}

function counting(): { check: SignatureCheck; calls: () => number } {
  let calls = 0;
  const check: SignatureCheck = (...args) => {
    calls++;
    return verifyEcdsa(...args);
  };
  return { check, calls: () => calls };
}

describe('the scripts of a block', () => {
  const sizes = [1, 3, 90, 2, 1, 1, 37, 5];
  const spendings = sizes.map((size, index) => spending(index + 1, size));
  const alone = new ScriptVerifier(1);
  const threaded = new ScriptVerifier(3);
  beforeAll(async () => {
    // threads that have not begun yet take no part
    outcome(threaded, spendings);
    await delay(500);
  });
  afterAll(() => threaded.close());

  it('pass on many threads as on one', () => {
    expect(outcome(alone, spendings)).toBe('passed');
    expect(outcome(threaded, spendings)).toBe('passed');
  });

  it('fail on many threads as on one, with the first failure by order', () => {
    const places = sizes.flatMap((size, index) =>
      Array.from({ length: size }, (_, inputIndex) => ({ index, inputIndex })),
    );
    fc.assert(
      fc.property(fc.subarray(places, { minLength: 1, maxLength: 4 }), (failing) => {
        const changed = failing.reduce(
          (all, { index, inputIndex }) => all.with(index, broken(all[index]!, inputIndex)),
          spendings,
        );
        const expected = outcome(alone, changed);
        const [first] = failing;
        expect(expected).toContain('mandatory-script-verify-flag-failed');
        expect(expected).toContain(`input ${first!.inputIndex},`);
        expect(outcome(threaded, changed)).toBe(expected);
      }),
      { numRuns: 40 },
    );
  });

  it('pass on the main thread when the others were ended', async () => {
    const verifier = new ScriptVerifier(3);
    outcome(verifier, spendings);
    await verifier.close();
    expect(outcome(verifier, spendings)).toBe('passed');
    const changed = spendings.with(6, broken(spendings[6]!, 9));
    expect(outcome(verifier, changed)).toContain('input 9,');
  });
});

describe('a thread that dies', () => {
  const many = [spending(1, 40), spending(2, 40)].map((each) => ({
    ...each,
    bytes: encodeTransaction(each.transaction),
  }));
  const LIMIT = 1_000;

  it('leaves inputs that have not passed', () => {
    const job = ScriptJob.of(many, LIMIT);
    // another thread takes the first chunk and is never heard of again
    const dying: SignatureCheck = () => {
      throw new Error('killed');
    };
    expect(() => new ScriptJob(job.memory, LIMIT).work(dying)).toThrow('killed');
    job.work(verifyEcdsa);
    job.wait(20);
    const passed = Array.from({ length: 40 }, (_, input) => job.passed(0, input));
    expect(passed.slice(0, 16)).toEqual(Array(16).fill(undefined));
    expect(passed.slice(16)).toEqual(Array(24).fill(1));
  });

  it('is an error when it tells why: no script of the block is said to fail', async () => {
    const pool = new ScriptPool(1, new SignatureCache());
    const job = ScriptJob.of(many, LIMIT);
    new Uint8Array(job.memory.bytes).fill(0xff);
    pool.begin(job, LIMIT);
    while (!job.broken) await delay(5);
    expect(() => pool.finish(job)).toThrow(
      expect.objectContaining({ code: 'SCRIPT_THREAD_FAILED' }),
    );
    await pool.close();
  });
});

describe('what the mempool took', () => {
  it('costs no signature check in a block', () => {
    const { check, calls } = counting();
    const verifier = new ScriptVerifier(1, new SignatureCache({ verify: check }));
    const spendings = [spending(1, 3), spending(2, 1)];
    const { transactions, hashes, spent } = blockOf(spendings);
    for (const index of [1, 2]) {
      verifier.verify(transactions[index]!, hashes[index]!, spent[index]!);
    }
    expect(calls()).toBe(4);
    expect(outcome(verifier, spendings)).toBe('passed');
    expect(calls()).toBe(4);
  });

  it('leaves its signatures known when the transaction comes in another form', () => {
    const { check, calls } = counting();
    const verifier = new ScriptVerifier(1, new SignatureCache({ verify: check }));
    const first = spending(1, 3);
    const { transactions, hashes, spent } = blockOf([first]);
    verifier.verify(transactions[1]!, hashes[1]!, spent[1]!);
    expect(outcome(verifier, [broken(first, 2)])).toContain('input 2,');
    expect(calls()).toBe(3);
  });
});

describe('the signature cache', () => {
  const digest = (index: number) => new Uint8Array(32).fill(index);
  const signature = Uint8Array.of(1);
  const key = new Uint8Array(33);

  it('keeps what is valid and nothing else', () => {
    let calls = 0;
    const cache = new SignatureCache({
      verify: (_, message) => {
        calls++;
        return message[0] === 1;
      },
    });
    for (let round = 0; round < 2; round++) {
      expect(cache.checkAndKeep(signature, digest(1), key)).toBe(true);
      expect(cache.checkAndKeep(signature, digest(2), key)).toBe(false);
    }
    expect(calls).toBe(3);
    expect(cache.check(signature, digest(1), new Uint8Array(65))).toBe(true);
    expect(calls).toBe(4);
  });

  it('is the same on every thread that has its memory', () => {
    const cache = new SignatureCache({ verify: () => true });
    const other = new SignatureCache({ memory: cache.memory, verify: () => false });
    cache.checkAndKeep(signature, digest(1), key);
    expect(other.check(signature, digest(1), key)).toBe(true);
    expect(other.check(signature, digest(2), key)).toBe(false);
  });

  it('does not grow: old ones make room', () => {
    const cache = new SignatureCache({ entries: 16, verify: () => true });
    const reader = new SignatureCache({ memory: cache.memory, verify: () => false });
    const { byteLength } = cache.memory;
    for (let index = 0; index < 200; index++) cache.checkAndKeep(signature, digest(index), key);
    const known = Array.from({ length: 200 }, (_, i) => reader.check(signature, digest(i), key));
    expect(known.filter(Boolean).length).toBeLessThanOrEqual(16);
    expect(known.filter(Boolean).length).toBeGreaterThan(8);
    expect(cache.memory.byteLength).toBe(byteLength);
  });
});
