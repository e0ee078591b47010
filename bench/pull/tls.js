import { execFileSync } from 'node:child_process';
import {
  closeSync,
  createReadStream,
  fsyncSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';

/** `send FILE` gives a file to whoever connects; `receive FILE PORT` takes it, flushes it, and says how long that took. */
const [job, file, port] = process.argv.slice(2);

function certificate() {
  const key = join(tmpdir(), `bench-${process.pid}.key`);
  const cert = join(tmpdir(), `bench-${process.pid}.crt`);
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  const out = ['-nodes', '-subj', '/CN=bench', '-keyout', key, '-out', cert];
  execFileSync('openssl', ['req', '-x509', ...curve, ...out], { stdio: 'ignore' });
  const pair = { key: readFileSync(key), cert: readFileSync(cert) };
  rmSync(key);
  rmSync(cert);
  return pair;
}

if (job === 'send') {
  const server = createServer(certificate(), (socket) => {
    createReadStream(file, { highWaterMark: 1024 * 1024 }).pipe(socket);
  });
  server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
} else {
  const target = openSync(file, 'w');
  const started = performance.now();
  const socket = connect({ port: Number(port), host: '127.0.0.1', rejectUnauthorized: false });
  for await (const chunk of socket) {
    for (let at = 0; at < chunk.length; ) at += writeSync(target, chunk, at);
  }
  fsyncSync(target);
  closeSync(target);
  const seconds = (performance.now() - started) / 1000;
  process.stdout.write(`${JSON.stringify({ seconds })}\n`);
}
