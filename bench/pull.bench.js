import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ModelRegistry, packModel } from 'bitmodel/model';

/**
 * Fetches 500 MB from four peers, each a process of its own on loopback, and in turn the same bytes over one raw TLS stream
 * of node:tls between two processes. Both receivers write what they get to a file and flush it to the disk at the end; ours
 * checks every piece against its hash as well.
 */
const PEERS = 4;
const BYTES = 500_000_000;
const child = fileURLToPath(new URL('pull/child.js', import.meta.url));
const tls = fileURLToPath(new URL('pull/tls.js', import.meta.url));

function start(script, ...args) {
  const running = spawn(process.execPath, [script, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = [];
  const waiting = [];
  let rest = '';
  running.stdout.setEncoding('utf8').on('data', (text) => {
    rest += text;
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      const line = rest.slice(0, end);
      rest = rest.slice(end + 1);
      if (waiting.length > 0) waiting.shift()(line);
      else lines.push(line);
    }
  });
  const line = () =>
    lines.length > 0 ? Promise.resolve(lines.shift()) : new Promise((done) => waiting.push(done));
  const stop = async () => {
    running.kill('SIGKILL');
    await once(running, 'exit');
  };
  return { line, stop, say: (text) => running.stdin.write(`${text}\n`) };
}

async function pullOnce(folder, addresses, id) {
  const puller = start(child, 'pull', folder, id, ...addresses);
  const { seconds } = JSON.parse(await puller.line());
  await puller.stop();
  rmSync(folder, { recursive: true });
  return seconds;
}

async function tlsOnce(file, target) {
  const server = start(tls, 'send', file);
  const port = await server.line();
  const client = start(tls, 'receive', target, port);
  const { seconds } = JSON.parse(await client.line());
  await client.stop();
  await server.stop();
  rmSync(target);
  return seconds;
}

function spread(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return { min: sorted[0], median: sorted[sorted.length >> 1], max: sorted.at(-1) };
}

export async function run([count = '7']) {
  const rounds = Number(count);
  const scratch = mkdtempSync(join(tmpdir(), 'bitmodel-bench-pull-'));
  const peers = [];
  try {
    const source = join(scratch, 'peer-0', 'model');
    mkdirSync(source, { recursive: true });
    const bytes = Buffer.alloc(BYTES);
    for (let i = 0; i < BYTES; i += 4) bytes.writeUInt32LE((i * 2_654_435_761) >>> 0, i);
    writeFileSync(join(source, 'model.onnx'), bytes);
    const { id } = await packModel(source, { name: 'bench' });
    for (let i = 0; i < PEERS; i++) {
      const folder = join(scratch, `peer-${i}`);
      const dir = join(folder, 'model');
      if (i > 0) cpSync(source, dir, { recursive: true, preserveTimestamps: true });
      new ModelRegistry(folder).register(id, dir, 'bench');
      peers.push(start(child, 'serve', folder));
    }
    const addresses = [];
    for (const peer of peers) addresses.push(await peer.line());
    const ours = [];
    const raw = [];
    for (let round = 0; round <= rounds; round++) {
      const pulled = await pullOnce(join(scratch, `puller-${round}`), addresses, id);
      const streamed = await tlsOnce(join(source, 'model.onnx'), join(scratch, 'streamed'));
      // the first round warms caches and code on both sides
      if (round === 0) continue;
      ours.push(BYTES / 1e6 / pulled);
      raw.push(BYTES / 1e6 / streamed);
      process.stdout.write(
        `round ${round}: pull ${ours.at(-1).toFixed(0)} MB/s, one TLS stream ${raw.at(-1).toFixed(0)} MB/s\n`,
      );
    }
    const figures = {
      megabytesPerSecond: spread(ours),
      tlsMegabytesPerSecond: spread(raw),
      ratio: spread(ours.map((rate, i) => rate / raw[i])),
      goal: 0.8,
    };
    for (const [name, { min, median, max }] of Object.entries(figures).slice(0, 3)) {
      process.stdout.write(
        `${name.padEnd(24)} min ${min.toFixed(2)}  median ${median.toFixed(2)}  max ${max.toFixed(2)}\n`,
      );
    }
    return figures;
  } finally {
    for (const peer of peers) await peer.stop();
    rmSync(scratch, { recursive: true, force: true });
  }
}
