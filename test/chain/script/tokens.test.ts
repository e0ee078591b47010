import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, toHex } from '#src/base/index.js';
import {
  assemble,
  type OutputToken,
  publicKeyOf,
  type ScriptContext,
  SIGHASH,
  signInput,
  verifyInput,
} from '#src/chain/index.js';
import { tokenArbitrary } from '../transactions.js';
import { evaluateWithLibauth } from './libauth.js';
import { contextOf } from './setup.js';

const KEY = new Uint8Array(32).fill(1);
const maybeToken = fc.option(tokenArbitrary, { nil: undefined });
const tokens = fc.tuple(maybeToken, maybeToken, maybeToken, maybeToken);

/** The context of `contextOf` with tokens on the two spent outputs and the two outputs. */
function carrying(
  context: ScriptContext,
  [first, second, third, fourth]: readonly (OutputToken | undefined)[],
): ScriptContext {
  const put = <T extends object>(output: T, token: OutputToken | undefined): T =>
    token ? { ...output, token } : output;
  const { transaction, spentOutputs } = context;
  return {
    ...context,
    spentOutputs: [put(spentOutputs[0]!, first), put(spentOutputs[1]!, second)],
    transaction: {
      ...transaction,
      version: 2,
      outputs: [put(transaction.outputs[0]!, third), put(transaction.outputs[1]!, fourth)],
    },
  };
}

describe('token introspection', () => {
  // VALUE comes last: a true element on top
  const asked = ['UTXO', 'OUTPUT'].flatMap((side) =>
    ['TOKENCATEGORY', 'TOKENCOMMITMENT', 'TOKENAMOUNT', 'BYTECODE', 'VALUE'].flatMap((field) =>
      [0, 1].map((index) => `${index} ${side}${field}`),
    ),
  );

  it('leaves what libauth leaves, for any tokens', () => {
    const same = fc.property(tokens, (put) => {
      const context = carrying(contextOf(asked.join(' ')), put);
      const theirs = evaluateWithLibauth(context);
      expect(theirs).toMatchObject({ error: undefined, stack: { length: asked.length } });
      let stack: readonly Uint8Array[] = [];
      const result = verifyInput(context, {}, (step) => {
        stack = step.stack;
      });
      expect(result).toMatchObject({ error: 'cleanstack' });
      expect(stack.map(toHex)).toEqual(theirs.stack.map(toHex));
    });
    fc.assert(same, { numRuns: 200 });
  });

  it.each(['UTXO', 'OUTPUT'])('shows the capability behind the category of an %s', (side) => {
    const category = new Uint8Array(32).fill(7);
    const commitment = Uint8Array.of(1, 2);
    const suffixes = { none: [], mutable: [1], minting: [2] } as const;
    for (const capability of ['none', 'mutable', 'minting'] as const) {
      const token = { category, amount: 9n, nft: { capability, commitment } };
      const values = { shown: concatBytes(category, Uint8Array.from(suffixes[capability])) };
      const source = `0 ${side}TOKENCATEGORY <shown> EQUALVERIFY 0 ${side}TOKENCOMMITMENT 0x0102 EQUALVERIFY
        0 ${side}TOKENAMOUNT 9 NUMEQUAL`;
      const context = carrying(contextOf(source, { values }), [token, undefined, token, undefined]);
      expect(verifyInput(context)).toMatchObject({ ok: true });
    }
  });

  it('shows the largest amount', () => {
    const token = { category: new Uint8Array(32), amount: 2n ** 63n - 1n };
    const context = carrying(
      contextOf('0 UTXOTOKENAMOUNT <most> NUMEQUAL', { values: { most: token.amount } }),
      [token],
    );
    expect(verifyInput(context)).toMatchObject({ ok: true });
  });
});

describe('a signature over tokens', () => {
  const values = { key: publicKeyOf(KEY) };
  const types = [SIGHASH.ALL, SIGHASH.NONE, SIGHASH.SINGLE].flatMap((base) => [
    base | SIGHASH.FORKID,
    base | SIGHASH.FORKID | SIGHASH.UTXOS,
    base | SIGHASH.FORKID | SIGHASH.ANYONECANPAY,
  ]);

  it.each(types)('opens its lock in libauth and here, hash type %i', (hashType) => {
    const lock = '<key> CHECKSIG';
    const signed = fc.property(tokens, (put) => {
      const unsigned = carrying(contextOf(lock, { values }), put);
      const sig = signInput(unsigned, KEY, { hashType, scriptCode: assemble(lock, values) });
      const context = carrying(
        contextOf(lock, { values: { ...values, sig }, unlocking: '<sig>' }),
        put,
      );
      expect(evaluateWithLibauth(context)).toMatchObject({ error: undefined });
      expect(verifyInput(context)).toMatchObject({ ok: true });
      if (!put[0]) return;
      const { token: _, ...bare } = context.spentOutputs[0]!;
      const stripped = { ...context, spentOutputs: [bare, context.spentOutputs[1]!] };
      expect(verifyInput(stripped)).toMatchObject({ ok: false, error: 'sig-nullfail' });
    });
    fc.assert(signed, { numRuns: 10 });
  });
});
