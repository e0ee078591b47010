import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromHex, toHex } from '#src/base/index.js';
import {
  checkModel,
  ModelRegistry,
  PartialBundle,
  readBundle,
  ServedModels,
} from '#src/model/index.js';
import { ChunkServer } from '#src/network/models/ChunkServer.js';
import { ChunkStream } from '#src/network/models/ChunkStream.js';
import {
  answerFrame,
  decodeHaveQuestion,
  decodeRequest,
  encodeHaveAnswer,
} from '#src/network/models/chunkCodec.js';
import { CHUNKS, HAVE } from '#src/network/models/protocols.js';
import { until } from '../../until.js';
import { addressOf, Hosts } from '../host/hosts.js';
import { connect, ended, Parties, type Party } from './setup.js';

const MEBIBYTE = 1024 * 1024;
/** Enough pieces that several peers get some. */
const LARGE = { 'config.json': 500, 'onnx/model.onnx': 40 * MEBIBYTE + 77, 'vocab.txt': 20_000 };

const parties = new Parties();
const hosts = new Hosts();
let holders: Party[];
let id: string;
let large: string;

beforeAll(async () => {
  holders = await Promise.all(['ann', 'ben', 'cat', 'dan'].map((name) => parties.start(name)));
  id = await parties.give(holders.slice(0, 2));
});
afterAll(async () => {
  await hosts.close();
  await parties.close();
});

async function puller(name: string, from: readonly { address: string }[]): Promise<Party> {
  const party = await parties.start(name);
  await connect(party, from);
  return party;
}

/** What a peer answers to a request for a piece; undefined: nothing at all. */
type Trick = (frame: Uint8Array) => Uint8Array | undefined;

/** A peer that holds a model and answers as it should, but for its pieces. */
async function cheat(name: string, source: Party, model: string, trick: Trick): Promise<string> {
  const host = await hosts.start(name);
  const models = new ServedModels(source.datadir, () => {});
  host.answer(HAVE, (frame) =>
    encodeHaveAnswer(decodeHaveQuestion(frame).map((asked) => toHex(asked) === model)),
  );
  host.handle(CHUNKS, async (stream) => {
    const bundle = (await models.find(model))!;
    for (;;) {
      const frame = await stream.receive();
      if (frame === undefined) return;
      const { number, question } = decodeRequest(frame);
      const head = { status: 'given', number } as const;
      let answer: Uint8Array | undefined;
      if (question.kind === 'info') {
        answer = Buffer.concat([answerFrame(head), bundle.info.bytes]);
      } else if (question.kind === 'layer') {
        answer = Buffer.concat([answerFrame(head), bundle.layer(question.file)!]);
      } else if (question.kind === 'piece') {
        const length = bundle.pieceLength(question.file, question.index)!;
        answer = answerFrame(head, length);
        await bundle.read(question.file, question.index * MEBIBYTE, answer.subarray(5));
        answer = trick(answer);
      }
      if (answer) await stream.send(answer);
    }
  });
  return addressOf(host);
}

describe('a model', () => {
  it('comes from a peer that holds it, is what was packed, and is passed on from then on', async () => {
    const { exchange, datadir } = await puller('eve', holders.slice(0, 1));
    const eve = { exchange, datadir } as Party;
    exchange.pulls.start({ id, about: { name: 'fetched', licence: 'MIT' } });
    const status = await ended(eve, id);
    expect(status).toMatchObject({ state: 'done', badPieces: 0 });
    expect(status.bytesDone).toBe(status.bytesTotal);
    const dir = new ModelRegistry(datadir).resolve(id);
    expect(dir).toBe(join(datadir, 'models', id));
    expect((await checkModel(dir)).faults).toEqual([]);
    expect(readBundle(dir)).toMatchObject({ id, name: 'fetched', licence: 'MIT' });
    expect(await exchange.isHeldHere(id)).toBe(true);
    expect(readdirSync(dir)).not.toContain('.bitmodel-pull');
  });

  it('comes from all peers that hold it, each giving a part', async () => {
    large = await parties.give(holders, LARGE);
    const before = holders.map(({ exchange }) => served(exchange.status()));
    const fay = await puller('fay', holders);
    fay.exchange.pulls.start({ id: large, about: { name: 'large' } });
    expect(await ended(fay, large)).toMatchObject({ state: 'done', badPieces: 0 });
    const given = holders.map(({ exchange }, i) => served(exchange.status()) - before[i]!);
    expect(given.every((bytes) => bytes > MEBIBYTE)).toBe(true);
    expect(given.reduce((sum, bytes) => sum + bytes)).toBeLessThan(50 * MEBIBYTE);
  });

  it('comes whole although one peer sends wrong pieces, and that peer is banned', async () => {
    const wrong = await cheat('liar', holders[0]!, large, (frame) => {
      frame[100]! ^= 1;
      return frame;
    });
    const gus = await puller('gus', [{ address: wrong }, ...holders.slice(0, 2)]);
    gus.exchange.pulls.start({ id: large, about: { name: 'large' } });
    const status = await ended(gus, large);
    expect(status.state).toBe('done');
    expect(status.badPieces).toBeGreaterThan(0);
    expect((await checkModel(status.dir)).faults).toEqual([]);
    const liar = wrong.split('/p2p/')[1]!;
    expect(gus.peers.bans.hasPeer(liar)).toBe(true);
    await until(() => !gus.peers.host.isConnected(liar));
    for (const { id: honest } of holders) expect(gus.peers.bans.hasPeer(honest)).toBe(false);
  });

  it('comes whole although one peer never answers, by asking others for its pieces', async () => {
    const silent = await cheat('silent', holders[0]!, large, () => undefined);
    const hal = await puller('hal', [{ address: silent }, ...holders.slice(0, 2)]);
    hal.exchange.pulls.start({ id: large, about: { name: 'large' } });
    expect(await ended(hal, large)).toMatchObject({ state: 'done' });
  });

  it('comes from a peer that was busy at first, and nothing is held against it', async () => {
    let asked = 0;
    const busy = await cheat('busy', holders[0]!, id, (frame) => {
      if (++asked > 3) return frame;
      const [status] = answerFrame({ status: 'busy', number: 0 });
      frame[0] = status!;
      return frame.subarray(0, 5);
    });
    const ivy = await puller('ivy', [{ address: busy }]);
    ivy.exchange.pulls.start({ id, about: { name: 'small' } });
    expect(await ended(ivy, id)).toMatchObject({ state: 'done' });
    expect(asked).toBeGreaterThan(3);
    expect(ivy.peers.scores.scoreOf(busy.split('/p2p/')[1]!)).toBe(0);
  });

  it('goes on being given on the streams that were there when one more is told to wait', async () => {
    const given = holders[0]!;
    const served = await hosts.start('served');
    const models = new ServedModels(given.datadir, () => {});
    const { penalties } = given.peers;
    const server = { host: served, penalties, models, onWarning: () => {}, mostStreams: 1 };
    new ChunkServer(server);
    const asker = await hosts.start('asker');
    await asker.dial(addressOf(served));
    const open = () => ChunkStream.open({ host: asker, penalties }, served.id, fromHex(id));
    const first = await open();
    expect(await first.ask({ kind: 'info' })).toBeDefined();
    const second = await open();
    await expect(second.ask({ kind: 'info' })).rejects.toMatchObject({ code: 'PEER_BUSY' });
    expect(await first.ask({ kind: 'info' })).toBeDefined();
    await first.close();
    await second.close();
    await until(async () => {
      const next = await open();
      const answer = await next.ask({ kind: 'info' }).catch(() => undefined);
      await next.close();
      return answer !== undefined;
    });
  });

  it('is gone on with after the download was stopped', async () => {
    let sent = 0;
    const slow = await cheat('slow', holders[0]!, large, (frame) => {
      sent += frame.length;
      return sent < 20 * MEBIBYTE ? frame : undefined;
    });
    const ida = await puller('ida', [{ address: slow }]);
    const { pulls } = ida.exchange;
    pulls.start({ id: large, about: { name: 'large' } });
    await until(() => pulls.status(large).bytesDone > 5 * MEBIBYTE);
    await pulls.stop(large);
    const stopped = pulls.status(large);
    expect(stopped).toMatchObject({ state: 'failed', failure: { code: 'PULL_STOPPED' } });
    expect(PartialBundle.savedInfo(stopped.dir)?.id).toBe(large);
    const before = served(holders[1]!.exchange.status());
    await ida.peers.host.disconnect(slow.split('/p2p/')[1]!);
    await connect(ida, [holders[1]!]);
    pulls.start({ id: large, about: { name: 'large' } });
    expect(await ended(ida, large)).toMatchObject({ state: 'done' });
    const fetched = served(holders[1]!.exchange.status()) - before;
    expect(fetched).toBeLessThanOrEqual(stopped.bytesTotal - stopped.bytesDone + MEBIBYTE);
  });

  it('is refused when it is larger than allowed', async () => {
    const jim = await puller('jim', holders.slice(0, 1));
    jim.exchange.pulls.start({ id: large, about: { name: 'x' }, maxBytes: MEBIBYTE });
    expect(await ended(jim, large)).toMatchObject({ failure: { code: 'MODEL_TOO_LARGE' } });
  });
});

describe('who holds a model', () => {
  it('may be asked about many models at once without offence', async () => {
    const nan = await puller('nan', holders.slice(0, 1));
    const unknown = Array.from({ length: 300 }, (_, i) => i.toString(16).padStart(64, '0'));
    const found = await Promise.all(unknown.map((each) => nan.exchange.holders(each)));
    expect(found.every((each) => each.length === 0)).toBe(true);
    expect(holders[0]!.peers.scores.scoreOf(nan.id)).toBe(0);
    expect(nan.peers.scores.scoreOf(holders[0]!.id)).toBe(0);
  });

  it('is counted by proofs of random blocks: a peer that only says so is not', async () => {
    const boaster = await hosts.start('boaster');
    boaster.answer(HAVE, (frame) => encodeHaveAnswer(decodeHaveQuestion(frame).map(() => true)));
    boaster.handle(CHUNKS, async (stream) => {
      const { number } = decodeRequest((await stream.receive())!);
      await stream.send(answerFrame({ status: 'absent', number }));
    });
    const kim = await puller('kim', [...holders, { address: addressOf(boaster) }]);
    const found = new Set<string>();
    await until(async () => {
      // no faster than a person would ask again: whoever asks without end is answered no more
      await new Promise((done) => setTimeout(done, 250));
      for (const { peer } of await kim.exchange.holders(large)) found.add(peer);
      return holders.every((each) => found.has(each.id));
    });
    // peers that fetched it in the tests before hold it as well, and may have announced it
    expect(found).not.toContain(boaster.id);
    expect(kim.peers.bans.hasPeer(boaster.id)).toBe(false);
  });

  it('bans who sends a block that is none of the model', async () => {
    const forger = await hosts.start('forger');
    forger.answer(HAVE, () => encodeHaveAnswer([true]));
    forger.handle(CHUNKS, async (stream) => {
      const { number } = decodeRequest((await stream.receive())!);
      await stream.send(answerFrame({ status: 'given', number }, 16_384));
    });
    const leo = await puller('leo', [{ address: addressOf(forger) }]);
    await until(async () => {
      await leo.exchange.holders(large);
      return leo.peers.bans.hasPeer(forger.id);
    });
    expect(await leo.exchange.holders(large)).toEqual([]);
  });

  it('is announced, so that a node fetches from one that it was not connected to', async () => {
    // mia knows only the middle one, which holds nothing; nor does it take part for her
    const middle = await parties.start('middle');
    await connect(middle, [holders[2]!]);
    const mia = await puller('mia', [middle]);
    expect(mia.peers.host.isConnected(holders[2]!.id)).toBe(false);
    // said again until the mesh of gossip has grown to her
    const saying = setInterval(() => void holders[2]!.exchange.announce(), 1_100);
    mia.exchange.pulls.start({ id: large, about: { name: 'large' } });
    expect(await ended(mia, large).finally(() => clearInterval(saying))).toMatchObject({
      state: 'done',
    });
    expect(mia.peers.host.isConnected(holders[2]!.id)).toBe(true);
  });
});

function served(status: Readonly<Record<string, unknown>>): number {
  return (status.models as { bytesServed: number }).bytesServed;
}
