import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitmodelError, toHex } from '#src/base/index.js';
import { encodeTransaction, networkParameters, parseScriptContext } from '#src/chain/index.js';
import { transactionJson } from '#src/commands/shared/transaction-view.js';
import { cases } from '../../long.js';
import { anyTransaction, outputArbitrary } from '../transactions.js';

const TXID = `${'00'.repeat(31)}07`;
const CATEGORY = `${'00'.repeat(31)}09`;

describe('the context of a script in JSON', () => {
  it('has a plain default for everything', () => {
    const { transaction, inputIndex, spentOutputs } = parseScriptContext('{}');
    expect(transaction).toMatchObject({ version: 10, lockTime: 0, jobId: new Uint8Array(32) });
    expect(transaction.inputs).toHaveLength(1);
    expect(transaction.outputs).toHaveLength(1);
    expect(inputIndex).toBe(0);
    expect(spentOutputs).toEqual([{ value: 100_000_000n, lockingScript: Uint8Array.of(0x51) }]);
  });

  it('says everything that a script may look at', () => {
    const context = parseScriptContext(
      JSON.stringify({
        transaction: {
          version: 11,
          lockTime: 500,
          jobId: '0b'.repeat(32),
          inputs: [{}, { txid: TXID, vout: 3, sequence: 9, unlockingScript: '5152' }],
          outputs: [{ value: '1.5', lockingScript: '6a' }],
        },
        inputIndex: 1,
        spentOutputs: [
          {},
          {
            value: '0.00000007',
            lockingScript: '87',
            token: {
              category: CATEGORY,
              amount: '9223372036854775807',
              nft: { capability: 'mutable', commitment: '0102' },
            },
          },
        ],
      }),
    );
    const { transaction, inputIndex, spentOutputs } = context;
    expect(transaction.version).toBe(11);
    expect(transaction.lockTime).toBe(500);
    expect(toHex(transaction.jobId)).toBe('0b'.repeat(32));
    const { outpoint, sequence, unlockingScript } = transaction.inputs[1]!;
    expect([outpoint.hash[0], outpoint.index, sequence, toHex(unlockingScript)]).toEqual([
      7,
      3,
      9,
      '5152',
    ]);
    expect(transaction.outputs).toEqual([
      { value: 150_000_000n, lockingScript: Uint8Array.of(0x6a) },
    ]);
    expect(inputIndex).toBe(1);
    expect(spentOutputs[1]).toMatchObject({
      value: 7n,
      lockingScript: Uint8Array.of(0x87),
      token: {
        amount: 2n ** 63n - 1n,
        nft: { capability: 'mutable', commitment: Uint8Array.of(1, 2) },
      },
    });
    expect(spentOutputs[1]!.token!.category[0]).toBe(9);
  });

  it('is a transaction by itself, with what its inputs spend, as tx decode writes it', () => {
    const spends = { value: '2', type: 'nonstandard', address: 'x', lockingScript: '51' };
    const text = JSON.stringify({ txid: TXID, size: 9, inputs: [{ spends }], outputs: [] });
    expect(parseScriptContext(text).spentOutputs[0]!.value).toBe(200_000_000n);
  });

  it('is what bitmodel tx decode --json shows of any transaction', () => {
    const parameters = networkParameters('regtest');
    const spending = anyTransaction(fc.integer({ min: 1, max: 20 }), { inputs: 1 }).chain(
      (transaction) => {
        const count = transaction.inputs.length;
        const spent = fc.array(outputArbitrary, { minLength: count, maxLength: count });
        return fc.tuple(fc.constant(transaction), spent);
      },
    );
    const same = fc.property(spending, ([transaction, spentOutputs]) => {
      const shown = JSON.stringify(transactionJson(transaction, parameters, spentOutputs));
      const context = parseScriptContext(shown);
      expect(encodeTransaction(context.transaction)).toEqual(encodeTransaction(transaction));
      expect(context.spentOutputs).toEqual(spentOutputs);
    });
    fc.assert(same, { numRuns: 100 });
  });

  it('takes a transaction in hex, together with what it spends', () => {
    const { transaction } = parseScriptContext('{"transaction":{"version":2}}');
    const hex = toHex(encodeTransaction(transaction));
    const context = parseScriptContext(JSON.stringify({ transaction: hex, spentOutputs: [{}] }));
    expect(context.transaction).toEqual(transaction);
  });

  it('gives way to scripts and an input from elsewhere', () => {
    const context = parseScriptContext('{"transaction":{"inputs":[{},{"vout":4}]}}', {
      inputIndex: 1,
      unlocking: Uint8Array.of(0x52),
      locking: Uint8Array.of(0x53),
    });
    expect(context.transaction.inputs[1]).toMatchObject({
      outpoint: { index: 4 },
      unlockingScript: Uint8Array.of(0x52),
    });
    expect(context.transaction.inputs[0]!.unlockingScript).toHaveLength(0);
    expect(context.spentOutputs[1]!.lockingScript).toEqual(Uint8Array.of(0x53));
  });

  it.each([
    ['{', /not valid JSON/],
    ['[]', /expected object/],
    ['{"foo":1}', /Unrecognized key: "foo"/],
    ['{"transaction":{"inputs":[]}}', /transaction\.inputs/],
    ['{"transaction":{"inputs":[{"vout":-1}]}}', /transaction\.inputs\.0\.vout/],
    ['{"transaction":{"inputs":[{"txid":"00"}]}}', /64 hexadecimal digits/],
    ['{"transaction":{"outputs":[{"value":"x"}]}}', /"x" is not an amount/],
    ['{"transaction":{"outputs":[{"lockingScript":"5"}]}}', /whole bytes/],
    ['{"transaction":"0011"}', /./],
    ['{"inputIndex":3}', /none has index 3/],
    ['{"spentOutputs":[]}', /1 inputs and 0 spent outputs/],
  ])('names what is wrong: %s', (text, message) => {
    expect(() => parseScriptContext(text)).toThrow(
      expect.objectContaining({
        code: 'BAD_CONTEXT',
        message: expect.stringMatching(message),
        next: expect.any(String),
      }),
    );
  });

  it('is refused in one sentence, whatever the JSON', () => {
    const key = fc.constantFrom('transaction', 'inputs', 'outputs', 'inputIndex', 'value', 'token');
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        fc.jsonValue({ maxDepth: 1 }),
        fc.dictionary(key, tie('tree'), { maxKeys: 4 }),
        fc.array(tie('tree'), { maxLength: 2 }),
      ),
    }));
    const refused = fc.property(
      fc.oneof(
        tree.map((value) => JSON.stringify(value)),
        fc.string(),
      ),
      (text) => {
        try {
          parseScriptContext(text);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(BitmodelError);
          expect(thrown).toMatchObject({ code: 'BAD_CONTEXT' });
        }
      },
    );
    fc.assert(refused, { numRuns: cases(3_000, 1_000_000) });
  });
});
