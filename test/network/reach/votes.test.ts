import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import {
  decodeAnswer,
  decodeQuestion,
  encodeAnswer,
  encodeQuestion,
  OUTCOMES,
} from '#src/network/reach/messages.js';
import { type Vote, Votes } from '#src/network/reach/Votes.js';
import { cases } from '../../long.js';

const HERE = '203.0.113.7';
const yes = (scope: Vote['scope'] = 'public', port = 9732): Vote => ({
  scope,
  host: HERE,
  open: [port],
  closed: [],
});
const no = (scope: Vote['scope'] = 'public', port = 9732): Vote => ({
  scope,
  host: HERE,
  open: [],
  closed: [port],
});

function cast(...all: readonly Vote[]): Votes {
  const votes = new Votes();
  all.forEach((vote, index) => {
    votes.add(`group ${index}`, vote);
  });
  return votes;
}

describe('the votes of peers', () => {
  it('say nothing when only one has voted, who may lie', () => {
    expect(cast().reachable).toBe('unknown');
    expect(cast(yes()).reachable).toBe('unknown');
    expect(cast(no())).toMatchObject({ reachable: 'unknown', isDoubtful: true });
  });

  it('decide when two agree, and more than disagree', () => {
    expect(cast(yes(), yes()).reachable).toBe('yes');
    expect(cast(no(), no()).reachable).toBe('no');
    expect(cast(no(), yes(), no()).reachable).toBe('no');
    expect(cast(no(), yes())).toMatchObject({ reachable: 'unknown', isDoubtful: false });
  });

  it('of less than half who lie change nothing, in whatever order they come', () => {
    const truth = fc.boolean();
    const liars = fc.uniqueArray(fc.nat(4), { maxLength: 2 });
    const lie = fc.record({
      host: fc.constantFrom(HERE, '198.51.100.1'),
      open: fc.subarray([9732, 1]),
      closed: fc.subarray([2, 3]),
    });
    fc.assert(
      fc.property(
        truth,
        liars,
        fc.array(lie, { minLength: 5, maxLength: 5 }),
        (isOpen, who, lies) => {
          const votes = new Votes();
          const honest = isOpen ? yes() : no();
          for (let index = 0; index < 5; index++) {
            const isLiar = who.includes(index);
            votes.add(`${index}`, isLiar ? { scope: 'public', ...lies[index]! } : honest);
          }
          expect(votes.reachable).toBe(isOpen ? 'yes' : 'no');
          if (isOpen) expect(votes.found()).toContain(`/ip4/${HERE}/tcp/9732`);
        },
      ),
      { numRuns: cases(2_000, 200_000) },
    );
  });

  it('count once of each address group, the latest', () => {
    const votes = new Votes();
    for (let i = 0; i < 9; i++) votes.add('one group', no());
    expect(votes.reachable).toBe('unknown');
    votes.add('another', yes());
    votes.add('one group', yes());
    expect(votes.reachable).toBe('yes');
  });

  it('hold until more than half say otherwise', () => {
    const votes = cast(yes(), yes(), yes());
    votes.add('group 0', no());
    expect(votes.reachable).toBe('yes');
    votes.add('group 1', no());
    expect(votes.reachable).toBe('no');
  });

  it('count of those furthest away alone: the own network says nothing of the internet', () => {
    const votes = cast(yes('private'), yes('private'), yes('loopback'));
    expect(votes).toMatchObject({ reachable: 'yes', scope: 'private' });
    votes.add('far away', no());
    expect(votes).toMatchObject({ reachable: 'unknown', scope: 'public' });
    votes.add('elsewhere', no());
    expect(votes.reachable).toBe('no');
  });

  it('name an address when two reached the node there', () => {
    const elsewhere = { ...yes(), host: '198.51.100.1' };
    expect(cast(yes(), elsewhere, no()).found()).toEqual([]);
    expect(cast(yes(), elsewhere, yes()).found()).toEqual([`/ip4/${HERE}/tcp/9732`]);
  });

  it('are forgotten after two hours', () => {
    const votes = new Votes();
    votes.add('a', no(), 0);
    votes.add('b', no(), 7_300_000);
    expect(votes.reachable).toBe('unknown');
  });
});

/** What a decoder returns, or undefined for an error of ours. */
function decoded<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(BitmodelError);
    return undefined;
  }
}

const ports = fc.uniqueArray(fc.integer({ min: 1, max: 65_535 }), { minLength: 1, maxLength: 4 });

describe('messages about reachability', () => {
  it('come out as they went in', () => {
    fc.assert(
      fc.property(ports, (list) => {
        expect(decodeQuestion(encodeQuestion(list))).toEqual(list);
      }),
    );
    const answer = fc.record({
      host: fc.oneof(fc.constant(''), fc.ipV4(), fc.ipV6()),
      outcomes: fc.array(fc.constantFrom(...OUTCOMES), { minLength: 1, maxLength: 4 }),
    });
    fc.assert(
      fc.property(answer, (said) => {
        expect(decodeAnswer(encodeAnswer(said), said.outcomes.length)).toEqual(said);
      }),
    );
  });

  it('can only ask for one to four ports, none of them twice', () => {
    for (const bad of [[], [0], [5, 5], [1, 2, 3, 4, 5]]) {
      expect(() => encodeQuestion(bad)).toThrow(expect.objectContaining({ code: 'BAD_REACH' }));
    }
  });

  it('of random bytes are one of these or an error', () => {
    const count = fc.integer({ min: 1, max: 4 });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), count, (bytes, asked) => {
        const list = decoded(() => decodeQuestion(bytes));
        if (list) expect(Buffer.from(encodeQuestion(list))).toEqual(Buffer.from(bytes));
        const said = decoded(() => decodeAnswer(bytes, asked));
        if (said) expect(Buffer.from(encodeAnswer(said))).toEqual(Buffer.from(bytes));
      }),
      { numRuns: cases(20_000, 5_000_000) },
    );
  });
});
