import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ChainNode, transactionId } from '#src/chain/index.js';
import { type FullNetwork, startNetwork } from '#src/network/index.js';
import {
  MINER_SCRIPT,
  OTHER_SCRIPT,
  openTemporaryNode,
  payFromMiner,
} from '../../chain/node/setup.js';
import { cases, LONG_TESTS, timeLimit } from '../../long.js';
import { until } from '../../until.js';
import { FaultProxy, type Faults } from './FaultProxy.js';

const LENGTH = cases(150, 2_000);
/** Seconds until everything must have come through a link that is no longer bad. */

interface Member {
  readonly node: ChainNode;
  readonly network: FullNetwork;
  readonly warnings: string[];
  end(): Promise<void>;
}

/** Two whole nodes, each with all of the network that a node has, and one bad link between them. */
describe('two nodes on a bad link', () => {
  let first: Member;
  let second: Member;
  let link: FaultProxy;

  async function start(connect: readonly string[]): Promise<Member> {
    const { node, end } = await openTemporaryNode({ threads: 1 });
    const warnings: string[] = [];
    const network = await startNetwork({
      node,
      listen: connect.length === 0 ? ['/ip4/127.0.0.1/tcp/0'] : [],
      ...(connect.length > 0 && { connect }),
      onWarning: (message) => void warnings.push(message),
    });
    const close = async (): Promise<void> => {
      await network.close();
      await end();
    };
    return { node, network, warnings, end: close };
  }

  async function join(faults: Partial<Faults>): Promise<void> {
    const port = Number(/\/tcp\/(\d+)/.exec(first.network.peers.host.addresses()[0]!)![1]);
    link = await FaultProxy.listen({ host: '127.0.0.1', port }, faults, 11);
    second = await start([`/ip4/127.0.0.1/tcp/${link.port}`]);
  }

  const mine = (member: Member, count: number) => member.node.mine(count, MINER_SCRIPT);
  const agree = () => until(() => first.node.tip.hash === second.node.tip.hash);
  const blameless = (): void => {
    for (const { network, warnings } of [first, second]) {
      expect(network.peers.bans.list()).toEqual([]);
      // that the other one did not answer is true, and the only thing to complain of
      const others = warnings.filter((text) => !text.includes('does not answer'));
      expect(others).toEqual([]);
    }
  };

  beforeEach(async () => {
    first = await start([]);
    await mine(first, LENGTH);
  });
  afterEach(async () => {
    await second.end();
    await first.end();
    await link.close();
  });

  it(
    'agree over one that is slow and loses segments, and blame nobody',
    async () => {
      await join({ delay: 30, jitter: 20, loss: 0.02 });
      await agree();
      const payment = payFromMiner(first.node, [{ value: 10_000n, lockingScript: OTHER_SCRIPT }]);
      const id = await first.node.submitTransaction(payment);
      await until(() => second.node.mempool.size > 0);
      await mine(second, 1);
      await agree();
      expect(first.node.mempool.size).toBe(0);
      expect(id).toBe(transactionId(payment));
      expect(link.struck.loss).toBeGreaterThan(0);
      blameless();
    },
    timeLimit(240_000),
  );

  for (const fault of ['corrupt', 'swallow', 'reorder', 'cut'] as const) {
    it(
      `agree once one that did this for a while is good again, and blame nobody: ${fault}`,
      async () => {
        await join({ [fault]: 0.2 });
        await until(() => link.struck[fault] > 2);
        link.faults = { ...link.faults, [fault]: 0 };
        await agree();
        await mine(first, 1);
        await agree();
        blameless();
      },
      timeLimit(240_000),
    );
  }

  it(
    'go on alone while it is cut, and return to the chain with more work with what the other one lost',
    async () => {
      await join({});
      await agree();
      link.sever();
      const payment = payFromMiner(second.node, [{ value: 10_000n, lockingScript: OTHER_SCRIPT }]);
      await second.node.submitTransaction(payment);
      await mine(second, 1);
      expect(second.node.mempool.size).toBe(0);
      await mine(first, 3);
      link.mend();
      await agree();
      expect(second.node.tip.height).toBe(LENGTH + 3);
      // the payment is in no block now: it waits again, on both sides
      await until(() => first.node.mempool.size === 1 && second.node.mempool.size === 1);
      await mine(first, 1);
      await agree();
      expect(second.node.mempool.size).toBe(0);
      blameless();
    },
    timeLimit(240_000),
  );

  it(
    'find each other again after one that swallowed everything without a word',
    async () => {
      await join({});
      await agree();
      link.faults = { ...link.faults, blackhole: true };
      await mine(first, 2);
      const isParted = () => !second.network.peers.host.isConnected(first.network.peers.host.id);
      // a minute without an answer ends a connection: too long to wait for each time
      if (LONG_TESTS) await until(isParted);
      else await until(() => first.node.tip.height > second.node.tip.height);
      link.faults = { ...link.faults, blackhole: false };
      await agree();
      expect(second.node.tip.height).toBe(LENGTH + 2);
      blameless();
    },
    timeLimit(200_000),
  );
});
