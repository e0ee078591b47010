import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BitmodelError, fromHex, utf8 } from '#src/base/index.js';
import { hash160, networkParameters, p2pkhScript } from '#src/chain/index.js';
import {
  createMessage,
  decodeAnswer,
  encodeAnswer,
  isPrivate,
  JobPoolService,
  type JobSpec,
  jobDelivery,
  jobIdHex,
  type Message,
  type PoolChain,
  parseMessage,
} from '#src/job/index.js';
import { Delivery, type Host } from '#src/network/index.js';
import { cases } from '../long.js';
import { addressOf, Hosts } from '../network/host/hosts.js';
import { accept, announce, hash, makeJob, offer, privateKey, publicKey } from './make.js';

/** A node's part in the job market: a real host and a pool, on a chain where every job's coin is unspent. */
interface Node {
  readonly host: Host;
  readonly pool: JobPoolService;
  readonly delivery: Delivery;
  /** What others handed to it, as bytes. */
  readonly received: Uint8Array[];
}

const chain: PoolChain = {
  parameters: networkParameters('regtest'),
  height: () => 110,
  output: () => ({
    output: { value: 1n, lockingScript: p2pkhScript(hash160(fromHex(publicKey('client')))) },
  }),
  spender: () => undefined,
  transaction: () => undefined,
};

const hosts = new Hosts();
let buyer: Node;
let seller: Node;
let other: Node;

async function node(name: string): Promise<Node> {
  const host = await hosts.start(name);
  const penalties = { penalise: () => undefined };
  const delivery = new Delivery({ host, penalties });
  const pool = new JobPoolService(chain);
  const received: Uint8Array[] = [];
  const own = jobDelivery(delivery, host.id);
  pool.deliverBy({
    ...own,
    receive: (handler) =>
      own.receive((bytes) => {
        received.push(bytes);
        return handler(bytes);
      }),
  });
  return { host, pool, delivery, received };
}

/** A job with a coin of its own. */
function jobOf(name: string): JobSpec {
  return makeJob({ coin: `${hash(name)}:0` });
}

/** The offer of a seller that speaks through a node. */
function offerThrough(job: JobSpec, { host }: Node): Message<'offer'> {
  const { jobId, body } = offer(job, 's0');
  return createMessage('offer', jobId, 0, { ...body, node: host.id }, privateKey('s0'));
}

function promptTo(job: JobSpec, to: string, sealed = 'c2VhbGVk'): Message<'prompt'> {
  const body = { seller: publicKey('s0'), node: to, prompt: sealed };
  return createMessage('prompt', jobIdHex(job), 0, body, privateKey('client'));
}

const typesIn = ({ pool }: Node, jobId: string): string[] =>
  pool.list({ jobId }).messages.map(({ type }) => type);

beforeAll(async () => {
  [buyer, seller, other] = await Promise.all([node('buyer'), node('seller'), node('other')]);
  for (const { host } of [seller, other]) await buyer.host.dial(addressOf(host));
  await seller.host.dial(addressOf(other.host));
});
afterAll(async () => {
  for (const { delivery } of [buyer, seller, other]) delivery.close();
  await hosts.close();
  expect(hosts.unhandled).toEqual([]);
});

describe('a prompt between nodes', () => {
  it('comes to the node of the accepted offer alone, and is shown to those who speak through it', async () => {
    const job = jobOf('first');
    const id = jobIdHex(job);
    const chosen = offerThrough(job, seller);
    for (const { pool } of [buyer, seller, other]) {
      for (const message of [announce(job), chosen, accept(job, chosen)]) await pool.send(message);
    }
    const prompt = promptTo(job, seller.host.id);
    expect(await buyer.pool.send(prompt)).toEqual({ status: 'new' });
    expect(await buyer.pool.send(prompt)).toEqual({ status: 'known' });
    expect(typesIn(seller, id)).toContain('prompt');
    for (const node of [buyer, other]) expect(typesIn(node, id)).not.toContain('prompt');
    expect(other.received).toEqual([]);
    expect(seller.pool.pool.sharedIds(id)).toEqual(other.pool.pool.sharedIds(id));
    expect(seller.pool.pool.fingerprint()).toBe(other.pool.pool.fingerprint());
    expect(isPrivate('prompt')).toBe(true);
    expect(seller.pool.list({}).node).toBe(seller.host.id);
  });

  it('waits at its node for the acceptance, and is not shown before', async () => {
    const job = jobOf('waiting');
    const id = jobIdHex(job);
    const chosen = offerThrough(job, seller);
    await seller.pool.send(announce(job));
    expect(await buyer.pool.send(promptTo(job, seller.host.id))).toEqual({ status: 'waiting' });
    expect(typesIn(seller, id)).toEqual(['announce']);
    await seller.pool.send(accept(job, chosen));
    expect(typesIn(seller, id)).toEqual(['announce', 'accept', 'prompt']);
  });

  it('is undelivered, and can be sent again, while its node is away', async () => {
    const job = jobOf('undelivered');
    const gone = await node('gone');
    await gone.host.close();
    const result = await buyer.pool.send(promptTo(job, gone.host.id));
    expect(result).toMatchObject({ status: 'undelivered', reason: expect.any(String) });
  });

  it.each<[string, (job: JobSpec) => unknown, RegExp]>([
    ['of another node', (job) => promptTo(job, other.host.id), /another node/],
    [
      'by who is not the buyer',
      (job) => {
        const { jobId, body } = promptTo(job, seller.host.id);
        return createMessage('prompt', jobId, 0, body, privateKey('s1'));
      },
      /only the client/,
    ],
    [
      'with a false signature',
      (job) => ({ ...promptTo(job, seller.host.id), jobId: jobIdHex(job), sequence: 1 }),
      /signature/,
    ],
    [
      'longer than its job allows',
      (job) => promptTo(job, seller.host.id, 'AAAA'.repeat(4096)),
      /longer/,
    ],
    ['that is another message', (job) => announce(job), /only prompts/],
    ['that is no message', () => ({ type: 'prompt' }), /no job message/],
  ])('is refused where it is one %s', async (_, make, reason) => {
    const job = jobOf('refused');
    await seller.pool.send(announce(job));
    await seller.pool.send(accept(job, offerThrough(job, seller)));
    const before = seller.pool.pool.bytes;
    const bytes = utf8(JSON.stringify(make(job)));
    const answer = decodeAnswer(await buyer.delivery.deliver(seller.host.id, 'job', bytes));
    expect(answer).toMatchObject({ status: 'refused', reason: expect.stringMatching(reason) });
    expect(seller.pool.pool.bytes).toBe(before);
  });

  it('is refused where a node passes it on as if it were for all', async () => {
    const prompt = promptTo(jobOf('passed on'), seller.host.id);
    expect(await other.pool.take(prompt)).toMatchObject({ status: 'refused', fault: true });
  });
});

describe('bytes from another node', () => {
  it('as an answer decode to what encodes to them, or to an error', () => {
    const samples = [
      encodeAnswer({ status: 'new' }),
      encodeAnswer({ status: 'undelivered', reason: 'away' }),
    ];
    const mutated = fc
      .tuple(fc.constantFrom(...samples), fc.nat(60), fc.nat(255))
      .map(([sample, at, value]) => sample.map((byte, i) => (i === at ? value : byte)));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), mutated), (bytes) => {
        try {
          expect(encodeAnswer(decodeAnswer(bytes))).toEqual(Uint8Array.from(bytes));
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(BitmodelError);
        }
      }),
      { numRuns: cases(20_000, 2_000_000) },
    );
  });

  it('as a message are refused, whatever they are, and leave nothing behind', async () => {
    const sample = utf8(JSON.stringify(promptTo(jobOf('fuzzed'), seller.host.id)));
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .tuple(fc.nat(sample.length - 1), fc.integer({ min: 1, max: 255 }))
        .map(([at, by]) => sample.map((byte, i) => (i === at ? byte ^ by : byte))),
    );
    let handler: ((bytes: Uint8Array) => Promise<Uint8Array>) | undefined;
    const service = new JobPoolService(chain);
    service.deliverBy({
      node: seller.host.id,
      deliver: () => Promise.reject(new BitmodelError('DELIVERY_FAILED', 'No way.')),
      receive: (given) => {
        handler = given;
      },
    });
    await fc.assert(
      fc.asyncProperty(bytes, async (input) => {
        expect(decodeAnswer(await handler!(input)).status).toBe('refused');
      }),
      { numRuns: cases(2_000, 200_000) },
    );
    expect(service.pool.bytes).toBe(0);
    expect(() => parseMessage(JSON.parse(new TextDecoder().decode(sample)))).not.toThrow();
  });
});
