import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeTransaction, type Transaction, transactionHash } from '#src/chain/index.js';
import { encodeGiven, encodeMempoolQuestion } from '#src/network/gossip/codec.js';
import { MEMPOOL, TRANSACTIONS } from '#src/network/gossip/MempoolSync.js';
import { TRANSACTION_TOPIC } from '#src/network/gossip/TransactionGossip.js';
import type { Host } from '#src/network/index.js';
import { ANYONE, type AnyoneCoin, outputOf, spend } from '../../chain/mempool/anyone.js';
import { until } from '../../until.js';
import { addressOf, meet } from '../host/hosts.js';
import { connect, type GossipNode, GossipNodes } from './nodes.js';

const nodes = new GossipNodes();
let a: GossipNode;
let b: GossipNode;
let c: GossipNode;
let coins: AnyoneCoin[];
let stranger: Host;

const has = ({ node }: GossipNode, transaction: Transaction): boolean =>
  node.mempool.get(transactionHash(transaction)) !== undefined;

/** Waits, also on a busy machine. */
/** A host that passes on anything, with no node behind it. */
async function bareHost(name: string): Promise<Host> {
  const host = await nodes.hosts.start(name);
  host.join({ name: TRANSACTION_TOPIC, maxBytes: 2_000_000, validate: () => 'accept' });
  return host;
}

beforeAll(async () => {
  a = await nodes.start('a', 1500);
  b = await nodes.start('b', 1500);
  c = await nodes.start('c', 1500);
  coins = a.node
    .unspentOf(ANYONE)
    .filter(({ coin }) => coin.height <= 30)
    .map(({ outpoint, coin }) => ({ outpoint, value: coin.output.value }));
  // a line: what c has of a came through b
  await meet(a.host, b.host, TRANSACTION_TOPIC);
  await meet(b.host, c.host, TRANSACTION_TOPIC);
  stranger = await bareHost('stranger');
  await meet(stranger, b.host, TRANSACTION_TOPIC);
});

afterAll(async () => {
  await nodes.end();
  expect(nodes.hosts.unhandled).toEqual([]);
});

describe('transactions between nodes', () => {
  it('reach every node from the one that they were brought to', async () => {
    const sent = Array.from({ length: 5 }, () => spend([coins.pop()!], 1, 1000));
    for (const transaction of sent) await a.node.submitTransaction(transaction);
    await until(() => sent.every((transaction) => has(c, transaction)));
    expect(b.record.held).toEqual([]);
  });

  it('are held against a neighbour that passes on what breaks a rule, and go no further', async () => {
    const coin = coins.pop()!;
    const printing = spend([{ ...coin, value: coin.value * 2n }], 1, 1000);
    await stranger.publish(TRANSACTION_TOPIC, encodeTransaction(printing));
    await until(() => b.record.offences(stranger.id).includes('invalid-transaction'));
    const next = spend([coins.pop()!], 1, 1000);
    await stranger.publish(TRANSACTION_TOPIC, encodeTransaction(next));
    await until(() => has(a, next) && has(c, next));
    expect(b.record.offences(stranger.id)).toEqual(['invalid-transaction']);
    expect(b.record.held[0]!.detail).toContain('bad-txns-in-belowout');
    expect([a, b, c].some((each) => has(each, printing))).toBe(false);
    expect(a.record.held).toEqual([]);
  });

  it('are kept from others without blame when they only pay too little', async () => {
    const before = b.record.held.length;
    const cheap = spend([coins.pop()!], 1, 0);
    const next = spend([coins.pop()!], 1, 1000);
    await stranger.publish(TRANSACTION_TOPIC, encodeTransaction(cheap));
    await stranger.publish(TRANSACTION_TOPIC, encodeTransaction(next));
    await until(() => has(c, next));
    expect(has(b, cheap)).toBe(false);
    expect(b.record.held).toHaveLength(before);
  });

  it('wait for their parents, whichever comes first, and then go on to all', async () => {
    const parent = spend([coins.pop()!], 2, 1000);
    const child = spend([outputOf(parent)], 1, 1000);
    const grandchild = spend([outputOf(child)], 1, 1000);
    for (const transaction of [grandchild, child]) {
      await stranger.publish(TRANSACTION_TOPIC, encodeTransaction(transaction));
    }
    await until(() => b.gossip.orphans.count === 2);
    await stranger.publish(TRANSACTION_TOPIC, encodeTransaction(parent));
    await until(() => [a, b, c].every((each) => has(each, grandchild)));
    expect(b.gossip.orphans).toEqual({ count: 0, bytes: 0 });
  });

  it('come to a node that connects later, and to one that gossip passed by', async () => {
    const late = await nodes.start('late', 1500);
    await connect(late, a);
    await until(() => late.node.mempool.size === a.node.mempool.size);
    // said to nobody: only a look into its mempool shows it
    const quiet = spend([coins.pop()!], 1, 1000);
    late.node.admission.submit(quiet);
    await until(() => has(c, quiet));
  });

  it('are offered again when a reorganisation frees them', async () => {
    const fork = await nodes.start('fork');
    const freed = spend([coins.pop()!], 1, 1000);
    await fork.node.submitTransaction(freed);
    await fork.node.mine(1, ANYONE);
    const rival = await nodes.start('rival');
    await rival.node.mine(2, Uint8Array.of(0x52));
    await meet(fork.host, a.host, TRANSACTION_TOPIC);
    expect(has(a, freed)).toBe(false);
    for (const height of [131, 132]) {
      const hash = rival.node.store.hashAt(height)!;
      await fork.node.submitBlock(rival.node.store.block(hash)!);
    }
    expect(has(fork, freed)).toBe(true);
    await until(() => has(a, freed) && has(c, freed));
  });

  it('are not taken from who hands out others than were asked for', async () => {
    const liar = await bareHost('liar');
    const unasked = spend([coins.pop()!], 1, 1000);
    liar.answer(TRANSACTIONS, () => encodeGiven([encodeTransaction(unasked)]));
    await liar.dial(addressOf(c.host));
    const told = encodeMempoolQuestion({ kind: 'have', ids: [new Uint8Array(32).fill(7)] });
    await liar.request(c.host.id, MEMPOOL, told, { timeout: 5000 });
    await until(() => c.record.offences(liar.id).includes('unasked'));
    expect(has(c, unasked)).toBe(false);
  });

  it('in garbage are held against who asks so', async () => {
    const vandal = await bareHost('vandal');
    await vandal.dial(addressOf(c.host));
    for (const protocol of [MEMPOOL, TRANSACTIONS]) {
      const asked = vandal.request(c.host.id, protocol, Uint8Array.of(9, 9, 9), { timeout: 5000 });
      await expect(asked).rejects.toThrow();
    }
    expect(c.record.offences(vandal.id)).toEqual(['garbage', 'garbage']);
  });

  it('of a flood leave room for those of others, and little behind', async () => {
    const flooder = await bareHost('flooder');
    await meet(flooder, c.host, TRANSACTION_TOPIC);
    const junk = (i: number): Uint8Array => {
      const outpoint = { hash: new Uint8Array(32).fill(i % 256), index: i };
      return encodeTransaction(spend([{ outpoint, value: 5000n }], 1, 1000));
    };
    for (let i = 0; i < 3000; i++) await flooder.publish(TRANSACTION_TOPIC, junk(i));
    const good = spend([coins.pop()!], 1, 1000);
    await a.node.submitTransaction(good);
    await until(() => has(c, good));
    expect(c.gossip.orphans.count).toBeLessThanOrEqual(50);
    expect(c.gossip.waiting.bytes).toBeLessThanOrEqual(32 << 20);
  });
});
