import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import {
  decodeReceipt,
  encodeReceipt,
  RECEIPT_OVERHEAD,
  type Receipt,
  receiptJsonSchema,
} from '#src/job/index.js';
import { cases } from '../long.js';
import { hash, makeJob, publicKey } from './make.js';

const takes = new Ajv2020({ allErrors: false }).compile(receiptJsonSchema());

/** Faults that a JSON Schema has no words for: they are between fields, or about how text is encoded and counted. */
const BEYOND_SCHEMA =
  /must differ|must not hold the client|more than twice as many|more than half|must not exceed|at least one unit|must lie after created|must cover the full reward|must not be nothing|well-formed Unicode|expected string to have/;

function bytes(least: number, most = least): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength: least, maxLength: most });
}

const ids = fc.array(fc.integer({ min: 0, max: 0xffff_ffff }), { maxLength: 20 });

const jobs = fc.oneof(
  fc.constant(makeJob()),
  fc.constant(makeJob({ stop: ['\n\n', '🐪'], file: 'a/..b/model.onnx' })),
  fc.constant(makeJob({ feePerJob: '0.01000000', stake: '0.02000000' })),
  fc.constant(
    makeJob({
      verifiers: { registry: hash('registry'), size: 100, count: 3, drawHash: hash('c') },
    }),
  ),
);

const receipts: fc.Arbitrary<Receipt> = fc.record({
  job: jobs,
  salt: bytes(32),
  nonce: bytes(32),
  promptIds: ids,
  outputIds: ids,
  finish: fc.constantFrom('eos', 'stop', 'length'),
  k: bytes(32),
  ciphertextHash: bytes(32),
  seller: bytes(33),
  signature: bytes(8, 72),
});

/** Why the decoder refuses; nothing where it does not. */
function refusal(text: string): string | undefined {
  try {
    decodeReceipt(text);
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof BitmodelError) || thrown.code !== 'BAD_RECEIPT') throw thrown;
    return thrown.message;
  }
}

type Json = Record<string, unknown>;

const values = fc.oneof(
  fc.jsonValue(),
  fc.integer({ min: -2, max: 70_000 }),
  fc.constantFrom(
    '',
    'A',
    '=',
    '../x',
    '/x',
    'a/..',
    'a\\..\\b',
    '0.00000001',
    'eos',
    1.5,
    2 ** 53,
    publicKey('v0'),
  ),
  fc.array(fc.constantFrom(publicKey('v0'), publicKey('v1'), 'x', 1), { maxLength: 17 }),
  fc.string({ unit: 'binary', maxLength: 300 }),
);

/** Puts a value in a place of the receipt, or takes the place out. */
function changed(whole: Json, path: readonly string[], value: unknown): Json {
  const [first, ...rest] = path as [string, ...string[]];
  const inner = whole[first];
  if (rest.length > 0 && typeof inner === 'object' && inner !== null) {
    return { ...whole, [first]: changed(inner as Json, rest, value) };
  }
  const { [first]: _, ...others } = whole;
  return value === undefined ? others : { ...whole, [first]: value };
}

const names = fc.constantFrom(
  ...Object.keys(JSON.parse(encodeReceipt({ ...receiptOf(), job: makeJob() })) as Json),
  'more',
);
const paths = fc.oneof(
  names.map((name) => [name]),
  fc.constantFrom(...Object.keys(makeJob()), 'more').map((name) => ['job', name]),
  fc
    .constantFrom('temperatureMilli', 'topK', 'topPMilli', 'more')
    .map((name) => ['job', 'sampling', name]),
  fc
    .constantFrom('registry', 'size', 'count', 'drawHash')
    .map((name) => ['job', 'verifiers', name]),
);

function receiptOf(): Receipt {
  return {
    job: makeJob(),
    salt: new Uint8Array(32),
    nonce: new Uint8Array(32),
    promptIds: [1],
    outputIds: [2],
    finish: 'eos',
    k: new Uint8Array(32),
    ciphertextHash: new Uint8Array(32),
    seller: new Uint8Array(33),
    signature: new Uint8Array(70),
  };
}

describe('the JSON Schema of receipts', () => {
  it('takes what the encoder makes', () => {
    fc.assert(
      fc.property(receipts, (receipt) => {
        const text = encodeReceipt(receipt);
        expect(takes(JSON.parse(text))).toBe(true);
        expect(decodeReceipt(text)).toEqual(receipt);
      }),
      { numRuns: 500 },
    );
  });

  it('takes what the decoder takes, and refuses what it refuses, but for what a schema can’t say', () => {
    let [both, beyond] = [0, 0];
    fc.assert(
      fc.property(
        receipts,
        paths,
        fc.option(values, { nil: undefined }),
        (receipt, path, value) => {
          const text = JSON.stringify(
            changed(JSON.parse(encodeReceipt(receipt)) as Json, path, value),
          );
          const why = refusal(text);
          const taken = takes(JSON.parse(text));
          if (why === undefined) expect(taken).toBe(true);
          else if (taken) {
            beyond++;
            expect(why).toMatch(BEYOND_SCHEMA);
          } else both++;
        },
      ),
      { numRuns: cases(10_000, 2_000_000) },
    );
    expect(both).toBeGreaterThan(2_500);
    expect(beyond).toBeGreaterThan(0);
  });

  it('and the decoder agree on every spelling of bytes', () => {
    const whole = JSON.parse(encodeReceipt(receiptOf())) as Json;
    const spelling = fc.tuple(
      fc.constantFrom('salt', 'seller', 'signature'),
      fc.oneof(
        bytes(0, 80).map((some) => Buffer.from(some).toString('base64')),
        bytes(30, 36).map((some) => Buffer.from(some).toString('base64url')),
        fc.stringMatching(/^[A-Za-z0-9+/=]{43,45}$/),
      ),
    );
    fc.assert(
      fc.property(spelling, ([name, text]) => {
        const changedWhole = { ...whole, [name]: text };
        expect(takes(changedWhole)).toBe(refusal(JSON.stringify(changedWhole)) === undefined);
      }),
      { numRuns: cases(4_000, 400_000) },
    );
  });

  it('lies in docs/receipt.schema.json, as `bitmodel verify --schema` prints it', () => {
    const file = readFileSync('docs/receipt.schema.json', 'utf8');
    expect(JSON.parse(file)).toEqual(receiptJsonSchema());
  });
});

describe('a receipt', () => {
  it('has at most 512 bytes beyond the job and the ids, whatever is in its fields', () => {
    let most = 0;
    fc.assert(
      fc.property(receipts, (receipt) => {
        const parts = [receipt.job, receipt.promptIds, receipt.outputIds];
        const carried = parts.reduce(
          (sum, part) => sum + Buffer.byteLength(JSON.stringify(part)),
          0,
        );
        const beyond = Buffer.byteLength(encodeReceipt(receipt)) - carried;
        most = Math.max(most, beyond);
        expect(beyond).toBeLessThanOrEqual(RECEIPT_OVERHEAD);
      }),
      { numRuns: 1_000 },
    );
    const longest = { ...receiptOf(), finish: 'length', signature: new Uint8Array(72) } as const;
    const fixed = encodeReceipt(longest).length - JSON.stringify(longest.job).length - 6;
    expect(most).toBeLessThanOrEqual(fixed);
    expect(fixed).toBeLessThanOrEqual(RECEIPT_OVERHEAD);
  });

  it('is nothing but a receipt or an error, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        refusal(text);
      }),
      { numRuns: cases(8_000, 1_000_000) },
    );
  });
});
