import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bundle, ModelRegistry, ServedModels } from '#src/model/index.js';
import { parseRange } from '#src/network/models/byteRange.js';
import { WebSeed } from '#src/network/models/WebSeed.js';
import { FILES, makeModel } from '../../model/store/setup.js';

let scratch: string;
let models: ServedModels;
let seed: WebSeed;
let model: Bundle;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'bitmodel-seed-'));
  model = await makeModel(join(scratch, 'model'));
  new ModelRegistry(scratch).register(model.id, join(scratch, 'model'), 'a model');
  models = new ServedModels(scratch, () => {});
  seed = await WebSeed.listen({ models, port: 0 });
});
afterAll(async () => {
  await seed.close();
  await models.close();
  rmSync(scratch, { recursive: true });
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** Asks with the path just as it is written: `fetch` would mend it. */
function ask(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((done, fail) => {
    const asked = request({ port: seed.port, path, headers, method, agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () =>
        done({
          status: response.statusCode!,
          headers: response.headers,
          body: Buffer.concat(parts),
        }),
      );
      response.on('error', fail);
    });
    asked.on('error', fail).end();
  });
}

const urlOf = (path: string): string => `/${model.id}/model/${path}`;
const fileOf = (path: string): Buffer => readFileSync(join(scratch, 'model', path));

describe('a web seed', () => {
  it('gives every file of a model where BEP 19 has it', async () => {
    for (const path of Object.keys(FILES)) {
      const { status, body } = await ask(urlOf(path));
      expect(status).toBe(200);
      expect(body.equals(fileOf(path))).toBe(true);
    }
  });

  it('gives any range of a file', async () => {
    const whole = fileOf('onnx/model.onnx');
    const ranges: [string, number, number][] = [
      ['bytes=0-0', 0, 1],
      ['bytes=1048576-2097151', 1_048_576, 2_097_152],
      ['bytes=3000000-', 3_000_000, whole.length],
      ['bytes=-10', whole.length - 10, whole.length],
      ['bytes=-99999999', 0, whole.length],
      ['bytes=5-999999999', 5, whole.length],
    ];
    for (const [range, start, end] of ranges) {
      const { status, headers, body } = await ask(urlOf('onnx/model.onnx'), { range });
      expect(status, range).toBe(206);
      expect(headers['content-range']).toBe(`bytes ${start}-${end - 1}/${whole.length}`);
      expect(body.equals(whole.subarray(start, end))).toBe(true);
    }
  });

  it('refuses ranges that the file does not hold, and several at once', async () => {
    const size = FILES['config.json'];
    for (const range of [
      'bytes=100-',
      'bytes=5-4',
      'bytes=-0',
      'bytes=-',
      'bytes=0-1,3-4',
      'bytes=x',
    ]) {
      const { status, headers, body } = await ask(urlOf('config.json'), { range });
      expect(status, range).toBe(416);
      expect(headers['content-range']).toBe(`bytes */${size}`);
      expect(body).toHaveLength(0);
    }
    expect((await ask(urlOf('config.json'), { range: 'lines=1-2' })).status).toBe(200);
  });

  it('tells lengths without bodies', async () => {
    const { status, headers, body } = await ask(urlOf('onnx/model.onnx'), {}, 'HEAD');
    expect([status, headers['content-length'], headers['accept-ranges'], body.length]).toEqual([
      200,
      String(FILES['onnx/model.onnx']),
      'bytes',
      0,
    ]);
  });

  it('gives the torrent with itself in it, whatever the client calls it', async () => {
    const { status, body } = await ask(`/${model.id}.torrent`, { host: 'evil.example' });
    expect(status).toBe(200);
    expect(body.toString('latin1')).toContain(`http://127.0.0.1:${seed.port}/${model.id}/`);
    expect(body.includes('evil')).toBe(false);
  });

  it('gives nothing but packed files, however the path is written', async () => {
    const paths = [
      '/',
      '//',
      `/${model.id}`,
      urlOf(''),
      urlOf('bitmodel.json'),
      urlOf('bitmodel.torrent'),
      urlOf('../models.json'),
      urlOf('..%2f..%2fmodels.json'),
      urlOf('onnx/../config.json'),
      urlOf('%2e%2e/%2e%2e/etc/passwd'),
      urlOf('config.json%00'),
      urlOf('%ff'),
      urlOf('%'),
      '/../../../../etc/passwd',
      `/${'0'.repeat(64)}/model/config.json`,
      `/${model.id}/other/config.json`,
      `/${'x'.repeat(8_200)}`,
    ];
    for (const path of paths) expect((await ask(path)).status, path).toBe(404);
    expect((await ask(urlOf('config.json'), {}, 'PUT')).status).toBe(405);
    expect((await ask(urlOf('config.json?x=1'))).status).toBe(200);
  });

  it('takes only so many connections from one address', async () => {
    const sockets = Array.from({ length: 40 }, () => connect(seed.port));
    const closed = await Promise.all(
      sockets.map(
        (socket) =>
          new Promise<boolean>((done) => {
            socket.on('error', () => {}).on('close', () => done(true));
            setTimeout(() => done(false), 500);
          }),
      ),
    );
    for (const socket of sockets) socket.destroy();
    expect(closed.filter(Boolean)).toHaveLength(8);
  });

  it('goes on when a client leaves in the middle', async () => {
    for (let i = 0; i < 5; i++) {
      await new Promise<void>((done) => {
        const asked = request({ port: seed.port, path: urlOf('onnx/model.onnx'), agent: false });
        asked.on('response', (response) => {
          response.once('data', () => asked.destroy());
        });
        asked
          .on('error', () => {})
          .on('close', done)
          .end();
      });
    }
    expect((await ask(urlOf('config.json'))).status).toBe(200);
  });
});

describe('a range header', () => {
  it('is a part of the file, or nothing, whatever it says', () => {
    const text = fc.oneof(
      fc.string(),
      fc.tuple(fc.nat(300), fc.nat(300)).map(([a, b]) => `bytes=${a}-${b}`),
      fc.string({ unit: fc.constantFrom(...'bytes=0123456789-, ') }),
    );
    fc.assert(
      fc.property(text, fc.nat(200), (header, size) => {
        const range = parseRange(header, size);
        if (range === undefined || range === 'unsatisfiable') return;
        expect(range.start).toBeGreaterThanOrEqual(0);
        expect(range.start).toBeLessThan(range.end);
        expect(range.end).toBeLessThanOrEqual(size);
      }),
      { numRuns: 20_000 },
    );
  });
});
