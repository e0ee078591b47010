import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const BIN = resolve(import.meta.dirname, '../../bin/bitmodel.js');
const GRAPH = JSON.stringify({
  v: 1,
  sources: [
    {
      id: 'poet',
      owner: 'ann',
      parents: [
        { id: 'verses', ppm: 200_000 },
        { id: 'attention', ppm: 50_000 },
      ],
    },
    { id: 'verses', owner: 'ben' },
    { id: 'attention', owner: 'ben', kind: 'algorithm' },
  ],
});

function bitmodel(input: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...args], {
    input,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  return { status, stdout, stderr };
}

describe('bitmodel reward payout', () => {
  it('prints a table whose shares sum to the amount', () => {
    const { status, stdout } = bitmodel(GRAPH, 'reward', 'payout', '-', '--amount', '100');
    expect(status).toBe(0);
    expect(stdout).toMatch(/verses .* 20\.00000000 .* 20\.00 %/);
    expect(stdout).toMatch(/total .* 100\.00000000 .* 100\.00 %/);
  });

  it('prints one JSON object of exact decimal shares', () => {
    const { status, stdout } = bitmodel(
      GRAPH,
      'reward',
      'payout',
      '-',
      '--amount',
      '0.00000009',
      '--json',
    );
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      total: '0.00000009',
      demand: { poet: '0.00000009' },
      notes: [],
      shares: [
        { id: 'poet', owner: 'ann', amount: '0.00000008' },
        { id: 'verses', owner: 'ben', amount: '0.00000001' },
      ],
    });
  });

  it('gathers shares by owner', () => {
    const { stdout } = bitmodel(
      GRAPH,
      'reward',
      'payout',
      '-',
      '--amount',
      '4',
      '--per',
      'owner',
      '-q',
    );
    expect(stdout).toBe('ann\t3.00000000\nben\t1.00000000\n');
  });

  it('pays for the source that is named', () => {
    const { stdout } = bitmodel(
      GRAPH,
      'reward',
      'payout',
      '-',
      '--amount',
      '1',
      '--source',
      'verses',
      '-q',
    );
    expect(stdout).toBe('verses\t1.00000000\n');
  });

  const CIRCLE = `{"v":1,"sources":[{"id":"a","owner":"ann","parents":[{"id":"b","ppm":500000}]},
    {"id":"b","parents":[{"id":"a","ppm":500000}]}]}`;

  it('takes the name or first digits of a source in a file, an id before a name, and says which are alike', () => {
    const ids = ['11', '22', '33'].map((two) => two.repeat(32));
    const graph = JSON.stringify({
      v: 1,
      sources: [
        { id: 'same', name: 'other' },
        { id: ids[0], name: 'poet', kind: 'model' },
        { id: ids[1], name: 'verses', kind: 'dataset' },
        { id: ids[2], name: 'verses', kind: 'paper' },
        { id: 'twin', name: 'same' },
      ],
    });
    const paid = (source: string) =>
      bitmodel(graph, 'reward', 'payout', '-', '--amount', '1', '--source', source, '-q');
    expect(paid('poet').stdout).toBe(`${ids[0]}\t1.00000000\n`);
    expect(paid('paper:verses').stdout).toBe(`${ids[2]}\t1.00000000\n`);
    expect(paid('22222222').stdout).toBe(`${ids[1]}\t1.00000000\n`);
    expect(paid('same').stdout).toBe('same\t1.00000000\n');
    const alike = paid('verses');
    expect(alike.status).toBe(2);
    expect(alike.stderr).toContain(ids[2]);
    expect(paid('2222222').status).toBe(3);
  });

  it('refuses two amounts for one source', () => {
    const graph = '{"v":1,"sources":[{"id":"a","name":"poet"}]}';
    const folder = mkdtempSync(join(tmpdir(), 'bitmodel-demand-'));
    const file = join(folder, 'demand.json');
    writeFileSync(file, '{"a":"1","poet":"2"}');
    const { status, stderr } = bitmodel(graph, 'reward', 'payout', '-', '--demand', file);
    rmSync(folder, { recursive: true });
    expect(status).toBe(2);
    expect(stderr).toContain('SAME_SOURCE');
  });

  it('says what was special, on stderr or in the object', () => {
    const args = ['reward', 'payout', '-', '--amount', '3', '--source', 'a'];
    const { stdout, stderr } = bitmodel(CIRCLE, ...args);
    expect(stdout).toMatch(/b .* 1\.00000000 /);
    const notes = [
      '1 circle of 2 sources was solved exactly.',
      '1 source names no owner: 1.00000000 coins wait for it.',
    ];
    expect(stderr).toBe(`${notes.join('\n')}\n`);
    expect(JSON.parse(bitmodel(CIRCLE, ...args, '--json').stdout)).toMatchObject({ notes });
  });

  it('explains a share by its users and the largest paths, which sum to it with the rest', () => {
    const args = ['reward', 'payout', '-', '--amount', '3', '--source', 'a', '--explain', 'b'];
    const { stdout } = bitmodel(CIRCLE, ...args, '--paths', '2', '--json');
    expect(JSON.parse(stdout)).toEqual({
      id: 'b',
      share: '1.00000000',
      paid: '0.00000000',
      users: [],
      circle: {
        ids: ['a', 'b'],
        received: '3.00000000',
        users: [{ id: 'a', amount: '2.00000000' }],
        flow: '2.00000000',
      },
      paths: [
        { sources: ['a', 'b'], amount: '0.75000000' },
        { sources: ['a', 'b', 'a', 'b'], amount: '0.18750000' },
      ],
      rest: '0.06250000',
    });
    expect(bitmodel(CIRCLE, ...args).stdout).toMatch(/rounding and further paths/);
    expect(bitmodel(CIRCLE, ...args, '-q').stdout.split('\n')[0]).toBe('0.75000000\ta > b');
  });

  it('follows a stream of changes, and ends with the first that is refused', () => {
    const folder = mkdtempSync(join(tmpdir(), 'bitmodel-payout-'));
    const file = join(folder, 'graph.json');
    writeFileSync(file, GRAPH);
    const changes = [
      '{"paid":{"poet":"1"}}',
      '{"source":"new","parents":[{"id":"poet","ppm":500000}]}',
      '',
      '{"paid":{"new":"2"}}',
      '{"removed":"verses"}',
    ].join('\n');
    const args = ['reward', 'payout', file, '--changes', '-', '--json'];
    const { status, stdout, stderr } = bitmodel(changes, ...args);
    rmSync(folder, { recursive: true });
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ line, total }) => [line, total])).toEqual([
      [1, '1.00000000'],
      [2, '1.00000000'],
      [4, '3.00000000'],
    ]);
    expect(lines[2].changes).toContainEqual({
      id: 'new',
      before: '0.00000000',
      after: '1.00000000',
    });
    expect(status).toBe(2);
    expect(JSON.parse(stderr).error.message).toMatch(/^Line 5: "verses" is a parent of 1 source /);
  });

  describe('of a hundred thousand sources', () => {
    const folder = mkdtempSync(join(tmpdir(), 'bitmodel-many-'));
    afterAll(() => rmSync(folder, { recursive: true }));
    const COUNT = 100_000;
    const many = join(folder, 'many.csv');
    const changes = join(folder, 'changes.jsonl');
    // a chain: each passes on all but a millionth
    const edge = (i: number): string => `s${i},s${i + 1},999999,o${i % 7}\n`;
    const edges = Array.from({ length: COUNT }, (_, i) => edge(i)).join('');
    writeFileSync(many, `source,parent,ppm,owner\n${edges}`);
    writeFileSync(changes, '{"paid":{"s0":"1000000"}}\n'.repeat(3));
    const paid = ['reward', 'payout', many, '--amount', '10000000'];

    it('prints all of them as one JSON object', () => {
      const { status, stdout } = bitmodel('', ...paid, '--json');
      expect(status).toBe(0);
      const { total, shares } = JSON.parse(stdout) as {
        total: string;
        shares: { amount: string }[];
      };
      const units = shares.map(({ amount }) => BigInt(amount.replace('.', '')));
      expect([shares.length, total]).toEqual([COUNT + 1, '10000000.00000000']);
      expect(units.reduce((sum, each) => sum + each)).toBe(10n ** 15n);
    });

    it.each([
      ['payout --json', [...paid, '--json']],
      ['payout -q', [...paid, '-q']],
      ['payout --changes', ['reward', 'payout', many, '--changes', changes, '-q']],
      ['graph --as csv', ['reward', 'graph', many, '--as', 'csv']],
      ['graph --json', ['reward', 'graph', many, '--json']],
    ])('ends without a word where the reader of %s goes away', async (_, args) => {
      const child = spawn(process.execPath, [BIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
      let said = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
      child.stdout.once('data', () => child.stdout.destroy());
      const [status] = (await once(child, 'close')) as [number | null];
      expect([status, said]).toEqual([0, '']);
    });
  });

  it('caps what a source passes on', () => {
    const { stdout } = bitmodel(
      GRAPH,
      ...['reward', 'payout', '-', '--amount', '1', '--pass-on-at-most', '5%', '-q'],
    );
    expect(stdout).toBe('attention\t0.01000000\npoet\t0.95000000\nverses\t0.04000000\n');
  });

  const refused: [string, string, string[], number, string][] = [
    ['a broken graph', '{"v":1', ['-', '--amount', '1'], 2, 'BAD_GRAPH'],
    ['a bad amount', GRAPH, ['-', '--amount', 'much'], 2, 'BAD_AMOUNT'],
    ['no amount', GRAPH, ['-'], 2, 'BAD_OPTION'],
    ['an unknown way to gather', GRAPH, ['-', '--amount', '1', '--per', 'moon'], 2, 'BAD_OPTION'],
    ['two inputs from stdin', GRAPH, ['-', '--demand', '-'], 2, 'BAD_OPTION'],
    [
      'an explanation of what is not there',
      GRAPH,
      ['-', '--amount', '1', '--explain', 'x'],
      3,
      'UNKNOWN_SOURCE',
    ],
    [
      'a part above one',
      GRAPH,
      ['-', '--amount', '1', '--pass-on-at-most', '101%'],
      2,
      'BAD_WEIGHT',
    ],
    ['an unknown source', GRAPH, ['-', '--amount', '1', '--source', 'x'], 3, 'UNKNOWN_SOURCE'],
    [
      'a file that is not there',
      '',
      ['/nonexistent/graph.json', '--amount', '1'],
      3,
      'NO_SUCH_FILE',
    ],
  ];
  it.each(refused)(
    'refuses %s with its code, the next step and nothing on stdout',
    (_, input, args, status, code) => {
      const out = bitmodel(input, 'reward', 'payout', ...args, '--json');
      expect(out).toMatchObject({ status, stdout: '' });
      expect(JSON.parse(out.stderr)).toMatchObject({ error: { code } });
    },
  );
});
