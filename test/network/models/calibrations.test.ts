import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canonicalBytes, fromHex, sha256, toHex, utf8 } from '#src/base/index.js';
import { type CalibrationRef, calibrationFile, ModelRegistry } from '#src/model/index.js';
import {
  decodeHaveQuestion,
  encodeCalibrationQuestion,
  encodeHaveAnswer,
} from '#src/network/models/chunkCodec.js';
import { CALIBRATION, HAVE } from '#src/network/models/protocols.js';
import { calibrationHash, readCalibration } from '#src/rastic/index.js';
import { addressOf, Hosts } from '../host/hosts.js';
import { calibrationOf, connect, ended, Parties, type Party } from './setup.js';

const FILE = 'onnx/model.onnx';
const SMALL = { 'config.json': 100, [FILE]: 20_000, 'onnx/piece.onnx': 5_000 };

const parties = new Parties();
const hosts = new Hosts();
let bare: Party;
let rich: Party;
let id: string;
let named: ReturnType<typeof calibrationOf>;

const folderOf = ({ datadir }: Party): string => new ModelRegistry(datadir).resolve(id);
const ref = ({ file, hash }: CalibrationRef): CalibrationRef => ({ file, hash });

/** What a node reads beside the model, by the name that a job gives it. */
function hashAt(dir: string, file = FILE): string | undefined {
  const found = readCalibration(dir, id, file);
  return found && toHex(calibrationHash(found));
}

async function pull(party: Party, calibrations: readonly CalibrationRef[]) {
  party.exchange.pulls.start({ id, about: { name: 'm' }, calibrations: calibrations.map(ref) });
  return ended(party, id);
}

beforeAll(async () => {
  bare = await parties.start('bare');
  rich = await parties.start('rich');
  id = await parties.give([bare, rich], SMALL);
  named = calibrationOf(id, FILE);
  // written by hand, so not in canonical form
  const text = JSON.stringify(JSON.parse(Buffer.from(named.bytes).toString()), undefined, 2);
  writeFileSync(join(folderOf(rich), 'mine.calibration.json'), text);
});
afterAll(async () => {
  await hosts.close();
  await parties.close();
});

describe('a calibration that the publisher named', () => {
  it('comes with the model from whoever has it, and who has none is not blamed', async () => {
    const eve = await parties.start('eve');
    await connect(eve, [bare, rich]);
    const status = await pull(eve, [named]);
    expect(status).toMatchObject({ state: 'done', wasHere: false, calibrationsMissing: [] });
    expect(hashAt(status.dir)).toBe(named.hash);
    for (const peer of [bare.id, rich.id]) expect(eve.peers.scores.scoreOf(peer)).toBe(0);
    // and from then on from this node, too
    const fay = await parties.start('fay');
    await connect(fay, [eve]);
    expect(hashAt((await pull(fay, [named])).dir)).toBe(named.hash);
  });

  it('is said to be missing where nobody has it, and comes later without the model', async () => {
    const gus = await parties.start('gus');
    await connect(gus, [bare]);
    const first = await pull(gus, [named]);
    expect(first).toMatchObject({ state: 'done', calibrationsMissing: [FILE] });
    expect(hashAt(first.dir)).toBeUndefined();
    await connect(gus, [rich]);
    const second = await pull(gus, [named]);
    expect(second).toMatchObject({ state: 'done', wasHere: true, calibrationsMissing: [] });
    expect(second.bytesDone).toBe(second.bytesTotal);
    expect(hashAt(first.dir)).toBe(named.hash);
  });

  it('goes where the model lies already, also outside of the data folder', async () => {
    await connect(bare, [rich]);
    const status = await pull(bare, [named]);
    expect(status).toMatchObject({ state: 'done', wasHere: true, dir: folderOf(bare) });
    expect(hashAt(folderOf(bare))).toBe(named.hash);
    rmSync(join(folderOf(bare), calibrationFile(FILE)));
  });

  it('does not take the place of one that was made by hand', async () => {
    const hal = await parties.start('hal');
    await connect(hal, [rich]);
    const { dir } = await pull(hal, []);
    const own = { ...JSON.parse(Buffer.from(named.bytes).toString()), model: id };
    own.pairs[0].tauMicro = 1007;
    writeFileSync(join(dir, 'own.calibration.json'), JSON.stringify(own));
    const mine = hashAt(dir);
    expect(await pull(hal, [named])).toMatchObject({ calibrationsMissing: [FILE] });
    expect(hashAt(dir)).toBe(mine);
  });

  it('takes the place of an older one that was fetched', async () => {
    const ida = await parties.start('ida');
    await connect(ida, [rich]);
    const { dir } = await pull(ida, []);
    const older = JSON.parse(Buffer.from(named.bytes).toString());
    older.pairs[0].tauMicro = 1007;
    writeFileSync(join(dir, calibrationFile(FILE)), JSON.stringify(older));
    expect(await pull(ida, [named])).toMatchObject({ calibrationsMissing: [] });
    expect(hashAt(dir)).toBe(named.hash);
  });

  it('is not kept when it is of no file of the model, or no calibration, whatever its hash', async () => {
    const jim = await parties.start('jim');
    await connect(jim, [rich]);
    const elsewhere = calibrationOf(id, '../../outside.onnx');
    const broken = { ...JSON.parse(Buffer.from(named.bytes).toString()), file: 'onnx/piece.onnx' };
    broken.pairs = [];
    const bad = join(folderOf(rich), 'bad.calibration.json');
    writeFileSync(bad, JSON.stringify(broken));
    const hash = toHex(sha256(canonicalBytes(broken)));
    const wanted = [elsewhere, named, { file: 'onnx/piece.onnx', hash }];
    const status = await pull(jim, wanted).finally(() => rmSync(bad));
    expect(status).toMatchObject({ state: 'done', calibrationsMissing: ['onnx/piece.onnx'] });
    expect(readdirSync(status.dir).filter((name) => name.includes('calibration'))).toEqual([
      calibrationFile(FILE),
    ]);
    expect(jim.peers.bans.hasPeer(rich.id)).toBe(false);
  });

  it('is never another one: who sends such a one is banned, and the next is asked', async () => {
    const forger = await hosts.start('forger');
    forger.answer(HAVE, (frame) => encodeHaveAnswer(decodeHaveQuestion(frame).map(() => true)));
    const wider = Buffer.from(named.bytes).toString().replace('1000', '9000');
    forger.answer(CALIBRATION, () => utf8(wider));
    const kim = await parties.start('kim');
    await connect(kim, [rich]);
    const { dir } = await pull(kim, []);
    await kim.peers.host.disconnect(rich.id);
    await connect(kim, [{ address: addressOf(forger) }, rich]);
    expect(await pull(kim, [named])).toMatchObject({ state: 'done', calibrationsMissing: [] });
    expect(hashAt(dir)).toBe(named.hash);
    expect(kim.peers.bans.hasPeer(forger.id)).toBe(true);
    expect(kim.peers.bans.hasPeer(rich.id)).toBe(false);
  });
});

describe('a node that is asked for a calibration', () => {
  it('gives those beside models that it gives away, and nothing else', async () => {
    const stranger = await hosts.start('stranger');
    const { peer } = await stranger.dial(rich.address);
    const ask = (model: string, hash: string): Promise<Uint8Array> => {
      const question = { id: fromHex(model), hash: fromHex(hash) };
      return stranger.request(peer, CALIBRATION, encodeCalibrationQuestion(question));
    };
    expect(Buffer.compare(await ask(id, named.hash), named.bytes)).toBe(0);
    expect(await ask(id, 'ab'.repeat(32))).toHaveLength(0);
    expect(await ask('cd'.repeat(32), named.hash)).toHaveLength(0);
    // of another model, though it lies there
    const other = calibrationOf('ef'.repeat(32), FILE);
    const path = join(folderOf(rich), 'other.calibration.json');
    writeFileSync(path, other.bytes);
    expect(await ask(id, other.hash)).toHaveLength(0);
    rmSync(path);
    expect(rich.peers.scores.scoreOf(stranger.id)).toBe(0);
  });
});
