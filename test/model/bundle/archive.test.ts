import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { deflateRawSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { Header } from 'tar';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import yauzl from 'yauzl';
import { BitmodelError } from '#src/base/index.js';
import type { ArchiveTarget } from '#src/model/archive/Staging.js';
import { readTar } from '#src/model/archive/tarArchive.js';
import { readZip } from '#src/model/archive/zipArchive.js';
import {
  archiveModel,
  checkModel,
  packModel,
  ServedBundle,
  unpackArchive,
  unpackModel,
} from '#src/model/index.js';
import { cases, timeLimit } from '../../long.js';
import { Folder } from './folder.js';

interface TarEntry {
  path: string;
  bytes?: Buffer;
  type?:
    | 'File'
    | 'SymbolicLink'
    | 'Link'
    | 'CharacterDevice'
    | 'FIFO'
    | 'Directory'
    | 'ExtendedHeader';
  linkpath?: string;
  size?: number;
}

/** A tar archive of anything, also of what no program would write. */
function tarOf(entries: readonly TarEntry[]): Buffer {
  const blocks = entries.flatMap(
    ({ path, bytes = Buffer.alloc(0), type = 'File', linkpath, size }) => {
      const header = new Header({
        path,
        type,
        mode: 0o644,
        size: size ?? bytes.length,
        ...(linkpath === undefined ? {} : { linkpath }),
      });
      const block = Buffer.alloc(512);
      header.encode(block);
      const padding = Buffer.alloc((512 - (bytes.length % 512)) % 512);
      return [block, bytes, padding];
    },
  );
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

interface ZipEntry {
  path: string;
  bytes: Buffer;
  mode?: number;
  /** What the archive says that the file has; what it has unless stated. */
  size?: number;
}

/** A zip archive of anything. Source: APPNOTE.TXT 6.3.10. */
function zipOf(entries: readonly ZipEntry[]): Buffer {
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { path, bytes, mode = 0o100644, size = bytes.length } of entries) {
    const name = Buffer.from(path);
    const packed = deflateRawSync(bytes);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    // names in UTF-8
    local.writeUInt16LE(0x800, 6);
    local.writeUInt16LE(8, 8);
    local.writeUInt32LE(packed.length, 18);
    local.writeUInt32LE(size, 22);
    local.writeUInt16LE(name.length, 26);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50, 0);
    central.writeUInt16LE(3 << 8, 4);
    central.writeUInt16LE(0x800, 8);
    central.writeUInt16LE(8, 10);
    central.writeUInt32LE(packed.length, 20);
    central.writeUInt32LE(size, 24);
    central.writeUInt16LE(name.length, 28);
    central.writeUInt32LE((mode << 16) >>> 0, 38);
    central.writeUInt32LE(at, 42);
    bodies.push(local, name, packed);
    directory.push(central, name);
    at += 30 + name.length + packed.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(Buffer.concat(directory).length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...bodies, ...directory, end]);
}

let folder: Folder;
beforeEach(() => {
  folder = new Folder();
});
afterEach(() => folder[Symbol.dispose]());

async function makeModel() {
  folder.put('m/config.json', '{}');
  folder.put('m/empty', '');
  folder.put('m/@odd', 'odd');
  folder.put('m/onnx/model.onnx', Buffer.alloc(3_000_000, 'weights'));
  folder.put('m/x.calibration.json', '{}');
  folder.put('m/.git/config', 'mine');
  return packModel(folder.at('m'), { name: 'mine:v1', licence: 'MIT' });
}

/** Tries to unpack an archive; whatever comes of it, nothing but the result may be left in the folder. */
async function tried(bytes: Buffer, options: object = {}) {
  using place = new Folder();
  const path = place.put('in/archive', bytes);
  try {
    const model = await unpackArchive(path, { out: place.at('here/out'), ...options });
    expect(readdirSync(place.at('here'))).toEqual(['out']);
    return { model, files: readdirSync(model.dir, { recursive: true }).sort() };
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(BitmodelError);
    if (existsSync(place.at('here'))) expect(readdirSync(place.at('here'))).toEqual([]);
    expect(readdirSync(place.path).filter((name) => name !== 'in' && name !== 'here')).toEqual([]);
    return { error: thrown as BitmodelError };
  }
}

describe('a model in one file', () => {
  it('comes back from it with its id, name, licence and calibrations, ready to be shared', async () => {
    const { id } = await makeModel();
    await archiveModel(folder.at('m'), folder.at('m.tar'));
    const back = await unpackArchive(folder.at('m.tar'), { out: folder.at('back') });
    expect(back).toMatchObject({ id, name: 'mine:v1', licence: 'MIT', isChecked: true });
    expect(await checkModel(back.dir)).toMatchObject({ id, faults: [], torrent: 'sound' });
    expect(existsSync(folder.at('back/x.calibration.json'))).toBe(true);
    expect(existsSync(folder.at('back/.git'))).toBe(false);
    expect(readFileSync(folder.at('back/@odd'), 'utf8')).toBe('odd');
    const served = await ServedBundle.open(back.dir);
    await served.read(0, 0, new Uint8Array(1));
    await served.close();
  });

  it('is the same bytes for the same model, whatever its times and modes', async () => {
    await makeModel();
    await archiveModel(folder.at('m'), folder.at('one.tar'));
    chmodSync(folder.at('m/config.json'), 0o600);
    utimesSync(folder.at('m/config.json'), 1, 1);
    await archiveModel(folder.at('m'), folder.at('two.tar'));
    expect(readFileSync(folder.at('one.tar')).equals(readFileSync(folder.at('two.tar')))).toBe(
      true,
    );
    for (const [place, code] of [
      ['m/in.tar', 'BAD_OPTION'],
      ['one.tar/in.tar', 'WRITE_FAILED'],
    ] as const) {
      await expect(archiveModel(folder.at('m'), folder.at(place))).rejects.toMatchObject({ code });
    }
    await expect(archiveModel(folder.at('m'), folder.at('one.tar'))).rejects.toMatchObject({
      code: 'FILE_EXISTS',
    });
  });

  it.runIf(spawnSync('tar', ['--version']).status === 0)(
    'is read and written by the tar that everybody has',
    async () => {
      const { id } = await makeModel();
      await archiveModel(folder.at('m'), folder.at('m.tar'));
      mkdirSync(folder.at('theirs'));
      execFileSync('tar', ['xf', folder.at('m.tar'), '-C', folder.at('theirs')]);
      expect(await packModel(folder.at('theirs/mine-v1'))).toMatchObject({ id });
      execFileSync('tar', ['czf', folder.at('t.tar.gz'), '-C', folder.at('m'), '.']);
      const back = await unpackArchive(folder.at('t.tar.gz'), { out: folder.at('back') });
      expect(back).toMatchObject({ id, isChecked: true });
      // .git/config and the torrent, which is made anew
      expect(back.leftOut).toBe(2);
    },
  );

  it.runIf(spawnSync('zip', ['--version']).status === 0)('is read from a zip', async () => {
    const { id } = await makeModel();
    execFileSync('zip', ['-qr', folder.at('m.zip'), '.'], { cwd: folder.at('m') });
    const back = await unpackArchive(folder.at('m.zip'), { out: folder.at('back') });
    expect(back).toMatchObject({ id, isChecked: true });
    expect(statSync(back.dir).mode & 0o777).toBe(statSync(folder.at('m')).mode & 0o777);
  });

  it('is unpacked without its one outer folder, and packed where it was not', async () => {
    const outcome = await tried(
      tarOf([
        { path: 'm-1.0/', type: 'Directory' },
        { path: 'm-1.0/config.json', bytes: Buffer.from('{}') },
        { path: 'm-1.0/onnx/model.onnx', bytes: Buffer.from('x') },
      ]),
    );
    expect(outcome.model).toMatchObject({ isChecked: false });
    expect(outcome.files).toEqual([
      'bitmodel.json',
      'bitmodel.torrent',
      'config.json',
      'onnx',
      'onnx/model.onnx',
    ]);
  });

  it('is not kept when it is another one than it says, or than was asked for', async () => {
    await makeModel();
    writeFileSync(folder.at('m/config.json'), '{ }');
    await archiveModel(folder.at('m'), folder.at('m.tar'));
    const bytes = readFileSync(folder.at('m.tar'));
    expect((await tried(bytes)).error).toMatchObject({
      code: 'WRONG_MODEL',
      exitCode: 10,
      message: expect.stringContaining('config.json (size)'),
    });
    await packModel(folder.at('m'));
    await archiveModel(folder.at('m'), folder.at('n.tar'));
    const right = readFileSync(folder.at('n.tar'));
    expect((await tried(right)).error).toBeUndefined();
    expect((await tried(right, { id: 'ab'.repeat(32) })).error).toMatchObject({
      code: 'WRONG_MODEL',
    });
  });

  it('takes no folder that is in use', async () => {
    await makeModel();
    folder.put('busy/x', 'x');
    const out = folder.at('busy');
    await expect(unpackModel(folder.at('m'), { out })).rejects.toMatchObject({
      code: 'FOLDER_IN_USE',
    });
  });
});

describe('a model of this machine', () => {
  it('is copied to a folder, just what was packed and its calibrations, checked', async () => {
    const { id } = await makeModel();
    folder.put('m/unpacked-later.txt', 'x');
    folder.put('m/own.calibration.json', '{}');
    mkdirSync(folder.at('out'));
    const copy = await unpackModel(folder.at('m'), { out: folder.at('out') });
    expect(copy).toMatchObject({ id, isChecked: true });
    expect(readFileSync(folder.at('out/own.calibration.json'), 'utf8')).toBe('{}');
    expect(await checkModel(copy.dir)).toMatchObject({ id, faults: [] });
  });

  it('is not copied where it is not what was packed any more', async () => {
    await makeModel();
    writeFileSync(folder.at('m/config.json'), '[]');
    const copying = unpackModel(folder.at('m'), { out: folder.at('out') });
    await expect(copying).rejects.toMatchObject({ code: 'WRONG_MODEL' });
    expect(existsSync(folder.at('out'))).toBe(false);
  });

  it('is not copied through links, nor from outside of its folder', async () => {
    folder.put('secret', 'secret');
    await makeModel();
    execFileSync('rm', [folder.at('m/config.json')]);
    symlinkSync('../secret', folder.at('m/config.json'));
    const copying = unpackModel(folder.at('m'), { out: folder.at('out') });
    await expect(copying).rejects.toMatchObject({ code: 'UNREADABLE_FILE' });
    expect(readdirSync(folder.path).sort()).toEqual(['m', 'secret']);
  });
});

describe('an archive is refused', () => {
  const file = { bytes: Buffer.from('x') };
  const paths = [
    '../x',
    'a/../../x',
    '/etc/x',
    'a//b',
    'a/./b',
    'a\\b',
    'con.json',
    'a:b',
    'tab\tx',
    `${'d/'.repeat(40)}x`,
  ];
  it.each(paths)('that holds the path %j', async (path) => {
    expect((await tried(tarOf([{ path, ...file }]))).error).toMatchObject({ code: 'BAD_ARCHIVE' });
    // yauzl takes a backslash for a slash, as Windows does
    if (path === 'a\\b') return;
    expect((await tried(zipOf([{ path, ...file }]))).error).toMatchObject({ code: 'BAD_ARCHIVE' });
  });

  it.each([
    ['a link', { type: 'SymbolicLink', linkpath: '/etc/passwd' }],
    ['a hard link', { type: 'Link', linkpath: 'config.json' }],
    ['a device', { type: 'CharacterDevice' }],
    ['a pipe', { type: 'FIFO' }],
  ] as const)('that holds %s', async (_, about) => {
    const entries = [
      { path: 'config.json', ...file },
      { path: 'y', ...about },
    ];
    expect((await tried(tarOf(entries))).error).toMatchObject({ code: 'BAD_ARCHIVE' });
  });

  it('that holds a link to a folder, and a file in that', async () => {
    const entries = [
      { path: 'd', type: 'SymbolicLink' as const, linkpath: '..' },
      { path: 'd/x', ...file },
    ];
    expect((await tried(tarOf(entries))).error).toMatchObject({ code: 'BAD_ARCHIVE' });
    const zipped = [
      { path: 'd', bytes: Buffer.from('..'), mode: 0o120777 },
      { path: 'd/x', ...file },
    ];
    expect((await tried(zipOf(zipped))).error).toMatchObject({ code: 'BAD_ARCHIVE' });
  });

  it.each([
    ['the same file twice', ['a', 'a']],
    ['a file that is another one in other cases', ['a', 'A']],
    ['a folder that is another one in other cases', ['d/a', 'D/b']],
    ['a file that is a folder', ['a', 'a/b']],
    ['a folder that is a file', ['a/b', 'a']],
  ])('that holds %s', async (_, names) => {
    const entries = names.map((path) => ({ path, ...file }));
    expect((await tried(tarOf(entries))).error).toMatchObject({ code: 'BAD_ARCHIVE' });
    expect((await tried(zipOf(entries))).error).toMatchObject({ code: 'BAD_ARCHIVE' });
  });

  it('that is a bomb: many bytes of few', async () => {
    const size = 80_000_000;
    const bytes = Buffer.alloc(size);
    const packed = gzipSync(tarOf([{ path: 'weights', bytes }]));
    expect(packed.length).toBeLessThan(size / 500);
    for (const bomb of [packed, zipOf([{ path: 'weights', bytes }])]) {
      expect((await tried(bomb)).error).toMatchObject({ code: 'ARCHIVE_TOO_LARGE', exitCode: 4 });
    }
  });

  it('that is a bomb behind its end, or beside its files', async () => {
    const zeros = Buffer.alloc(80_000_000);
    const whole = tarOf([{ path: 'config.json', bytes: Buffer.from('{}') }]);
    expect((await tried(gzipSync(Buffer.concat([whole, zeros])))).error).toBeUndefined();
    const about = {
      path: 'x',
      type: 'ExtendedHeader',
      bytes: Buffer.from(`30 comment=${'x'.repeat(17)}\n`.padEnd(60_000, '\0')),
    } as const;
    const heads = tarOf(Array.from({ length: 1200 }, () => about));
    expect((await tried(gzipSync(heads))).error).toMatchObject({ code: 'ARCHIVE_TOO_LARGE' });
    const folders = Array.from({ length: 40_001 }, (_, i) => ({
      path: `${i}/`,
      type: 'Directory' as const,
    }));
    expect((await tried(gzipSync(tarOf(folders)))).error).toMatchObject({ code: 'BAD_ARCHIVE' });
  });

  it('that says it holds more than there is, less than there is, or more than the disk has room for', async () => {
    const cut = tarOf([{ path: 'a', ...file, size: 100_000 }]);
    expect((await tried(cut)).error).toMatchObject({ code: 'BAD_ARCHIVE' });
    const lie = zipOf([{ path: 'a', bytes: Buffer.alloc(1_000_000, 'x'), size: 10 }]);
    expect((await tried(lie)).error).toMatchObject({ code: 'BAD_ARCHIVE' });
    const huge = tarOf([{ path: 'a', ...file, size: 8_000_000_000 }]);
    expect((await tried(huge)).error).toMatchObject({ code: 'ARCHIVE_TOO_LARGE' });
  });

  it('that has more bytes than one allows', async () => {
    const bytes = tarOf([{ path: 'a', bytes: Buffer.alloc(2000) }]);
    expect((await tried(bytes, { maxBytes: 1999 })).error).toMatchObject({
      code: 'ARCHIVE_TOO_LARGE',
    });
    expect((await tried(bytes, { maxBytes: 2000 })).error).toBeUndefined();
  });

  it('that holds more files than any model', async () => {
    const entries = Array.from({ length: 20_001 }, (_, i) => ({ path: `.${i}` }));
    expect((await tried(gzipSync(tarOf(entries)))).error).toMatchObject({
      code: 'ARCHIVE_TOO_LARGE',
    });
  });

  it('that is packed twice, empty, cut off, or none at all', async () => {
    const tar = tarOf([{ path: 'a', bytes: Buffer.alloc(5000) }]);
    const wrong = [
      gzipSync(gzipSync(tar)),
      gzipSync(tar).subarray(0, 40),
      tar.subarray(0, 3000),
      Buffer.alloc(0),
      Buffer.alloc(10_240),
      Buffer.from('PK\u0003\u0004 and no more'),
      Buffer.from('hello'),
      tarOf([]),
      tarOf([{ path: '.hidden', ...file }]),
    ];
    for (const bytes of wrong) {
      expect((await tried(bytes)).error?.code).toMatch(/^(BAD_ARCHIVE|EMPTY_BUNDLE)$/);
    }
  });
});

describe('whatever bytes come', () => {
  /** Counts what it is given; the real one writes the same to the disk. */
  class Counter implements ArchiveTarget {
    files = 0;
    bytes = 0;
    weigh(): void {}
    begin(): boolean {
      return ++this.files % 3 !== 0;
    }
    write({ length }: Uint8Array): void {
      this.bytes += length;
    }
    end(): void {}
  }

  async function settles(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (thrown) {
      if (!(thrown instanceof BitmodelError)) throw thrown;
      expect(thrown.code).toBe('BAD_ARCHIVE');
    }
  }

  const small = [
    { path: 'config.json', bytes: Buffer.from('{"a": 1}') },
    { path: 'a/b', bytes: Buffer.alloc(700, 'ab') },
    { path: 'c', bytes: Buffer.alloc(0) },
  ];
  const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 6 });

  function mutated(
    base: Buffer,
    edits: readonly (readonly [number, number])[],
    cut: number,
  ): Buffer {
    const bytes = Buffer.from(base);
    for (const [at, byte] of edits) bytes[at % bytes.length] = byte;
    return bytes.subarray(0, bytes.length - (cut % bytes.length));
  }

  const anything = (base: Buffer) =>
    fc.oneof(
      fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes)),
      fc.tuple(changes, fc.oneof(fc.constant(0), fc.nat())).map(([edits, cut]) => {
        return mutated(base, edits, cut);
      }),
    );

  it(
    'reading tar ends, with an error or without, and gives no more than it was given',
    async () => {
      await fc.assert(
        fc.asyncProperty(anything(tarOf(small)), async (bytes) => {
          const counter = new Counter();
          async function* chunks() {
            yield bytes;
          }
          await settles(readTar(chunks(), counter));
          expect(counter.bytes).toBeLessThanOrEqual(bytes.length);
        }),
        { numRuns: cases(20_000, 2_000_000) },
      );
    },
    timeLimit(240_000),
  );

  it(
    'reading zip ends, with an error or without, and gives no more than it says',
    async () => {
      await fc.assert(
        fc.asyncProperty(anything(zipOf(small)), async (bytes) => {
          const counter = new Counter();
          const zip = await new Promise<yauzl.ZipFile | undefined>((done) => {
            yauzl.fromBuffer(bytes, { lazyEntries: true }, (thrown, opened) =>
              done(thrown ? undefined : opened),
            );
          });
          if (zip) await settles(readZip(zip, counter));
          expect(counter.bytes).toBeLessThan(1 << 20);
        }),
        { numRuns: cases(20_000, 1_000_000) },
      );
    },
    timeLimit(240_000),
  );
});
