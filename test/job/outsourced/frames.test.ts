import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import {
  type AskFrame,
  type CheckRequest,
  decodeAsk,
  decodeCheckRequest,
  decodeSay,
  encodeAsk,
  encodeCheckRequest,
  encodeSay,
  REFUSALS,
  type Refusal,
  type SayFrame,
} from '#src/job/index.js';
import { cases } from '../../long.js';
import { hash, makeJob } from '../make.js';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const hex = fc.nat().map((seed) => hash(String(seed)));
const u32 = fc.nat(0xffff_ffff);
const asks: fc.Arbitrary<AskFrame> = fc.oneof(
  fc.record({
    kind: fc.constant('model' as const),
    model: hex,
    file: fc.constantFrom('onnx/model.onnx', 'onnx/modèle.onnx', ''),
    calibration: hex,
  }),
  fc.constant({ kind: 'calibration' as const }),
  fc.constant({ kind: 'reveal' as const }),
  fc.record({ kind: fc.constant('question' as const), request: fc.uint8Array() }),
);
const says: fc.Arbitrary<SayFrame> = fc.oneof(
  fc.record({
    kind: fc.constant('facts' as const),
    numericClass: fc.constantFrom('fp32/0/cpu', 'int4/4/cuda'),
    vocabularySize: u32,
    contextLength: u32,
    calibrated: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('calibration' as const), json: fc.uint8Array() }),
  fc.constant({ kind: 'waiting' as const }),
  fc.record({ kind: fc.constant('commitment' as const), commitment: bytes(32) }),
  fc.record({ kind: fc.constant('answer' as const), salt: bytes(32), answer: fc.uint8Array() }),
  fc.record({
    kind: fc.constant('refusal' as const),
    refusal: fc.constantFrom(...(Object.keys(REFUSALS) as Refusal[])),
  }),
);
const job = makeJob();
const requests: fc.Arbitrary<CheckRequest> = fc
  .record({
    nonce: bytes(32),
    salt: bytes(32),
    tauMicro: fc.integer({ min: 1000, max: 100_000_000 }),
    promptIds: fc.array(u32, { minLength: 1, maxLength: 30 }),
    outputIds: fc.array(u32, { minLength: 1, maxLength: 30 }),
    asked: fc.nat(),
  })
  .map(({ asked, ...rest }) => {
    const all = rest.outputIds.map((_, i) => i);
    const some = all.filter((i) => (asked >> (i % 20)) & 1);
    return { ...rest, job, positions: some.length > 0 ? some : [0] };
  });

/** Random bytes, and real ones with a few changed, cut or added to. */
function hostile(real: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const change = fc.tuple(fc.nat(), fc.nat(255));
  const mutated = fc
    .tuple(real, fc.array(change, { maxLength: 4 }), fc.integer({ min: -3, max: 3 }))
    .map(([bytesOf, changes, more]) => {
      const copy = new Uint8Array(Math.max(bytesOf.length + more, 0));
      copy.set(bytesOf.subarray(0, copy.length));
      for (const [at, value] of changes) if (copy.length > 0) copy[at % copy.length] = value;
      return copy;
    });
  return fc.oneof(mutated, fc.uint8Array({ maxLength: 200 }));
}

const FORMATS = [
  ['words of who asks', asks.map(encodeAsk), (b: Uint8Array) => encodeAsk(decodeAsk(b))],
  ['words of a neighbour', says.map(encodeSay), (b: Uint8Array) => encodeSay(decodeSay(b))],
  [
    'questions',
    requests.map(encodeCheckRequest),
    (b: Uint8Array) => encodeCheckRequest(decodeCheckRequest(b)),
  ],
] as const;

describe('the bytes of a check', () => {
  it('come back as what they were made of', () => {
    fc.assert(
      fc.property(asks, says, (ask, say) => {
        expect(decodeAsk(encodeAsk(ask))).toEqual(ask);
        expect(decodeSay(encodeSay(say))).toEqual(say);
      }),
    );
    fc.assert(
      fc.property(requests, (request) => {
        expect(decodeCheckRequest(encodeCheckRequest(request))).toEqual(request);
      }),
    );
  });

  it.each(FORMATS)('are read, for %s, as what makes exactly them, or refused', (_, real, again) => {
    fc.assert(
      fc.property(hostile(real), (input) => {
        try {
          expect(again(input)).toEqual(input);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(BitmodelError);
        }
      }),
      { numRuns: cases(7000, 2_000_000) },
    );
  });

  it.each([
    ['a tolerance too fine', { tauMicro: 999 }],
    ['positions out of order', { positions: [2, 1] }],
    ['a position twice', { positions: [1, 1] }],
    ['a position beyond the output', { positions: [3] }],
    ['no position', { positions: [] }],
    ['no prompt', { promptIds: [] }],
    ['more tokens than a job may have', { outputIds: new Array<number>(65_537).fill(1) }],
  ])('are refused for %s', (_, change) => {
    const request: CheckRequest = {
      nonce: new Uint8Array(32),
      salt: new Uint8Array(32),
      tauMicro: 1000,
      job,
      promptIds: [1],
      outputIds: [1, 2, 3],
      positions: [0, 2],
    };
    expect(() => decodeCheckRequest(encodeCheckRequest({ ...request, ...change }))).toThrow(
      BitmodelError,
    );
  });
});
