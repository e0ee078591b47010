import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Place } from './harness.js';
import { hasPseudoTerminal, runOnTerminal } from './pseudo-terminal.js';

const place = new Place();
/** Its passphrase is right for the keys of the place, but anybody may read it. */
const open = join(place.folder, 'open');
const wrong = join(place.folder, 'wrong');
const asOpen = `others can read ${open}; take that away with: chmod 600 ${open}`;

beforeAll(() => {
  writeFileSync(open, 'correct horse battery\n');
  writeFileSync(wrong, 'something else\n');
  for (const file of [open, wrong]) chmodSync(file, 0o644);
});
afterAll(() => place.close());

const made = (name: string, ...more: string[]) =>
  place.run(['keygen', '--name', name, '--passphrase-file', open, ...more]);

describe('a warning', () => {
  it('is a line on stderr', async () => {
    const { code, stderr } = await made('first');
    expect([code, stderr]).toEqual([0, `warning: ${asOpen}\n`]);
  });

  it('is broken between words where a terminal has no room for it in one line', async () => {
    if (!hasPseudoTerminal()) {
      process.stderr.write('skipped: there is no util-linux script here to make a terminal with\n');
      return;
    }
    const passphraseFile = ['--passphrase-file', open];
    const { stdout } = await runOnTerminal(['keygen', '--name', 'wide', ...passphraseFile], [], {
      BITMODEL_DATADIR: place.folder,
      BITMODEL_NETWORK: 'regtest',
    });
    const lines = stdout.split(/\r?\n/);
    const from = lines.findIndex((line) => line.startsWith('warning: '));
    const shown = lines.slice(from, from + 2);
    for (const line of shown) expect(line.length).toBeLessThanOrEqual(80);
    expect(shown.join(' ')).toBe(`warning: ${asOpen}`);
  });

  it('is part of the result with --json, and stderr is empty', async () => {
    const { stdout, stderr } = await made('second', '--json');
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({ network: 'regtest', warnings: [asOpen] });
  });

  it('is part of the error with --json, which stays one object', async () => {
    const { code, stdout, stderr } = await place.run([
      ...['wallet', 'export', '--wif', '--key', 'first', '--yes', '--json'],
      ...['--passphrase-file', wrong],
    ]);
    expect([code, stdout]).toEqual([4, '']);
    expect(JSON.parse(stderr)).toEqual({
      error: expect.objectContaining({ code: 'WRONG_PASSPHRASE' }),
      warnings: [expect.stringContaining(`others can read ${wrong}`)],
    });
  });

  it('after the result of a command that goes on is an object of its own with --json', async () => {
    const args = ['node', '--regtest', '--rpc-port', '0', '--connect', '127.0.0.1:1', '--json'];
    const { code, stdout, stderr } = await place.run(args, {
      killAt: 'does not answer',
      signal: 'SIGINT',
    });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ network: 'regtest', height: 0 });
    expect(JSON.parse(stderr)).toEqual({
      warning: 'network: peer 127.0.0.1:1 does not answer; it is tried again and again',
    });
  });
});
