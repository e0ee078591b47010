import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '#src/base/index.js';
import {
  assemble,
  disassemble,
  hashIterationLimit,
  OP,
  operationCostLimit,
  pushData,
  SCRIPT_ERRORS,
  type ScriptContext,
  scriptRejectReason,
  verifyInput,
} from '#src/chain/index.js';
import { cases, timeLimit } from '../../long.js';
import { contextOf } from './setup.js';
import { OPCODE_VECTORS, vectorContext } from './vectors.js';

const codes = Object.values(OP).filter((code) => code > OP.OP_PUSHDATA4);
const chunk = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...codes).map((code) => Uint8Array.of(code)) },
  { weight: 2, arbitrary: fc.uint8Array({ maxLength: 5 }).map(pushData) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 3 }) },
);
const joined = (parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
const script = fc.array(chunk, { maxLength: 40 }).map(joined);
const pushes = fc
  .array(fc.uint8Array({ maxLength: 80 }).map(pushData), { maxLength: 8 })
  .map(joined);

/** One change to a script: a byte changed, left out or put in, or a piece repeated. */
const mutation = fc.record({
  at: fc.nat(),
  kind: fc.constantFrom('change', 'drop', 'insert', 'repeat'),
  byte: fc.integer({ min: 0, max: 255 }),
  length: fc.integer({ min: 1, max: 40 }),
});
type Mutation = typeof mutation extends fc.Arbitrary<infer Value> ? Value : never;

function mutate(bytes: Uint8Array, { at, kind, byte, length }: Mutation): Uint8Array {
  const place = at % (bytes.length + 1);
  const [head, tail] = [bytes.subarray(0, place), bytes.subarray(place)];
  if (kind === 'change') return joined([head, Uint8Array.of(byte), tail.subarray(1)]);
  if (kind === 'drop') return joined([head, tail.subarray(length)]);
  if (kind === 'insert') return joined([head, Uint8Array.of(byte), tail]);
  return joined([head, tail.subarray(0, length), tail]);
}

/** The context with other scripts in the input that runs. */
function withScripts(context: ScriptContext, unlocking: Uint8Array, locking: Uint8Array) {
  const { transaction, spentOutputs, inputIndex } = context;
  const input = { ...transaction.inputs[inputIndex]!, unlockingScript: unlocking };
  const output = { ...spentOutputs[inputIndex]!, lockingScript: locking };
  return {
    transaction: { ...transaction, inputs: transaction.inputs.with(inputIndex, input) },
    spentOutputs: spentOutputs.with(inputIndex, output),
    inputIndex,
  };
}

/** Demands a result, within the budget but for the opcode that went over it, and the same one each time. */
function judge(context: ScriptContext, unlockingLength: number): void {
  const result = verifyInput(context);
  expect(verifyInput(context)).toEqual(result);
  if (result.ok) {
    expect(result.operationCost).toBeLessThanOrEqual(operationCostLimit(unlockingLength));
    expect(result.hashIterations).toBeLessThanOrEqual(hashIterationLimit(unlockingLength));
  } else {
    expect(SCRIPT_ERRORS).toHaveProperty([result.error]);
    expect(scriptRejectReason(result.error)).toMatch(/^mandatory-script-verify-flag-failed \(/);
  }
}

const RUNS = cases(20_000, 10_000_000) / 2;

describe('any script', () => {
  it(
    'ends in a result, within its budget, and the same one each time',
    () => {
      const ends = fc.property(
        fc.oneof(pushes, script),
        script,
        fc.constantFrom(0, 1),
        (unlocking, locking, inputIndex) => {
          judge(withScripts(contextOf('1', { inputIndex }), unlocking, locking), unlocking.length);
        },
      );
      fc.assert(ends, { numRuns: RUNS });
    },
    timeLimit(240_000),
  );

  it(
    'that was changed from one that works ends in a result, too',
    () => {
      const contexts = Object.values(OPCODE_VECTORS).flatMap(({ pass }) => pass.map(vectorContext));
      const changes = fc.array(mutation, { minLength: 1, maxLength: 3 });
      const ends = fc.property(
        fc.constantFrom(...contexts),
        changes,
        fc.array(mutation, { maxLength: 1 }),
        (context, inLocking, inUnlocking) => {
          const { transaction, spentOutputs, inputIndex } = context;
          const { unlockingScript } = transaction.inputs[inputIndex]!;
          const locking = inLocking.reduce(mutate, spentOutputs[inputIndex]!.lockingScript);
          const unlocking = inUnlocking.reduce(mutate, unlockingScript);
          judge(withScripts(context, unlocking, locking), unlocking.length);
          expect(toHex(assemble(disassemble(locking)))).toBe(toHex(locking));
        },
      );
      fc.assert(ends, { numRuns: RUNS });
    },
    timeLimit(240_000),
  );

  it('that is not there is an error', () => {
    const context = contextOf('1');
    expect(verifyInput({ ...context, inputIndex: 7 })).toMatchObject({ error: 'no-input' });
    expect(verifyInput({ ...context, spentOutputs: [] })).toMatchObject({ error: 'no-input' });
  });
});
