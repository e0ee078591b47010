import { spawnSync } from 'node:child_process';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { getPublicKey, utils } from '@noble/secp256k1';
import {
  openShareOf,
  packModel,
  protectModel,
  readProtection,
  unlockModel,
} from '../dist/model/index.js';

/**
 * `npm run bench -- protect [DIR]`: protecting a packed model of 500 MB of random binary32 weights (or the one in DIR) beside
 * `cp`, `cp` and a flush to the disk, and AES-256-GCM of all its bytes by OpenSSL (through Node.js), each in turn, in a folder of the system's
 * temporary one. Unlocking hashes the result, too, so it is told apart.
 */
const BYTES = 500e6;
const ROUNDS = 7;

const holder = () => {
  const privateKey = utils.randomSecretKey();
  return { privateKey, publicKey: Buffer.from(getPublicKey(privateKey, true)).toString('hex') };
};

const varint = (value) => {
  const bytes = [];
  let left = value;
  while (left >= 128) {
    bytes.push((left % 128) | 128);
    left = Math.floor(left / 128);
  }
  return Buffer.from([...bytes, left]);
};
const number = (field, value) => Buffer.concat([varint(field * 8), varint(value)]);
const head = (field, length) => Buffer.concat([varint(field * 8 + 2), varint(length)]);
const message = (field, bytes) => Buffer.concat([head(field, bytes.length), bytes]);

/** A graph of one node and one initialiser of that many bytes, in the form of onnx.proto3. */
function writeGraph(path, bytes) {
  const rows = Math.floor(bytes / 4 / 1024);
  const raw = Buffer.allocUnsafe(rows * 4096);
  const noise = new Float32Array(1 << 20).map(() => (Math.random() - 0.5) / 10);
  for (let at = 0; at < raw.length; at += noise.byteLength) {
    Buffer.from(noise.buffer).copy(raw, at, 0, Math.min(noise.byteLength, raw.length - at));
  }
  const tensor = Buffer.concat([
    number(1, rows),
    number(1, 1024),
    number(2, 1),
    message(8, Buffer.from('w')),
    head(9, raw.length),
  ]);
  const node = message(
    1,
    Buffer.concat([
      message(1, Buffer.from('w')),
      message(2, Buffer.from('y')),
      message(4, Buffer.from('Identity')),
    ]),
  );
  const initializer = Buffer.concat([head(5, tensor.length + raw.length), tensor]);
  const graph = head(7, node.length + initializer.length + raw.length);
  writeFileSync(path, Buffer.concat([number(1, 8), graph, node, initializer, raw]));
}

function sync(path) {
  const file = openSync(path, 'r');
  fsyncSync(file);
  closeSync(file);
}

const seconds = async (work) => {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
};

const run1 = (command, args, options = {}) => {
  const { status, stderr } = spawnSync(command, args, options);
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
};

/** OpenSSL offers no AEAD in `openssl enc`, so its library is called, as Node.js has it: one pass over the file, one tag. */
const ENCRYPT = `
import { createCipheriv, randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
const [from, to] = process.argv.slice(1);
const cipher = createCipheriv('aes-256-gcm', randomBytes(32), randomBytes(12));
await pipeline(createReadStream(from, { highWaterMark: 1 << 22 }), cipher, createWriteStream(to, { highWaterMark: 1 << 22 }));
`;

export async function run([dir]) {
  const place = mkdtempSync(join(tmpdir(), 'bitmodel-bench-protect-'));
  try {
    const model = dir ?? join(place, 'model');
    const file = 'onnx/model.onnx';
    const path = join(model, file);
    if (!dir) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(join(model, 'config.json'), '{}');
      writeGraph(path, BYTES);
      sync(path);
      await packModel(model);
    }
    const size = statSync(path).size;
    const [contributor, platform] = [holder(), holder()];
    const holders = { contributor: contributor.publicKey, platform: platform.publicKey };
    const out = join(place, 'out');
    readFileSync(path);
    const ways = {
      cp: () => run1('cp', [path, join(place, 'copy')]),
      // what protecting says is there is on the disk; what cp wrote, only after this
      'cp, flushed': () => {
        run1('cp', [path, join(place, 'copy')]);
        sync(join(place, 'copy'));
      },
      shuffle: () => protectModel(model, out, { ...holders, file }),
      full: () => protectModel(model, out, { ...holders, mode: 'full' }),
      'AES-256-GCM (OpenSSL)': () =>
        run1(process.execPath, ['--input-type=module', '-e', ENCRYPT, path, join(place, 'sealed')]),
    };
    const times = Object.fromEntries([...Object.keys(ways), 'unlock'].map((name) => [name, []]));
    for (let round = 0; round < ROUNDS; round++) {
      for (const [name, way] of Object.entries(ways)) {
        times[name].push(await seconds(way));
        if (name === 'shuffle') {
          const protection = readProtection(out);
          const shares = [contributor, platform].map((key) =>
            openShareOf(protection, key.privateKey, key.publicKey),
          );
          times.unlock.push(await seconds(() => unlockModel(out, join(place, 'clear'), shares)));
        }
        for (const made of ['copy', 'out', 'clear', 'sealed']) {
          rmSync(join(place, made), { recursive: true, force: true });
        }
      }
    }
    console.log(
      `${(size / 1e6).toFixed(0)} MB, ${ROUNDS} rounds in turn: least, median, most s; median against cp's, and a flushed cp's`,
    );
    const figures = { bytes: size };
    const median = (list) => [...list].sort((a, b) => a - b)[ROUNDS >> 1];
    for (const [name, list] of Object.entries(times)) {
      const ratio = median(list) / median(times.cp);
      const flushed = median(list) / median(times['cp, flushed']);
      figures[name] = {
        least: Math.min(...list),
        median: median(list),
        most: Math.max(...list),
        ratio,
        flushed,
      };
      console.log(
        `${name.padEnd(24)}${[Math.min(...list), median(list), Math.max(...list)].map((s) => s.toFixed(2).padStart(7)).join('')}  ${ratio.toFixed(2)}  ${flushed.toFixed(2)}`,
      );
    }
    return figures;
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}
