import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const BINARY = fileURLToPath(new URL('../../bin/bitmodel.js', import.meta.url));

function rastic(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BINARY, 'rastic', ...args], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { status, stdout, stderr };
}

interface Table {
  readonly attacks: readonly Record<string, unknown>[];
}

const QUICK = ['--threads', '1'];

describe('bitmodel rastic attack', () => {
  it('shows what a cheat does, what had to come of it and what came', () => {
    const args = ['attack', 'tamper:5', '--seed-nonce', 'whale', '--tokens', '12', ...QUICK];
    const { status, stdout, stderr } = rastic(...args);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('tamper:5: changes one token');
    expect(stdout).toMatch(/expected +integrity/);
    expect(stdout).toMatch(/came +invalid: \w+ at position 5/);
    expect(stdout).toContain('Caught after 6 of 12 positions');
    expect(rastic(...args, '--json').stdout).toContain('"result":"caught"');
  });

  it('plays cheats in the delivery, and cheating verifiers, too', () => {
    for (const name of ['other-output', 'verifier-lazy']) {
      const { status, stdout } = rastic('attack', name, '--tokens', '12', '--json', ...QUICK);
      expect(status).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ name, result: 'caught' });
    }
  });

  it.each([
    [['bribe'], 'UNKNOWN_ATTACK'],
    [['truncate', '--tokens', '1'], 'NO_ROOM_TO_CHEAT'],
    [['tamper', '--tokens', '0'], 'BAD_OPTION'],
    [['tamper', '--model', '/nowhere'], undefined],
  ])('refuses %j with a code and the next step', (args, code) => {
    const { status, stdout, stderr } = rastic('attack', ...args, '--json', ...QUICK);
    expect(status).not.toBe(0);
    expect(stdout).toBe('');
    const { error } = JSON.parse(stderr) as { error: { code: string; next?: string } };
    if (code !== undefined) expect(error.code).toBe(code);
    expect(error.next).toBeTypeOf('string');
  });
});

describe('bitmodel rastic attacks', () => {
  it('prints who was caught in a table of at most 80 columns, and says of missed ones by its exit code', () => {
    const args = ['--only', 'tamper*,*seed,verifiers-*', '--runs', '2', '--tokens', '8', ...QUICK];
    const { status, stdout, stderr } = rastic('attacks', ...args);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const lines = stdout.trimEnd().split('\n');
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
    expect(lines[0]).toMatch(/^attack +runs +caught +other +same +missed +positions$/);
    expect(stdout).toMatch(/^tamper-first +2 +2 +1$/m);
    expect(stdout).toMatch(/^verifiers-colluding +2 +2 win$/m);
    expect(stdout).toMatch(/^7 cheats, 14 runs, none missed/m);
    const { attacks } = JSON.parse(rastic('attacks', ...args, '--json').stdout) as Table;
    expect(attacks.map(({ name }) => name)).toContain('wrong-seed');
    expect(attacks[0]).toMatchObject({
      name: 'tamper',
      by: 'seller',
      runs: 2,
      caught: 2,
      missed: 0,
    });
  });

  it('lists all of them without running one', () => {
    const { status, stdout } = rastic('attacks', '--list', '--json');
    expect(status).toBe(0);
    const { attacks } = JSON.parse(stdout) as Table;
    expect(attacks.length).toBeGreaterThan(40);
    for (const attack of attacks) {
      expect(attack).toMatchObject({
        name: expect.any(String),
        by: expect.stringMatching(/^(seller|verifier)$/),
        description: expect.any(String),
        gains: expect.any(String),
        expects: expect.any(String),
      });
    }
    const names = rastic('attacks', '--list', '-q').stdout.trimEnd().split('\n');
    expect(names).toEqual(attacks.map(({ name }) => name));
  });

  it('refuses a pattern that fits nothing', () => {
    const { status, stderr } = rastic('attacks', '--only', 'no-such*');
    expect(status).toBe(2);
    expect(stderr).toContain('BAD_OPTION');
  });
});
