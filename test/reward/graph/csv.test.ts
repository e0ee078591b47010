import { CsvError } from 'csv-parse';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import { CsvSplitter } from '#src/reward/graph/CsvSplitter.js';
import { cases, timeLimit } from '../../long.js';

interface Split {
  readonly records: string[][];
  readonly lines: number[];
  readonly error?: string;
}

/** A text's records, in pieces of so many characters. */
function split(text: string, size = text.length || 1): Split {
  const records: string[][] = [];
  const lines: number[] = [];
  const splitter = new CsvSplitter((fields, count, line) => {
    records.push(fields.slice(0, count));
    lines.push(line);
  });
  try {
    for (let at = 0; at < text.length; at += size) splitter.write(text.slice(at, at + size));
    splitter.end();
  } catch (thrown) {
    if (!(thrown instanceof BitmodelError)) throw thrown;
    return { records, lines, error: thrown.message };
  }
  return { records, lines };
}

/** The same by csv-parse, whose own errors are told apart by their codes alone. */
function parsed(text: string): string[][] | string {
  try {
    const records = parse(text, {
      bom: true,
      relax_column_count: true,
      record_delimiter: ['\r\n', '\n', '\r'],
    });
    return records.filter((fields) => fields.length > 1 || fields[0] !== '');
  } catch (thrown) {
    if (!(thrown instanceof CsvError)) throw thrown;
    return thrown.code === 'CSV_QUOTE_NOT_CLOSED' ? 'ends within quotes' : 'quotes stand where';
  }
}

describe('a list of edges in CSV', () => {
  it(
    'is split as csv-parse splits it, in pieces of any size, or refused for the same reason',
    () => {
      const unit = fc.constantFrom('a', 'é', '😀', '"', '""', ',', '\n', '\r', '\r\n', ' ');
      const text = fc.string({ unit, maxLength: 24 });
      fc.assert(
        fc.property(text, fc.boolean(), fc.integer({ min: 1, max: 8 }), (drawn, hasMark, size) => {
          const whole = hasMark ? `\ufeff${drawn}` : drawn;
          const ours = split(whole);
          const theirs = parsed(whole);
          if (typeof theirs === 'string') expect(ours.error).toContain(theirs);
          else expect(ours.records).toEqual(theirs);
          expect(split(whole, size)).toEqual(ours);
        }),
        { numRuns: cases(3000, 300_000) },
      );
    },
    timeLimit(20_000),
  );

  it.each<[string, string, string[][], number[]]>([
    ['LF', 'a,b\n\nc\n', [['a', 'b'], ['c']], [1, 3]],
    ['CRLF, CR and LF', 'a\r\nb\rc\n\rd', [['a'], ['b'], ['c'], ['d']], [1, 2, 3, 5]],
    ['line breaks in quotes', '"a\r\n\r\nb",c\nd', [['a\r\n\r\nb', 'c'], ['d']], [1, 4]],
  ])('knows the line of each record, of %s', (_, text, records, lines) => {
    for (const size of [1, 2, 3, 100]) expect(split(text, size)).toEqual({ records, lines });
  });

  it.each([
    ['a,b\n\na"b', /quotes stand where none may be, in line 3/],
    ['a,"x\ny"z', /quotes stand where none may be, in line 2/],
    ['a\n"b\nc', /ends within quotes, in line 2/],
    [`a\n${'b'.repeat(70_000)}\n`, /a line has more than 65536 characters, in line 2/],
    [`a\n"${'b\n'.repeat(70_000)}`, /a line has more than 65536 characters, in line 2/],
  ])('names the line of what is wrong: %j', (text, message) => {
    for (const size of [1000, 1 << 16]) expect(split(text, size).error).toMatch(message);
  });
});
