import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../until.js';
import { Place } from './harness.js';

/** The market, whose node is a neighbour, too. */
const market = new Place();
/** Two more neighbours, and somebody with a receipt, but with neither the model nor the blocks. */
const others = [new Place(), new Place()];
const asker = new Place();
const NEIGHBOURS = 1 + others.length;
const TINY = join(market.folder, 'tiny');
const RECEIPT = join(asker.folder, 'receipt.json');
const FALSE_RECEIPT = join(asker.folder, 'false.json');
/** What verifier and worker say first. */
const served: string[] = [];
const env = { BITMODEL_PASSPHRASE_FILE: market.passphraseFile };

interface Started {
  readonly addresses: string[];
}

async function startNode(place: Place, ...args: string[]): Promise<string> {
  const common = ['node', '--regtest', '--rpc-port', '0', '--p2p-port', '0', '--json'];
  const { line } = await place.start([...common, ...args]);
  return (JSON.parse(line) as Started).addresses[0]!;
}

beforeAll(async () => {
  cpSync('fixtures/bitmodel-tiny', TINY, { recursive: true });
  const check = ['--check-models', TINY, '--check-threads', '1'];
  const seed = await startNode(market, '--mine', '--block-time', '0.6', ...check);
  const seeds = [seed];
  for (const place of others) seeds.push(await startNode(place, '--seed-node', seed, ...check));
  await startNode(asker, '--light', '--seed-node', ...seeds);
  for (const key of ['buyer', 'seller']) {
    await market.ok(['keygen', '--name', key], { env });
    await market.ok(['wallet', 'faucet', '10', '--key', key]);
  }
  await market.ok(['keygen', '--name', 'judge'], { env });
  const model = ['--model', TINY, '--threads', '1'];
  const judging = ['--key', 'judge', '--fee', '0.0005', '--json'];
  served.push((await market.start(['verifier', ...judging, ...model], env)).line);
  const selling = ['--key', 'seller', '--price', '0.0005', '--accept-verifiers', 'any', '--json'];
  const worker = await market.start(['worker', ...selling, ...model], env);
  served.push(worker.line);
  const buying = ['--key', 'buyer', '--prompt', 'The people of', '--max-tokens', '12'];
  const terms = ['--max-reward', '1', '--price', '0.001', '--receipt', RECEIPT, '--timeout', '300'];
  await market.ok(['job', 'submit', ...buying, ...terms, ...model], { env });
  await worker.stop();
  const receipt = readFileSync(RECEIPT, 'utf8');
  const { output } = JSON.parse(receipt) as { output: number[] };
  const changed = output.with(7, (output[7]! + 1000) % 2048);
  writeFileSync(FALSE_RECEIPT, receipt.replace(JSON.stringify(output), JSON.stringify(changed)));
  await until(async () => {
    const { peers } = await asker.json<{ peers: { servicesnames: string[] }[] }>(['node', 'peers']);
    const answering = peers.filter(({ servicesnames }) => servicesnames.includes('check/1'));
    return answering.length === NEIGHBOURS;
  });
}, 240_000);
afterAll(() => {
  for (const place of [market, ...others, asker]) place.close();
});

describe('bitmodel verifier and worker', () => {
  it('say of which models they are', () => {
    const { job } = JSON.parse(readFileSync(RECEIPT, 'utf8')) as { job: { model: string } };
    for (const line of served) {
      const { models } = JSON.parse(line) as { models: object[] };
      expect(models).toEqual([{ model: job.model, file: 'onnx/model.onnx', class: 'fp32/0/cpu' }]);
    }
    expect(served).toHaveLength(2);
  });
});

describe('bitmodel verify --outsource', () => {
  it('tells, without the model, what the neighbours say of a receipt', async () => {
    const word = await asker.json<Record<string, unknown>>([
      'verify',
      RECEIPT,
      '--outsource',
      ...['--neighbours', '3'],
    ]);
    expect(word).toMatchObject({ result: 'valid', outsourced: true, calibrated: true, tau: 0.001 });
    expect(word.neighbours).toHaveLength(3);
  });

  it('finds a false token, shows in 80 columns who said so, and ends with 10', async () => {
    const ask = ['verify', FALSE_RECEIPT, '--outsource', '--neighbours', '3'];
    const { code, stdout, stderr } = await asker.run(ask);
    expect({ code, stderr }).toMatchObject({ code: 10 });
    expect(stdout).toMatch(/^invalid: integrity at position 7/);
    expect(stdout).toContain('not a proof');
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    expect(stderr).toContain('see prompt and output');
  });

  it('lets the model at hand decide, and tells the node who of the neighbours was right', async () => {
    const ask = ['verify', FALSE_RECEIPT, '--outsource', '--neighbours', '3', '--model', TINY];
    const { code, stderr } = await asker.run([...ask, '--threads', '1']);
    expect(code).toBe(10);
    expect(stderr).toMatch(/Of them, \d said what the model says, 0 did not\./);
  });

  it('ends with 11 where nobody can be asked', async () => {
    const lonely = new Place();
    try {
      await startNode(lonely);
      const word = await lonely.run(['verify', RECEIPT, '--outsource', '--json']);
      expect(word.code).toBe(11);
      expect(JSON.parse(word.stdout)).toMatchObject({
        result: 'abstain',
        code: 'TOO_FEW_NEIGHBOURS',
        next: expect.stringContaining('--check-models'),
        neighbours: [],
      });
      const { code, stdout } = await lonely.run(['verify', RECEIPT, '--outsource']);
      expect(code).toBe(11);
      expect(stdout).toContain('abstained: no connected peer with the model answers checks\n');
      expect(stdout).toContain('Connect to more peers that run with: bitmodel node --check-models');
    } finally {
      lonely.close();
    }
  });

  it('says of a node without a network that it has nobody to ask', async () => {
    const alone = new Place();
    try {
      await alone.start(['node', '--regtest', '--rpc-port', '0']);
      const { code, stderr } = await alone.run(['verify', RECEIPT, '--outsource']);
      expect({ code, stderr }).toMatchObject({ code: 1 });
      expect(stderr).toContain('This node has no peers to ask.');
    } finally {
      alone.close();
    }
  });

  it.each([
    ['without --outsource', ['--neighbours', '3']],
    ['about more tokens than there are', ['--outsource', '--sample', '400']],
    ['what only a model at hand checks', ['--outsource', '--check', 'sample:3']],
  ])('refuses to ask %s, before it says who sees the prompt', async (_, args) => {
    const { code, stderr } = await asker.run(['verify', RECEIPT, ...args]);
    expect(code).toBe(2);
    expect(stderr).not.toContain('see prompt and output');
  });

  it.each([
    ['--neighbours', '0'],
    ['--neighbours', '2'],
    ['--sample', '0'],
    ['--timeout', '1000'],
  ])('refuses %s %s before it reads the receipt', async (...choice) => {
    const { code, stderr } = await asker.run(['verify', 'no-such-file', '--outsource', ...choice]);
    expect({ code, stderr }).toMatchObject({ code: 2 });
    expect(stderr).toContain(choice[0]);
  });

  it.each([
    ['{"neighbours":2}', 'neighbours must be a whole number from 3 to 16.'],
    ['{"sample":13}', 'sample must be a whole number from 1 to 12.'],
  ])('has the node refuse %s, too', async (options, why) => {
    const receipt = readFileSync(RECEIPT, 'utf8');
    const { code, stderr } = await asker.run(['rpc', 'startcheck', receipt, options]);
    expect(code).not.toBe(0);
    expect(stderr).toContain(why);
  });

  it('says in full why neighbours said nothing, and settles nothing then', async () => {
    const ask = ['verify', RECEIPT, '--outsource', '--neighbours', '3'];
    let answer = await asker.run(ask);
    // each answers four questions about a job, of which others here may have used some
    for (let i = 0; i < 4 && answer.code !== 11; i++) answer = await asker.run(ask);
    expect(answer.code).toBe(11);
    const { stdout } = answer;
    expect(stdout).toMatch(/^abstained: no neighbour answers for position 0\n/);
    expect(stdout).toContain(
      '3 neighbours said nothing. It was asked about this job often enough.',
    );
    expect(stdout).toMatch(/\n0 of \d+ tokens settled/);
    expect(stdout).toContain('Ask others or later');
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });
});
