import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { toHex } from '#src/base/index.js';
import { ChainNode, encodeBlock } from '#src/chain/index.js';
import { stateHash } from '#src/chain/store/queries.js';
import { MINER_SCRIPT, OTHER_SCRIPT, openTemporaryNode, temporaryFolder } from '../node/setup.js';

const CHILD = fileURLToPath(new URL('./crash-child.mjs', import.meta.url));
const KILLS = 8;

/** Blocks of two branches that overtake each other, in the order in which they are handed over. */
async function rivalBlocks(): Promise<string[]> {
  const a = await openTemporaryNode();
  const b = await openTemporaryNode();
  const blocks: string[] = [];
  const take = async (from: ChainNode, to: ChainNode, count: number, script: Uint8Array) => {
    for (const id of await from.mine(count, script)) {
      const hash = Uint8Array.from(Buffer.from(id, 'hex')).reverse();
      blocks.push(toHex(encodeBlock(from.store.block(hash)!)));
    }
    return to;
  };
  const sync = async (from: ChainNode, to: ChainNode) => {
    for (let height = 1; height <= from.tip.height; height++) {
      await to.submitBlock(from.store.block(from.store.hashAt(height)!)!);
    }
  };
  for (let round = 0; round < 25; round++) {
    await take(a.node, b.node, 3, MINER_SCRIPT);
    await take(b.node, a.node, 5, OTHER_SCRIPT);
    await sync(b.node, a.node);
  }
  await a.end();
  await b.end();
  return blocks;
}

/** Runs the child for some milliseconds after it opened, kills it, and returns the last height it acknowledged. */
async function runAndKill(datadir: string, file: string, milliseconds: number): Promise<number> {
  const child = spawn(process.execPath, [CHILD, datadir, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  while (!printed.includes('open\n')) await delay(5);
  await delay(milliseconds);
  const closed = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGKILL');
  await closed;
  const heights = printed.split('\n').slice(0, -1).map(Number).filter(Number.isInteger);
  return Math.max(0, ...heights);
}

/** State hash of a fresh node that was given the active chain of another. */
async function replay(node: ChainNode): Promise<string> {
  const fresh = await openTemporaryNode();
  for (let height = 1; height <= node.tip.height; height++) {
    await fresh.node.submitBlock(node.store.block(node.store.hashAt(height)!)!);
  }
  const hash = toHex(stateHash(fresh.node.store));
  await fresh.end();
  return hash;
}

describe('a node that is killed while blocks connect and reorganise', () => {
  it('opens with a state equal to a replay of its chain, and has lost nothing that it acknowledged', async () => {
    const folder = temporaryFolder();
    const file = join(folder.path, 'blocks');
    writeFileSync(file, (await rivalBlocks()).join('\n'));
    for (let kill = 0; kill < KILLS; kill++) {
      const acknowledged = await runAndKill(folder.path, file, Math.random() * 60);
      const node = await ChainNode.open({ datadir: folder.path, network: 'regtest' });
      expect(node.tip.height).toBeGreaterThanOrEqual(acknowledged);
      expect(toHex(stateHash(node.store))).toBe(await replay(node));
      await node.close();
    }
    folder.remove();
  });
});
