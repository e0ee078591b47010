import { blockHash, ChainNode, decodeBlock, networkParameters } from 'bitmodel/chain';
import { blockOn } from '../connect/blocks.js';
import { readBlocks } from '../connect/child.js';

/** Puts the blocks of a file into a new folder. */
export async function fillFromFile(datadir, file) {
  const node = await ChainNode.open({ datadir, network: 'regtest' });
  for (const bytes of readBlocks(file)) await node.submitBlock(decodeBlock(bytes));
  const { height } = node.tip;
  await node.close();
  return height;
}

/** Puts the transactions of a file's blocks into a new folder, in blocks of so many. */
export async function fillSmall(datadir, file, each) {
  const node = await ChainNode.open({ datadir, network: 'regtest' });
  let { header } = networkParameters('regtest').genesis;
  let height = 0;
  const add = async (transactions) => {
    const block = blockOn(blockHash(header), ++height, transactions);
    header = block.header;
    await node.submitBlock(block);
  };
  for (const bytes of readBlocks(file)) {
    const [, ...transactions] = decodeBlock(bytes).transactions;
    if (transactions.length === 0) await add([]);
    while (transactions.length > 0) await add(transactions.splice(0, each));
  }
  await node.close();
  return height;
}

/** Puts so many blocks without transactions into a new folder. */
export async function fillEmpty(datadir, count) {
  const node = await ChainNode.open({ datadir, network: 'regtest' });
  let { header } = networkParameters('regtest').genesis;
  for (let first = 1; first <= count; first += 1_000) {
    const blocks = [];
    for (let height = first; height < Math.min(first + 1_000, count + 1); height++) {
      const block = blockOn(blockHash(header), height, []);
      header = block.header;
      blocks.push({ block });
    }
    node.headers.take(blocks.map(({ block }) => block.header));
    for (let at = 0; at < blocks.length; ) at += await node.submitBlocks(blocks.slice(at, at + 64));
  }
  await node.close();
  return count;
}
