import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256, utf8 } from '#src/base/index.js';
import {
  addressScript,
  ChainNode,
  createKey,
  decodeTransaction,
  encodeOutpoint,
  hashToId,
  idToHash,
  type KeyPair,
  networkParameters,
  transactionId,
} from '#src/chain/index.js';
import type { Answer } from '#src/network/light/answer.js';
import { answerQuestion } from '#src/network/light/answerQuestion.js';
import { BlockTrees } from '#src/network/light/BlockTrees.js';
import { type Fact, factsOf } from '#src/network/light/facts.js';
import { BEGINNING, type Kind, type Place } from '#src/network/light/question.js';
import { pay } from './paying.js';

const REGTEST = networkParameters('regtest');

describe('an answer with proofs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bitmodel-proofs-'));
  let node: ChainNode;
  let trees: BlockTrees;
  let miner: KeyPair;
  let friend: KeyPair;
  let paid: string;

  const scriptOf = (key: KeyPair) => addressScript(key.address, REGTEST);
  const hashOf = (key: KeyPair) => sha256(scriptOf(key));

  const ask = (kind: Kind, keys: Uint8Array[], from: Place = BEGINNING) =>
    answerQuestion(node, trees, { kind, from, keys });
  const facts = ({ blocks }: Answer): Fact[] =>
    blocks.flatMap((block) => factsOf(block, node.store.header(block.hash)!));
  const ids = (answer: Answer): string[] => facts(answer).map(({ txid }) => txid);

  beforeAll(async () => {
    node = await ChainNode.open({ datadir: folder, network: 'regtest', threads: 1 });
    trees = new BlockTrees(node.store);
    [miner, friend] = [createKey(REGTEST), createKey(REGTEST)];
    await node.mine(102, scriptOf(miner));
    paid = await pay(node, miner, scriptOf(friend), 5_000n);
    await node.mine(1, scriptOf(miner));
  });

  afterAll(async () => {
    await node.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('tells the history of a script, the coins it had and what spent them', async () => {
    expect(ids(await ask('history', [hashOf(friend)]))).toEqual([paid]);
    const mined = facts(await ask('history', [hashOf(miner)]));
    expect(mined.map(({ height }) => height)).toEqual([
      ...Array.from({ length: 103 }, (_, i) => i + 1),
      103,
    ]);
    expect(mined.at(-1)!.txid).toBe(paid);
    expect(mined.slice(0, -1).every(({ position }) => position === 0)).toBe(true);
  });

  it('begins where it is asked to', async () => {
    const from = { height: 103, position: 1 };
    expect(ids(await ask('history', [hashOf(miner)], from))).toEqual([paid]);
  });

  it('tells of an output what made it and what spent it', async () => {
    const { transaction } = facts(await ask('transactions', [idToHash(paid)]))[0]!;
    const { outpoint } = transaction.inputs[0]!;
    const around = ids(await ask('outputs', [encodeOutpoint(outpoint)]));
    expect(around).toEqual([hashToId(outpoint.hash), paid]);
  });

  it('is empty for what the chain does not hold', async () => {
    const { blocks, waiting } = await ask('jobs', [sha256(utf8('no such job'))]);
    expect([blocks, waiting]).toEqual([[], []]);
  });

  it('tells what waits, with what that depends on before it', async () => {
    const first = await pay(node, miner, scriptOf(friend), 7_000n);
    const second = await pay(node, friend, scriptOf(miner), 6_000n);
    const { waiting } = await ask('history', [hashOf(friend)]);
    expect(waiting.map((bytes) => transactionId(decodeTransaction(bytes)))).toEqual([
      first,
      second,
    ]);
    await node.mine(1, scriptOf(miner));
    const history = ids(await ask('history', [hashOf(friend)]));
    expect(history.slice(1)).toEqual([first, second]);
  });

  it('proves nothing when a byte of it is changed', async () => {
    const { blocks } = await ask('transactions', [idToHash(paid)]);
    const [block] = blocks;
    const header = node.store.header(block!.hash)!;
    const other = node.store.headerAt(5)!;
    const changed = Uint8Array.from(block!.transactions[0]!);
    changed[4] ^= 1;
    const branch = block!.tree.hashes.map((hash) => hash.slice());
    branch[0]![3]! ^= 1;
    const forgeries = [
      () => factsOf(block!, other),
      () => factsOf({ ...block!, transactions: [changed] }, header),
      () => factsOf({ ...block!, transactions: [] }, header),
      () => factsOf({ ...block!, transactions: [...block!.transactions, changed] }, header),
      () => factsOf({ ...block!, tree: { ...block!.tree, hashes: branch } }, header),
      () => factsOf({ ...block!, tree: { ...block!.tree, transactionCount: 1 } }, header),
    ];
    for (const forgery of forgeries) {
      expect(forgery).toThrow(expect.objectContaining({ code: 'BAD_PROOF' }));
    }
  });

  it('takes no inner node of the tree for a transaction (CVE-2017-12842)', async () => {
    // a tree of one level fewer, in which the two leaves' hashes side by side stand for a transaction
    const { blocks } = await ask('transactions', [idToHash(paid)]);
    const header = node.store.header(blocks[0]!.hash)!;
    const leaves = node.store.block(header.hash)!.transactions.length;
    expect(leaves).toBe(2);
    const { levels } = (await trees.get(header.hash))!;
    const inner = Buffer.concat([...levels[0]!]);
    expect(inner).toHaveLength(64);
    const tree = { transactionCount: 1, hashes: [levels[1]![0]!], flags: Uint8Array.of(1) };
    expect(() => factsOf({ hash: header.hash, tree, transactions: [inner] }, header)).toThrow(
      '64 bytes',
    );
  });

  it('ends after a megabyte and goes on where it ended', async () => {
    const found: string[] = [];
    let pages = 0;
    const script = Buffer.alloc(9_000, 0x61);
    const big = createKey(REGTEST);
    for (let i = 0; i < 4; i++) {
      const outputs = Array.from({ length: 50 }, () => ({
        value: 0n,
        lockingScript: Buffer.concat([Buffer.of(0x6a, 0x4d, 0x28, 0x23), script]),
      }));
      found.push(await pay(node, miner, scriptOf(big), 1_000n + BigInt(i), outputs));
      await node.mine(1, scriptOf(miner));
    }
    const told: string[] = [];
    for (let from: Place | undefined = BEGINNING; from; pages++) {
      const answer: Answer = await ask('history', [hashOf(big)], from);
      told.push(...ids(answer));
      from = answer.next;
    }
    expect(told).toEqual(found);
    expect(pages).toBe(2);
  });
});
