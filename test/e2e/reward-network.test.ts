import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import { wholeOption } from '#src/commands/shared/number-options.js';
import {
  parseKinds,
  parsePopularity,
  parsePrices,
  parseScheme,
} from '#src/commands/shared/simulation-options.js';
import {
  MOST_GENERATIONS,
  MOST_JOBS,
  MOST_SOURCES,
  mandala,
  parseWeight,
} from '#src/reward/index.js';
import { Place } from './harness.js';

const DEBIAN = resolve(import.meta.dirname, '../../fixtures/graphs/debian.csv');
const place = new Place();
const { folder } = place;

afterAll(() => {
  place.close();
});

describe('bitmodel reward analyse', () => {
  it('analyses the dependencies of Debian, circles and all, as JSON and SVG', async () => {
    const svg = join(folder, 'debian.svg');
    const text = await place.ok([
      'reward',
      'analyse',
      DEBIAN,
      '--share',
      '50%',
      '--svg',
      svg,
      '--json',
    ]);
    expect(JSON.parse(text)).toMatchObject({
      nodes: 2391,
      edges: 13988,
      strong: { circles: 14, largest: 11 },
      paths: { undirected: { diameter: 10, exact: true } },
      hubs: expect.arrayContaining([expect.objectContaining({ id: 'libc6', dependents: 1444 })]),
      income: { bySource: { total: expect.stringMatching(/^\d+\.\d{8}$/) } },
      mandala: { generations: 10 },
    });
    expect(readFileSync(svg, 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
  });

  it('shows tables that fit 80 columns', async () => {
    const text = await place.ok(['reward', 'analyse', '--mandala', '8']);
    expect(text).toContain('5,379');
    expect(text.split('\n').filter((line) => [...line].length > 80)).toEqual([]);
  });

  it('takes the amounts that were paid', async () => {
    const text = await place.ok(
      ['reward', 'analyse', '--mandala', '2', '--demand', '-', '--json'],
      {
        stdin: '{"g02-000001":"2.5"}',
      },
    );
    expect(JSON.parse(text)).toMatchObject({ income: { bySource: { total: '2.50000000' } } });
  });
});

describe('bitmodel reward simulate', () => {
  const args = ['reward', 'simulate', '--grow', '200', '--jobs', '300', '--price', '0.1-2'];

  it('gives the same outcome for a seed, another for another', async () => {
    const [once, again, other] = await Promise.all([
      place.ok([...args, '--json']),
      place.ok([...args, '--json']),
      place.ok([...args, '--seed', '1', '--json']),
    ]);
    expect(again).toBe(once);
    expect(other).not.toBe(once);
    const { outcomes, total } = JSON.parse(once);
    expect(outcomes.map(({ scheme }: { scheme: string }) => scheme)).toEqual([
      'equal:20%',
      'first:20%',
      'decay:20%:50%',
    ]);
    for (const outcome of outcomes) expect(outcome.total).toBe(total);
  });

  it('runs over a graph of a file, by its own weights and others, and draws it', async () => {
    const svg = join(folder, 'who.svg');
    const rules = ['declared', 'equal:10%', 'kinds:code=15%'].flatMap((rule) => [
      '--weights',
      rule,
    ]);
    const text = await place.ok([
      ...['reward', 'simulate', DEBIAN, '--share', '50%', '--kinds', 'code=1', '--owners', '100'],
      ...[...rules, '--popularity', 'newest', '--svg', svg],
    ]);
    expect(text).toContain('2391 sources, 13988 edges, 100 owners');
    expect(text.split('\n').filter((line) => [...line].length > 80)).toEqual([]);
    expect(readFileSync(svg, 'utf8')).toContain('kinds:code=15%');
  });
});

/** What the option of a command says to a text, by its code. */
function codeOf(parse: () => unknown): string | undefined {
  try {
    parse();
  } catch (thrown) {
    return thrown instanceof BitmodelError ? thrown.code : String(thrown);
  }
  return undefined;
}

describe('what can not be', () => {
  it('is refused with its code, the next step and nothing on stdout', async () => {
    const refused = [
      ['analyse', 'x.json', '--mandala', '3'],
      ['simulate', '--grow', '9', '--mandala', '3'],
    ];
    const ends = await Promise.all(refused.map((args) => place.run(['reward', ...args, '--json'])));
    ends.forEach(({ code, stdout, stderr }, i) => {
      expect({ args: refused[i], code, stdout }).toEqual({ args: refused[i], code: 2, stdout: '' });
      const { error } = JSON.parse(stderr);
      expect(error).toMatchObject({ code: 'BAD_OPTION', next: expect.any(String) });
    });
  });

  it.each<[string, () => unknown, string]>([
    ['--mandala 20', () => wholeOption('20', '--mandala', 1, MOST_GENERATIONS), 'BAD_OPTION'],
    ['--grow 0', () => wholeOption('0', '--grow', 1, MOST_SOURCES), 'BAD_OPTION'],
    ['--jobs 1e9', () => wholeOption('1e9', '--jobs', 1, MOST_JOBS), 'BAD_OPTION'],
    ['--share 0%', () => mandala(3, parseWeight('0%')), 'BAD_OPTION'],
    ['--price much', () => parsePrices('much'), 'BAD_AMOUNT'],
    ['--weights fair', () => parseScheme('fair'), 'BAD_OPTION'],
    ['--weights equal:101%', () => parseScheme('equal:101%'), 'BAD_WEIGHT'],
    ['--popularity fame', () => parsePopularity('fame'), 'BAD_OPTION'],
    ['--kinds model=x', () => parseKinds('model=x'), 'BAD_OPTION'],
  ])('is refused: %s', (_, parse, code) => {
    expect(codeOf(parse)).toBe(code);
  });

  it('is refused: a kind that no source has, and prices that fall', async () => {
    const grown = ['reward', 'simulate', '--grow', '9', '--json'];
    const ends = await Promise.all(
      [
        ['--paid', 'moon'],
        ['--price', '2-1'],
      ].map((wrong) => place.run([...grown, ...wrong])),
    );
    const codes = ends.map(({ stderr }) => JSON.parse(stderr).error.code);
    expect(codes).toEqual(['BAD_OPTION', 'BAD_OPTION']);
  });
});
