import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromHex, parseAmount } from '#src/base/index.js';
import { decodeTransaction, formatOutpoint } from '#src/chain/index.js';
import { type ClientRecord, JobRecords } from '#src/job/index.js';
import { cases, timeLimit } from '../long.js';
import { until } from '../until.js';
import type { Finished } from './harness.js';
import { type NodeProcess, Nodes } from './Nodes.js';

/** Jobs that each buyer's key submits at once, each in a process of its own. */
const JOBS_EACH = cases(2, 5);
/** What a seller has: two stakes of the jobs here lie in each of its coins. */
const SELLERS_COINS = Array<string>(cases(2, 3)).fill('0.03');
const BUYERS_COINS = Array<string>(JOBS_EACH).fill('0.05');

interface Station {
  readonly node: NodeProcess;
  readonly buyer: string;
  readonly seller: string;
  /** All that its seller said, one event a line. */
  said: string;
}

const nodes = new Nodes();
const { place } = nodes;
const keys = { BITMODEL_PASSPHRASE_FILE: place.passphraseFile };
const stations: Station[] = [];
let judge: string;
let model: string;

async function makeKey(env: Readonly<Record<string, string>>, name: string): Promise<string> {
  const made = await place.json<{ address: string }>(['keygen', '--name', name], {
    env: { ...env, ...keys },
  });
  return made.address;
}

async function openStation(name: string, ...args: string[]): Promise<Station> {
  const node = await nodes.start(name, ...args);
  const buyer = await makeKey(node.env, 'buyer');
  const seller = await makeKey(node.env, 'seller');
  const station = { node, buyer, seller, said: '' };
  stations.push(station);
  return station;
}

async function openShop(station: Station): Promise<void> {
  const { node } = station;
  const args = ['--key', 'seller', '--model', model, '--price', '0.0005', '--threads', '1'];
  const env = { ...node.env, ...keys };
  const worker = await place.start(['worker', ...args, '--accept-verifiers', 'any', '--json'], env);
  worker.child.stdout!.on('data', (text: string) => {
    station.said += text;
  });
}

function buy({ node }: Station): Promise<Finished> {
  const job = ['--model', model, '--prompt', 'The people of', '--max-tokens', '12'];
  const money = ['--price', '0.001', '--max-reward', '1', '--verifiers', judge];
  const rest = ['--threads', '1', '--timeout', '300', '--retry', '5', '--json'];
  return place.run(['job', 'submit', '--key', 'buyer', ...job, ...money, ...rest], {
    env: { ...node.env, ...keys },
  });
}

/** What a seller said of one step, as many times as it did. */
function saidOf({ said }: Station, step: string): { readonly jobId: string }[] {
  const events = said.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
  return events.filter((event) => event.step === step);
}

async function balanceOf({ node }: Station, key: string): Promise<bigint> {
  const args = ['wallet', 'balance', '--key', key];
  const { confirmed } = await place.json<{ confirmed: string }>(args, { env: node.env });
  return parseAmount(confirmed);
}

beforeAll(async () => {
  const first = await openStation('node0', '--mine', '--block-time', '1');
  const seed = ['--seed-node', first.node.address];
  await Promise.all([1, 2, 3].map((i) => openStation(`node${i}`, ...seed)));
  const made = await place.json<{ publicKey: string }>(['keygen', '--name', 'judge'], {
    env: { ...first.node.env, ...keys },
  });
  judge = made.publicKey;
  for (const { buyer, seller } of stations) {
    for (const amount of BUYERS_COINS) await first.node.rpc('faucet', buyer, amount);
    for (const amount of SELLERS_COINS) await first.node.rpc('faucet', seller, amount);
  }
  model = join(place.folder, 'tiny');
  cpSync('fixtures/bitmodel-tiny', model, { recursive: true });
  await place.ok(['model', 'pack', model]);
  await Promise.all(stations.map(openShop));
}, timeLimit(240_000));

afterAll(() => nodes.close());

describe('jobs of four buyers at four sellers, each process by itself and all at once', () => {
  it(
    'are all answered and paid, each with coins of its own, and no seller loses a stake',
    async () => {
      const bought = await Promise.all(
        stations.flatMap((station) => Array.from({ length: JOBS_EACH }, () => buy(station))),
      );
      expect(bought.filter(({ code }) => code !== 0)).toEqual([]);
      const jobs = bought.map(({ stdout }) => JSON.parse(stdout));
      for (const job of jobs) expect(job).toMatchObject({ state: 'settled' });
      const records = stations.flatMap(({ node }) =>
        new JobRecords<ClientRecord>(join(node.folder, 'regtest', 'jobs')).all(),
      );
      const spent = records.flatMap(({ escrow }) =>
        escrow ? decodeTransaction(fromHex(escrow.transaction)).inputs : [],
      );
      const coins = spent.map(({ outpoint }) => formatOutpoint(outpoint));
      expect(new Set(coins).size).toBe(coins.length);
      // no job was closed because its coin went elsewhere
      expect(records.filter(({ outcome }) => outcome === 'closed')).toEqual([]);
    },
    timeLimit(240_000),
  );

  it(
    'leave every seller with its stakes and what it earned',
    async () => {
      const [{ node, seller }] = stations as [Station];
      await node.rpc('generatetoaddress', 12, seller);
      const isDone = (station: Station): boolean =>
        saidOf(station, 'closed').length === saidOf(station, 'claimed').length;
      await until(async () => stations.every(isDone));
      const claimed = stations.flatMap((station) => saidOf(station, 'claimed'));
      expect(new Set(claimed.map(({ jobId }) => jobId)).size).toBe(stations.length * JOBS_EACH);
      for (const station of stations) {
        expect(saidOf(station, 'problem')).toEqual([]);
        const earned = saidOf(station, 'claimed').length > 0;
        const had = SELLERS_COINS.reduce((sum, coin) => sum + parseAmount(coin), 0n);
        const has = await balanceOf(station, 'seller');
        expect(earned ? has > had : has >= had).toBe(true);
      }
    },
    timeLimit(240_000),
  );
});
