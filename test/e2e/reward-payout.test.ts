import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

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

  const refused: [string, string, string[], number, string][] = [
    ['a broken graph', '{"v":1', ['-', '--amount', '1'], 2, 'BAD_GRAPH'],
    ['a bad amount', GRAPH, ['-', '--amount', 'much'], 2, 'BAD_AMOUNT'],
    ['no amount', GRAPH, ['-'], 2, 'BAD_OPTION'],
    ['an unknown way to gather', GRAPH, ['-', '--amount', '1', '--per', 'moon'], 2, 'BAD_OPTION'],
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
