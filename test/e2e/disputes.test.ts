import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RpcClient } from '#src/chain/index.js';
import { until } from '../until.js';
import { type Finished, Place, type Running } from './harness.js';
import { fund } from './stage.js';

const place = new Place();
/** A copy, because packing writes beside the model. */
const TINY = join(place.folder, 'tiny');
/** The same without its calibration: who judges with it can't say how far two machines differ. */
const BARE = join(place.folder, 'bare');
const env = { BITMODEL_PASSPHRASE_FILE: place.passphraseFile };
const NAMES = ['v0', 'v1', 'v2', 'v3', 'v4', 'v5', 'v6', 'v7'];
const running = new Map<string, Running>();
const keyOf = new Map<string, string>();
let rpc: RpcClient | undefined;

interface Audit {
  readonly jobs: readonly {
    readonly job: string;
    readonly outcome: string;
    readonly verifiers: readonly {
      readonly verifier: string;
      readonly conduct: string;
      readonly verdict?: string;
      readonly kind?: string;
      readonly reason?: string;
    }[];
    readonly appeals: readonly { readonly outcome: string; readonly verifier: string }[];
  }[];
}

interface Bonds {
  readonly verifiers: readonly { readonly publicKey: string }[];
  readonly burnt: readonly { readonly publicKey: string; readonly txid: string }[];
  readonly accused: readonly { readonly publicKey: string; readonly jobId: string }[];
}

async function startVerifier(name: string, model: string, ...args: string[]): Promise<void> {
  const common = ['--key', name, '--model', model, '--fee', '0.0005', '--threads', '1'];
  const process = await place.start(['verifier', ...common, ...args], env);
  running.set(name, process);
  keyOf.set(name, /verifier (\w+)/.exec(process.line)![1]!);
}

async function restartVerifier(name: string, model: string, ...args: string[]): Promise<void> {
  await running.get(name)!.stop();
  await startVerifier(name, model, ...args);
}

/** Plants a job until these can be drawn for it: each block orders the registry anew. */
async function audit(answer: string, of: readonly string[], ...args: string[]): Promise<Finished> {
  const keys = of.map((name) => keyOf.get(name)!).join(',');
  const who = ['--key', 'buyer', '--seller', 'plant', '--model', TINY, '--threads', '1', '--yes'];
  const what = ['--answer', answer, ...(keys ? ['--of', keys] : []), ...args, '--json'];
  for (;;) {
    const finished = await place.run(['verifier', 'audit', ...who, ...what], { env });
    if (!finished.stderr.includes('NOT_DRAWABLE')) return finished;
  }
}

function jobOf({ code, stdout, stderr }: Finished, expected: number): Audit['jobs'][number] {
  expect(code, stderr).toBe(expected);
  return (JSON.parse(stdout) as Audit).jobs[0]!;
}

function conductOf({ verifiers }: Audit['jobs'][number]): Map<string, string> {
  return new Map(verifiers.map(({ verifier, conduct }) => [verifier, conduct]));
}

async function coinsOf(key: string): Promise<number> {
  const { confirmed } = await place.json<{ confirmed: string }>([
    ...['wallet', 'balance', '--key', key],
  ]);
  return Number(confirmed);
}

beforeAll(async () => {
  cpSync('fixtures/bitmodel-tiny', TINY, { recursive: true });
  await place.ok(['model', 'pack', TINY]);
  cpSync(TINY, BARE, { recursive: true });
  rmSync(join(BARE, 'bitmodel-tiny.calibration.json'));
  await place.startNode('--block-time', '0.6');
  rpc = RpcClient.forNode({ datadir: place.folder, network: 'regtest', rpc: undefined });
  await Promise.all([
    fund(place, 'buyer', '2', '2', '2'),
    fund(place, 'plant', '2', '2'),
    ...NAMES.map(async (name) => {
      await fund(place, name, '2');
      await place.ok(['verifier', 'bond', '1', '--key', name], { env });
    }),
  ]);
  await Promise.all(
    NAMES.map((name) => startVerifier(name, TINY, ...(name === 'v0' ? ['--cheat', 'lazy'] : []))),
  );
}, 240_000);
afterAll(async () => {
  await rpc?.close();
  place.close();
});

describe('disputes before drawn verifiers', () => {
  let slashed: Audit['jobs'][number];

  it('a planted false answer finds the verifier that looks at nothing, and a second jury burns its bond alone', async () => {
    slashed = jobOf(await audit('false', ['v0'], '--rejudge'), 10);
    const lazy = keyOf.get('v0')!;
    expect(slashed).toMatchObject({ outcome: 'slashed' });
    const conduct = conductOf(slashed);
    expect(conduct.get(lazy)).toBe('wrong');
    conduct.delete(lazy);
    expect([...conduct.values()]).toEqual(['right', 'right']);
    expect(slashed.appeals).toMatchObject([{ outcome: 'burnt', verifier: lazy }]);
    let bonds!: Bonds;
    await until(async () => {
      bonds = await place.json<Bonds>(['verifier', 'bonds']);
      return bonds.burnt.length > 0;
    });
    expect(bonds.burnt).toMatchObject([{ publicKey: lazy, txid: expect.any(String) }]);
    const left = NAMES.slice(1).map((name) => keyOf.get(name)!);
    expect(bonds.verifiers.map(({ publicKey }) => publicKey).sort()).toEqual(left.sort());
  }, 240_000);

  it('an accusation of a verifier that was right burns nothing', async () => {
    const honest = [...conductOf(slashed)].find(([, how]) => how === 'right')![0];
    const args = ['job', 'rejudge', slashed.job, '--against', honest, '--key', 'buyer', '--json'];
    const { code, stdout, stderr } = await place.run(args, { env });
    expect({ code, stderr }).toMatchObject({ code: 10 });
    expect(JSON.parse(stdout)).toMatchObject({ outcome: 'upheld', verifier: honest, txids: [] });
    const { burnt, accused } = await place.json<Bonds>(['verifier', 'bonds']);
    expect(burnt).toHaveLength(1);
    const its = accused.filter(({ publicKey }) => publicKey === honest);
    expect(its).toMatchObject([{ jobId: slashed.job, wrong: 0 }]);
    const { verdicts } = await place.json<{ verdicts: { verifier: string }[] }>([
      ...['job', 'show', slashed.job],
    ]);
    expect(verdicts.map(({ verifier }) => verifier)).toContain(honest);
  }, 240_000);

  it.each([
    ['NO_CHEATING', 4, ['--network', 'test', '--cheat', 'lazy']],
    ['UNKNOWN_CHEAT', 2, ['--cheat', 'magic']],
  ])('a verifier is told to cheat by name, on regtest alone: %s', async (name, expected, args) => {
    const { code, stderr } = await place.run(['verifier', ...args, '--json'], { env });
    expect([code, JSON.parse(stderr)]).toMatchObject([expected, { error: { code: name } }]);
  });

  it('a good answer is cleared: the seller keeps its price, and what the verifiers leave of the bond', async () => {
    const before = await coinsOf('plant');
    const cleared = jobOf(await audit('true', []), 0);
    expect(cleared).toMatchObject({ outcome: 'cleared', appeals: [] });
    expect([...conductOf(cleared).values()]).toEqual(['right', 'right', 'right']);
    // 16 tokens at most for 0.00001, and a bond of three fees, of which two were earned
    const gained = (await coinsOf('plant')) - before;
    expect(gained).toBeGreaterThan(0.0004);
    expect(gained).toBeLessThan(0.0005 + 16 * 0.00001);
  }, 240_000);

  it('an answer that nobody can open is undelivered, which needs no second jury', async () => {
    const withheld = jobOf(await audit('false', [], '--attack', 'withhold'), 0);
    expect(withheld).toMatchObject({ outcome: 'slashed' });
    expect(new Set(withheld.verifiers.map(({ kind }) => kind))).toEqual(new Set(['undelivered']));
    const against = withheld.verifiers[0]!.verifier;
    const args = ['job', 'rejudge', withheld.job, '--against', against, '--key', 'buyer', '--json'];
    const { code, stderr } = await place.run(args, { env });
    expect([code, JSON.parse(stderr)]).toMatchObject([4, { error: { code: 'NO_EVIDENCE' } }]);
  }, 240_000);

  it('lapses where one verifier is silent and another abstains, and burns nobody’s bond', async () => {
    await Promise.all([
      restartVerifier('v1', TINY, '--cheat', 'silent'),
      restartVerifier('v2', BARE),
    ]);
    const audited = audit('false', ['v1', 'v2']);
    const address = await place.ok(['wallet', 'address', '--key', 'buyer']);
    await until(async () => {
      const { messages } = await rpc!.call<{ messages: { author: string; type: string }[] }>(
        'listjobmessages',
        {},
      );
      return messages.some(({ author, type }) => type === 'verdict' && author === keyOf.get('v2'));
    });
    await rpc!.call('generatetoaddress', 20, address);
    const lapsed = jobOf(await audited, 11);
    expect(lapsed).toMatchObject({ outcome: 'lapsed' });
    const conduct = conductOf(lapsed);
    expect(conduct.get(keyOf.get('v1')!)).toBe('silent');
    expect(conduct.get(keyOf.get('v2')!)).toBe('abstained');
    const args = ['job', 'rejudge', lapsed.job, '--against', keyOf.get('v2')!, '--key', 'buyer'];
    const { code, stderr } = await place.run([...args, '--json'], { env });
    expect([code, JSON.parse(stderr)]).toMatchObject([3, { error: { code: 'NO_VERDICT' } }]);
  }, 240_000);
});
