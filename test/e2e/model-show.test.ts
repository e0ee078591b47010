import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../until.js';
import { type NodeProcess, Nodes } from './Nodes.js';

const nodes = new Nodes();
const { place } = nodes;
const PARENT = 'ab'.repeat(32);
let dir: string;
let node: NodeProcess;
let id: string;

interface Shown {
  readonly id: string;
  readonly nodeReached: boolean;
  readonly published?: { readonly publisher: string; readonly height: number };
  readonly holders?: { readonly count: number; readonly here: boolean };
  readonly calibrations: readonly { readonly hash: string }[];
}

beforeAll(async () => {
  dir = join(place.folder, 'tiny');
  cpSync('fixtures/bitmodel-tiny', dir, { recursive: true });
  const config = join(dir, 'config.json');
  const { default: own } = (await import(config, { with: { type: 'json' } })) as {
    default: object;
  };
  writeFileSync(config, JSON.stringify({ ...own, num_hidden_layers: 7 }));
  node = await nodes.start('ann', '--mine', '--block-time', '1');
  const { env } = node;
  const packed = [
    'model',
    'pack',
    dir,
    '--licence',
    'MIT',
    '--parent',
    `${PARENT}=250000ppm`,
    '-q',
  ];
  id = (await place.ok(packed, { env })).trim();
});
afterAll(() => nodes.close());

describe('bitmodel model show', () => {
  it('says all of a model in 80 columns, also where the JSON files contradict the graph', async () => {
    const text = await place.ok(['model', 'show', 'tiny'], { env: node.env });
    for (const fact of [
      `id            ${id}`,
      'licence       MIT',
      `parent        ${PARENT}`,
      'layers        6',
      'differs       layers is 6 in the graph, 7 in the JSON files',
      'context       512 tokens',
      'end tokens    0 <|endoftext|>',
      'chat template no',
      'memory        12.8 MB with a full context',
      'published     no (bitmodel model publish)',
      'calibration   none',
    ]) {
      expect(text).toContain(fact);
    }
    const wide = text.split('\n').filter((line) => line.length > 80);
    expect(wide.every((line) => line.startsWith('magnet ') || line.includes(dir))).toBe(true);
  });

  it('says who published it and who has it, once it is on the chain, and works without a node', async () => {
    const { env } = node;
    const key = ['--key', 'ann', '--passphrase-file', place.passphraseFile];
    const made = ['keygen', '--name', 'ann', ...key.slice(2)];
    const { address } = await place.json<{ address: string }>(made, { env });
    await place.ok(['wallet', 'faucet', '5', '--key', 'ann'], { env });
    // its parent is published nowhere, so it is published as one without
    rmSync(join(dir, 'bitmodel.json'));
    await place.ok(['model', 'pack', dir, '--licence', 'MIT'], { env });
    await place.ok(['model', 'publish', id, ...key, '--yes'], { env });
    const show = () => place.json<Shown>(['model', 'show', id], { env });
    await until(async () => (await show()).published !== undefined);
    const shown = await show();
    expect(shown).toMatchObject({
      id,
      nodeReached: true,
      published: { publisher: address, feePpm: 50_000, payments: 0, income: '0.00000000' },
      parents: [],
      holders: { count: expect.any(Number), groups: expect.any(Number) },
    });
    expect(shown.published!.height).toBeGreaterThan(0);
    await node.stop();
    const alone = await show();
    expect(alone).toMatchObject({ id, nodeReached: false });
    expect(alone.published).toBeUndefined();
  });
});
