import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import { type Block, blockHash, encodeBlock } from '#src/chain/index.js';
import { type ArrivedBlock, BlockConnector } from '#src/network/sync/BlockConnector.js';
import { HeaderPageReader } from '#src/network/sync/HeaderPageReader.js';
import { encodeHeaders } from '#src/network/sync/messages.js';
import type { SyncContext } from '#src/network/sync/SyncContext.js';
import {
  MINER_SCRIPT,
  nextBlock,
  openTemporaryNode,
  withCoinbase,
} from '../../chain/node/setup.js';
import { emptyBlocks } from './chains.js';

let opened: Awaited<ReturnType<typeof openTemporaryNode>>;
let source: typeof opened;

beforeAll(async () => {
  opened = await openTemporaryNode();
  source = await openTemporaryNode();
});
afterAll(async () => {
  await opened.end();
  await source.end();
});

describe('what ends a stream of blocks', () => {
  const warnings: string[] = [];
  const offences: string[] = [];
  const blame = (thrown: unknown): void => {
    const penalties = { penalise: (_: string, offence: string) => void offences.push(offence) };
    // nothing else of the context is asked for
    const context = { node: opened.node, penalties } as unknown as SyncContext;
    new BlockConnector(context).blameStream('peer', thrown);
  };

  it('is held against the peer when it breaks a rule, and told of when nobody expected it', () => {
    opened.node.on('warning', (message) => warnings.push(message));
    blame(new BitmodelError('BAD_ENCODING', 'A record of a block begins with neither 0 nor 1.'));
    blame(new BitmodelError('STREAM_TIMEOUT', 'Nothing came.'));
    blame(undefined);
    expect({ offences, warnings }).toEqual({ offences: ['garbage', 'stall'], warnings: [] });
    blame(new TypeError('this is a fault of the program'));
    expect(offences.length).toBe(2);
    expect(warnings).toEqual(['A stream of blocks ended: this is a fault of the program']);
  });
});

describe('the same headers from another peer', () => {
  it('lead to the same one, until one of them turns out to be bad', async () => {
    const { node } = opened;
    await source.node.mine(5, MINER_SCRIPT);
    const headers = [1, 2, 3, 4, 5].map((height) => source.node.store.headerAt(height)!.header);
    const reader = new HeaderPageReader(node);
    const first = reader.read(encodeHeaders(headers));
    expect(first).toMatchObject({ count: 5, last: { height: 5 } });
    expect(reader.read(encodeHeaders(headers))).toEqual(first);
    // others are looked at for themselves
    expect(reader.read(encodeHeaders(headers.slice(0, 3)))).toMatchObject({
      count: 3,
      last: { height: 3 },
    });
    expect(reader.read(encodeHeaders(headers))).toEqual(first);
    const last = node.store.header(blockHash(headers[4]!))!;
    node.store.transaction(() => node.store.markInvalid(last));
    expect(() => reader.read(encodeHeaders(headers))).toThrow('bad-prevblk');
    expect(reader.read(encodeHeaders([]))).toEqual({ count: 0 });
  });
});

describe('a block of a branch that breaks a rule', () => {
  const arrived = (block: Block, peer: string): ArrivedBlock => ({
    bytes: encodeBlock(block),
    hash: blockHash(block.header),
    peer,
  });

  it.each([
    ['is held against whoever gave it', 'giver', ['giver']],
    ['is held against nobody when it is not known who gave it', undefined, []],
  ])('%s, not whoever gave the top of the branch', async (_, giver, blamed) => {
    const { node, end } = await openTemporaryNode();
    const penalised: string[] = [];
    const penalties = { penalise: (peer: string) => void penalised.push(peer) };
    const connector = new BlockConnector({ node, penalties } as unknown as SyncContext);
    const connect = (block: Block, peer: string) =>
      connector.connect([arrived(block, peer)], node.store.tip());
    const bad = await nextBlock(node, (block) =>
      withCoinbase(block, (coinbase) => ({
        ...coinbase,
        outputs: [{ ...coinbase.outputs[0]!, value: coinbase.outputs[0]!.value + 1n }],
      })),
    );
    const [second, top] = await emptyBlocks(bad, 1, 2);
    await node.mine(2, MINER_SCRIPT);
    if (giver) await connect(bad, giver);
    else await node.submitBlock(bad);
    expect(await connect(second!, 'honest')).toEqual({ taken: 1 });
    expect(await connect(top!, 'honest')).toEqual({ taken: 0, refused: 'block' });
    expect(penalised).toEqual(blamed);
    expect(node.store.header(blockHash(bad.header))?.status).toBe('invalid');
    await end();
  });
});
