import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { BINARY, Place } from './harness.js';

const place = new Place();
afterAll(() => place.close());

describe('a command line that is wrong', () => {
  it.each([
    [['script', 'run', '--nope'], 'See bitmodel script run --help'],
    [['wallet', 'sned'], '(Did you mean send?) See bitmodel wallet --help'],
    [['--network', 'regtest', 'tx', 'build', '--nope'], 'See bitmodel tx build --help'],
    [['wallte'], '(Did you mean wallet?) See bitmodel --help'],
    [['keygen', 'x', 'y'], 'See bitmodel keygen --help'],
    [['verifier', '--key', 'leave', 'bond', '--nope'], 'See bitmodel verifier bond --help'],
    [['verifier', 'bond', '--fee', '1'], 'See bitmodel verifier bond --help'],
    [['node', 'status', '--mine'], 'See bitmodel node status --help'],
    [
      ['node', 'statsu'],
      'It takes no words but its verbs: status, peers. See bitmodel node --help',
    ],
  ])('is answered with one sentence and the help that mends it: %j', async (args, next) => {
    const { code, stdout, stderr } = await place.run([...args, '--json']);
    expect([code, stdout]).toEqual([2, '']);
    const { error } = JSON.parse(stderr) as { error: Record<string, string> };
    expect(error).toMatchObject({ code: 'USAGE', next });
    expect(error.message).toMatch(/[^.]\.$/);
  });
});

describe('a value that an option can not have', () => {
  it.each([
    [['node', '--regtest', '--p2p-port', '0', '--check-threads', 'many'], '--check-threads'],
    [['job', 'submit', '--model', 'x', '--prompt', 'x', '--threads', '0'], '--threads'],
    [['node', '--regtest', '--p2p-port', '0', '--max-peers', '1.5'], '--max-peers'],
    [['model', 'serve', '--port', '65536'], '--port'],
  ])('is answered with one sentence and what it can be: %j', async (args, option) => {
    const { code, stdout, stderr } = await place.run([...args, '--json']);
    expect([code, stdout]).toEqual([2, '']);
    const { error } = JSON.parse(stderr) as { error: Record<string, string> };
    expect(error).toMatchObject({
      code: 'BAD_OPTION',
      message: expect.stringMatching(`^${option} can't be ".*"\\.$`),
      next: expect.stringMatching(/^Pass a whole number from \d+ to \d+$/),
    });
  });
});

describe('help', () => {
  it('ends quietly when its reader closes the pipe', async () => {
    const child = spawn(process.execPath, [BINARY, 'wallet', '--help']);
    child.stdout.destroy();
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const code = await new Promise((done) => child.once('close', done));
    expect([code, stderr]).toEqual([0, '']);
  });

  it.skipIf(!existsSync('/dev/full'))('says so when the disk that it goes to is full', async () => {
    const full = openSync('/dev/full', 'w');
    const child = spawn(process.execPath, [BINARY, 'wallet', '--help'], {
      stdio: ['ignore', full, 'pipe'],
    });
    let stderr = '';
    child.stderr!.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const code = await new Promise((done) => child.once('close', done));
    closeSync(full);
    expect([code, stderr.split('\n')[0]]).toEqual([
      1,
      expect.stringMatching(/^error: The output can't be written: ENOSPC.*\[WRITE_FAILED\]$/),
    ]);
  });
});
