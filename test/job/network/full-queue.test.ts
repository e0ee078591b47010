import { afterAll, expect, it } from 'vitest';
import { fromHex, utf8 } from '#src/base/index.js';
import { hash160, networkParameters, type Outpoint, p2pkhScript } from '#src/chain/index.js';
import {
  JobGossip,
  JobPoolService,
  jobIdHex,
  MESSAGE_BOUNDS,
  type PoolChain,
} from '#src/job/index.js';
import {
  decodePoolQuestion,
  encodeDigests,
  encodeMessages,
  encodePoolQuestion,
} from '#src/job/network/frames.js';
import { JOB_TOPIC } from '#src/job/network/JobGossip.js';
import { JOB_POOL } from '#src/job/network/JobPoolSync.js';
import { encodeJobMessage } from '#src/job/network/wire.js';
import { Record } from '../../network/gossip/nodes.js';
import { Hosts, meet } from '../../network/host/hosts.js';
import { until } from '../../until.js';
import { announce, hash, makeJob, publicKey } from '../make.js';

const hosts = new Hosts();
const ends: (() => void)[] = [];

/** A chain that says nothing of one coin until it is let. */
class SlowView implements PoolChain {
  readonly parameters = networkParameters('regtest');
  readonly slow = makeJob({ coin: `${hash('slow')}:0` });
  readonly answer: Promise<void>;
  go: () => void = () => {};

  constructor() {
    this.answer = new Promise((resolve) => {
      this.go = resolve;
    });
  }

  height(): number {
    return 110;
  }

  async output({ hash: id }: Outpoint) {
    if (this.slow.coin.startsWith(Buffer.from(id).reverse().toString('hex'))) await this.answer;
    const lockingScript = p2pkhScript(hash160(fromHex(publicKey('client'))));
    return { output: { value: 1000n, lockingScript } };
  }

  spender() {
    return undefined;
  }

  transaction() {
    return undefined;
  }
}

afterAll(async () => {
  for (const end of ends) end();
  await hosts.close();
});

it('garbage that a peer answers with while its share of the queue is full ends nothing', async () => {
  const host = await hosts.start('node');
  const liar = await hosts.start('liar');
  const view = new SlowView();
  const record = new Record();
  const service = new JobPoolService(view);
  const warnings: string[] = [];
  const gossip = new JobGossip({
    host,
    penalties: record,
    pool: service,
    period: 60_000,
    onWarning: (message) => warnings.push(message),
  });
  ends.push(() => gossip.close());
  liar.join({ name: JOB_TOPIC, maxBytes: 2 << 20, validate: () => 'accept' });
  const garbage = [
    'null',
    '7',
    '[]',
    '""',
    '{}',
    '{"v":1}',
    '{"jobId":null}',
    '',
    '\0',
    '{"a":1e999}',
  ];
  const given = new Map<string, string>();
  liar.answer(JOB_POOL, (frame) => {
    const question = decodePoolQuestion(frame);
    if (question.kind !== 'want') return encodeDigests({ lines: [], isMore: false });
    return encodeMessages([utf8(given.get(question.ids[0]!) ?? 'null')]);
  });
  await meet(liar, host, JOB_TOPIC);

  // one message is being looked at; behind it the peer's share fills to its last byte
  await liar.publish(JOB_TOPIC, encodeJobMessage(announce(view.slow)));
  for (let i = 0; i < 16; i++) {
    const start = utf8(`{"i":${i},"x":"`);
    const filled = new Uint8Array(MESSAGE_BOUNDS.bytes).fill(0x78);
    filled.set(start);
    filled.set(utf8('"}'), filled.length - 2);
    await liar.publish(JOB_TOPIC, filled);
  }
  await until(() => gossip.waiting.bytes >= 16 * MESSAGE_BOUNDS.bytes);

  for (const [i, text] of garbage.entries()) {
    const id = hash(`named ${i}`);
    given.set(id, text);
    const jobs = [{ jobId: hash(`job ${i}`), ids: [id] }];
    const before = record.offences(liar.id).length;
    const have = encodePoolQuestion({ kind: 'have', jobs });
    await liar.request(host.id, JOB_POOL, have, { timeout: 20_000 });
    await until(() => record.offences(liar.id).length > before);
  }
  expect(gossip.waiting.bytes).toBeGreaterThanOrEqual(16 * MESSAGE_BOUNDS.bytes);

  // and the node goes on where it was
  view.go();
  await until(
    () => gossip.waiting.count === 0 && service.pool.job(jobIdHex(view.slow)) !== undefined,
  );
  expect(warnings).toEqual([]);
  expect(hosts.unhandled).toEqual([]);
});
