import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RpcClient } from '#src/chain/index.js';
import { createHost, type Host } from '#src/network/index.js';
import { until } from '../until.js';
import { mineWhatWaits, UNHURRIED } from './blocks.js';
import { Place, type Running } from './harness.js';

/** A machine: a data folder of its own, and a node of its own in a process of its own. */
interface Machine {
  readonly place: Place;
  node: Running;
  readonly rpc: RpcClient;
  readonly id: string;
  readonly address: string;
}

/** A message as nodes list it. */
interface Listed {
  readonly type: string;
  readonly jobId: string;
}

const PRICES = ['0.0005', '0.0006', '0.0007'];
const machines: Machine[] = [];
/** Public keys of the sellers. */
const keys = new Map<Machine, string>();
/** Kinds of messages that each machine's node has ever listed, by job. */
const listed = new Map<string, Map<string, Set<string>>>();
/** Everything that a stranger, who hears the gossip of all nodes, has heard. */
const heard: Uint8Array[] = [];
let stranger: Host;
let watching: NodeJS.Timeout;
let endBlocks: (() => void) | undefined;
let miner: Machine;
let buyer: Machine;
let sellers: Machine[];
let tiny: string;

async function startMachine(...args: string[]): Promise<Machine> {
  const place = new Place();
  const node = await place.start([
    'node',
    '--regtest',
    '--rpc-port',
    '0',
    '--p2p-port',
    '0',
    ...args,
    '--json',
  ]);
  const { id, addresses } = JSON.parse(node.line) as { id: string; addresses: string[] };
  const rpc = RpcClient.forNode({ datadir: place.folder, network: 'regtest', rpc: undefined });
  const machine = { place, node, rpc, id, address: addresses[0]! };
  machines.push(machine);
  return machine;
}

/** Kills a machine's node, and starts it again at its old addresses after a while. */
async function restartNode(machine: Machine, after: Promise<unknown>): Promise<void> {
  await machine.node.stop('SIGKILL');
  await after;
  const p2pPort = /tcp\/(\d+)/.exec(machine.address)![1]!;
  const ports = ['--rpc-port', new URL(machine.rpc.url).port, '--p2p-port', p2pPort];
  const args = ['node', '--regtest', ...ports, '--seed-node', miner.address, '--json'];
  machine.node = await machine.place.start(args);
}

const environment = ({ place }: Machine) => ({ BITMODEL_PASSPHRASE_FILE: place.passphraseFile });

/** A key with coins, each paid by itself. */
async function fund(machine: Machine, key: string, ...coins: string[]): Promise<void> {
  await machine.place.ok(['keygen', '--name', key], { env: environment(machine) });
  const address = await machine.place.ok(['wallet', 'address', '--key', key]);
  for (const amount of coins) await miner.rpc.call('faucet', address, amount);
}

function startWorker(machine: Machine, key: string, price: string, ...args: string[]) {
  const common = ['--key', key, '--model', tiny, '--price', price, '--threads', '1'];
  return machine.place.start(
    ['worker', ...common, '--accept-verifiers', 'any', ...args],
    environment(machine),
  );
}

/** Writes down what every node lists. */
async function look(): Promise<void> {
  for (const { id, rpc, node } of machines) {
    if (node.child.exitCode !== null || node.child.signalCode !== null) continue;
    const { messages } = await rpc
      .call<{ messages: Listed[] }>('listjobmessages', {})
      .catch(() => ({ messages: [] }));
    const jobs = listed.get(id) ?? new Map<string, Set<string>>();
    listed.set(id, jobs);
    for (const { type, jobId } of messages)
      jobs.set(jobId, (jobs.get(jobId) ?? new Set()).add(type));
  }
}

const isAlive = ({ node: { child } }: Machine): boolean =>
  child.exitCode === null && child.signalCode === null;

/** Waits until all running nodes have the tip that the miner has now: it may have made another by then, on a slow machine always. */
async function agree(): Promise<void> {
  const height = await miner.rpc.call<number>('getblockcount');
  const tip = await miner.rpc.call<string>('getblockhash', height);
  await until(async () => {
    const tips = machines
      .filter(isAlive)
      .map(({ rpc }) => rpc.call<string>('getblockhash', height).catch(() => undefined));
    return (await Promise.all(tips)).every((found) => found === tip);
  });
}

/** Whether every running node has a transaction in a block of its chain. */
async function allHave(txid: string): Promise<boolean> {
  const found = await Promise.all(
    machines
      .filter(isAlive)
      .map(({ rpc }) => rpc.call<{ confirmations?: number }>('getrawtransaction', txid, true)),
  );
  return found.every(({ confirmations = 0 }) => confirmations > 0);
}

const BUY = ['job', 'submit', '--key', 'buyer', '--prompt', 'The people of', '--max-tokens', '12'];

function buyArgs(...args: string[]): string[] {
  return [
    ...BUY,
    '--model',
    tiny,
    '--max-reward',
    '1',
    '--price',
    '0.001',
    '--threads',
    '1',
    // blocks come by the clock, however slow the machine is
    '--timeout',
    '300',
    ...args,
  ];
}

/** The record of a job on the buyer's disk. */
function recordOf(jobId: string) {
  const path = join(buyer.place.folder, 'regtest', 'jobs', jobId, 'state.json');
  return JSON.parse(readFileSync(path, 'utf8')) as {
    escrow: { txid: string; offer: { author: string; body: { node: string } } };
    prompt: { body: { prompt: string } };
  };
}

/** The machines whose nodes ever listed a message of this kind about a job. */
function whoListed(type: string, jobId: string): string[] {
  return machines.filter(({ id }) => listed.get(id)?.get(jobId)?.has(type)).map(({ id }) => id);
}

beforeAll(async () => {
  miner = await startMachine('--mine', ...UNHURRIED);
  endBlocks = mineWhatWaits(miner.rpc);
  const seed = ['--seed-node', miner.address];
  [buyer, ...sellers] = (await Promise.all([1, 2, 3, 4].map(() => startMachine(...seed)))) as [
    Machine,
    ...Machine[],
  ];
  const judges = await Promise.all([1, 2, 3].map(() => startMachine(...seed)));
  tiny = join(miner.place.folder, 'tiny');
  cpSync('fixtures/bitmodel-tiny', tiny, { recursive: true });
  await miner.place.ok(['model', 'pack', tiny]);
  await Promise.all([
    fund(buyer, 'buyer', '3', '3', '3', '3'),
    ...sellers.map((machine) => fund(machine, 'seller', '5', '5')),
    ...judges.map((machine) => fund(machine, 'judge', '1')),
  ]);
  await fund(sellers[2]!, 'cheat', '5');
  await miner.place.ok(['keygen', '--name', 'miner'], { env: environment(miner) });
  await agree();
  for (const machine of judges) {
    const args = ['--key', 'judge', '--model', tiny, '--fee', '0.0005', '--threads', '1'];
    await machine.place.start(['verifier', ...args], environment(machine));
  }
  stranger = await createHost({
    network: 'regtest',
    keyFile: join(miner.place.folder, 'stranger.json'),
  });
  stranger.join({
    name: 'jobs/1',
    maxBytes: 2 << 20,
    validate: (data) => {
      heard.push(data);
      return 'accept';
    },
  });
  for (const { address } of machines) await stranger.dial(address);
  watching = setInterval(() => void look(), 250);
  // eight nodes, and a dozen commands on them
}, 480_000);

afterAll(async () => {
  clearInterval(watching);
  endBlocks?.();
  await stranger?.close();
  for (const { place, rpc } of machines) {
    place.close();
    await rpc.close();
  }
});

describe('a market of machines, each with a node of its own', () => {
  it('sells an answer over the network: offers from all, the prompt to one, settled on the chain of all', async () => {
    for (const [i, machine] of sellers.entries()) {
      const worker = await startWorker(machine, 'seller', PRICES[i]!);
      keys.set(machine, /worker (\w+)/.exec(worker.line)![1]!);
    }
    const bought = await buyer.place.json(buyArgs(), { env: environment(buyer) });
    expect(bought).toMatchObject({ state: 'settled', verdict: { result: 'valid' } });
    const jobId = bought.id as string;
    const { escrow, prompt } = recordOf(jobId);
    await look();
    expect(whoListed('offer', jobId)).toHaveLength(machines.length);
    expect(whoListed('commitment', jobId)).toHaveLength(machines.length);
    expect(whoListed('prompt', jobId)).toEqual([escrow.offer.body.node]);
    expect(sellers.map(({ id }) => id)).toContain(escrow.offer.body.node);
    const sealed = prompt.body.prompt;
    expect(heard.some((bytes) => Buffer.from(bytes).includes(jobId))).toBe(true);
    expect(heard.some((bytes) => Buffer.from(bytes).includes(sealed))).toBe(false);
    await until(() => allHave(escrow.txid));
  }, 240_000);

  it('has a cheat judged by verifiers on other machines, and pays the buyer back', async () => {
    const cheat = await startWorker(sellers[2]!, 'cheat', '0.0001', '--cheat', 'tamper:3');
    // nobody else sells for so little, whoever is heard first
    const { code, stdout, stderr } = await buyer.place.run(buyArgs('--price', '0.0002', '--json'), {
      env: environment(buyer),
    });
    expect({ code, stderr }).toMatchObject({ code: 10 });
    expect(JSON.parse(stdout)).toMatchObject({ state: 'slashed' });
    await cheat.stop('SIGKILL');
    await agree();
  }, 240_000);

  it('waits for a seller that is cut off from it, node and all, before the prompt is there', async () => {
    let restarted: Promise<void> | undefined;
    const text = await buyer.place.ok(buyArgs(), {
      env: environment(buyer),
      onStderr: (said) => {
        const chosen = /seller (\w+) is chosen/.exec(said)?.[1];
        const [machine] = [...keys].find(([, key]) => chosen && key.startsWith(chosen)) ?? [];
        const cut = new Promise((done) => setTimeout(done, 2500));
        if (machine) restarted ??= restartNode(machine, cut);
      },
    });
    expect(text).not.toBe('');
    expect(restarted).toBeDefined();
    await restarted;
    await agree();
  }, 240_000);

  it('announces a job anew when the machine of its seller dies after the escrow', async () => {
    const payout = await miner.place.ok(['wallet', 'address', '--key', 'miner']);
    let isDead = false;
    let isRefundable = false;
    const { code, stderr } = await buyer.place.run(buyArgs('--timeout', '150', '--retry', '2'), {
      env: environment(buyer),
      onStderr: (text) => {
        const chosen = /seller (\w+) is chosen/.exec(text)?.[1];
        const [machine] = [...keys].find(([, key]) => chosen && key.startsWith(chosen)) ?? [];
        if (machine && !isDead) machine.place.close();
        isDead ||= machine !== undefined;
        if (isRefundable || !text.includes('in escrow')) return;
        isRefundable = true;
        void miner.rpc.call('generatetoaddress', 151, payout);
      },
    });
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const { jobs } = await buyer.place.json<{ jobs: { attempt?: number }[] }>(['job', 'list']);
    const attempts = jobs.filter(({ attempt }) => attempt !== undefined);
    expect(attempts.sort((a, b) => a.attempt! - b.attempt!)).toMatchObject([
      { state: 'refunded', attempt: 1 },
      { state: 'settled', attempt: 2 },
    ]);
    const sellersOf = (attempts as unknown as { seller: string }[]).map(({ seller }) => seller);
    expect(new Set(sellersOf).size).toBe(2);
    await agree();
  }, 240_000);
});
