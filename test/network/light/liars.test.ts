import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '#src/base/index.js';
import {
  type ChainNode,
  createKey,
  fundTransaction,
  hashToId,
  type KeyPair,
  signP2pkhInputs,
} from '#src/chain/index.js';
import type { Host } from '#src/network/index.js';
import type { Answer } from '#src/network/light/answer.js';
import { answerQuestion } from '#src/network/light/answerQuestion.js';
import { BlockTrees } from '#src/network/light/BlockTrees.js';
import { estimateFees } from '#src/network/light/fees.js';
import { FEES, SUBMIT } from '#src/network/light/protocols.js';
import { BEGINNING } from '#src/network/light/question.js';
import { encodeFeeAnswer, encodeSubmitAnswer } from '#src/network/light/smallMessages.js';
import { encodeHeaders } from '#src/network/sync/messages.js';
import { HEADERS } from '#src/network/sync/protocols.js';
import { until } from '../../until.js';
import { pay } from './paying.js';
import { type Light, REGTEST, Rig, scriptOf } from './rig.js';

type Lie = (answer: Answer) => Answer | Uint8Array | undefined;

describe('a light node among peers that lie', () => {
  const rig = new Rig();
  let node: ChainNode;
  let honest: Host;
  let miner: KeyPair;
  let owner: KeyPair;
  let shop: KeyPair;

  const worth = async ({ chain }: Light, key: KeyPair): Promise<bigint> => {
    const coins = await chain.coins([scriptOf(key)]);
    return coins.reduce((sum, { coin }) => sum + coin.output.value, 0n);
  };
  const synced = (light: Light, height = node.tip.height) =>
    until(() => light.headers.tip.height === height);
  const liar = (lie: Lie) => rig.liar(node, lie);
  const isPaying = (hash: string) => (block: Answer['blocks'][number]) =>
    hashToId(block.hash) === hash;

  /** What every liar below is held against: the owner was paid twice and has spent one of the coins. */
  let received: string;
  let spent: string;

  beforeAll(async () => {
    node = await rig.node();
    [miner, owner, shop] = [createKey(REGTEST), createKey(REGTEST), createKey(REGTEST)];
    await node.mine(103, scriptOf(miner));
    await pay(node, miner, scriptOf(owner), 50_000n);
    [received] = (await node.mine(1, scriptOf(miner))) as [string];
    await pay(node, owner, scriptOf(shop), 20_000n);
    [spent] = (await node.mine(1, scriptOf(miner))) as [string];
    await node.mine(1, scriptOf(miner));
    honest = await rig.honest(node);
  });

  afterAll(() => rig.close());

  const hashOf = (key: KeyPair) => sha256(scriptOf(key));
  const change = 50_000n - 20_000n;

  it('knows what it has from one honest peer, to the unit', async () => {
    const light = await rig.light([honest]);
    await synced(light);
    expect(await worth(light, shop)).toBe(20_000n);
    const left = await worth(light, owner);
    expect(left < change && left > change - 5_000n).toBe(true);
    expect(light.ledger.found).toEqual([]);
  });

  const others: [string, Lie, string | undefined][] = [
    [
      'forges a transaction',
      (answer) => ({
        ...answer,
        blocks: answer.blocks.map((block) => ({
          ...block,
          transactions: block.transactions.map((bytes) => {
            const forged = Uint8Array.from(bytes);
            // the last output's value, for a forger with plain wishes
            forged[forged.length - 40]! ^= 0x01;
            return forged;
          }),
        })),
      }),
      'bad-proof',
    ],
    [
      'shows a branch of another block',
      (answer) => ({
        ...answer,
        blocks: answer.blocks.map((block) => ({ ...block, hash: node.store.hashAt(3)! })),
      }),
      'bad-proof',
    ],
    [
      'changes a hash of a branch',
      (answer) => ({
        ...answer,
        blocks: answer.blocks.map((block) => ({
          ...block,
          tree: { ...block.tree, hashes: block.tree.hashes.map(() => randomBytes(32)) },
        })),
      }),
      'bad-proof',
    ],
    ['sends garbage', () => randomBytes(300), 'bad-proof'],
    [
      'keeps back a spend',
      (answer) => ({ ...answer, blocks: answer.blocks.filter((b) => !isPaying(spent)(b)) }),
      'omission',
    ],
    [
      'keeps back a payment',
      (answer) => ({ ...answer, blocks: answer.blocks.filter((b) => !isPaying(received)(b)) }),
      // what is left spends a coin that it never showed
      undefined,
    ],
    ['tells nothing', (answer) => ({ ...answer, blocks: [] }), 'omission'],
    ['never answers', () => undefined, 'stall'],
    [
      'goes on for ever',
      (answer) => ({ ...answer, next: { height: 0, position: 0 } }),
      'bad-proof',
    ],
    [
      'speaks of a chain that nobody has',
      (answer) => ({
        ...answer,
        tip: { height: 500, hash: randomBytes(32) },
        blocks: answer.blocks.map((block) => ({ ...block, hash: randomBytes(32) })),
      }),
      undefined,
    ],
    [
      'has an old tip',
      (answer) => ({
        ...answer,
        tip: { height: 10, hash: node.store.hashAt(10)! },
        blocks: [],
      }),
      undefined,
    ],
  ];

  it.concurrent.each(others)('is right beside one that %s', async (_name, lie, offence) => {
    const bad = await liar(lie);
    const light = await rig.light([bad, honest]);
    await synced(light);
    expect(await worth(light, shop)).toBe(20_000n);
    expect(await worth(light, owner)).toBeLessThan(change);
    expect(await light.chain.history([scriptOf(owner)])).toHaveLength(2);
    if (offence) expect(light.ledger.of(bad)).toContain(offence);
    expect(light.ledger.of(honest)).toEqual([]);
    await light.close();
  });

  it('takes no proof of what nobody asked, and scores who sends it', async () => {
    const history = { kind: 'history', from: BEGINNING, keys: [hashOf(miner)] } as const;
    const other = await answerQuestion(node, new BlockTrees(node.store), history);
    const stranger = await liar(() => other);
    const light = await rig.light([stranger, honest]);
    await synced(light);
    expect(await worth(light, shop)).toBe(20_000n);
    expect(light.ledger.of(stranger)).toContain('unasked');
    expect(light.chain.facts.size).toBeLessThan(5);
    await light.close();
  });

  it('is right with one honest peer among three that agree on a lie', async () => {
    const hide: Lie = (answer) => ({
      ...answer,
      blocks: answer.blocks.filter((block) => !isPaying(spent)(block)),
    });
    const liars = await Promise.all([liar(hide), liar(hide), liar(hide)]);
    const light = await rig.light([...liars, honest]);
    await synced(light);
    expect(await worth(light, owner)).toBeLessThan(change);
    expect(await worth(light, shop)).toBe(20_000n);
    for (const bad of liars) expect(light.ledger.of(bad)).toContain('omission');
    expect(light.ledger.of(honest)).toEqual([]);
    await light.close();
  });

  it('is deceived by omission only while all peers lie, and no longer than that', async () => {
    const hide: Lie = (answer) => ({
      ...answer,
      blocks: answer.blocks.filter((block) => !isPaying(spent)(block)),
    });
    const bad = await liar(hide);
    const light = await rig.light([bad]);
    await synced(light);
    // what docs/light.md says: a spend can be hidden by all together, an amount can't be made up
    expect(await worth(light, owner)).toBe(50_000n);
    await light.host.dial(honest.addresses()[0]!);
    await until(() => light.host.protocolsOf(honest.id).includes('proofs/1'));
    await until(async () => (await worth(light, owner)) < change);
    expect(light.ledger.of(bad)).toContain('omission');
    await light.close();
  });

  it('follows the most work, whatever else is shown', async () => {
    const weaker = await rig.node();
    await weaker.mine(node.tip.height - 20, scriptOf(createKey(REGTEST)));
    const poor = await rig.honest(weaker);
    const light = await rig.light([poor]);
    await synced(light, weaker.tip.height);
    await light.host.dial(honest.addresses()[0]!);
    await synced(light);
    expect(light.headers.tip.hash).toBe(node.tip.hash);
    expect(await worth(light, shop)).toBe(20_000n);
    expect(light.ledger.of(honest)).toEqual([]);
    expect(light.ledger.of(poor)).toEqual([]);
    await light.close();
  });

  it('refuses headers without work, or that build on nothing', async () => {
    const { header } = node.store.headerAt(1)!;
    const tip = node.store.tip().header;
    const noWork = await rig.liar(
      node,
      (answer) => answer,
      (host) =>
        host.answer(HEADERS.answering, () => {
          // regtest's target lets every second hash pass: of twenty, hardly all do
          const fakes = Array.from({ length: 20 }, (_, nonce) => ({ ...header, nonce }));
          return encodeHeaders(fakes);
        }),
    );
    const nowhere = await rig.liar(
      node,
      (answer) => answer,
      (host) => host.answer(HEADERS.answering, () => encodeHeaders([tip])),
    );
    const light = await rig.light([noWork, nowhere]);
    await until(() => light.ledger.of(noWork).length > 0 && light.ledger.of(nowhere).length > 0);
    expect(light.ledger.of(noWork)).toContain('invalid-header');
    expect(light.ledger.of(nowhere)).toContain('invalid-header');
    expect(light.headers.tip.height).toBeLessThanOrEqual(1);
    await light.close();
  });

  it('remembers what was proven over a restart, when nobody is there to ask but a liar', async () => {
    const light = await rig.light([honest], 'lasting');
    await synced(light);
    const before = await worth(light, owner);
    await light.close();
    const bad = await liar((answer) => ({ ...answer, blocks: [] }));
    const again = await rig.light([bad], 'lasting');
    expect(again.headers.tip.hash).toBe(node.tip.hash);
    expect(await worth(again, owner)).toBe(before);
    expect(again.ledger.of(bad)).toContain('omission');
    await again.close();
  });

  it('takes the lower median of fees, so that one who asks too much alone moves nothing', async () => {
    const greedy = await liar((answer) => answer);
    greedy.answer(FEES.answering, () =>
      encodeFeeAnswer({ estimate: 2n ** 60n, minimum: 2n ** 60n }),
    );
    const light = await rig.light([greedy, honest]);
    await until(() => light.host.protocolsOf(greedy.id).includes('fees/1'));
    const { minimum, estimate } = await estimateFees(light.host, 6);
    expect(minimum).toBe(node.admission.minimumFee);
    // the only one that has an estimate is held to what a wallet follows at most
    expect(estimate).toBe(50_000n);
    await light.close();
  });

  it('keeps a payment until its proof is there, whatever a liar says became of it', async () => {
    const payer = createKey(REGTEST);
    await pay(node, miner, scriptOf(payer), 80_000n);
    await node.mine(1, scriptOf(miner));
    const bad = await liar((answer) => answer);
    const handed: number[] = [];
    bad.answer(SUBMIT.answering, (frame) => {
      handed.push(frame.length);
      return encodeSubmitAnswer({ fate: 'mined', reason: '' });
    });
    const light = await rig.light([bad]);
    await synced(light);
    const coins = await light.chain.coins([scriptOf(payer)]);
    const utxos = coins.map(({ outpoint, coin }) => ({ outpoint, ...coin }));
    const { transaction, spentOutputs } = fundTransaction({
      outputs: [{ value: 10_000n, lockingScript: scriptOf(shop) }],
      utxos,
      changeScript: scriptOf(payer),
    });
    const signed = signP2pkhInputs(transaction, spentOutputs, [payer]);
    await until(() => light.host.protocolsOf(bad.id).includes('submit/1'));
    expect(await light.chain.outbox.send(signed)).toMatchObject({ isTaken: true, isMined: false });
    expect(light.chain.outbox.size).toBe(1);
    await light.host.dial(honest.addresses()[0]!);
    await until(() => light.host.protocolsOf(honest.id).includes('submit/1'));
    await light.chain.outbox.afterBlock();
    expect(node.mempool.size).toBe(1);
    await node.mine(1, scriptOf(miner));
    await synced(light);
    await until(() => light.headers.tip.hash === node.tip.hash);
    await light.chain.outbox.afterBlock();
    expect(light.chain.outbox.size).toBe(0);
    expect(handed.length).toBeGreaterThan(0);
    await light.close();
  });

  it('drops what a reorganisation undid, and learns what came instead', async () => {
    const first = await rig.node();
    const second = await rig.node();
    const blocks = 104;
    await first.mine(blocks, scriptOf(miner));
    for (let height = 1; height <= blocks; height++) {
      await second.submitBlock(first.store.block(first.store.hashAt(height)!)!);
    }
    await pay(first, miner, scriptOf(owner), 7_000n);
    await first.mine(1, scriptOf(miner));
    const light = await rig.light([await rig.honest(first)]);
    await synced(light, blocks + 1);
    expect(await worth(light, owner)).toBe(7_000n);
    await pay(second, miner, scriptOf(owner), 9_000n);
    await second.mine(2, scriptOf(miner));
    const other = await rig.honest(second);
    await light.host.dial(other.addresses()[0]!);
    await until(() => light.headers.tip.hash === second.tip.hash);
    await until(() => light.host.protocolsOf(other.id).includes('proofs/1'));
    // the peer on the branch that lost proves nothing any more, and is not blamed for it
    expect(await worth(light, owner)).toBe(9_000n);
    expect(light.ledger.found).toEqual([]);
    await light.close();
  });
});
