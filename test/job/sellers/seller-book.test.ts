import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import { SellerBook } from '#src/job/index.js';
import {
  decodeSellers,
  encodeSellers,
  MOST_SEEN,
  MOST_SELLERS,
} from '#src/job/sellers/sellerFile.js';
import { cases } from '../../long.js';

const folder = mkdtempSync(join(tmpdir(), 'bitmodel-sellers-'));
afterAll(() => rmSync(folder, { recursive: true }));

const keyOf = (i: number): string => `02${i.toString(16).padStart(64, '0')}`;
const idOf = (i: number): string => i.toString(16).padStart(16, '0').padEnd(64, '0');
const BAD = Array.from({ length: 10 }, () => 2);
const GOOD = Array.from({ length: 400 }, () => -0.02);
const of = (seller: string, job: number, ratios: readonly number[]) => ({
  seller,
  jobId: idOf(job),
  created: 100 + job,
  ratios,
  flips: ratios.filter((ratio) => ratio > 0).length,
});

let clock = 1000;
let count = 0;
let book: SellerBook;
beforeEach(() => {
  book = new SellerBook(join(folder, `${count++}`, 'sellers.json'), () => clock++);
});

describe('what is learnt about sellers', () => {
  it('adds up over jobs, and ends with a seller left or a test passed', () => {
    expect(book.list()).toEqual([]);
    const half = of(keyOf(1), 1, BAD.slice(0, 3));
    expect(book.count(half)).toMatchObject({ jobs: 1, tokens: 3, flips: 3, verdict: 'open' });
    expect(book.count(of(keyOf(2), 2, GOOD))).toMatchObject({ verdict: 'honest', passed: 2 });
    expect(book.left()).toEqual(new Set());
    expect(book.count(of(keyOf(1), 3, BAD.slice(0, 2)))).toMatchObject({
      jobs: 2,
      verdict: 'left',
    });
    expect(book.left()).toEqual(new Set([keyOf(1)]));
    expect(book.list().map(({ seller }) => seller)).toEqual([keyOf(1), keyOf(2)]);
    // as another process finds it
    expect(new SellerBook(book.path).list()).toEqual(book.list());
    expect(statSync(book.path).mode & 0o777).toBe(0o600);
  });

  it('counts each job once, and nothing more of a seller that was left', () => {
    const job = of(keyOf(1), 1, BAD.slice(0, 2));
    const once = book.count(job);
    expect(book.count(job)).toEqual(once);
    const left = book.count(of(keyOf(1), 2, BAD));
    expect(left.verdict).toBe('left');
    expect(book.count(of(keyOf(1), 3, GOOD))).toEqual(left);
  });

  it('is forgotten by name', () => {
    book.count(of(keyOf(1), 1, BAD));
    expect(book.forget(keyOf(2))).toBe(false);
    expect(book.forget(keyOf(1))).toBe(true);
    expect(book.list()).toEqual([]);
  });

  it('goes by the error rates that were set', () => {
    expect(book.rates()).toEqual({ falseLeave: 0.001, missed: 0.05 });
    book.setRates({ falseLeave: 1e-9, missed: 0.01 });
    expect(book.rates()).toEqual({ falseLeave: 1e-9, missed: 0.01 });
    expect(book.count(of(keyOf(1), 1, BAD.slice(0, 8)))).toMatchObject({ verdict: 'open' });
    const wrong = expect.objectContaining({ code: 'BAD_ERROR_RATE' });
    expect(() => book.setRates({ falseLeave: 0.7, missed: 0.1 })).toThrow(wrong);
  });

  it('stays within its bounds: of sellers those go first that are not left and were seen longest ago', () => {
    const many = Object.fromEntries(
      Array.from({ length: MOST_SELLERS }, (_, i) => {
        const jobs = i === 5 ? MOST_SEEN : 1;
        const seen = Array.from({ length: jobs }, (_unused, n): [string, number] => [
          idOf(n).slice(0, 16),
          100 + n,
        ]);
        const at = 10 + i;
        const left = i === 0;
        const rest = { jobs, tokens: 1, flips: 0, passed: 0, evidenceMicro: 0 };
        return [keyOf(i), { ...rest, left, at, seen, forgotten: 0 }];
      }),
    );
    const rates = book.rates();
    book.setRates(rates);
    writeFileSync(book.path, encodeSellers({ v: 1, rates, sellers: many }));
    book.count(of(keyOf(9999), 7000, GOOD));
    const keys = new Set(book.list().map(({ seller }) => seller));
    expect(keys.size).toBe(MOST_SELLERS);
    expect(keys.has(keyOf(0))).toBe(true);
    expect(keys.has(keyOf(1))).toBe(false);
    expect(keys.has(keyOf(9999))).toBe(true);
    book.count(of(keyOf(5), 8000, GOOD));
    const file = decodeSellers(readFileSync(book.path, 'utf8'), book.path);
    expect(file.sellers[keyOf(5)]!.seen.length).toBe(MOST_SEEN);
    expect(file.sellers[keyOf(5)]!.seen[0]).toEqual([idOf(8000).slice(0, 16), 8100]);
  });

  it('counts no job again, however many were counted after it, in whatever order', () => {
    const jobs = [7, 3, ...Array.from({ length: MOST_SEEN + 20 }, (_, i) => 10 + i), 5];
    for (const job of jobs) book.count(of(keyOf(1), job, GOOD.slice(0, 2)));
    // the last one is older than those remembered, and so taken for counted
    const counted = jobs.length - 1;
    expect(book.list()).toMatchObject([{ jobs: counted, tokens: 2 * counted }]);
    for (const job of jobs) book.count(of(keyOf(1), job, GOOD.slice(0, 2)));
    expect(book.list()).toMatchObject([{ jobs: counted, tokens: 2 * counted }]);
    expect(book.count(of(keyOf(1), 9000, GOOD.slice(0, 2)))).toMatchObject({ jobs: counted + 1 });
  });

  it('is refused where its file was damaged, and not written over', () => {
    book.count(of(keyOf(1), 1, GOOD));
    writeFileSync(book.path, '{"v":1');
    const wrong = expect.objectContaining({ code: 'BAD_SELLER_FILE' });
    expect(() => book.list()).toThrow(wrong);
    expect(() => book.count(of(keyOf(1), 2, GOOD))).toThrow(wrong);
    expect(readFileSync(book.path, 'utf8')).toBe('{"v":1');
    expect(existsSync(`${book.path}.lock`)).toBe(false);
  });
});

describe('the file about sellers', () => {
  const whole = {
    v: 1,
    rates: { falseLeave: 0.001, missed: 0.05 },
    sellers: {
      [keyOf(1)]: {
        ...{ jobs: 1, tokens: 2, flips: 0, passed: 0, evidenceMicro: -5, left: false, at: 3 },
        seen: [[idOf(1).slice(0, 16), 7]],
        forgotten: 0,
      },
    },
  };

  it('is read from any text as what it says, or refused', () => {
    const text = JSON.stringify(whole);
    expect(encodeSellers(decodeSellers(text, 'x'))).toBe(`${text}\n`);
    const mutated = fc
      .tuple(fc.nat(text.length - 1), fc.string({ maxLength: 3 }))
      .map(([at, put]) => text.slice(0, at) + put + text.slice(at + 1));
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), mutated), (other) => {
        try {
          const file = decodeSellers(other, 'x');
          expect(decodeSellers(encodeSellers(file), 'x')).toEqual(file);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(BitmodelError);
        }
      }),
      { numRuns: cases(20_000, 1_000_000) },
    );
  });
});
