import {
  appendFileSync,
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Place } from './harness.js';
import { hasPseudoTerminal, runOnTerminal } from './pseudo-terminal.js';

const PIECE = 2 ** 20;
let place: Place;
let env: Record<string, string>;

function at(...path: string[]): string {
  return join(place.folder, ...path);
}

function makeModel(name: string, weights = 2.5 * PIECE): string {
  const dir = at(name);
  mkdirSync(join(dir, 'onnx'), { recursive: true });
  writeFileSync(join(dir, 'config.json'), `{"model_type": "${name}"}`);
  const bytes = Buffer.alloc(weights);
  for (let i = 0; i + 4 <= weights; i += 4) bytes.writeUInt32LE((i * 2_654_435_761) >>> 0, i);
  writeFileSync(join(dir, 'onnx', 'model.onnx'), bytes);
  return dir;
}

beforeAll(() => {
  place = new Place();
  env = { BITMODEL_DATADIR: at('data') };
});
afterAll(() => place.close());

const json = async <T>(args: readonly string[]): Promise<T> =>
  JSON.parse(await place.ok([...args, '--json'], { env })) as T;

describe('bitmodel model pack, check, unpack, list and rm', () => {
  it('take a model from a folder to a file, to another folder, and off the list', async () => {
    const dir = makeModel('whale');
    const archive = at('whale.tar');
    const packed = await json<Record<string, unknown>>([
      ...['model', 'pack', dir, '--tag', 'v1', '--licence', 'MIT', '--archive', archive],
    ]);
    expect(packed).toMatchObject({ name: 'whale:v1', licence: 'MIT', dir, archive });
    const id = packed.id as string;
    const out = at('copy');
    expect(
      await json(['model', 'unpack', archive, '--out', out, '--id', id, '--max-size', '3']),
    ).toMatchObject({ id, name: 'whale:v1', dir: out, checked: true, leftOut: 0 });
    expect(await json(['model', 'check', out])).toMatchObject({ valid: true, id, actualId: id });
    // one model, known where it was first
    const { models } = await json<{ models: unknown[] }>(['model', 'list']);
    expect(models).toMatchObject([{ id, name: 'whale:v1', dir, origin: 'packed', state: 'whole' }]);
    const listed = await place.ok(['model', 'list'], { env });
    expect(listed.split('\n')).toHaveLength(2);
    expect(listed).toMatch(new RegExp(`whale:v1 +${id.slice(0, 12)} +2\\.6 MB +packed +${dir}`));
    // by its name, the beginning of its id, and in a pipe
    expect(await place.ok(['model', 'check', 'whale', '-q'], { env })).toBe(id);
    expect(
      await place.ok(['model', 'unpack', id.slice(0, 8), '-q', '--out', at('third')], { env }),
    ).toBe(id);
    rmSync(dir, { recursive: true });
    expect(await place.ok(['model', 'list'], { env })).toContain(`${dir} (gone)`);
    const gone = await place.run(['model', 'check', 'whale'], { env });
    expect(gone).toMatchObject({ code: 3, stderr: expect.stringContaining('model rm') });
    expect(await place.ok(['model', 'rm', 'whale:v1', '-q'], { env })).toBe(id);
    expect(await json(['model', 'list'])).toEqual({ models: [] });
  });

  it('names the pieces and bytes that are wrong, and what is missing or should not be there', async () => {
    const dir = makeModel('wrong');
    await place.ok(['model', 'pack', dir], { env });
    const path = join(dir, 'onnx', 'model.onnx');
    const bytes = readFileSync(path);
    bytes[PIECE + 5]! ^= 1;
    writeFileSync(path, bytes);
    rmSync(join(dir, 'config.json'));
    writeFileSync(join(dir, 'more.txt'), '');
    const { code, stdout } = await place.run(['model', 'check', 'wrong'], { env });
    expect(code).toBe(10);
    expect(stdout.split('\n').slice(0, 3)).toEqual([
      'config.json: missing',
      'onnx/model.onnx: content, piece 1 (bytes 1048576-2097151)',
      'more.txt: extra',
    ]);
    const copied = await place.run(['model', 'unpack', 'wrong', '--out', at('no')], { env });
    expect(copied.code).not.toBe(0);
    expect(existsSync(at('no'))).toBe(false);
    await place.ok(['model', 'rm', 'wrong'], { env });
  });

  it('lists the models that a name may mean', async () => {
    for (const tag of ['v1', 'v2']) {
      await place.ok(['model', 'pack', makeModel(`m-${tag}`, 100), '--name', 'm', '--tag', tag], {
        env,
      });
    }
    const { code, stderr } = await place.run(['model', 'check', 'm'], { env });
    expect(code).toBe(2);
    expect(stderr).toMatch(/2 models answer to "m": m:v1 .*; m:v2 .*AMBIGUOUS_NAME/s);
    await place.ok(['model', 'check', 'm:v2'], { env });
    for (const tag of ['v1', 'v2']) await place.ok(['model', 'rm', `m:${tag}`], { env });
  });

  it('deletes what lies in the data folder after a yes, and nothing else', async () => {
    const mine = makeModel('mine', 100);
    await place.ok(['model', 'pack', mine], { env });
    const refused = await place.run(['model', 'rm', 'mine', '--files', '--yes'], { env });
    expect(refused).toMatchObject({ code: 4, stderr: expect.stringContaining('NOT_OURS') });
    const id = JSON.parse(readFileSync(join(mine, 'bitmodel.json'), 'utf8')).id as string;
    await place.ok(['model', 'rm', 'mine'], { env });
    const own = at('data', 'models', id);
    await place.ok(['model', 'unpack', mine, '--out', own], { env });
    const unasked = await place.run(['model', 'rm', id, '--files'], { env });
    expect(unasked).toMatchObject({ code: 4, stderr: expect.stringContaining('NOT_CONFIRMED') });
    expect(existsSync(own)).toBe(true);
    expect(await json(['model', 'rm', id, '--files', '--yes'])).toMatchObject({
      filesDeleted: true,
    });
    expect(existsSync(own)).toBe(false);
    expect(readdirSync(mine).sort()).toEqual([
      ...['bitmodel.json', 'bitmodel.torrent', 'config.json', 'onnx'],
    ]);
  });

  it('says what is wrong with an archive, and keeps nothing of it', async () => {
    const dir = makeModel('cut');
    await place.ok(['model', 'pack', dir, '--archive', at('cut.tar')], { env });
    const bytes = readFileSync(at('cut.tar'));
    writeFileSync(at('cut.tar'), bytes.subarray(0, bytes.length / 2));
    const flags = ['--out', at('nothing'), '--json'];
    const cut = await place.run(['model', 'unpack', at('cut.tar'), ...flags], { env });
    expect(cut).toMatchObject({ code: 2, stdout: '' });
    expect(JSON.parse(cut.stderr)).toMatchObject({ error: { code: 'BAD_ARCHIVE' } });
    bytes[bytes.length / 2] ^= 1;
    writeFileSync(at('cut.tar'), bytes);
    const wrong = await place.run(['model', 'unpack', at('cut.tar'), ...flags], { env });
    expect(wrong.code).toBe(10);
    expect(JSON.parse(wrong.stderr)).toMatchObject({
      error: { code: 'WRONG_MODEL', message: expect.stringContaining('onnx/model.onnx (content)') },
    });
    expect(existsSync(at('nothing'))).toBe(false);
  });

  it.runIf(hasPseudoTerminal())(
    'shows bytes, rate and time left on a terminal, and ends at Ctrl-C',
    async () => {
      const dir = at('large');
      mkdirSync(dir);
      const file = openSync(join(dir, 'weights'), 'w');
      ftruncateSync(file, 40e9);
      closeSync(file);
      appendFileSync(join(dir, 'config.json'), '{}');
      const shown = await runOnTerminal(['model', 'pack', dir], [['s left', '\x03']], env);
      expect(shown.code).toBe(130);
      expect(shown.stdout).toMatch(
        /reading [\d.]+ [GM]B of 40\.0 GB {2}\d+ % {2}[\d.]+ [GM]B\/s {2}.*left/,
      );
      expect(shown.stdout).toContain('INTERRUPTED');
      expect(readdirSync(dir).sort()).toEqual(['config.json', 'weights']);
    },
  );
});
