import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '#src/base/index.js';
import { modelId } from '#src/model/index.js';
import {
  BEYOND,
  calibrationHash,
  parseCalibration,
  readCalibration,
  toleranceFor,
} from '#src/rastic/index.js';

const DIR = 'fixtures/bitmodel-tiny';
const FILE = 'onnx/model.onnx';
const text = readFileSync(`${DIR}/bitmodel-tiny.calibration.json`, 'utf8');

describe('the calibration that ships with the bundled model', () => {
  it('is for that very model and file, and is found beside it', async () => {
    const id = await modelId(DIR);
    const calibration = readCalibration(DIR, id, FILE);
    expect(calibration).toEqual(parseCalibration(text, 'shipped'));
    expect(readCalibration(DIR, id, 'onnx/model_q4.onnx')).toBeUndefined();
    expect(readCalibration(DIR, '00'.repeat(32), FILE)).toBeUndefined();
  });

  it('gives a tolerance for what was measured and for nothing else', () => {
    const calibration = parseCalibration(text, 'shipped');
    const tau = toleranceFor(calibration, 'fp32/0/cpu', 'fp32/0/cpu')!;
    const [pair] = calibration.pairs;
    expect(tau).toBe(pair!.tauMicro / 1_000_000);
    expect(pair!.tauMicro).toBeGreaterThanOrEqual(20 * pair!.greatestShiftMicro);
    expect(pair!.greatestMarginMicro).toBeLessThan(pair!.tauMicro);
    for (const counts of Object.values(pair!.margins)) expect(counts[BEYOND]).toBe(0);
    expect(toleranceFor(calibration, 'fp16/0/cuda', 'fp32/0/cpu')).toBeUndefined();
  });
});

describe('the hash of a calibration', () => {
  it('is of its content, however it is written down', () => {
    const calibration = parseCalibration(text, 'shipped');
    const { v, model, file, pairs } = calibration;
    const reordered = parseCalibration(JSON.stringify({ pairs, file, model, v }), 'reordered');
    expect(toHex(calibrationHash(reordered))).toBe(toHex(calibrationHash(calibration)));
    const other = { ...calibration, pairs: [{ ...pairs[0]!, tauMicro: 1001 }] };
    expect(toHex(calibrationHash(other))).not.toBe(toHex(calibrationHash(calibration)));
  });
});

describe('a calibration of version 1', () => {
  it('is refused with what to do about it', () => {
    const older = JSON.stringify({ ...(JSON.parse(text) as object), v: 1 });
    expect(() => parseCalibration(older, 'older')).toThrow(
      expect.objectContaining({
        code: 'BAD_CALIBRATION',
        message: expect.stringContaining('version 1'),
        next: expect.stringContaining('bitmodel model calibrate'),
      }),
    );
  });
});

describe('a calibration file', () => {
  it('with anything false in it is refused', () => {
    const whole = JSON.parse(text) as Record<string, unknown> & {
      pairs: Record<string, unknown>[];
    };
    const wrong: unknown[] = [
      null,
      [],
      { ...whole, v: 1 },
      { ...whole, v: 3 },
      { ...whole, model: 'abc' },
      { ...whole, extra: 1 },
      { ...whole, pairs: [] },
      { ...whole, pairs: [{ ...whole.pairs[0], tauMicro: 0 }] },
      { ...whole, pairs: [{ ...whole.pairs[0], tauMicro: 0.5 }] },
      // so tight that honest sellers on other machines would be accused
      { ...whole, pairs: [{ ...whole.pairs[0], tauMicro: 1 }] },
      { ...whole, pairs: [{ ...whole.pairs[0], tauMicro: 999 }] },
      { ...whole, pairs: [{ ...whole.pairs[0], tauMicro: 1019, greatestShiftMicro: 51 }] },
      { ...whole, pairs: [{ ...whole.pairs[0], tauMicro: 1000, greatestMarginMicro: 1001 }] },
      { ...whole, pairs: [{ ...whole.pairs[0], seller: 'any' }] },
      { ...whole, pairs: [{ ...whole.pairs[0], margins: undefined }] },
      { ...whole, pairs: [{ ...whole.pairs[0], margins: { greedy: [], sampled: [] } }] },
      { ...whole, pairs: [{ ...whole.pairs[0], cheaper: { variant: 'int8' } }] },
    ];
    for (const value of wrong) {
      expect(() => parseCalibration(JSON.stringify(value), 'false')).toThrow(
        expect.objectContaining({ code: 'BAD_CALIBRATION' }),
      );
    }
  });

  it('has a tolerance of 20 times the greatest shift, and at least a thousandth', () => {
    const whole = JSON.parse(text) as { pairs: object[] };
    for (const [tauMicro, greatestShiftMicro] of [
      [1000, 50],
      [1020, 51],
      [100_000_000, 5_000_000],
    ]) {
      const pairs = [{ ...whole.pairs[0], tauMicro, greatestShiftMicro }];
      const said = parseCalibration(JSON.stringify({ ...whole, pairs }), 'tight');
      expect(said.pairs[0]).toMatchObject({ tauMicro, greatestShiftMicro });
    }
  });

  it('of any other text is refused', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (other) => {
        expect(() => parseCalibration(other, 'other')).toThrow(
          expect.objectContaining({ code: 'BAD_CALIBRATION' }),
        );
      }),
    );
  });
});
