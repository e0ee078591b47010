// Takes the blocks of two rival branches from a file, over and over, until it is killed. What it prints is
// acknowledged: it must be there after the next start.
import { readFileSync } from 'node:fs';
import { ChainNode, decodeBlock } from '#src/chain/index.js';

const [datadir, blocksFile] = process.argv.slice(2);
const node = await ChainNode.open({ datadir, network: 'regtest' });
process.stdout.write('open\n');
for (const line of readFileSync(blocksFile, 'utf8').split('\n')) {
  await node.submitBlock(decodeBlock(Buffer.from(line, 'hex')));
  process.stdout.write(`${node.tip.height}\n`);
}
process.stdout.write('done\n');
setInterval(() => {}, 1000);
