import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
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

  it('writes a page that tells how it came about, and no secret of it', async () => {
    const output = join(folder, 'page.html');
    const rpc = ['--rpc', 'http://user:secret@127.0.0.1:1'];
    const { code, stderr } = await place.run([
      ...['reward', 'analyse', DEBIAN, '--share', '50%', '--rounds', '0', '-o', output, ...rpc],
    ]);
    expect([code, stderr]).toEqual([0, `written: ${output}\n`]);
    const page = readFileSync(output, 'utf8');
    expect(page).toMatch(/^<!DOCTYPE html>[\s\S]*<\/html>\n$/);
    const command = `bitmodel reward analyse ${DEBIAN} --share 50% --rounds 0`;
    expect(page).toContain(`<dd><code><bdi>${command}</bdi></code></dd>`);
    expect(page).toMatch(/<bdi>bitmodel \d+\.\d+\.\d+<\/bdi>/);
    expect(page).not.toContain('secret');
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

  it('holds what is declared against what is proposed', async () => {
    const graph = join(folder, 'graph.json');
    const changes = join(folder, 'changes.jsonl');
    const output = join(folder, 'what-if.html');
    const sources = [
      { id: 'poet', owner: 'ann', parents: [{ id: 'verses', ppm: 100_000 }] },
      { id: 'verses', owner: 'ben', parents: [] },
      { id: 'theory', owner: 'cy', name: 'metre', parents: [] },
    ];
    writeFileSync(graph, JSON.stringify({ v: 1, sources }));
    const parents = [
      { id: 'verses', ppm: 200_000 },
      { id: 'metre', ppm: 50_000 },
    ];
    writeFileSync(changes, `\n${JSON.stringify({ source: 'poet', parents })}\n`);
    const args = [
      '--paid',
      'model',
      '--kinds',
      'model=1',
      '--jobs',
      '100',
      '--popularity',
      'newest',
    ];
    const found = await place.json([
      ...['reward', 'simulate', graph, '--changes', changes, '-o', output, ...args],
    ]);
    const [comparison] = found.comparisons as [Record<string, unknown>];
    expect(comparison).toMatchObject({
      against: 'declared',
      scheme: `changes:${changes}`,
      gaining: 2,
      losing: 1,
      losses: [{ owner: 'ann' }],
    });
    expect(readFileSync(output, 'utf8')).toContain('Who gains and who loses');
  });
});

describe('what can not be', () => {
  it('is refused with its code, the next step and nothing on stdout', async () => {
    // what each option refuses is tried in test/commands/simulation-options.test.ts
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
});
