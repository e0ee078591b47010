import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeBlockParts } from '#src/chain/codec/block.js';
import { checkBlock, checkBlockAtHeight, coinbasePrefix } from '#src/chain/consensus/blockRules.js';
import { checkConnection } from '#src/chain/consensus/connect.js';
import { MAX_BLOCK_SIGNATURE_CHECKS } from '#src/chain/consensus/parameters.js';
import { ScriptVerifier } from '#src/chain/consensus/ScriptVerifier.js';
import { checkAmounts, checkTransaction } from '#src/chain/consensus/transactionRules.js';
import {
  assemble,
  type Block,
  encodeBlock,
  encodeTransaction,
  MAX_BLOCK_SIZE,
  MAX_MONEY,
  MAX_TRANSACTION_SIZE,
  merkleRoot,
  metaTxidPreimage,
  NO_JOB,
  pushData,
  signData,
  type Transaction,
  type TransactionOutput,
  transactionHash,
} from '#src/chain/index.js';
import { SignatureCache } from '#src/chain/script/SignatureCache.js';
import { LONG_TESTS, timeLimit } from '../../long.js';
import { MINER, OTHER_SCRIPT, REGTEST } from '../node/setup.js';

const input = (byte: number) => ({
  outpoint: { hash: new Uint8Array(32).fill(byte), index: 0 },
  unlockingScript: new Uint8Array(0),
  sequence: 0,
});
const paying = (value: bigint): TransactionOutput => ({ value, lockingScript: OTHER_SCRIPT });

function transaction(parts: Partial<Transaction>): Transaction {
  const base = { version: 10, inputs: [input(1)], outputs: [paying(1n)], lockTime: 0 };
  return { ...base, jobId: NO_JOB, ...parts };
}

/** A transaction of exactly so many bytes: what is left is one long output that carries data. */
function ofSize(size: number, byte = 1): Transaction {
  const make = (length: number) => {
    const lockingScript = new Uint8Array(length).fill(0x6a);
    return transaction({ inputs: [input(byte)], outputs: [{ value: 0n, lockingScript }] });
  };
  const overhead = encodeTransaction(make(100_000)).length - 100_000;
  return make(size - overhead);
}

const check = (tx: Transaction) => () => checkTransaction(tx, encodeTransaction(tx).length);

describe('a transaction', () => {
  it('has at most 8,000,000 bytes', () => {
    expect(encodeTransaction(ofSize(MAX_TRANSACTION_SIZE)).length).toBe(8_000_000);
    expect(check(ofSize(MAX_TRANSACTION_SIZE))).not.toThrow();
    expect(check(ofSize(MAX_TRANSACTION_SIZE + 1))).toThrow('bad-txns-oversize');
  });

  it('has not 64 bytes, which could be two hashes of the Merkle tree (CVE-2017-12842)', () => {
    // 60 bytes of a version-1 transaction with empty scripts, and what the locking script adds
    const withScript = (length: number) =>
      transaction({
        version: 1,
        outputs: [{ value: 0n, lockingScript: new Uint8Array(length).fill(0x51) }],
      });
    expect(encodeTransaction(withScript(4)).length).toBe(64);
    expect(check(withScript(3))).not.toThrow();
    expect(check(withScript(4))).toThrow('bad-txns-64-byte');
    expect(check(withScript(5))).not.toThrow();
  });

  it('has inputs and outputs', () => {
    expect(check(transaction({ inputs: [] }))).toThrow('bad-txns-vin-empty');
    expect(check(transaction({ outputs: [] }))).toThrow('bad-txns-vout-empty');
  });

  it('spends no output twice (CVE-2018-17144), wherever the two stand', () => {
    const inputs = Array.from({ length: 20 }, (_, index) => input(index + 1));
    expect(check(transaction({ inputs }))).not.toThrow();
    fc.assert(
      fc.property(fc.nat(19), fc.nat(20), (which, place) => {
        const doubled = inputs.toSpliced(place, 0, { ...inputs[which]!, sequence: 7 });
        expect(check(transaction({ inputs: doubled }))).toThrow('bad-txns-inputs-duplicate');
      }),
      { numRuns: 50 },
    );
  });

  it('spends something real unless it is a coinbase', () => {
    const nothing = {
      ...input(0),
      outpoint: { hash: new Uint8Array(32), index: 0xffff_ffff },
    };
    expect(check(transaction({ inputs: [input(1), nothing] }))).toThrow('bad-txns-prevout-null');
  });
});

describe('money', () => {
  it('never exceeds its range in an output or in their sum (CVE-2010-5139)', () => {
    expect(check(transaction({ outputs: [paying(MAX_MONEY)] }))).not.toThrow();
    const beyond = transaction({ outputs: [paying(MAX_MONEY + 1n)] });
    expect(check(beyond)).toThrow('bad-txns-vout-toolarge');
    const sum = transaction({ outputs: [paying(MAX_MONEY), paying(1n)] });
    expect(check(sum)).toThrow('bad-txns-txouttotal-toolarge');
    // the outputs of Bitcoin's block 74,638, whose sum was beyond 64 bits
    const half = 2n ** 63n - 500_000n;
    const overflow = transaction({ outputs: [paying(half), paying(half)] });
    expect(check(overflow)).toThrow('bad-txns-vout-toolarge');
    const most = transaction({ outputs: [paying(2n ** 64n - 1n)] });
    expect(check(most)).toThrow('bad-txns-vout-toolarge');
  });

  const coin = (value: bigint, height = 1, coinbase = false) => ({
    output: paying(value),
    height,
    coinbase,
  });

  it('never exceeds its range in what is spent', () => {
    const tx = transaction({ inputs: [input(1), input(2)] });
    const amounts = (a: bigint, b: bigint) => () =>
      checkAmounts(tx, [coin(a), coin(b)], 200, REGTEST.maturity);
    expect(amounts(MAX_MONEY - 1n, 1n)()).toBe(MAX_MONEY - 1n);
    expect(amounts(MAX_MONEY, 1n)).toThrow('bad-txns-inputvalues-outofrange');
  });

  it('is never made by a transaction', () => {
    const amounts = (value: bigint) => () =>
      checkAmounts(transaction({ outputs: [paying(value)] }), [coin(5n)], 200, REGTEST.maturity);
    expect(amounts(5n)()).toBe(0n);
    expect(amounts(4n)()).toBe(1n);
    expect(amounts(6n)).toThrow('bad-txns-in-belowout');
  });

  it('of a coinbase is spent from 100 blocks after it on', () => {
    const spend = (height: number) => () =>
      checkAmounts(transaction({}), [coin(5n, 7, true)], height, REGTEST.maturity);
    expect(spend(106)).toThrow('bad-txns-premature-spend-of-coinbase');
    expect(spend(107)()).toBe(4n);
  });
});

const coinbase = transaction({
  inputs: [
    {
      outpoint: { hash: new Uint8Array(32), index: 0xffff_ffff },
      unlockingScript: Uint8Array.of(1, 5, 0),
      sequence: 0,
    },
  ],
});

function blockOf(transactions: readonly Transaction[]): Block {
  const { root } = merkleRoot(transactions.map(transactionHash));
  return { header: { ...REGTEST.genesis.header, merkleRoot: root }, transactions };
}

describe('a block', () => {
  it('has at most 32,000,000 bytes, header included', () => {
    const parts = [1, 2, 3].map((byte) => ofSize(MAX_TRANSACTION_SIZE, byte));
    const full = (size: number) => blockOf([coinbase, ...parts, ofSize(size, 4)]);
    const rest = MAX_BLOCK_SIZE - encodeBlock(blockOf([coinbase, ...parts])).length;
    const block = full(rest);
    expect(encodeBlock(block).length).toBe(32_000_000);
    expect(() => checkBlock(block)).not.toThrow();
    expect(() => checkBlock(full(rest + 1))).toThrow('bad-blk-length');
  });

  it('has transactions', () => {
    expect(() => checkBlock(blockOf([]))).toThrow('bad-blk-length');
  });

  it('has a coinbase that the chain does not hold already (BIP30)', () => {
    const context = {
      parameters: REGTEST,
      height: 5,
      coins: { coin: () => undefined },
      medianTimeAt: () => 0,
    };
    const checked = checkBlock(blockOf([coinbase]));
    expect(() =>
      checkConnection(checked, { ...context, hasTransaction: () => false }),
    ).not.toThrow();
    expect(() => checkConnection(checked, { ...context, hasTransaction: () => true })).toThrow(
      'bad-txns-BIP30',
    );
  });

  it('begins its coinbase with its height, in the one form that a push of it has (BIP34)', () => {
    const heights = [1, 16, 17, 127, 128, 255, 256, 32_767, 32_768, 8_388_608, 100_000_000];
    for (const height of heights) {
      const unlockingScript = Uint8Array.from([...coinbasePrefix(height), 9, 9]);
      const own = { ...coinbase, inputs: [{ ...coinbase.inputs[0]!, unlockingScript }] };
      expect(() => checkBlockAtHeight(blockOf([own]), height, () => 0)).not.toThrow();
      for (const other of heights.filter((each) => each !== height)) {
        expect(() => checkBlockAtHeight(blockOf([own]), other, () => 0)).toThrow('bad-cb-height');
      }
    }
  });
});

describe('transaction ids', () => {
  it('of the two kinds never meet: what is hashed begins with the version in both', () => {
    const job = transaction({ version: 10 });
    const preimage = metaTxidPreimage(job);
    expect(preimage.slice(0, 4)).toEqual(Uint8Array.of(10, 0, 0, 0));
    for (const version of [-1, 1, 2, 9]) {
      const bytes = encodeTransaction(transaction({ version }));
      expect(new DataView(bytes.buffer).getInt32(0, true)).toBeLessThan(10);
    }
    // and no preimage is as short as two hashes
    expect(preimage.length).toBe(144);
  });
});

describe('the signature checks of a block', () => {
  const PER_INPUT = 50;
  const message = Uint8Array.of(7);
  const parts = [signData(message, MINER.privateKey), message, MINER.publicKey];
  // what is below is dropped: it only pays for the checks
  const padding = pushData(new Uint8Array(2_000));
  const unlockingScript = Buffer.concat([padding, ...parts.map(pushData)]);
  const lockingScript = assemble(
    `${'OP_3DUP OP_CHECKDATASIGVERIFY '.repeat(PER_INPUT)} OP_2DROP OP_2DROP OP_1`,
  );
  const oneCheck = assemble('OP_CHECKDATASIGVERIFY OP_DROP OP_1');

  /** So many checks in inputs of 50, the rest in inputs of one. */
  function spendingsOf(checks: number) {
    const many = Math.floor(checks / PER_INPUT);
    const scripts = [
      ...Array<Uint8Array>(many).fill(lockingScript),
      ...Array<Uint8Array>(checks % PER_INPUT).fill(oneCheck),
    ];
    const inputs = scripts.map((_, index) => ({
      outpoint: { hash: new Uint8Array(32).fill(1), index },
      unlockingScript,
      sequence: 0,
    }));
    const transactions = [coinbase, transaction({ inputs })];
    const coins = scripts.map((script) => ({
      output: { value: 1n, lockingScript: script },
      height: 1,
      coinbase: false,
    }));
    const { bytes, offsets } = encodeBlockParts({ header: REGTEST.genesis.header, transactions });
    const hashes = transactions.map(transactionHash);
    return { transactions, bytes, offsets, hashes, spent: [[], coins] };
  }

  /** The signature is known, unless the long form is asked for: then each check is made. */
  function verifier(threads: number): ScriptVerifier {
    const cache = new SignatureCache();
    const scripts = new ScriptVerifier(threads, cache);
    const one = spendingsOf(1);
    if (!LONG_TESTS) scripts.verify(one.transactions[1]!, one.hashes[1]!, one.spent[1]!);
    return scripts;
  }

  it(
    'are at most one per 141 bytes of the largest block, and the rest is not run',
    async () => {
      expect(MAX_BLOCK_SIGNATURE_CHECKS).toBe(226_950);
      const alone = verifier(1);
      const threaded = verifier(2);
      expect(() => threaded.beginBlock(spendingsOf(226_950)).finish()).not.toThrow();
      expect(() => alone.beginBlock(spendingsOf(226_951)).finish()).toThrow('bad-blk-sigchecks');
      await threaded.close();
    },
    timeLimit(240_000),
  );
});
