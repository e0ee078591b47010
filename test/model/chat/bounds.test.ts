import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import { ChatTemplate } from '#src/model/chat/ChatTemplate.js';
import { strftime } from '#src/model/chat/strftime.js';
import { cases, timeLimit } from '../../long.js';

const MESSAGES = [{ role: 'user', content: 'Hi' }];
const render = (source: string): string =>
  new ChatTemplate(source).render(MESSAGES, { specialTokens: {} });

/** 60 rounds of something done to a value of a namespace. */
const rounds = (first: string, step: string, after = ''): string =>
  `{% set ns = namespace(x=${first}) %}{% for i in range(60) %}{% set ns.x = ${step} %}{% endfor %}${after}`;

describe('a chat template that a stranger wrote', () => {
  it.each([
    ['counts to a thousand million', '{% for i in range(1000000000) %}x{% endfor %}'],
    ['doubles a text', rounds("'ab'", 'ns.x ~ ns.x')],
    ['doubles a list', rounds('[1, 2]', 'ns.x + ns.x')],
    [
      'writes out a list that holds itself twice, again and again',
      rounds('[1]', '[ns.x, ns.x]', '{{ ns.x | tojson }}'),
    ],
    ['writes out what holds itself', '{% set ns = namespace() %}{% set ns.x = ns %}{{ ns.x }}'],
    ['indents by a thousand million', '{{ messages | tojson(indent=1000000000) }}'],
    [
      'calls itself twice, sixty deep',
      '{% macro f(n) %}{% if n > 0 %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}',
    ],
    ['nests 100,000 brackets', `{{ ${'('.repeat(100_000)}1${')'.repeat(100_000)} }}`],
    ['nests 20,000 conditions', '{% if 1 %}'.repeat(20_000)],
    ['is longer than any', 'x'.repeat(300_000)],
    ['reaches for the process', "{{ messages.constructor.constructor('return process')() }}"],
    ['has no end', '{% for m in messages %}'],
  ])('ends with an error and soon where it %s', (_, source) => {
    const started = performance.now();
    expect(() => render(source)).toThrow(
      expect.objectContaining({ code: 'BAD_CHAT_TEMPLATE' }) as Error,
    );
    // its clock is set to a second
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it('says in its own words, on one line, why it refuses a conversation', () => {
    const source = "{{ raise_exception('only\\n\\u001b[31mtwo roles!') }}";
    expect(() => render(source)).toThrow(
      /^The model's chat template refuses this conversation: only .*two roles\.$/,
    );
    expect(() => render(source)).toThrow(expect.not.stringContaining('\u001b') as string);
  });

  it('renders a long conversation without meeting its bounds', () => {
    const source = readFileSync('fixtures/chat/templates/thoughts.jinja', 'utf8');
    const messages = Array.from({ length: 1000 }, (_, i) => ({
      role: i % 2 === 0 ? 'user' : 'assistant',
      content: `${i} `.repeat(400),
    }));
    const text = new ChatTemplate(source).render(messages, { specialTokens: {} });
    expect(text.length).toBeGreaterThan(1_000_000);
  });

  it(
    'throws nothing but our own errors, whatever is written in it',
    () => {
      const real = readdirSync('fixtures/chat/templates').map((name) =>
        readFileSync(`fixtures/chat/templates/${name}`, 'utf8'),
      );
      const piece = fc.oneof(
        fc.string({ maxLength: 8 }),
        fc.constantFrom(
          '{%',
          '%}',
          '{{',
          '}}',
          '{#',
          '#}',
          '-',
          ' if ',
          ' for m in messages ',
          'endif',
          'endfor',
          'set x = ',
          "'",
          '|',
          '(',
          ')',
          '[',
          ']',
          'messages',
          'none',
          'loop',
          '\\',
        ),
      );
      const mutated = fc
        .tuple(fc.constantFrom(...real), fc.nat(), fc.nat(120), piece)
        .map(([source, at, length, text]) => {
          const from = at % source.length;
          return source.slice(from, from + length) + text + source.slice(from + 200, from + 300);
        });
      const source = fc.oneof(
        fc.array(piece, { maxLength: 20 }).map((list) => list.join('')),
        mutated,
      );
      fc.assert(
        fc.property(source, (text) => {
          try {
            render(text);
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(BitmodelError);
          }
        }),
        { numRuns: cases(20_000, 2_000_000) },
      );
    },
    timeLimit(240_000),
  );
});

describe('strftime', () => {
  it('writes dates as Python does, whatever the locale', () => {
    const date = new Date(2026, 2, 4, 15, 6, 7);
    expect(strftime(date, '%d %b %Y|%A %B|%I:%M %p|%y-%m-%e %H:%M:%S|100%%|%Q')).toBe(
      '04 Mar 2026|Wednesday March|03:06 PM|26-03- 4 15:06:07|100%|%Q',
    );
  });
});
