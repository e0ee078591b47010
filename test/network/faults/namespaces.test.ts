import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Machine, Namespaces, whyNoNamespaces } from './Namespaces.js';

const missing = whyNoNamespaces();

/** Serves one byte every 50 ms to whoever connects. */
const TICKER =
  "require('net').createServer((s) => { const t = setInterval(() => s.write('x'), 50); s.on('error', () => {}).on('close', () => clearInterval(t)); }).listen(7000, () => console.log('listening'))";

describe.skipIf(missing !== undefined)('machines on one wire', () => {
  let net: Namespaces;
  let server: ChildProcess;
  const within = (machine: Machine, ...command: string[]): [string, string[]] => [
    'ip',
    ['netns', 'exec', machine.namespace, ...command],
  ];
  const answers = (from: Machine, to: Machine): boolean => {
    const script = `const s = require('net').connect(7000, '${to.address}', () => {}); s.on('data', () => process.exit(0)); s.on('error', () => process.exit(1)); setTimeout(() => process.exit(2), 5000)`;
    return spawnSync(...within(from, process.execPath, '-e', script)).status === 0;
  };
  beforeAll(async () => {
    net = new Namespaces(3);
    server = spawn(...within(net.machines[0]!, process.execPath, '-e', TICKER));
    await new Promise((done) => server.stdout!.once('data', done));
  });
  afterAll(() => {
    server.kill('SIGKILL');
    net.close();
  });

  it('reach each other, and nobody whose plug is pulled', () => {
    const [first, second, third] = net.machines as [Machine, Machine, Machine];
    expect(answers(second, first)).toBe(true);
    expect(answers(third, first)).toBe(true);
    net.pull(second);
    expect(answers(second, first)).toBe(false);
    expect(answers(third, first)).toBe(true);
    net.plug(second);
    expect(answers(second, first)).toBe(true);
  });
});
