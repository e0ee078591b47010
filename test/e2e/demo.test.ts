import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const BINARY = fileURLToPath(new URL('../../bin/bitmodel.js', import.meta.url));

function demo(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BINARY, 'demo', ...args], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { status, stdout, stderr };
}

interface DemoJson {
  readonly ok: boolean;
  readonly outcome: string;
  readonly verdict: string;
  readonly kind?: string;
  readonly position?: number;
  readonly positionsChecked: number;
  readonly tokens: number;
  readonly text: string;
  readonly balances: readonly { name: string; before: string; after: string }[];
  readonly shares: readonly { name: string; amount: string }[];
}

const units = (amount: string): bigint => BigInt(amount.replace('.', ''));

function run(...args: string[]): DemoJson {
  const { status, stdout, stderr } = demo('--json', ...args);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return JSON.parse(stdout) as DemoJson;
}

describe('bitmodel demo', () => {
  it('buys an answer, checks each token, pays the seller, and shares the model’s fee to the unit', () => {
    // a sampled answer may end by itself before its last token
    const result = run('--max-tokens', '20', '--temperature', '0');
    expect(result).toMatchObject({ ok: true, outcome: 'settled', verdict: 'valid', tokens: 20 });
    expect(result.positionsChecked).toBe(20);
    const reward = 20n * 1_000_000n;
    const shared = result.shares.reduce((sum, { amount }) => sum + units(amount), 0n);
    // an answer of 20 tokens at 0.01 coins; the model takes a fifth
    expect(shared).toBe(reward / 5n);
    const byName = Object.fromEntries(result.shares.map(({ name, amount }) => [name, amount]));
    expect(byName).toEqual({
      'bitmodel-tiny': '0.02800000',
      corpus: '0.00560000',
      architecture: '0.00240000',
      transcription: '0.00240000',
      paper: '0.00160000',
    });
    const [buyer, seller] = result.balances;
    const [paid, fees] = [units(buyer!.before) - units(buyer!.after), 100_000n];
    expect(paid).toBeGreaterThanOrEqual(reward);
    expect(paid).toBeLessThan(reward + fees);
    expect(units(seller!.after) - units(seller!.before)).toBeGreaterThan((reward * 4n) / 5n - fees);
  });

  it.each([
    ['tamper:0', '0.8', ['continuity', 'sampling'], 0],
    ['tamper:7', '0', ['integrity', 'sampling'], 7],
    ['tamper:19', '0', ['integrity', 'sampling'], 19],
    ['substitute', '0.8', ['continuity', 'integrity', 'sampling'], undefined],
    ['truncate', '0', ['truncation'], undefined],
    ['withhold', '0.8', ['undelivered'], undefined],
    ['other-output', '0.8', ['format'], undefined],
    ['false-count', '0', ['count'], undefined],
  ] as const)(
    'catches a seller who does %s, at temperature %s, slashes the stake and repays the buyer',
    (cheat, temperature, kinds, position) => {
      const result = run('--max-tokens', '20', '--cheat', cheat, '--temperature', temperature);
      expect(result).toMatchObject({ ok: true, outcome: 'slashed', verdict: 'invalid' });
      expect(kinds).toContain(result.kind);
      if (position !== undefined) expect(result.position).toBe(position);
      const [buyer, seller] = result.balances;
      // nothing is lost to the buyer but network fees; the seller loses far more than it took
      expect(units(buyer!.before) - units(buyer!.after)).toBeLessThan(100_000n);
      expect(units(seller!.before) - units(seller!.after)).toBeGreaterThan(1_000_000n);
      const judges = result.balances
        .slice(2)
        .map(({ before, after }) => units(after) - units(before));
      expect(judges.filter((gain) => gain > 0n).length).toBe(2);
    },
  );

  it('settles with a seller whose cheat is none: a small model guesses, the right one decides', () => {
    const result = run('--max-tokens', '8', '--cheat', 'speculative-lossless');
    expect(result).toMatchObject({ ok: true, outcome: 'settled', verdict: 'valid' });
  });

  it('tells the story in lines of at most 80 columns, and leaves nothing behind', () => {
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith('bitmodel-demo-'));
    const { status, stdout } = demo('--max-tokens', '12');
    expect(status).toBe(0);
    const wide = stdout.split('\n').filter((line) => line.length > 80);
    expect(wide).toEqual([]);
    for (const word of [
      'escrow',
      'commits',
      'stake',
      'RASTiC: valid',
      'split',
      'Honest, checked',
    ]) {
      expect(stdout).toContain(word);
    }
    const after = readdirSync(tmpdir()).filter((name) => name.startsWith('bitmodel-demo-'));
    expect(after.filter((name) => !before.includes(name))).toEqual([]);
  });

  it.each([
    [['--cheat', 'nosuch'], 'UNKNOWN_ATTACK'],
    [['--cheat', 'tamper:48'], 'BAD_OPTION'],
    [['--cheat', 'empty'], 'NO_SUCH_SALE'],
    [['--cheat', 'past-the-stop'], 'NO_ROOM_TO_CHEAT'],
    [['--cheat', 'wrong-seed', '--temperature', '0'], 'NO_ROOM_TO_CHEAT'],
    [['--max-tokens', '0'], 'BAD_OPTION'],
    [['--temperature', 'hot'], 'BAD_OPTION'],
    [['--prompt', ' '], 'EMPTY_PROMPT'],
  ])('refuses %s with a code and the next step', (args, code) => {
    const { status, stdout, stderr } = demo('--json', ...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    const { error } = JSON.parse(stderr) as { error: { code: string; next?: string } };
    expect(error.code).toBe(code);
  });
});
