import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const BIN = resolve(import.meta.dirname, '../../bin/bitmodel.js');
const folder = mkdtempSync(join(tmpdir(), 'bitmodel-graph-'));
afterAll(() => rmSync(folder, { recursive: true }));
const EDGES = 'source,parent,weight,owner\npoet,verses,20%,ann\npoet,attention,0.05,\n';

function graph(input: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [BIN, 'reward', 'graph', ...args],
    {
      input,
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C.UTF-8', TERM: 'xterm' },
    },
  );
  return { status, stdout, stderr };
}

describe('bitmodel reward graph', () => {
  it('draws a tree of what comes from stdin', () => {
    const { status, stdout } = graph(EDGES, '-');
    expect(status).toBe(0);
    expect(stdout.split('\n')).toEqual([
      'poet, keeps 75 %, ann',
      '├─ 20 %  verses, keeps 100 %',
      '└─ 5 %  attention, keeps 100 %',
      '',
    ]);
  });

  it('hands a graph from format to format without loss', () => {
    const graphml = graph(EDGES, '-', '--as', 'graphml').stdout;
    const json = graph(graphml, '-', '--json').stdout;
    expect(JSON.parse(json)).toEqual({
      v: 1,
      sources: [
        { id: 'attention', parents: [] },
        {
          id: 'poet',
          owner: 'ann',
          parents: [
            { id: 'attention', ppm: 50_000 },
            { id: 'verses', ppm: 200_000 },
          ],
        },
        { id: 'verses', parents: [] },
      ],
    });
    expect(graph(graph(json, '-', '--as', 'csv').stdout, '-', '--json').stdout).toBe(json);
  });

  it('writes a picture to a file whose name tells the form, of one source alone', () => {
    const input = join(folder, 'edges.csv');
    const output = join(folder, 'verses.svg');
    writeFileSync(input, EDGES);
    const { status, stderr } = graph('', input, '--root', 'verses', '-o', output);
    expect([status, stderr]).toEqual([0, `written: ${output}\n`]);
    const svg = readFileSync(output, 'utf8');
    expect(svg).toMatch(/^<svg /);
    expect(svg).toContain('1 of 3 sources, 0 of 2 shares');
  });

  it.each<[string, number, RegExp, string, string[]]>([
    [
      'weights that are no numbers',
      2,
      /"x" that "a" gives "b" in line 2 is not a number/,
      'source,parent,ppm\na,b,x\n',
      ['-'],
    ],
    ['a form that does not exist', 2, /"dot" is not one of the forms/, EDGES, ['-', '--as', 'dot']],
    [
      'an output whose name tells nothing',
      2,
      /does not tell one of the forms/,
      EDGES,
      ['-', '-o', join(folder, 'x.png')],
    ],
    ['a root that is not there', 3, /has no source "nobody"/, EDGES, ['-', '--root', 'nobody']],
    ['a file that is not there', 3, /There is no file/, '', [join(folder, 'nothing.csv')]],
    [
      'a part to be paid from, cut in the middle',
      2,
      /--depth goes with a tree/,
      EDGES,
      ['-', '--depth', '1', '--as', 'csv'],
    ],
    ['a height for a file', 2, /--at goes with the graph on the chain/, EDGES, ['-', '--at', '7']],
  ])('refuses %s', (_, status, message, input, args) => {
    const refused = graph(input, ...args);
    expect(refused.status).toBe(status);
    expect(refused.stderr).toMatch(message);
    expect(refused.stderr).toMatch(/next: /);
  });
});
