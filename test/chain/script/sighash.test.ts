import { generateSigningSerializationBCH } from '@bitauth/libauth';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256d, toHex } from '#src/base/index.js';
import {
  type ScriptContext,
  SIGHASH,
  signatureHash,
  signatureHashPreimage,
} from '#src/chain/index.js';
import { isDefinedHashType } from '#src/chain/script/sighash.js';
import { anyTransaction, outputArbitrary } from '../transactions.js';
import { programOf } from './libauth.js';
import { contextOf } from './setup.js';

const hashType = fc.constantFrom(0x41, 0x42, 0x43, 0x61, 0x62, 0x63, 0xc1, 0xc2, 0xc3);

/** A transaction with outputs for all its inputs to spend, and one of those inputs. */
const spending = (version: fc.Arbitrary<number>): fc.Arbitrary<ScriptContext> =>
  anyTransaction(version, { inputs: 1 }).chain((transaction) =>
    fc.record({
      transaction: fc.constant(transaction),
      inputIndex: fc.nat(transaction.inputs.length - 1),
      spentOutputs: fc.array(outputArbitrary, {
        minLength: transaction.inputs.length,
        maxLength: transaction.inputs.length,
      }),
    }),
  );

const classic = spending(fc.integer({ min: 0, max: 9 }));
const withJob = spending(fc.integer({ min: 10, max: 2 ** 31 - 1 }));

describe('signature hash', () => {
  it('is BCH’s below version 10, for every type', () => {
    const same = fc.property(classic, hashType, fc.uint8Array(), (context, type, code) => {
      const theirs = generateSigningSerializationBCH(programOf(context), {
        coveredBytecode: code,
        signingSerializationType: Uint8Array.of(type),
      });
      expect(toHex(signatureHashPreimage(context, code, type))).toBe(toHex(theirs));
      expect(signatureHash(context, code, type)).toEqual(sha256d(theirs));
    });
    fc.assert(same, { numRuns: 300 });
  });

  it('has the job id behind the lock time from version 10 on', () => {
    const follows = fc.property(withJob, hashType, fc.uint8Array(), (context, type, code) => {
      const { transaction } = context;
      const program = programOf(context);
      const theirs = generateSigningSerializationBCH(program, {
        coveredBytecode: code,
        signingSerializationType: Uint8Array.of(type),
      });
      const ours = toHex(signatureHashPreimage(context, code, type));
      const expected = toHex(theirs);
      expect(ours).toBe(expected.slice(0, -8) + toHex(transaction.jobId) + expected.slice(-8));
    });
    fc.assert(follows, { numRuns: 100 });
  });

  it('covers outputs and sequences as its type says', () => {
    const context = contextOf('1');
    const { transaction } = context;
    const hash = (type: number, changes: object) =>
      toHex(
        signatureHash(
          { ...context, transaction: { ...transaction, ...changes } },
          new Uint8Array(1),
          type,
        ),
      );
    const second = { outputs: [transaction.outputs[0]!, transaction.outputs[0]!] };
    const [first, other] = transaction.inputs;
    const sequence = { inputs: [first!, { ...other!, sequence: 1 }] };
    const outpoint = { inputs: [first!, { ...other!, outpoint: first!.outpoint }] };
    const table: [type: number, outputs: boolean, sequences: boolean, outpoints: boolean][] = [
      [0x41, true, true, true],
      [0x42, false, false, true],
      [0x43, false, false, true],
      [0xc1, true, false, false],
      [0xc2, false, false, false],
      [0xc3, false, false, false],
    ];
    for (const [type, ...covered] of table) {
      const plain = hash(type, {});
      const changed = [second, sequence, outpoint].map((change) => hash(type, change) !== plain);
      expect(changed, `type ${type.toString(16)}`).toEqual(covered);
    }
  });

  it('knows nine hash types', () => {
    const defined = Array.from({ length: 256 }, (_, type) => type).filter(isDefinedHashType);
    expect(defined).toEqual([0x41, 0x42, 0x43, 0x61, 0x62, 0x63, 0xc1, 0xc2, 0xc3]);
    expect(SIGHASH.ALL | SIGHASH.FORKID).toBe(0x41);
  });

  it('is taken of the largest transactions', () => {
    const { transaction, spentOutputs } = contextOf('1');
    const count = 200_000;
    const context = {
      transaction: { ...transaction, inputs: Array(count).fill(transaction.inputs[0]!) },
      inputIndex: count - 1,
      spentOutputs: Array(count).fill(spentOutputs[0]!),
    };
    expect(signatureHash(context, new Uint8Array(1), 0x41)).toHaveLength(32);
  });

  it('covers the token that is spent, by every type, and others’ where its type says UTXOS', () => {
    const context = contextOf('1');
    const token = { category: new Uint8Array(32).fill(7), amount: 5n };
    const hash = (type: number, index: number, put = token): string => {
      const spentOutputs = context.spentOutputs.map((output, i) =>
        i === index ? { ...output, token: put } : output,
      );
      return toHex(signatureHash({ ...context, spentOutputs }, new Uint8Array(1), type));
    };
    for (const type of [0x41, 0x42, 0x43, 0x61, 0x62, 0x63, 0xc1, 0xc2, 0xc3]) {
      const bare = toHex(signatureHash(context, new Uint8Array(1), type));
      expect(hash(type, 0), `type ${type.toString(16)}`).not.toBe(bare);
      expect(hash(type, 0, { ...token, amount: 6n })).not.toBe(hash(type, 0));
      expect(hash(type, 1) !== bare).toBe((type & SIGHASH.UTXOS) !== 0);
    }
  });

  it('is refused for an input that is not there', () => {
    const context = { ...contextOf('1'), inputIndex: 2 };
    expect(() => signatureHash(context, new Uint8Array(0), 0x41)).toThrow(
      expect.objectContaining({ code: 'BAD_INPUT_INDEX' }),
    );
  });
});
