import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { utf8 } from '#src/base/index.js';
import { LocalChain } from '#src/chain/index.js';
import {
  CHECK_BOUNDS,
  CHECK_PROTOCOL,
  CheckService,
  Checks,
  checkRequestId,
  decodeAsk,
  decodeCheckRequest,
  decodeReceipt,
  decodeSay,
  encodeAsk,
  encodeCheckRequest,
  encodeReceipt,
  encodeSay,
  NeighbourBook,
  type OutsourcedVerification,
  outsource,
  type Receipt,
  receiptOf,
} from '#src/job/index.js';
import type { FrameStream, Host, Offence } from '#src/network/index.js';
import { type CheckAnswer, commitAnswer, encodeAnswer } from '#src/rastic/index.js';
import { addressOf, Hosts } from '../../network/host/hosts.js';
import { keptBy, SignalWatch } from '../../signals.js';
import { until } from '../../until.js';
import { Market, request } from '../market.js';

const hosts = new Hosts();
let market: Market;
let receipt: Receipt;
let asker: Host;
const honest: Host[] = [];
const services: CheckService[] = [];
const offences: [string, Offence][] = [];
const penalties = {
  penalise: (peer: string, offence: Offence) => void offences.push([peer, offence]),
};

/** A host that offers checks by the real service. */
async function startHonest(name: string): Promise<Host> {
  const host = await hosts.start(name);
  const chain = new LocalChain(market.node.node);
  services.push(new CheckService({ host, penalties, chain, models: [market.model], patience: 50 }));
  return host;
}

beforeAll(async () => {
  market = await Market.open();
  const { end } = await market.worker();
  const quote = await market.client.quote({ ...request(market), lifetime: 20 });
  await market.client.submit(quote);
  const record = await market.client.follow(quote.record.id, market.stop.signal);
  receipt = receiptOf(record)!;
  await end();
  await market.mine(1);
  asker = await hosts.start('asker');
  for (let i = 0; i < 4; i++) honest.push(await startHonest(`honest${i}`));
});
afterAll(async () => {
  for (const service of services) service.close();
  await hosts.close();
  await market.close();
});

let books = 0;
const newBook = (): NeighbourBook => new NeighbourBook(join(hosts.folder, `book${books++}.json`));

/** Connects the asker to these alone. */
async function meet(...neighbours: readonly Host[]): Promise<void> {
  for (const { peer } of asker.connections()) {
    if (!neighbours.some(({ id }) => id === peer)) await asker.disconnect(peer);
  }
  for (const host of neighbours) {
    if (!asker.isConnected(host.id)) await asker.dial(addressOf(host));
    await until(() => asker.protocolsOf(host.id).includes(CHECK_PROTOCOL.name));
  }
}

function ask(
  book = newBook(),
  asked = receipt,
  options: {
    neighbours?: number;
    sample?: number;
    timeout?: number;
    signal?: AbortSignal;
  } = {},
): Promise<OutsourcedVerification> {
  const { signal } = new AbortController();
  return outsource(asker, book, asked, { neighbours: 4, timeout: 20_000, signal, ...options });
}

let checksMade = 0;

/** Before a job's share of questions is used up, neighbours with a new memory come. */
async function refresh(): Promise<void> {
  if (++checksMade % CHECK_BOUNDS.perJob !== 0) return;
  for (const service of services.splice(0)) service.close();
  for (const host of honest.splice(0)) await host.close();
  for (let i = 0; i < 4; i++) honest.push(await startHonest(`again${checksMade}-${i}`));
}

/** A neighbour that answers whatever this makes of its question. */
async function startLiar(
  name: string,
  lie: (stream: FrameStream, encoded: Uint8Array, host: Host) => Promise<void>,
): Promise<Host> {
  const host = await hosts.start(name);
  host.handle(CHECK_PROTOCOL, async (stream) => {
    for (;;) {
      const bytes = await stream.receive();
      if (bytes === undefined) return;
      const frame = decodeAsk(bytes);
      if (frame.kind === 'model') {
        const { numericClass, vocabularySize, contextLength } = market.model.model.info;
        const facts = { numericClass, vocabularySize, contextLength, calibrated: false };
        await stream.send(encodeSay({ kind: 'facts', ...facts }));
      } else if (frame.kind === 'question') return lie(stream, frame.request, host);
    }
  });
  return host;
}

async function show(
  stream: FrameStream,
  encoded: Uint8Array,
  neighbour: string,
  answer: CheckAnswer,
): Promise<void> {
  const bytes = encodeAnswer(answer);
  const salt = randomBytes(32);
  const binding = { requestId: checkRequestId(encoded), neighbour };
  const commitment = commitAnswer(bytes, salt, binding);
  await stream.send(encodeSay({ kind: 'commitment', commitment }));
  await stream.receive();
  await stream.send(encodeSay({ kind: 'answer', salt, answer: bytes }));
}

/** Computes nothing, and calls everything fine. */
const lazily = (stream: FrameStream, encoded: Uint8Array, host: Host): Promise<void> => {
  const { positions, outputIds, job } = decodeCheckRequest(encoded);
  const isWhole = outputIds.length === job.maxTokens;
  return show(stream, encoded, host.id, {
    positions: positions.map(() => ({ standing: 'fine', margin: 0, gap: 77 })),
    end: isWhole ? { finish: 'length', at: outputIds.length - 1 } : { finish: 'open' },
  });
};

describe('neighbours on the network', () => {
  it('check a receipt for one who does not have its model', async () => {
    await meet(...honest);
    const { verdict, checks, neighbours, tau, calibrated } = await ask();
    expect(verdict).toEqual({ result: 'valid' });
    expect(checks).toEqual({ prompt: true, seed: true, signature: true });
    // the calibration that the job names came from a neighbour
    expect({ tau, calibrated }).toEqual({ tau: 0.001, calibrated: true });
    expect(neighbours.map(({ neighbour }) => neighbour).sort()).toEqual(
      honest.map(({ id }) => id).sort(),
    );
    for (const { copy, evidence } of neighbours) {
      expect(evidence?.plant).toBe(copy === 'planted' ? 'found' : undefined);
    }
  });

  it('find a token that the seller did not get from the model', async () => {
    await refresh();
    await meet(...honest);
    const outputIds = receipt.outputIds.with(5, (receipt.outputIds[5]! + 1000) % 2048);
    const { verdict, checks } = await ask(newBook(), { ...receipt, outputIds });
    expect(verdict).toMatchObject({ result: 'invalid', kind: 'integrity', position: 5 });
    expect(checks.signature).toBe(false);
  });

  it('are not asked about what needs no model', async () => {
    const prompt = await ask(newBook(), { ...receipt, promptIds: [5, 6] });
    expect(prompt.verdict).toEqual({ result: 'invalid', kind: 'prompt' });
    const strange = { ...receipt, outputIds: receipt.outputIds.with(2, 60_000) };
    const format = await ask(newBook(), strange);
    expect(format.verdict).toEqual({ result: 'invalid', kind: 'format', position: 2 });
    expect([...prompt.neighbours, ...format.neighbours]).toEqual([]);
  });

  it('leave nothing behind in signals that live longer, at either end', async () => {
    await refresh();
    await meet(...honest);
    const watch = new SignalWatch();
    const owner = new AbortController();
    try {
      await ask(newBook(), receipt, { signal: owner.signal });
    } finally {
      watch.close();
    }
    expect(keptBy(owner.signal)).toBe(0);
    // the other end hears a moment later that it was the last
    await until(() => watch.most() === 0);
  });

  it('are left alone as soon as nobody wants to know any more', async () => {
    const silent = await hosts.start('silent');
    const owner = new AbortController();
    let opened = 0;
    let ended = 0;
    const keepOpen = async (stream: FrameStream, isSilent: boolean): Promise<void> => {
      await stream.receive();
      const { numericClass, vocabularySize, contextLength } = market.model.model.info;
      const facts = { numericClass, vocabularySize, contextLength, calibrated: false };
      if (!isSilent) await stream.send(encodeSay({ kind: 'facts', ...facts }));
      opened++;
      await stream.receive().catch(() => undefined);
      ended++;
    };
    const ready = await hosts.start('ready');
    silent.handle(CHECK_PROTOCOL, (stream) => keepOpen(stream, true));
    ready.handle(CHECK_PROTOCOL, (stream) => keepOpen(stream, false));
    await meet(silent, ready);
    const asked = ask(newBook(), receipt, { signal: owner.signal, timeout: 200_000 });
    await until(() => opened === 2);
    await new Promise((resolve) => setTimeout(resolve, 100));
    owner.abort();
    await expect(asked).rejects.toMatchObject({ name: 'AbortError' });
    await until(() => ended === 2);
    await silent.close();
    await ready.close();
  });

  it.each([
    [0, 'no connected peer with the model answers checks'],
    [1, 'only 1 connected peer with the model answers checks; it takes 3'],
    [2, 'only 2 connected peers with the model answer checks; it takes 3'],
  ])(
    'are asked nothing where they are %i, so that no question is used up',
    async (count, reason) => {
      await refresh();
      await meet(...honest.slice(0, count));
      for (let i = 0; i <= CHECK_BOUNDS.perJob; i++) {
        const { verdict, found, settled, neighbours } = await ask();
        expect(verdict).toEqual({ result: 'abstain', reason });
        expect({ found, settled, neighbours }).toEqual({
          found: count,
          settled: 0,
          neighbours: [],
        });
      }
      await meet(...honest.slice(0, 3));
      expect(await ask()).toMatchObject({ verdict: { result: 'valid' }, found: 3 });
    },
  );

  it('that say another thing of the model than most are not counted among the three', async () => {
    await refresh();
    const liar = await hosts.start('other-facts');
    liar.handle(CHECK_PROTOCOL, async (stream) => {
      await stream.receive();
      const { numericClass, contextLength } = market.model.model.info;
      const facts = { numericClass, contextLength, vocabularySize: 9, calibrated: false };
      await stream.send(encodeSay({ kind: 'facts', ...facts }));
      await stream.receive();
    });
    await meet(liar, ...honest);
    const { verdict, found } = await ask();
    expect({ verdict, found }).toEqual({ verdict: { result: 'valid' }, found: 4 });
    await liar.close();
  });
});

describe('a neighbour that', () => {
  const cheats: readonly (readonly [string, Parameters<typeof startLiar>[1], string])[] = [
    ['computes nothing', lazily, ''],
    [
      'commits to one answer and shows another',
      async (stream, encoded, host) => {
        await stream.send(encodeSay({ kind: 'commitment', commitment: new Uint8Array(32) }));
        await stream.receive();
        const answer = encodeAnswer({ positions: [], end: { finish: 'open' } });
        await stream.send(encodeSay({ kind: 'answer', salt: new Uint8Array(32), answer }));
        void [encoded, host];
      },
      'another answer',
    ],
    [
      "shows a copy of another's answer under its commitment",
      (stream, encoded) =>
        show(stream, encoded, honest[0]!.id, { positions: [], end: { finish: 'open' } }),
      'another answer',
    ],
    [
      'answers for other positions',
      (stream, encoded, host) =>
        show(stream, encoded, host.id, { positions: [], end: { finish: 'open' } }),
      'other positions',
    ],
    ['sends garbage', (stream) => stream.send(randomBytes(40)), ''],
    ['hangs up', (stream) => Promise.resolve(stream.abort()), ''],
    ['says nothing for ever', () => new Promise((done) => setTimeout(done, 1500)), 'time was over'],
    [
      'says for ever that it is at work',
      async (stream) => {
        for (let i = 0; i < 40; i++) {
          await stream.send(encodeSay({ kind: 'waiting' }));
          await new Promise((done) => setTimeout(done, 50));
        }
      },
      'time was over',
    ],
  ];

  it.each(cheats)('%s neither holds up nor turns a verdict', async (name, lie, why) => {
    await refresh();
    const liar = await startLiar(`liar ${name}`.replaceAll(/\W/g, '-'), lie);
    await meet(liar, ...honest);
    const book = newBook();
    const { verdict, neighbours } = await ask(book, receipt, { neighbours: 5, timeout: 1000 });
    expect(verdict).toEqual({ result: 'valid' });
    const report = neighbours.find(({ neighbour }) => neighbour === liar.id)!;
    const { silence, evidence } = report;
    if (evidence) expect(evidence.plant === 'missed' || evidence.dissented > 0).toBe(true);
    else expect(silence).toContain(why);
    const { missed, dissented, silent } = book.of(liar.id);
    expect(missed + dissented + silent).toBe(1);
    await liar.close();
  });

  it('missed a planted token is not asked again, not even after a restart', async () => {
    await refresh();
    const liar = await startLiar('lazy', lazily);
    await meet(liar, honest[0]!, honest[1]!, honest[2]!);
    const path = join(hosts.folder, 'lazy-book.json');
    for (let turn = 0; new NeighbourBook(path).of(liar.id).missed === 0; turn++) {
      // planted in its copy with probability ¼ each time: 60 times without has one of 3·10⁷
      expect(turn).toBeLessThan(60);
      await ask(new NeighbourBook(path), receipt, { timeout: 1000 });
    }
    const { neighbours } = await ask(new NeighbourBook(path), receipt, { timeout: 1000 });
    expect(neighbours.map(({ neighbour }) => neighbour)).not.toContain(liar.id);
    await liar.close();
  });

  it('was contradicted by the model at hand is not asked again', async () => {
    await refresh();
    const liar = await startLiar('wrong', (stream, encoded, host) =>
      show(stream, encoded, host.id, {
        positions: [{ standing: 'excluded', margin: 0, gap: 1 }],
      }),
    );
    await meet(liar, ...honest);
    const book = newBook();
    const checks = new Checks(asker, book);
    const id = checks.start(decodeReceipt(encodeReceipt(receipt)), {
      neighbours: 5,
      timeout: 5000,
    });
    await until(() => checks.state(id).state === 'done');
    const state = checks.state(id);
    if (state.state !== 'done') throw new Error('it is not done');
    // who has a wrong token first of all in its copy has seen nothing of the seller's
    const seen = state.verification.neighbours.filter(({ reach }) => reach > 0);
    const isSeen = seen.some(({ neighbour }) => neighbour === liar.id);
    const wrong = isSeen ? 1 : 0;
    expect(checks.settle(id, {})).toEqual({ right: seen.length - wrong, wrong });
    expect(book.weight(liar.id)).toBe(isSeen ? 0 : 1);
    expect(book.weight(honest[0]!.id)).toBe(1);
    checks.close();
    await liar.close();
  });
});

describe('a neighbour keeps its own', () => {
  /** The word that comes of a question. */
  async function refusalOf(change: object, host = honest[0]!): Promise<unknown> {
    const stream = await asker.open(host.id, CHECK_PROTOCOL);
    const { job, salt, promptIds, outputIds } = receipt;
    const { model, file, calibration } = job;
    await stream.send(encodeAsk({ kind: 'model', model, file, calibration }));
    await stream.receive();
    const nonce = randomBytes(32);
    const plain = { nonce, job, salt, tauMicro: 1000, promptIds, outputIds, positions: [0] };
    const encoded = encodeCheckRequest({ ...plain, ...change });
    await stream.send(encodeAsk({ kind: 'question', request: encoded }));
    let frame = decodeSay((await stream.receive())!);
    while (frame.kind === 'waiting') frame = decodeSay((await stream.receive())!);
    stream.abort();
    return frame.kind === 'refusal' ? frame.refusal : frame.kind;
  }

  it('for jobs that were not sold, other prompts and more tokens than were sold', async () => {
    await meet(...honest);
    const { job, outputIds, promptIds } = receipt;
    const unsold = { ...job, seed: '11'.repeat(32) };
    expect(await refusalOf({ job: unsold })).toBe('unknown-job');
    expect(await refusalOf({ salt: new Uint8Array(32) })).toBe('other-prompt');
    expect(await refusalOf({ promptIds: [...promptIds, 5] })).toBe('other-prompt');
    expect(await refusalOf({ outputIds: [...outputIds, 5] })).toBe('more-than-sold');
    expect(await refusalOf({ job: { ...job, model: '11'.repeat(32) } })).toBe('unknown-model');
  });

  it('answers about one job so often a day, and no oftener', async () => {
    const fresh = await startHonest('fresh');
    await meet(fresh, honest[1]!);
    const words = [];
    for (let i = 0; i < 5; i++) words.push(await refusalOf({}, fresh));
    expect(words).toEqual([...Array(4).fill('commitment'), 'asked-enough']);
    await refresh();
    await meet(fresh, ...honest);
    const { neighbours } = await ask(newBook(), receipt, { neighbours: 5 });
    const { silence } = neighbours.find(({ neighbour }) => neighbour === fresh.id)!;
    expect(silence).toBe('It was asked about this job often enough.');
  });

  it('against who sends garbage or asks without end', async () => {
    offences.length = 0;
    for (const frames of [[utf8('garbage')], [encodeAsk({ kind: 'reveal' })], [randomBytes(90)]]) {
      const stream = await asker.open(honest[1]!.id, CHECK_PROTOCOL);
      for (const frame of frames) await stream.send(frame);
      await stream.receive().catch(() => undefined);
    }
    expect(offences).toEqual(Array(3).fill([asker.id, 'garbage']));
    offences.length = 0;
    for (let i = 0; i < 40 && offences.length === 0; i++) {
      const stream = await asker.open(honest[1]!.id, CHECK_PROTOCOL);
      await stream.end();
      await stream.receive().catch(() => undefined);
    }
    expect(offences).toEqual([[asker.id, 'flood']]);
  });
});
