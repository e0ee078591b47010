import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalBytes, sha256, toHex, utf8 } from '#src/base/index.js';
import { p2pkhScript } from '#src/chain/index.js';
import {
  completeDeclaration,
  destinationScript,
  type ModelDeclaration,
  modelPinPayload,
  type OtherDeclaration,
  ownPpm,
  parseModelPin,
  parseSourcePin,
  parseSplitScript,
  sourcePinPayload,
} from '#src/reward/index.js';

const id = (n: number): string => toHex(sha256(Uint8Array.of(n)));
const address = (n: number): Uint8Array => p2pkhScript(new Uint8Array(20).fill(n));
const parent = (n: number, ppm: number) => ({ id: id(n), ppm, pays: sha256(address(n)) });
const draft = {
  kind: 'model' as const,
  id: id(1),
  name: 'poet',
  licence: 'MIT',
  size: 2_750_000,
  feePpm: 50_000,
  owner: address(1),
  parents: [parent(2, 200_000), parent(3, 50_000), parent(4, 0)],
};
const MODEL = completeDeclaration<ModelDeclaration>(draft);
const fields = (): Record<string, unknown> =>
  JSON.parse(new TextDecoder().decode(modelPinPayload(MODEL))) as Record<string, unknown>;
const payload = (json: unknown): Uint8Array => utf8(JSON.stringify(json));

const declarations = fc
  .record({
    name: fc.string({ minLength: 1, maxLength: 40 }).map((s) => s.replace(/[^ -~]/g, '_')),
    owner: fc.nat(255).map(address),
    weights: fc.uniqueArray(fc.integer({ min: 5, max: 250 }), { maxLength: 4 }),
    keepsNothing: fc.boolean(),
  })
  .map(({ name, owner, weights, keepsNothing }) => {
    const each = Math.floor(1_000_000 / Math.max(1, weights.length));
    const parents = weights.map((n) => parent(n, each - n));
    const given = parents.reduce((sum, { ppm }) => sum + ppm, 0);
    if (keepsNothing && parents.length > 0)
      parents[0] = { ...parents[0]!, ppm: parents[0]!.ppm + 1_000_000 - given };
    return { name, owner, parents };
  });

const UNPAYABLE: [string, number[]][] = [
  ['that begins like a token, as no output can', [0xef, 0]],
  ['that nothing spends', [0x6a]],
  ['that nothing spends, as pins have it', [0, 0x6a, 4]],
];

describe('a declaration', () => {
  it.each(UNPAYABLE)('has no owner with a script %s', (_, bytes) => {
    const owner = Uint8Array.from(bytes);
    expect(() => completeDeclaration<ModelDeclaration>({ ...draft, owner })).toThrow(
      expect.objectContaining({ code: 'BAD_DECLARATION' }),
    );
    for (const parents of [[], MODEL.parents]) {
      const split = destinationScript(owner, parents);
      const pin = modelPinPayload({ ...MODEL, owner, parents, split });
      expect(parseModelPin(pin)).toBeUndefined();
    }
  });

  it('has its parents in the order of their ids, whatever order they were named in', () => {
    const other = completeDeclaration<ModelDeclaration>({
      ...draft,
      parents: [...draft.parents].reverse(),
    });
    expect(other).toEqual(MODEL);
    const ids = MODEL.parents.map((p) => p.id);
    expect(ids).toEqual([...ids].sort());
  });

  it("has a split contract of the parents that are paid, the owner's share last", () => {
    const paid = MODEL.parents.filter((p) => p.ppm > 0);
    expect(parseSplitScript(MODEL.split)).toEqual([
      ...paid.map((p) => ({ scriptHash: p.pays, ppm: p.ppm })),
      { scriptHash: sha256(address(1)), ppm: 750_000 },
    ]);
    expect(ownPpm(MODEL)).toBe(750_000);
  });

  it('is paid at the owner’s own script where it pays no parent', () => {
    const alone = completeDeclaration<ModelDeclaration>({ ...draft, parents: [parent(2, 0)] });
    expect(alone.split).toEqual(address(1));
  });

  const refused: [string, Partial<typeof draft>, RegExp][] = [
    ['an id that is no hash', { id: 'poet' }, /"poet" is not an id/],
    ['itself as a parent', { parents: [parent(1, 5)] }, /itself/],
    ['one parent twice', { parents: [parent(2, 5), parent(2, 6)] }, /twice/],
    [
      'more than the whole for its parents',
      { parents: [parent(2, 600_000), parent(3, 600_000)] },
      /more than the whole/,
    ],
    ['a name with a line break', { name: 'a\nb' }, /line break/],
    ['a long name', { name: 'x'.repeat(129) }, /at most 128/],
    [
      '250 parents',
      {
        parents: Array.from({ length: 250 }, (_, i) => ({
          ...parent(0, 1),
          id: i.toString(16).padStart(64, '0'),
        })),
      },
      /249 can be paid/,
    ],
  ];
  it.each(refused)('is refused with %s', (_, change, message) => {
    expect(() => completeDeclaration<ModelDeclaration>({ ...draft, ...change })).toThrow(message);
  });
});

describe('the pin of a model', () => {
  it('says what was declared', () => {
    expect(parseModelPin(modelPinPayload(MODEL))).toEqual(MODEL);
  });

  it('says it for any declaration', () => {
    fc.assert(
      fc.property(declarations, (any) => {
        const model = completeDeclaration<ModelDeclaration>({ ...draft, ...any });
        expect(parseModelPin(modelPinPayload(model))).toEqual(model);
        const source = completeDeclaration<OtherDeclaration>({ ...any, kind: 'paper', id: id(1) });
        expect(parseSourcePin(sourcePinPayload(source))).toEqual(source);
      }),
      { numRuns: 60 },
    );
  });

  it('names the calibrations of its graphs, if there are any, each graph once and in order', () => {
    const of = (file: string) => ({ file, hash: id(9) });
    const calibrations = [of('onnx/model.onnx'), of('onnx/model_q4.onnx')];
    expect(parseModelPin(modelPinPayload({ ...MODEL, calibrations }))).toEqual({
      ...MODEL,
      calibrations,
    });
    expect(fields()).not.toHaveProperty('calibrations');
    const wrong: unknown[] = [
      [],
      null,
      [...calibrations].reverse(),
      [calibrations[0], calibrations[0]],
      [{ file: '', hash: id(9) }],
      [{ file: 'a\nb', hash: id(9) }],
      [{ file: 'a', hash: 'abc' }],
      [{ file: 'a', hash: id(9), extra: 1 }],
      Array.from({ length: 65 }, (_, i) => of(`${i + 100}.onnx`)),
    ];
    for (const value of wrong) {
      expect(parseModelPin(payload({ ...fields(), calibrations: value }))).toBeUndefined();
    }
  });

  it('names what it uses where its parents are what a circle comes to, each once and in order', () => {
    const uses = [
      { id: id(2), ppm: 600_000 },
      { id: id(3), ppm: 400_000 },
    ].sort((a, b) => (a.id < b.id ? -1 : 1));
    expect(parseModelPin(modelPinPayload({ ...MODEL, uses }))).toEqual({ ...MODEL, uses });
    expect(fields()).not.toHaveProperty('uses');
    const wrong: unknown[] = [
      [],
      null,
      [...uses].reverse(),
      [uses[0], uses[0]],
      [{ id: MODEL.id, ppm: 1 }],
      [{ id: id(2), ppm: 1.5 }],
      [{ id: id(2), ppm: 1, pays: id(9) }],
      uses.map(({ id }) => ({ id, ppm: 600_000 })),
    ];
    for (const value of wrong) {
      expect(parseModelPin(payload({ ...fields(), uses: value }))).toBeUndefined();
    }
  });

  it('is not read from the pin of another kind of source, nor the other way round', () => {
    const source = completeDeclaration<OtherDeclaration>({
      kind: 'code',
      id: id(1),
      name: 'x',
      owner: address(1),
      parents: [],
    });
    expect(parseModelPin(sourcePinPayload(source))).toBeUndefined();
    expect(parseSourcePin(modelPinPayload(MODEL))).toBeUndefined();
  });

  const [first, second, third] = (fields().parents ?? []) as {
    id: string;
    ppm: number;
    pays: string;
  }[];
  const lies: [string, Record<string, unknown>][] = [
    [
      'another weight than its contract pays',
      { parents: [{ ...first!, ppm: first!.ppm + 1 }, second, third] },
    ],
    [
      'another destination than its contract pays',
      { parents: [{ ...first!, pays: id(9) }, second, third] },
    ],
    ['another owner than its contract pays', { owner: toHex(address(9)) }],
    ['a contract of its own making', { split: toHex(address(9)) }],
    ['parents out of order', { parents: [second, first, third] }],
    ['a parent twice', { parents: [first, first, second, third] }],
    ['itself as a parent', { parents: [first, { ...second!, id: id(1) }, third] }],
    ['no parents where its contract has some', { parents: [] }],
    ['a weight above the whole', { parents: [{ ...first!, ppm: 1_000_001 }, second, third] }],
    ['a fraction', { feePpm: 0.5 }],
    ['a fee of nothing for each job', { feePerJob: '0.00000000' }],
    ['a fee for each job with fewer decimals', { feePerJob: '0.01' }],
    ['a fee for each job as a number', { feePerJob: 1 }],
    ['a fee for each job that no job can pay', { feePerJob: '1000000.00000001' }],
    ['a fee for each job that is a word', { feePerJob: 'abc' }],
    ['a fee for each job that is empty', { feePerJob: '' }],
    ['a fee for each job with an exponent', { feePerJob: '1e5' }],
    ['a fee for each job below nothing', { feePerJob: '-0.01000000' }],
    ['a negative size', { size: -1 }],
    ['an id in capitals', { model: id(1).toUpperCase() }],
    ['another version', { v: 2 }],
    ['a field more', { extra: 1 }],
    ['a field less', { licence: undefined }],
    ['a name that a terminal would obey', { name: '\u001b[2J' }],
  ];
  it.each(lies)('is not read when it says %s', (_, change) => {
    expect(parseModelPin(payload(fields()))).toEqual(MODEL);
    expect(parseModelPin(payload({ ...fields(), ...change }))).toBeUndefined();
  });

  it('says an amount for each job where it asks one, and is else what it was', () => {
    expect(fields().feePerJob).toBeUndefined();
    const asking = completeDeclaration<ModelDeclaration>({ ...draft, feePerJob: 1_000_000n });
    const said = modelPinPayload(asking);
    expect(JSON.parse(new TextDecoder().decode(said))).toEqual({
      ...fields(),
      feePerJob: '0.01000000',
    });
    expect(parseModelPin(said)).toEqual(asking);
    for (const feePerJob of [0n, -1n, 100_000_000_000_001n]) {
      expect(() => completeDeclaration<ModelDeclaration>({ ...draft, feePerJob })).toThrow(
        expect.objectContaining({ code: 'BAD_DECLARATION' }),
      );
    }
  });

  it.each([
    ['a zero-width space', 'po\u200bet', 'po\\u{200b}et'],
    ['an override of the direction', 'po\u202et', 'po\\u{202e}t'],
    ['a soft hyphen', 'po\u00adet', 'po\\u{ad}et'],
    ['a filler', 'poet\u3164', 'poet\\u{3164}'],
    ['a variation selector', 'poet\u{e0100}', 'poet\\u{e0100}'],
    ['a tag', 'poet\u{e0061}', 'poet\\u{e0061}'],
  ])('shows %s in a name that somebody published, and publishes none', (_, name, shown) => {
    const read = parseModelPin(payload({ ...fields(), name, licence: name }));
    expect(read).toEqual({ ...MODEL, name: shown, licence: shown });
    expect(() => completeDeclaration<ModelDeclaration>({ ...draft, name })).toThrow(
      expect.objectContaining({ code: 'BAD_DECLARATION', message: expect.stringContaining(shown) }),
    );
  });

  it('is not read from what is too long, no UTF-8, or no JSON', () => {
    const long = utf8(`${JSON.stringify(fields())}${' '.repeat(140_000)}`);
    expect(parseModelPin(long)).toBeUndefined();
    expect(parseModelPin(Uint8Array.of(0xff, 0xfe))).toBeUndefined();
    expect(parseModelPin(utf8('{"v":1'))).toBeUndefined();
  });

  it('never throws, whatever is written there', () => {
    const anything = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json().map(utf8),
      fc
        .dictionary(fc.constantFrom(...Object.keys(fields())), fc.jsonValue())
        .map((change) => payload({ ...fields(), ...change })),
    );
    fc.assert(
      fc.property(anything, (bytes) => {
        const model = parseModelPin(bytes);
        if (model) expect(parseModelPin(modelPinPayload(model))).toEqual(model);
        parseSourcePin(bytes);
      }),
    );
  });

  it('is canonical JSON', () => {
    expect(modelPinPayload(MODEL)).toEqual(canonicalBytes(fields() as Record<string, string>));
  });
});
