import { afterAll, expect, it } from 'vitest';
import { type BlockHeader, bitsToTarget, blockHash } from '#src/chain/index.js';
import type { Host } from '#src/network/index.js';
import { decodeLocator, encodeHeaders } from '#src/network/sync/messages.js';
import { HEADERS, MAX_HEADERS } from '#src/network/sync/protocols.js';
import { until } from '../../until.js';
import { addressOf } from '../host/hosts.js';
import { REGTEST, Rig } from './rig.js';

const rig = new Rig();
afterAll(() => rig.close());

/** Headers on top of the genesis block, with their work done. */
function mined(count: number, root: number): BlockHeader[] {
  const { header: genesis } = REGTEST.genesis;
  const target = bitsToTarget(REGTEST.limitBits)!;
  const made: BlockHeader[] = [];
  let previousHash = blockHash(genesis);
  while (made.length < count) {
    const time = genesis.time + 1 + made.length;
    const merkleRoot = new Uint8Array(32).fill(root);
    for (let nonce = 0; ; nonce++) {
      const header = { ...genesis, previousHash, merkleRoot, time, nonce };
      const hash = blockHash(header);
      if (BigInt(`0x${Buffer.from(hash).reverse().toString('hex')}`) > target) continue;
      made.push(header);
      previousHash = hash;
      break;
    }
  }
  return made;
}

it('headers without more work are collected from one peer at a time', async () => {
  const weak = mined(2 * MAX_HEADERS, 1);
  const light = await rig.light([]);
  light.headers.branch().add(mined(weak.length + 1, 2));
  const release: (() => void)[] = [];
  const going = new Map<Host, number>();
  for (const name of ['first', 'second']) {
    const host = await rig.hosts.start(name);
    going.set(host, 0);
    host.answer(HEADERS.answering, async (frame) => {
      // who goes on names the last header it got, and the genesis block
      const goesOn = decodeLocator(frame).length === 2;
      if (!goesOn) return encodeHeaders(weak.slice(0, MAX_HEADERS));
      going.set(host, going.get(host)! + 1);
      await new Promise<void>((done) => release.push(done));
      return encodeHeaders(weak.slice(MAX_HEADERS, -1));
    });
    await light.host.dial(addressOf(host));
  }
  const asked = (): number[] => [...going.values()];
  const [one, other] = [...going.keys()] as [Host, Host];
  await until(() => release.length > 0);
  const waiting = asked()[0] === 0 ? one : other;
  // it is asked, and not gone on with
  await light.sync.learn(waiting.id);
  expect(release).toHaveLength(1);
  expect(going.get(waiting)).toBe(0);
  release[0]!();
  await until(() => release.length > 1);
  for (const done of release) done();
  expect(light.ledger.found).toEqual([]);
  await light.close();
});
