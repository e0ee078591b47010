import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitmodelError, toHex, utf8 } from '#src/base/index.js';
import { publicKeyOf } from '#src/chain/index.js';
import type { ClientRecord } from '#src/job/client/record.js';
import { letterId, openLetter, parseLetter, writeLetter } from '#src/job/detached/letter.js';
import { MAILBOX_BOUNDS, Mailbox } from '#src/job/detached/Mailbox.js';
import { parseNote, progressOf, withProgress } from '#src/job/detached/notes.js';
import { type PrivateDelivery, registerMailbox } from '#src/job/index.js';
import { cases } from '../../long.js';
import { keyOf } from '../contracts/setup.js';

const reader = keyOf('reader');
const writer = keyOf('writer');
const to = toHex(publicKeyOf(reader));
const letter = (text: string, node?: string) => writeLetter(to, node, utf8(text), writer);

/** The JSON of something, with one of its characters changed. */
const mutated = (value: unknown) => {
  const text = JSON.stringify(value);
  return fc
    .tuple(fc.nat(text.length - 1), fc.string({ minLength: 0, maxLength: 3 }))
    .map(([at, other]) => text.slice(0, at) + other + text.slice(at + 1));
};

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

describe('a letter', () => {
  it('opens for its reader alone, and says what was written', () => {
    const written = letter('hello');
    const parsed = parseLetter(JSON.parse(JSON.stringify(written)));
    expect(parsed).toEqual(written);
    expect(new TextDecoder().decode(openLetter(parsed, reader))).toBe('hello');
    expect(() => openLetter(parsed, writer)).toThrow(
      expect.objectContaining({ code: 'SEAL_BROKEN' }),
    );
  });

  it('that was changed anywhere is none, and nothing else than that is said of it', () => {
    const written = letter('hello');
    fc.assert(
      fc.property(fc.oneof(mutated(written), fc.json()), (text) => {
        const value = jsonOr(text);
        try {
          // a change that leaves it what it was leaves it signed
          expect(letterId(parseLetter(value))).toBe(letterId(written));
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(BitmodelError);
        }
      }),
      { numRuns: cases(20_000, 1_000_000) },
    );
  });

  it('too large for the network is refused by who writes it', () => {
    expect(() => letter('x'.repeat(1 << 20))).toThrow(
      expect.objectContaining({ code: 'LETTER_TOO_LARGE' }),
    );
  });
});

describe('a note', () => {
  it('is read as it was written, or refused', () => {
    const ask = { kind: 'ask', jobId: 'ab'.repeat(32) };
    expect(parseNote(ask)).toEqual(ask);
    const tell = { kind: 'tell', jobId: 'ab'.repeat(32), state: 'driven', progress: {} };
    fc.assert(
      fc.property(fc.oneof(mutated(ask), mutated(tell), fc.json()), (text) => {
        try {
          const note = parseNote(jsonOr(text));
          expect(parseNote(JSON.parse(JSON.stringify(note)))).toEqual(note);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(BitmodelError);
        }
      }),
      { numRuns: cases(20_000, 1_000_000) },
    );
  });

  it('changes nothing of a record but how its job went', () => {
    const record = { v: 1, id: 'ab'.repeat(32), phase: 'announced', salt: 'mine' };
    const before = record as unknown as ClientRecord;
    const lies = { id: 'cd', salt: 'theirs', detached: { key: 'stolen' }, outcome: 'refunded' };
    expect(withProgress(before, lies)).toEqual({ ...record, outcome: 'refunded' });
    for (const bad of [{ outcome: 'rich' }, { answer: { text: 1 } }, { accept: {} }]) {
      expect(() => withProgress(before, bad)).toThrow(
        expect.objectContaining({ code: 'BAD_NOTE' }),
      );
    }
    expect(Object.keys(progressOf({ ...before, outcome: 'refunded' })).sort()).toEqual([
      'outcome',
      'phase',
    ]);
  });
});

describe('the letters of a node', () => {
  it('wait for whoever has asked of late, until they are read', async () => {
    let now = 1_000;
    const mailbox = new Mailbox(() => now);
    expect(await mailbox.send(letter('too early'))).toMatchObject({ status: 'undelivered' });
    expect(mailbox.list(to, 0)).toMatchObject({ letters: [] });
    const first = letter('first');
    expect(await mailbox.send(first)).toEqual({ status: 'new' });
    expect(await mailbox.send(first)).toEqual({ status: 'known' });
    const { letters, next } = mailbox.list(to, 0);
    expect(letters).toEqual([first]);
    expect(mailbox.list(to, 0).letters).toEqual([first]);
    expect(mailbox.list(to, next).letters).toEqual([]);
    now += 60_000;
    expect(await mailbox.send(letter('too late'))).toMatchObject({ status: 'undelivered' });
  });

  it('are bounded for each reader, and so are the readers', async () => {
    const mailbox = new Mailbox();
    mailbox.list(to, 0);
    for (let i = 0; i < MAILBOX_BOUNDS.letters; i++) {
      expect(await mailbox.send(letter(`number ${i}`))).toEqual({ status: 'new' });
    }
    expect(await mailbox.send(letter('one more'))).toMatchObject({ status: 'undelivered' });
    for (let i = 0; i < MAILBOX_BOUNDS.readers; i++) mailbox.list(`other ${i}`, 0);
    expect(mailbox.list(to, 0).letters).toEqual([]);
  });

  it('go to the node that they name, which takes no others', async () => {
    const here = new Mailbox();
    const there = new Mailbox();
    const node = '12D3KooWGEVa4W8VN3eFTdJH2fJTQWR5wV7dN7MQpGZ8sZQaYrJ7';
    let arrive: ((bytes: Uint8Array) => Promise<Uint8Array>) | undefined;
    const way = (id: string): PrivateDelivery => ({
      node: id,
      deliver: async (_, bytes) => arrive!(bytes),
      receive: (handler) => {
        if (id === node) arrive = handler;
      },
    });
    const named = letter('over the network', node);
    expect(await here.send(named)).toMatchObject({ status: 'undelivered' });
    here.deliverBy(way('12D3KooWAnother'));
    there.deliverBy(way(node));
    expect(await here.send(named)).toMatchObject({ status: 'undelivered' });
    there.list(to, 0);
    expect(await here.send(named)).toEqual({ status: 'new' });
    expect(there.list(to, 0)).toMatchObject({ letters: [named], node });
    for (const bytes of [utf8('no JSON'), utf8('{}'), utf8(JSON.stringify(letter('for none')))]) {
      const answer = new TextDecoder().decode(await arrive!(bytes));
      expect(JSON.parse(answer)).toMatchObject({ status: 'refused' });
    }
  });

  it('are asked for over RPC with a key and a cursor', async () => {
    const methods = new Map<string, (params: unknown[]) => unknown>();
    registerMailbox({ register: (name, handler) => void methods.set(name, handler) });
    expect(methods.get('listletters')!([to])).toMatchObject({ letters: [] });
    expect(await methods.get('sendletter')!([letter('hello')])).toEqual({ status: 'new' });
    expect(await methods.get('sendletter')!(['no letter'])).toMatchObject({ status: 'refused' });
    expect(() => methods.get('listletters')!(['no key'])).toThrow(/compressed public key/);
  });
});
