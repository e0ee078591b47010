import { spawn } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromHex, toHex } from '#src/base/index.js';
import { ChainClient, createKey, networkParameters, RpcClient } from '#src/chain/index.js';
import { until } from '../until.js';
import { mineWhatWaits, UNHURRIED } from './blocks.js';
import { BINARY, type Finished, Place } from './harness.js';

const params = networkParameters('regtest');
const place = new Place();
/** Names that a shell would take apart, or find something else in. */
const datadir = join(place.folder, "the buyer's data");
const model = join(place.folder, 'a $model');
const receipt = join(place.folder, 'the receipt.json');
/** Where `bitmodel` is found, and nothing is known of the data folder. */
const programs = join(place.folder, 'bin');
const env = { BITMODEL_PASSPHRASE_FILE: place.passphraseFile, BITMODEL_DATADIR: datadir };
const judge = toHex(createKey(params).publicKey);
let rpc: RpcClient;
let endBlocks: (() => void) | undefined;

/** Types a line as it was printed, in another folder, with nothing but the passphrase at hand. */
async function type(line: string): Promise<Finished> {
  const child = spawn('sh', ['-c', line], {
    cwd: tmpdir(),
    env: {
      PATH: `${programs}:${process.env.PATH}`,
      HOME: programs,
      BITMODEL_PASSPHRASE_FILE: place.passphraseFile,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const code = await new Promise<number | null>((done) => child.once('close', done));
  return { code, stdout, stderr };
}

/** Buys until the buyer is stopped at these words, and gives what it said. */
async function stopAt(words: string): Promise<string> {
  const buy = [
    ...['job', 'submit', '--key', 'buyer', '--model', model, '--prompt', 'The people of'],
    ...['--max-tokens', '12', '--max-reward', '1', '--price', '0.001', '--threads', '1'],
    ...['--verifiers', judge, '--receipt', receipt, '--datadir', datadir, '--timeout', '300'],
  ];
  const elsewhere = { ...env, BITMODEL_DATADIR: join(place.folder, 'elsewhere') };
  // on a busy machine it may be done before the signal reaches it
  for (let attempt = 1; ; attempt++) {
    const stopped = await place.run(buy, { env: elsewhere, killAt: words, signal: 'SIGINT' });
    if (stopped.code === 0 && attempt < 5) continue;
    expect(stopped).toMatchObject({ code: 130, stdout: '' });
    return stopped.stderr;
  }
}

/** The line behind these words. */
const lineAfter = (words: string, text: string): string =>
  text
    .split('\n')
    .find((line) => line.includes(words))!
    .split(words)[1]!;

beforeAll(async () => {
  for (const folder of [datadir, programs]) mkdirSync(folder);
  cpSync('fixtures/bitmodel-tiny', model, { recursive: true });
  const program = join(programs, 'bitmodel');
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${BINARY}' "$@"\n`);
  chmodSync(program, 0o755);
  await place.start(['node', '--regtest', '--mine', '--rpc-port', '0', ...UNHURRIED], env);
  rpc = RpcClient.forNode({ datadir, network: 'regtest', rpc: undefined });
  endBlocks = mineWhatWaits(rpc);
  for (const key of ['buyer', 'seller']) {
    await place.ok(['keygen', '--name', key], { env });
    await place.ok(['wallet', 'faucet', '10', '--key', key], { env });
  }
  const work = ['--key', 'seller', '--model', model, '--price', '0.0005', '--threads', '1'];
  await place.start(['worker', ...work, '--accept-verifiers', 'any'], env);
});
afterAll(async () => {
  endBlocks?.();
  await rpc?.close();
  place.close();
});

describe('the lines that bitmodel job submit prints', () => {
  it('go on with the job, and check its receipt, when they are typed as they stand', async () => {
    const said = await stopAt('locked in escrow');
    const [, by, now] = /^Be back by block (\d+) \(now (\d+)\): an answer that/m.exec(said)!;
    expect(Number(by)).toBeGreaterThan(Number(now) + params.disputeWindow - 2);
    const gone = await type(lineAfter('Go on with: ', said));
    expect(gone).toMatchObject({ code: 0 });
    expect(gone.stdout).not.toBe('');
    const checked = await type(lineAfter('check it again with: ', gone.stderr));
    expect(checked).toMatchObject({ code: 0, stdout: expect.stringMatching(/^valid/) });
  });

  it('give up a job that nothing is locked for', async () => {
    const said = await stopAt('announced, for');
    expect(said).toContain('Nothing is locked, and nothing will be before you go on.');
    const resume = lineAfter('Go on with: ', said);
    expect(await type(resume.replace('job resume', 'job cancel'))).toMatchObject({ code: 0 });
  });

  it('say what a job has cost that was paid for while its buyer was away', async () => {
    const said = await stopAt('the prompt is with the seller');
    const id = lineAfter('Go on with: ', said).split('job resume ')[1]!.split(' ')[0]!;
    // the escrow, and the claim of a seller that has its time, too, on a busy machine
    const chain = new ChainClient(rpc);
    await until(async () => (await chain.jobTransactions(fromHex(id))).length > 1);
    const height = await rpc.call<number>('getblockcount');
    const { address } = createKey(params);
    for (let made = 0; made < 2 * params.disputeWindow + 8; made++) {
      await rpc.call('generatetoaddress', 1, address);
      await new Promise((done) => setTimeout(done, 150));
    }
    const resume = lineAfter('Go on with: ', said);
    const back = await type(resume);
    expect({ height, ...back }).toMatchObject({ code: 1, stdout: '' });
    expect(back.stderr).toContain('The job is paid for with 0.00600000 coins for 12 tokens');
    expect(back.stderr).toMatch(/^paid 0\.0060\d+ coins: price 0\.00600000, network fees 0\.0000/m);
    expect(back.stderr).not.toContain('stake of 0');
    const show = await type(
      lineAfter('see bitmodel job show', back.stderr).replace(/^/, 'bitmodel job show'),
    );
    expect(show.stdout).toMatch(/^cost +0\.0060/m);
  });
});
