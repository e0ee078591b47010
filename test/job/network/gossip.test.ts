import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromHex, utf8 } from '#src/base/index.js';
import {
  formatOutpoint,
  hash160,
  networkParameters,
  type Outpoint,
  p2pkhScript,
} from '#src/chain/index.js';
import {
  type AnyMessage,
  createMessage,
  JobGossip,
  JobPool,
  JobPoolService,
  jobIdHex,
  messageId,
  type PoolChain,
} from '#src/job/index.js';
import {
  decodeMessages,
  decodePoolQuestion,
  encodeDigests,
  encodeJobIds,
  encodeMessages,
  encodePoolQuestion,
} from '#src/job/network/frames.js';
import { JOB_TOPIC } from '#src/job/network/JobGossip.js';
import { JOB_POOL, JobPoolSync } from '#src/job/network/JobPoolSync.js';
import { decodeJobMessage, encodeJobMessage } from '#src/job/network/wire.js';
import type { Host } from '#src/network/index.js';
import { Record } from '../../network/gossip/nodes.js';
import { addressOf, Hosts, meet } from '../../network/host/hosts.js';
import { until } from '../../until.js';
import {
  accept,
  announce,
  commitment,
  hash,
  makeJob,
  offer,
  privateKey,
  publicKey,
  verdict,
} from '../make.js';

const params = networkParameters('regtest');
const owner = p2pkhScript(hash160(fromHex(publicKey('client'))));

/** A chain on which the client owns every coin, but those that it does not know yet. */
class View implements PoolChain {
  tip = 110;
  readonly parameters = params;
  readonly unknown = new Set<string>();
  /** Coins of the unknown ones that it was asked about. */
  readonly missed = new Set<string>();

  height(): number {
    return this.tip;
  }

  output(outpoint: Outpoint) {
    const coin = formatOutpoint(outpoint);
    if (this.unknown.has(coin)) {
      this.missed.add(coin);
      return undefined;
    }
    return { output: { value: 1000n, lockingScript: owner } };
  }

  spender() {
    return undefined;
  }

  transaction() {
    return undefined;
  }
}

interface JobNode {
  readonly host: Host;
  readonly view: View;
  readonly service: JobPoolService;
  readonly gossip: JobGossip;
  readonly record: Record;
}

const hosts = new Hosts();
const started: JobNode[] = [];
let a: JobNode;
let b: JobNode;
let c: JobNode;
let names = 0;

async function start(): Promise<JobNode> {
  const host = await hosts.start(`node${names++}`);
  const view = new View();
  const service = new JobPoolService(view);
  const record = new Record();
  host.on('offence', (peer, offence) => record.penalise(peer, offence));
  const gossip = new JobGossip({ host, penalties: record, pool: service, period: 1000 });
  const node = { host, view, service, gossip, record };
  started.push(node);
  return node;
}

/** Waits, also on a busy machine. */
/** A host that passes on anything, with no pool behind it, next to a node. */
async function strangerNextTo(node: JobNode): Promise<Host> {
  const host = await hosts.start(`stranger${names++}`);
  host.join({ name: JOB_TOPIC, maxBytes: 2 << 20, validate: () => 'accept' });
  await meet(host, node.host, JOB_TOPIC);
  return host;
}

/** A node that has come to hold all that another one gives to whoever asks. */
async function newcomerNextTo(node: JobNode): Promise<JobNode> {
  const newcomer = await start();
  await newcomer.host.dial(addressOf(node.host));
  await until(() => newcomer.service.pool.fingerprint() === node.service.pool.fingerprint());
  return newcomer;
}

const job = (name: string, changes = {}) => makeJob({ coin: `${hash(name)}:0`, ...changes });
const has = ({ service }: JobNode, message: AnyMessage): boolean =>
  service.pool.shared(messageId(message)) !== undefined;

beforeAll(async () => {
  a = await start();
  b = await start();
  c = await start();
  await meet(a.host, b.host, JOB_TOPIC);
  await meet(b.host, c.host, JOB_TOPIC);
});

afterAll(async () => {
  for (const { gossip } of started) gossip.close();
  await hosts.close();
  expect(hosts.unhandled).toEqual([]);
});

describe('job messages between nodes', () => {
  it('reach every node, and their pools come to be the same', async () => {
    const spec = job('reach');
    const chosen = offer(spec, 's0');
    await a.service.send(announce(spec));
    await until(() => has(c, announce(spec)));
    await c.service.send(chosen);
    await until(() => has(a, chosen));
    await a.service.send(accept(spec, chosen));
    await c.service.send(commitment(spec, 's0'));
    await until(() => has(a, commitment(spec, 's0')) && has(c, accept(spec, chosen)));
    await until(() => a.service.pool.fingerprint() === b.service.pool.fingerprint());
    expect(c.service.pool.fingerprint()).toBe(a.service.pool.fingerprint());
    expect([a, b, c].flatMap(({ record }) => record.held)).toEqual([]);
  });

  it('come to the same pools when each node hears them in its own order, with losses and repeats', async () => {
    const messages = ['x', 'y'].flatMap((name): AnyMessage[] => {
      const spec = job(name);
      const chosen = offer(spec, 's0');
      return [
        announce(spec),
        chosen,
        offer(spec, 's1', '0.00009000'),
        offer(spec, 's1', '0.00008000'),
        accept(spec, chosen),
        accept(spec, offer(spec, 's2')),
        accept(spec, offer(spec, 's3')),
        ...['s0', 's1', 's2', 's3'].map((seller) => commitment(spec, seller)),
        verdict(spec, 'v0', 'valid'),
        verdict(spec, 'v0', 'invalid'),
        createMessage('withdraw', jobIdHex(spec), 0, { reason: 'x' }, privateKey('s2')),
      ];
    });
    // each message reaches at least one node, in an order of its own, some twice
    const schedule = fc.tuple(
      fc.shuffledSubarray(messages, { minLength: messages.length }),
      fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 40, maxLength: 40 }),
    );
    const nodes = [a, b, c];
    for (const [order, places] of fc.sample(schedule, 2)) {
      const given = [...order, ...order.slice(0, 8)];
      for (const [i, message] of given.entries()) await nodes[places[i]!]!.service.send(message);
      const all = new JobPool();
      for (const message of messages) all.add(message);
      const digests = ({ service: { pool } }: JobNode) => all.jobIds().map((id) => pool.digest(id));
      const wanted = all.jobIds().map((id) => all.digest(id));
      await until(() => nodes.every((node) => `${digests(node)}` === `${wanted}`));
      for (const name of ['x', 'y']) {
        const { accepts, commitments } = a.service.pool.job(jobIdHex(job(name)))!;
        expect(accepts).toHaveLength(2);
        expect(commitments).toHaveLength(2);
        for (const node of nodes) node.service.pool.remove(jobIdHex(job(name)));
      }
    }
    expect(nodes.flatMap(({ record }) => record.held)).toEqual([]);
  });

  it('that are replayed and reordered do no harm', async () => {
    const stranger = await strangerNextTo(b);
    const spec = job('reordered');
    const chosen = offer(spec, 's0');
    const list = [commitment(spec, 's0'), accept(spec, chosen), chosen, announce(spec)];
    for (const message of [...list, ...list]) {
      await stranger.publish(JOB_TOPIC, encodeJobMessage(message));
    }
    await until(() => [a, b, c].every((node) => list.every((message) => has(node, message))));
    expect(b.record.offences(stranger.id)).toEqual([]);
  });

  it('that break a rule are held against who passes them on, and go no further', async () => {
    const stranger = await strangerNextTo(b);
    const spec = job('broken');
    await a.service.send(announce(spec));
    await until(() => has(b, announce(spec)));
    const chosen = offer(spec, 's0');
    const forged = { ...chosen, body: { ...chosen.body, pricePerToken: '0.00000001' } };
    const prompt = { seller: publicKey('s0'), prompt: 'AAAA' };
    const bad: Uint8Array[] = [
      encodeJobMessage(forged),
      encodeJobMessage(offer(spec, 's1', '0.00010001')),
      encodeJobMessage(createMessage('prompt', jobIdHex(spec), 0, prompt, privateKey('client'))),
      utf8(`${JSON.stringify(chosen)} `),
      utf8('['.repeat(100_000)),
      Uint8Array.of(0xff),
    ];
    for (const [i, bytes] of bad.entries()) {
      await stranger.publish(JOB_TOPIC, bytes);
      await until(() => b.record.offences(stranger.id).length === i + 1);
    }
    const next = offer(spec, 's2');
    await stranger.publish(JOB_TOPIC, encodeJobMessage(next));
    await until(() => [a, b, c].every((node) => has(node, next)));
    // each counts once
    expect(b.record.offences(stranger.id)).toEqual(bad.map(() => 'invalid-job-message'));
    expect(b.service.pool.job(jobIdHex(spec))!.offers).toEqual([next]);
    expect([a, c].flatMap(({ record }) => record.held)).toEqual([]);
  });

  it('of a seller whose job it is not stay where they came, without blame', async () => {
    const stranger = await strangerNextTo(b);
    const spec = job('not its own');
    const chosen = offer(spec, 's0');
    for (const message of [announce(spec), chosen, accept(spec, chosen)])
      await a.service.send(message);
    const answer = commitment(spec, 's1');
    await stranger.publish(JOB_TOPIC, encodeJobMessage(answer));
    await until(() => b.service.pool.has(jobIdHex(spec), messageId(answer)));
    const next = offer(spec, 's2');
    await stranger.publish(JOB_TOPIC, encodeJobMessage(next));
    await until(() => [a, c].every((node) => has(node, next)));
    const newcomer = await newcomerNextTo(b);
    expect([a, b, c, newcomer].some((node) => has(node, answer))).toBe(false);
    for (const { service } of [a, c, newcomer])
      expect(service.pool.has(jobIdHex(spec), messageId(answer))).toBe(false);
    expect(b.record.offences(stranger.id)).toEqual([]);
  });

  it('that came before a block they depend on are taken after it', async () => {
    const spec = job('early');
    c.view.unknown.add(spec.coin);
    await a.service.send(announce(spec));
    await until(() => c.view.missed.has(spec.coin));
    const next = announce(job('after the early one'));
    await a.service.send(next);
    await until(() => has(c, next));
    expect(has(c, announce(spec))).toBe(false);
    c.view.unknown.clear();
    await c.service.advance();
    c.gossip.advance();
    await until(() => has(c, announce(spec)));
    expect(c.record.held).toEqual([]);
  });

  it('that are private are given to nobody', async () => {
    const spec = job('private');
    const chosen = offer(spec, 's0');
    for (const message of [announce(spec), chosen, accept(spec, chosen)])
      await a.service.send(message);
    const body = { seller: publicKey('s0'), prompt: 'AAAA' };
    const prompt = createMessage('prompt', jobIdHex(spec), 0, body, privateKey('client'));
    expect(a.service.pool.add(prompt)).toEqual({ status: 'new' });
    const question = encodePoolQuestion({ kind: 'want', ids: [messageId(prompt)] });
    const answer = await b.host.request(a.host.id, JOB_POOL, question, { timeout: 5000 });
    expect(decodeMessages(answer)).toEqual([]);
    await until(() => c.service.pool.fingerprint() === a.service.pool.fingerprint());
    const newcomer = await newcomerNextTo(a);
    for (const { service } of [b, c, newcomer])
      expect(service.pool.job(jobIdHex(spec))!.prompts).toEqual([]);
  });

  it('come to a node that was not there when they were said', async () => {
    const late = await newcomerNextTo(c);
    expect(late.service.pool.jobIds().length).toBeGreaterThan(3);
  });

  it('are not taken from who hands out others than were asked for, or asks in garbage', async () => {
    const liar = await hosts.start('liar');
    const spec = job('unasked');
    liar.answer(JOB_POOL, () => encodeMessages([encodeJobMessage(announce(spec))]));
    await liar.dial(addressOf(c.host));
    const jobs = [{ jobId: hash('job'), ids: [hash('message')] }];
    const told = encodePoolQuestion({ kind: 'have', jobs });
    await liar.request(c.host.id, JOB_POOL, told, { timeout: 5000 });
    await until(() => c.record.offences(liar.id).includes('unasked'));
    const garbage = liar.request(c.host.id, JOB_POOL, Uint8Array.of(9), { timeout: 5000 });
    await expect(garbage).rejects.toThrow();
    expect(c.record.offences(liar.id)).toContain('garbage');
  });

  it('are not taken from who answers with what is no object, which is held against it once', async () => {
    const liar = await hosts.start('nobody');
    for (const nothing of ['null', '7', '[]']) {
      expect(() => decodeJobMessage(utf8(nothing))).toThrow('no JSON object');
    }
    liar.answer(JOB_POOL, () => encodeMessages([utf8('null')]));
    await liar.dial(addressOf(c.host));
    const told = encodePoolQuestion({
      kind: 'have',
      jobs: [{ jobId: hash('job'), ids: [hash('message')] }],
    });
    await liar.request(c.host.id, JOB_POOL, told, { timeout: 5000 });
    await until(() => c.record.offences(liar.id).includes('invalid-job-message'));
    // when this is answered, whatever else was to be held against it has been
    const garbage = liar.request(c.host.id, JOB_POOL, Uint8Array.of(9), { timeout: 5000 });
    await expect(garbage).rejects.toThrow();
    expect(c.record.offences(liar.id)).not.toContain('unasked');
    expect(hosts.unhandled).toEqual([]);
  });

  it('that can not be compared for a fault of this node are told of, and nothing else', async () => {
    const host = await hosts.start('faulty');
    const peer = await hosts.start('good');
    const told: string[] = [];
    peer.answer(JOB_POOL, (frame) =>
      decodePoolQuestion(frame).kind === 'want'
        ? encodeMessages([utf8('{}')])
        : encodeDigests({ lines: [], isMore: false }),
    );
    const sync = new JobPoolSync({
      host,
      penalties: new Record(),
      pool: new JobPool(),
      take: async () => {
        throw new TypeError('a fault');
      },
      isRefused: () => false,
      onWarning: (message) => told.push(message),
    });
    await peer.dial(addressOf(host));
    const jobs = [{ jobId: hash('job'), ids: [hash('message')] }];
    const have = encodePoolQuestion({ kind: 'have', jobs });
    await peer.request(host.id, JOB_POOL, have, { timeout: 5000 });
    await until(() => told.length > 0);
    sync.close();
    expect(told).toEqual([expect.stringContaining('a fault')]);
    expect(hosts.unhandled).toEqual([]);
  });

  it('that a peer names without end and never gives are not asked for without end', async () => {
    const liar = await hosts.start('namer');
    const before = c.service.pool.fingerprint();
    let asked = 0;
    liar.answer(JOB_POOL, (frame) => {
      asked++;
      const question = decodePoolQuestion(frame);
      const name = (i: number) => hash(`${asked} ${i}`);
      const many = Array.from({ length: 1000 }, (_, i) => name(i)).sort();
      if (question.kind === 'digests') {
        return encodeDigests({ lines: many.map((id) => [id, id]), isMore: true });
      }
      if (question.kind !== 'ids') return encodeMessages([]);
      return encodeJobIds(question.jobIds.map((jobId, i) => ({ jobId, ids: [name(i), ...many] })));
    });
    await liar.dial(addressOf(c.host));
    // unknown jobs are asked for their announcements only; a known one for all that is named
    const known = c.service.pool.jobIds()[0]!;
    const ids = Array.from({ length: 64 }, (_, i) => hash(`made up ${i}`));
    const told = encodePoolQuestion({ kind: 'have', jobs: [{ jobId: known, ids }] });
    await liar.request(c.host.id, JOB_POOL, told, { timeout: 5000 });
    await until(() => c.record.offences(liar.id).includes('stall'));
    await liar.close();
    expect(c.service.pool.fingerprint()).toBe(before);
  });

  it('of a flood of announcements without coins leave nothing behind', async () => {
    const stranger = await strangerNextTo(b);
    const floods = Array.from({ length: 300 }, (_, i) => job(`flood ${i}`));
    for (const { coin } of floods) b.view.unknown.add(coin);
    const before = b.service.pool.bytes;
    for (const spec of floods) await stranger.publish(JOB_TOPIC, encodeJobMessage(announce(spec)));
    const spec = job('after the flood');
    await a.service.send(announce(spec));
    await until(() => has(c, announce(spec)));
    await until(() => b.gossip.waiting.count === 0);
    expect(b.service.pool.bytes - before).toBeLessThan(10_000);
    expect(b.gossip.waiting).toEqual({ count: 0, bytes: 0 });
    expect(b.record.offences(stranger.id)).toEqual([]);
  });
});
