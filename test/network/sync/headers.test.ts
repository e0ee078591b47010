import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import { type Block, blockHash, ChainNode, networkParameters } from '#src/chain/index.js';
import type { Host } from '#src/network/index.js';
import { HeaderTime } from '#src/network/sync/HeaderTime.js';
import { encodeWanted } from '#src/network/sync/messages.js';
import { BLOCKS, HEADERS, STATUS } from '#src/network/sync/protocols.js';
import { StatusExchange } from '#src/network/sync/StatusExchange.js';
import { encodeStatus, SERVICES, type Status } from '#src/network/sync/status.js';
import { until } from '../../until.js';
import { addressOf, Hosts } from '../host/hosts.js';
import { connect, emptyBlocks, give, lie, type Member, Members } from './chains.js';

const LENGTH = 300;
/** More work than anyone has. */
const BOAST = 1n << 80n;

const hosts = new Hosts();
let members: Members;
let chain: Block[];
/** A chain of ten blocks of its own. */
let low: ChainNode;

beforeAll(async () => {
  members = new Members(hosts);
  const { genesis } = networkParameters('regtest');
  chain = await emptyBlocks(genesis, 0, LENGTH);
  low = await ChainNode.open({ datadir: members.folder('low'), network: 'regtest', threads: 1 });
  await give(low, await emptyBlocks(genesis, 0, 10, 1));
});
afterAll(async () => {
  await low.close();
  await hosts.close();
  expect(hosts.unhandled).toEqual([]);
});
beforeEach(() => {
  members = new Members(hosts);
});
afterEach(() => members.close());

const offencesOf = (member: Member, peer: string): string[] =>
  member.offences.filter((each) => each.peer === peer).map(({ offence }) => offence);

function boastOf(work: bigint): Status {
  const { hash: genesis } = low.store.header(low.store.hashAt(0)!)!;
  const tip = new Uint8Array(32).fill(9);
  const claims = { height: 1_000_000, work, tip, genesis, time: 0, agent: 'stranger' };
  return { version: 1, services: SERVICES.blocks, ...claims };
}

/** A host that says that it has more work than anyone, and answers no question for headers. */
async function mute(name: string, onAsked: (host: Host) => void): Promise<Host> {
  const host = await hosts.start(name);
  host.answer(STATUS.answering, () => encodeStatus(boastOf(BOAST)));
  host.answer(HEADERS.answering, () => {
    onAsked(host);
    return new Promise(() => {});
  });
  return host;
}

async function tall(): Promise<Member> {
  const member = await members.start();
  await give(member.node, chain);
  return member;
}

describe('strangers that claim the most work and show no headers', () => {
  it('leave room for a peer that the node has chosen itself', async () => {
    const honest = await tall();
    const fresh = await members.start();
    const asked: Host[] = [];
    for (const name of ['mute-a', 'mute-b', 'mute-c']) {
      const stranger = await mute(name, (host) => asked.push(host));
      await stranger.dial(addressOf(fresh.host));
    }
    await until(() => asked.length >= 2);
    await connect(fresh, honest);
    await until(() => fresh.node.tip.height === LENGTH);
    // each still has the time that one answer may take
    expect(fresh.offences).toEqual([]);
  });

  it('do not keep one that claims less from its turn, however often they come back', async () => {
    const honest = await tall();
    const fresh = await members.start({ headerTime: 150 });
    let questions = 0;
    const comeBack = (host: Host): void => {
      questions += 1;
      const frame = encodeStatus(boastOf(BOAST));
      host.request(fresh.host.id, STATUS.asking, frame, { timeout: 5_000 }).catch(() => undefined);
    };
    for (const name of ['back-a', 'back-b', 'back-c', 'back-d']) {
      const stranger = await mute(name, comeBack);
      await stranger.dial(addressOf(fresh.host));
    }
    await until(() => questions >= 4);
    await honest.host.dial(addressOf(fresh.host));
    await until(() => fresh.sync.statusOf(honest.host.id) !== undefined);
    const before = questions;
    await until(() => fresh.sync.aboutPeer(honest.host.id)?.headers === LENGTH);
    // one that got no turn would wait for ever; how many come back meanwhile depends on how busy the machine is
    expect(questions - before).toBeLessThan(200);
  });
});

describe('a peer whose headers', () => {
  it('come too slowly all in all gets less time for each', () => {
    const time = new HeaderTime();
    let answers = 0;
    for (; time.next >= 19_000; answers++) {
      time.spend(19_000);
      time.earn(2_000);
    }
    expect(answers).toBe(3);
    time.spend(1_000_000);
    expect(time.next).toBe(1);
  });

  it('come as fast as they should has time for any number of them', () => {
    const time = new HeaderTime();
    for (let answers = 0; answers < 10_000; answers++) {
      time.spend(3_900);
      time.earn(2_000);
    }
    expect(time.next).toBe(20_000);
  });

  it('do not come in the time that it has is blamed', async () => {
    const fresh = await members.start({ headerTime: 100 });
    const slow = await mute('slow', () => undefined);
    await connect(fresh, slow);
    await until(() => fresh.offences.length > 0);
    expect(fresh.offences).toMatchObject([{ peer: slow.id, offence: 'stall' }]);
  });

  it('have too little work is blamed if it claimed that they have enough', async () => {
    const node = await tall();
    const { work } = node.node.headers.best;
    // less than the best, so that it need not be stored, but as much as is asked for
    const liar = await hosts.start('low');
    lie(liar, low, { status: () => boastOf(work - 1n) });
    await connect(node, liar);
    await until(() => node.offences.length > 0);
    expect(offencesOf(node, liar.id)).toEqual(['false-height']);
  });

  it('are more than is held before their work is enough is blamed', async () => {
    const node = await tall();
    const take = vi.spyOn(node.node.headers, 'take').mockImplementation(() => {
      throw new BitmodelError('TOO_LITTLE_WORK', 'A branch of many headers has too little work.');
    });
    const liar = await hosts.start('long-and-low');
    lie(liar, low, { status: () => boastOf(BOAST) });
    await connect(node, liar);
    await until(() => node.offences.length > 0);
    take.mockRestore();
    expect(offencesOf(node, liar.id)).toEqual(['false-height']);
  });

  it('would be dropped in any case, as it says itself, is not asked for them', async () => {
    const node = await tall();
    let questions = 0;
    const small = await hosts.start('small');
    lie(small, low, {
      headers: (headers) => {
        questions += 1;
        return headers;
      },
    });
    await connect(node, small);
    await until(() => node.sync.statusOf(small.id) !== undefined);
    const other = await members.start();
    await connect(other, node);
    await until(() => other.node.tip.height === LENGTH);
    expect(questions).toBe(0);
    expect(node.offences).toEqual([]);
  });
});

describe('questions for blocks that are still on their way', () => {
  it('share one listener for the next block', async () => {
    const server = await members.start();
    server.node.headers.take(chain.map(({ header }) => header));
    const asker = await hosts.start('asker');
    await asker.dial(addressOf(server.host));
    const listeners = server.node.listenerCount('block');
    let most = 0;
    const timer = setInterval(() => {
      most = Math.max(most, server.node.listenerCount('block'));
    }, 5);
    const answers = chain.slice(0, 4).map(async ({ header }) => {
      const stream = await asker.open(server.host.id, BLOCKS.asking);
      await stream.send(encodeWanted([blockHash(header)]));
      const answer = await stream.receive();
      stream.abort();
      return answer;
    });
    // each is told in the end that the block is not kept
    for (const answer of await Promise.all(answers)) expect(answer).toBeDefined();
    clearInterval(timer);
    expect(most).toBe(listeners);
  });
});

describe('what nobody expects', () => {
  it('while a status is taken is told as a warning, and ends nothing', async () => {
    const member = await members.start();
    const other = await members.start();
    const exchange = new StatusExchange(
      { ...member, penalties: { penalise: () => undefined }, agent: 'bitmodel/test' },
      () => {
        throw new Error('out of ideas');
      },
    );
    await connect(member, other);
    await until(() => member.warnings.length > 0);
    exchange.close();
    expect(member.warnings[0]).toMatch(/status.*out of ideas/);
    expect(hosts.unhandled).toEqual([]);
  });
});
