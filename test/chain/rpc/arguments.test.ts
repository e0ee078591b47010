import { describe, expect, it } from 'vitest';
import {
  argumentsFromText,
  encodeJson,
  JsonNumber,
  type MethodHelp,
  type ParamHelp,
} from '#src/chain/index.js';
import { bindArguments } from '#src/chain/rpc/arguments.js';

const param = (name: string, type: ParamHelp['type'], more: object = {}): ParamHelp => ({
  name,
  type,
  about: `The ${name}.`,
  ...more,
});

const help = (params: readonly ParamHelp[], group = 'Blockchain'): MethodHelp => ({
  group,
  summary: 'A method.',
  params,
  result: 'Something.',
});

const METHOD = help([
  param('id', 'string'),
  param('verbosity', ['number', 'boolean'], { default: '1', aliases: ['verbose'] }),
  param('filter', 'object', { optional: true }),
]);

const bind = (given: unknown[] | Record<string, unknown>, method = METHOD): unknown[] =>
  bindArguments('method', method, given);

const refusal = (rpcCode: number, message: unknown): unknown =>
  expect.objectContaining({ rpcCode, message });

describe('arguments of a call', () => {
  it('are taken by place or by name, with null for what is left out', () => {
    expect(bind(['a'])).toEqual(['a']);
    expect(bind(['a', null, {}])).toEqual(['a', null, {}]);
    expect(bind({ id: 'a' })).toEqual(['a']);
    expect(bind({ filter: {}, id: 'a' })).toEqual(['a', null, {}]);
    expect(bind({ verbose: true, id: 'a' })).toEqual(['a', true]);
    expect(bind({ args: ['a'], verbosity: 2 })).toEqual(['a', 2]);
  });

  it("are refused with Bitcoin Core's numbers and words", () => {
    const cases: [given: unknown[] | Record<string, unknown>, number: number, message: unknown][] =
      [
        [[], -1, expect.stringMatching(/^method "id" \( verbosity \{filter\} \)\n/)],
        [['a', 1, {}, 1], -1, expect.stringMatching(/^method "id"/)],
        [[1], -3, expect.stringContaining('"Position 1 (id)": "JSON value of type number is not')],
        [[null], -3, expect.stringContaining('of type null')],
        [['a', 'b'], -3, expect.stringContaining('expected type number or bool')],
        [['a', 1, []], -3, expect.stringContaining('of type array is not of expected type object')],
        [{ id: 'a', nosuch: 1 }, -8, 'Unknown named parameter nosuch'],
        [{ id: 'a', __proto__x: 1 }, -8, 'Unknown named parameter __proto__x'],
        [{ id: 'a', verbose: 1, verbosity: 1 }, -8, 'Parameter verbosity specified multiple times'],
        [
          { args: ['a'], id: 'b' },
          -8,
          'Parameter id specified twice both as positional and named argument',
        ],
        [{ args: 1 }, -8, 'Parameter args must be an array'],
      ];
    for (const [given, number, message] of cases) {
      expect(() => bind(given)).toThrow(refusal(number, message));
    }
  });

  it('keep every digit of amounts, and are plain numbers elsewhere', () => {
    const digits = new JsonNumber('99999999.12345678');
    const method = help([
      param('amount', 'amount'),
      param('outputs', 'object', { exact: true }),
      param('rest', 'any'),
    ]);
    const [amount, outputs, rest] = bind(
      [digits, { a: digits }, { a: new JsonNumber('0.5') }],
      method,
    );
    expect(encodeJson([amount, outputs])).toBe('[99999999.12345678,{"a":99999999.12345678}]');
    expect(rest).toEqual({ a: 0.5 });
  });

  it('may be texts of what they stand for where the method is our own', () => {
    const params = [
      param('of', ['string', 'array']),
      param('n', 'number'),
      param('all', 'boolean'),
    ];
    expect(bind(['["a"]', '7', 'true'], help(params, 'Bitmodel'))).toEqual([['a'], 7, true]);
    expect(bind(['a', '7', 'false'], help(params, 'Bitmodel'))).toEqual(['a', 7, false]);
    expect(() => bind(['a', '7', 'true'], help(params))).toThrow(refusal(-3, expect.anything()));
  });
});

describe('arguments typed in a shell', () => {
  const read = (params: readonly ParamHelp[], ...texts: string[]): unknown =>
    argumentsFromText('method', { params }, texts);

  it('become what the method takes', () => {
    const cases: [type: ParamHelp['type'], text: string, value: unknown][] = [
      ['string', '12', '12'],
      ['string', 'true', 'true'],
      ['string', '{"a":1}', '{"a":1}'],
      ['number', '12', 12],
      ['boolean', 'true', true],
      [['number', 'boolean'], 'false', false],
      [['number', 'string'], '12', 12],
      [['number', 'string'], `${'1'.repeat(64)}`, '1'.repeat(64)],
      [['number', 'string'], '"12"', '12'],
      [['string', 'array'], '["a"]', ['a']],
      [['string', 'array'], '12', '12'],
      ['amount', '99999999.12345678', '99999999.12345678'],
      ['object', '{"a":1}', { a: 1 }],
      ['any', 'word', 'word'],
      ['any', '[1]', [1]],
    ];
    for (const [type, text, value] of cases) {
      expect([type, text, read([param('a', type)], text)]).toEqual([type, text, [value]]);
    }
    expect(read([], 'word', '1')).toEqual(['word', 1]);
  });

  it('may be named, and what has no name comes by its place', () => {
    const params = [param('id', 'string'), param('n', 'number'), param('all', 'boolean')];
    const named = (...texts: string[]): unknown => argumentsFromText('m', { params }, texts, true);
    expect(named('n=5', 'id=7')).toEqual({ n: 5, id: '7' });
    expect(named('7', 'all=true')).toEqual({ args: ['7'], all: true });
    expect(named('id=a=b')).toEqual({ id: 'a=b' });
    expect(() => named('n=5', 'n=6')).toThrow(expect.objectContaining({ code: 'BAD_ARGUMENT' }));
  });

  it('are refused when they are not what the method takes', () => {
    for (const [type, text] of [
      ['number', 'x'],
      ['boolean', '7'],
      ['object', '[]'],
      ['array', ''],
    ] as const) {
      expect(() => read([param('a', type)], text)).toThrow(
        expect.objectContaining({ code: 'BAD_ARGUMENT', next: expect.stringContaining('help') }),
      );
    }
  });
});
