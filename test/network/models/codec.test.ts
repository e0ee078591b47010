import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import {
  announcementMessage,
  decodeAnnouncement,
  encodeAnnouncement,
  MAX_ANNOUNCEMENT,
} from '#src/network/models/announcement.js';
import { Claims } from '#src/network/models/Claims.js';
import {
  answerFrame,
  type ChunkQuestion,
  decodeAnswer,
  decodeCalibrationQuestion,
  decodeHaveAnswer,
  decodeHaveQuestion,
  decodeRequest,
  encodeCalibrationQuestion,
  encodeHaveAnswer,
  encodeHaveQuestion,
  encodeRequest,
} from '#src/network/models/chunkCodec.js';
import { cases } from '../../long.js';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const u32 = fc.nat(0xffff_ffff);
const question: fc.Arbitrary<ChunkQuestion> = fc.oneof(
  fc.record({ kind: fc.constant('info' as const) }),
  fc.record({
    kind: fc.constant('layer' as const),
    file: u32,
    first: u32,
    count: fc.integer({ min: 1, max: 32_768 }),
  }),
  fc.record({ kind: fc.constant('piece' as const), file: u32, index: u32 }),
  fc.record({ kind: fc.constant('proof' as const), file: u32, index: u32, block: fc.nat(63) }),
);
const request = fc.record({ number: u32, id: bytes(32), question });
const announcement = fc.record({
  peer: bytes(38),
  time: u32,
  addresses: fc.array(
    fc.nat(9_999).map((port) => `/ip4/127.0.0.1/tcp/${port}`),
    { maxLength: 4 },
  ),
  ids: fc.array(bytes(32), { maxLength: 6 }),
  signature: bytes(64),
});

/** Valid bytes with a few of them changed, cut or followed by more; and any bytes at all. */
function broken(valid: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const changed = fc
    .tuple(
      valid,
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }),
      fc.nat(),
      fc.boolean(),
    )
    .map(([good, changes, cut, isCut]) => {
      const copy = new Uint8Array(good);
      for (const [at, value] of changes) copy[at % copy.length] = value;
      return isCut ? copy.subarray(0, cut % (copy.length + 1)) : copy;
    });
  return fc.oneof(changed, fc.uint8Array({ maxLength: 400 }));
}

/** Whatever comes in is an error of ours, or encodes to the same bytes again. */
function survives(valid: fc.Arbitrary<Uint8Array>, again: (bytes: Uint8Array) => Uint8Array): void {
  fc.assert(
    fc.property(broken(valid), (input) => {
      try {
        expect(Buffer.compare(again(input), input)).toBe(0);
      } catch (thrown) {
        if (!(thrown instanceof BitmodelError)) throw thrown;
      }
    }),
    { numRuns: cases(20_000, 5_000_000) },
  );
}

describe('a question about a model', () => {
  it('is decoded as it was encoded', () => {
    fc.assert(
      fc.property(request, (asked) => {
        expect(decodeRequest(encodeRequest(asked))).toEqual(asked);
      }),
    );
  });

  it('is the same bytes again, or an error, whatever comes', () => {
    survives(request.map(encodeRequest), (input) => encodeRequest(decodeRequest(input)));
  });
});

describe('an answer about a model', () => {
  it('is the same bytes again, or an error, whatever comes', () => {
    const answer = fc
      .tuple(fc.constantFrom('given', 'absent', 'busy'), u32, fc.uint8Array({ maxLength: 50 }))
      .map(([status, number, body]) => {
        const frame = answerFrame({ status, number }, status === 'given' ? body.length : 0);
        if (status === 'given') frame.set(body, 5);
        return frame;
      });
    survives(answer, (input) => {
      const { body, ...head } = decodeAnswer(input);
      const frame = answerFrame(head, body.length);
      frame.set(body, 5);
      return frame;
    });
  });
});

describe('a question who holds models', () => {
  it('and its answer are the same bytes again, or an error, whatever comes', () => {
    const ids = fc.array(bytes(32), { minLength: 1, maxLength: 5 });
    survives(ids.map(encodeHaveQuestion), (input) => encodeHaveQuestion(decodeHaveQuestion(input)));
    const held = fc.array(fc.boolean(), { minLength: 5, maxLength: 5 });
    survives(held.map(encodeHaveAnswer), (input) => encodeHaveAnswer(decodeHaveAnswer(input, 5)));
  });
});

describe('a question for a calibration', () => {
  it('is the same bytes again, or an error, whatever comes', () => {
    const asked = fc.record({ id: bytes(32), hash: bytes(32) }).map(encodeCalibrationQuestion);
    survives(asked, (input) => encodeCalibrationQuestion(decodeCalibrationQuestion(input)));
  });
});

describe('an announcement of models', () => {
  it('is decoded as it was encoded, within its bound', () => {
    fc.assert(
      fc.property(announcement, (said) => {
        const encoded = encodeAnnouncement(said);
        expect(encoded.length).toBeLessThanOrEqual(MAX_ANNOUNCEMENT);
        expect(decodeAnnouncement(encoded)).toEqual(said);
      }),
    );
  });

  it('is the same bytes again, or an error, whatever comes', () => {
    survives(announcement.map(encodeAnnouncement), (input) =>
      encodeAnnouncement(decodeAnnouncement(input)),
    );
  });

  it('is signed for one network', () => {
    const said = { peer: new Uint8Array(38), time: 1, addresses: [], ids: [] };
    expect(announcementMessage('main', said)).not.toEqual(announcementMessage('test', said));
  });
});

describe('claims', () => {
  const claim = (time: number, ...ids: string[]) => ({ ids: new Set(ids), addresses: [], time });

  it('count until half an hour after they were last repeated', () => {
    let now = 0;
    const claims = new Claims(() => now);
    claims.add('a', claim(1, 'x'), 'n');
    now = 20 * 60_000;
    claims.add('b', claim(1, 'x'), 'n');
    expect(claims.holding('x').sort()).toEqual(['a', 'b']);
    now = 31 * 60_000;
    expect(claims.holding('x')).toEqual(['b']);
    expect(claims.add('b', claim(2, 'y'), 'n')).toBe(true);
    expect(claims.holding('x')).toEqual([]);
    expect(claims.holding('y')).toEqual(['b']);
  });

  it('are not put back by an older one that comes again', () => {
    const claims = new Claims(() => 0);
    claims.add('a', claim(5, 'x'), 'n');
    expect(claims.add('a', claim(5, 'y'), 'n')).toBe(false);
    expect(claims.add('a', claim(4, 'y'), 'n')).toBe(false);
    expect(claims.holding('x')).toEqual(['a']);
  });

  it('of ever new nodes stay within a bound', () => {
    const claims = new Claims(() => 0);
    for (let i = 0; i < 10_000; i++) claims.add(`peer ${i}`, claim(1, 'x'), 'n');
    expect(claims.size).toBe(4_096);
    expect(claims.of('peer 9999')).toBeDefined();
  });

  it('of ever new nodes by one neighbour push out neither those by others nor who has shown a model', () => {
    const claims = new Claims(() => 0);
    claims.add('holder', claim(1, 'x'), 'bad');
    claims.prove('holder');
    for (let i = 0; i < 50; i++) claims.add(`honest ${i}`, claim(1, 'x'), 'good');
    for (let i = 0; i < 10_000; i++) claims.add(`peer ${i}`, claim(1, 'x'), 'bad');
    expect(claims.size).toBe(4_096);
    const holding = claims.holding('x');
    expect(holding.length).toBe(4_096);
    expect(holding[0]).toBe('holder');
    // one of each neighbour in turn, so that looking at the first few is enough
    expect(holding.slice(0, 9).filter((peer) => peer.startsWith('honest')).length).toBe(4);
    expect(holding.filter((peer) => peer.startsWith('honest')).length).toBe(50);
  });

  it('of nodes that have shown a model leave room for others', () => {
    let now = 0;
    const claims = new Claims(() => now);
    for (let i = 0; i < 6_000; i++) {
      claims.add(`peer ${i}`, claim(1, 'x'), 'n');
      claims.prove(`peer ${i}`);
    }
    expect(claims.size).toBe(4_096);
    now = 31 * 60_000;
    expect(claims.holding('x')).toEqual([]);
    expect(claims.size).toBe(0);
  });
});
