import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../until.js';
import { type NodeProcess, Nodes } from './Nodes.js';
import { fund, type Home } from './stage.js';

interface Suspect {
  readonly as: string;
  readonly txid: string;
  readonly height: number;
  readonly jobId: string;
}

interface SuspectList {
  readonly suspects: readonly (Suspect & { readonly address: string })[];
}

const nodes = new Nodes();
const { place } = nodes;
const tiny = join(place.folder, 'tiny');
let miner: NodeProcess;
let env: Readonly<Record<string, string>>;
let cheat: string;
/** What the slash has left on the chain. */
let suspect: Suspect;

const buyArgs = (...args: string[]): string[] => [
  ...['job', 'submit', '--key', 'buyer', '--model', tiny, '--prompt', 'The people of'],
  ...['--max-tokens', '12', '--max-reward', '1', '--price', '0.001', '--threads', '1'],
  ...['--timeout', '300', ...args],
];

const held = async (node: NodeProcess, who: string) =>
  (await node.rpc<SuspectList>('getsuspect', who)).suspects;

/** The data folder that the keys are in. */
const home = (): Home => ({ folder: miner.folder, passphrase: place.passphrase });

beforeAll(async () => {
  cpSync('fixtures/bitmodel-tiny', tiny, { recursive: true });
  miner = await nodes.start('miner', '--mine', '--block-time', '0.6');
  env = { ...miner.env, BITMODEL_PASSPHRASE_FILE: place.passphraseFile };
  await place.ok(['model', 'pack', tiny], { env });
  const shared = ['--model', tiny, '--threads', '1'];
  const judges = ['v0', 'v1', 'v2'].map(async (judge) => {
    await fund(home(), judge, '1');
    await place.start(['verifier', '--key', judge, '--fee', '0.0005', ...shared], env);
  });
  await Promise.all([...judges, fund(home(), 'buyer', '10'), fund(home(), 'cheat', '10')]);
  cheat = await place.ok(['wallet', 'address', '--key', 'cheat'], { env });
  const sells = ['--key', 'cheat', '--price', '0.0005', '--accept-verifiers', 'any'];
  await place.start(['worker', ...sells, '--cheat', 'tamper:3', ...shared], env);
  const { code, stdout } = await place.run(buyArgs('--json'), { env });
  expect(code).toBe(10);
  expect(JSON.parse(stdout)).toMatchObject({ state: 'slashed' });
}, 240_000);

afterAll(() => nodes.close());

describe('a slashed seller', () => {
  it('is suspect with the transaction wherever its identity is shown', async () => {
    const found = await held(miner, cheat);
    expect(found).toMatchObject([{ as: 'seller', address: cheat, judges: 'listed' }]);
    suspect = {
      as: 'seller',
      txid: found[0]!.txid,
      height: found[0]!.height,
      jobId: found[0]!.jobId,
    };
    const jobs = await place.json<{ jobs: { id: string }[] }>(['job', 'list'], { env });
    expect(jobs.jobs.map(({ id }) => id)).toEqual([suspect.jobId]);
    const identity = await place.json(['id', 'show', cheat], { env });
    expect(identity).toMatchObject({ suspect });
    expect(await place.ok(['id', 'show', 'cheat'], { env })).toContain(suspect.txid);
    expect(await place.json(['chain', 'address', cheat], { env })).toMatchObject({ suspect });
    expect(await place.ok(['chain', 'address', cheat], { env })).toContain(suspect.txid);
    await place.ok(['id', 'create', '/info/name', 'Honest Joe', '--key', 'cheat'], { env });
    await until(async () => {
      const list = ['id', 'list', '--path', '/info/name'];
      const { pins } = await place.json<{ pins: { suspect?: Suspect }[] }>(list, { env });
      return pins[0]?.suspect?.txid === suspect.txid;
    });
    const clean = await place.json(['id', 'show', 'buyer'], { env });
    expect(clean).not.toHaveProperty('suspect');
  });

  it('is not chosen again, and a line says so; with --allow-suspects it is', async () => {
    const refused = await place.run(buyArgs('--timeout', '6'), { env });
    expect(refused.stderr).toMatch(/a suspect, slashed in block \d+ by \w+; not taken/);
    expect(refused.stderr).toContain('the only offers were of suspects');
    expect(refused.stderr).toContain('with --allow-suspects to buy of them');
    expect(refused.stderr).not.toContain('is chosen');
    const words = 'is chosen';
    const allowed = await place.run(buyArgs('--allow-suspects'), { env, killAt: words });
    expect(allowed.stderr).toContain('allowed all the same');
    expect(allowed.stderr).toContain(words);
  });

  it('is suspect at a node that joined later, too, and no more once its slash is undone there', async () => {
    const late = await nodes.start('late', '--seed-node', miner.address);
    await until(async () => (await held(late, cheat)).length === 1);
    expect((await held(late, cheat))[0]).toMatchObject(suspect);
    const block = await late.rpc<string>('getblockhash', suspect.height);
    await late.rpc('invalidateblock', block);
    expect(await held(late, cheat)).toEqual([]);
    expect(await late.rpc('listsuspects')).toMatchObject({ suspects: [], from: 0 });
    await late.rpc('reconsiderblock', block);
    expect((await held(late, cheat))[0]).toMatchObject(suspect);
    await late.stop();
  });

  it('a light node says that it can not know', async () => {
    const light = await nodes.start('light', '--light', '--seed-node', miner.address);
    await expect(light.rpc('getsuspect', cheat)).rejects.toMatchObject({ code: 'LIGHT_NODE' });
    await light.stop();
  });
});
