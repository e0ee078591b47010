import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalBytes, utf8 } from '#src/base/index.js';
import {
  MAXIMUM_REASON,
  parseStatement,
  type Statement,
  statementPayload,
} from '#src/reward/index.js';
import { cases, timeLimit } from '../../long.js';

const child = 'a1'.repeat(32);
const parent = 'b2'.repeat(32);
const pin = `${'c3'.repeat(32)}i0`;

const CONFIRMED: Statement = { standing: 'confirmed', child, parent, ppm: 150_000 };
const DISPUTED: Statement = {
  standing: 'disputed',
  child,
  parent,
  claim: pin,
  reason: 'It is mine: see page 3.',
  evidence: 'd4'.repeat(32),
};

/** What the payload of a statement holds, with something changed. */
function changed(statement: Statement, change: object): Uint8Array {
  return canonicalBytes({ v: 1, ...statement, ...change } as never);
}

describe('a statement about a claim', () => {
  it.each([
    [CONFIRMED],
    [DISPUTED],
    [{ standing: 'disputed', child, reason: 'Copied.' } as Statement],
  ])('is read as it was written (%#)', (statement) => {
    expect(parseStatement(statementPayload(statement))).toEqual(statement);
  });

  it.each([
    ['another version', changed(CONFIRMED, { v: 2 })],
    ['another standing', changed(CONFIRMED, { standing: 'praised' })],
    ['a field more', changed(CONFIRMED, { colour: 'red' })],
    ['a confirmation with a reason', changed(CONFIRMED, { reason: 'so' })],
    ['a weight above one', changed(CONFIRMED, { ppm: 1_000_001 })],
    ['a weight below zero', changed(CONFIRMED, { ppm: -1 })],
    ['a source that is its own parent', changed(CONFIRMED, { parent: child })],
    ['an id in capitals', changed(CONFIRMED, { child: child.toUpperCase() })],
    ['no reason', changed(DISPUTED, { reason: '' })],
    ['a reason of two lines', changed(DISPUTED, { reason: 'a\nb' })],
    ['a reason too long', changed(DISPUTED, { reason: 'a'.repeat(MAXIMUM_REASON + 1) })],
    ['a claim that is no pin', changed(DISPUTED, { claim: parent })],
    ['evidence that is no transaction', changed(DISPUTED, { evidence: 'page 3' })],
    ['no JSON', utf8('confirmed')],
    ['a payload of megabytes', utf8(' '.repeat(5_000_000))],
  ])('is not read from %s', (_what, payload) => {
    expect(parseStatement(payload)).toBeUndefined();
  });

  it(
    'never throws, whatever is written there, and writes what it reads',
    () => {
      const pieces = fc.oneof(
        fc.uint8Array({ maxLength: 300 }),
        fc.json().map(utf8),
        fc
          .tuple(fc.constantFrom(CONFIRMED, DISPUTED), fc.dictionary(fc.string(), fc.jsonValue()))
          .map(([statement, more]) => utf8(JSON.stringify({ v: 1, ...statement, ...more }))),
        fc
          .tuple(fc.constantFrom(CONFIRMED, DISPUTED), fc.nat(), fc.nat(255))
          .map(([statement, at, byte]) => {
            const bytes = statementPayload(statement).slice();
            bytes[at % bytes.length] = byte;
            return bytes;
          }),
      );
      fc.assert(
        fc.property(pieces, (bytes) => {
          const statement = parseStatement(bytes);
          if (statement) expect(parseStatement(statementPayload(statement))).toEqual(statement);
        }),
        { numRuns: cases(20_000, 1_000_000) },
      );
    },
    timeLimit(240_000),
  );
});
