// Opens and closes a node on a folder as it is told on stdin, and prints what came of it.
import { createInterface } from 'node:readline';
import { ChainNode } from '#src/chain/node/ChainNode.js';

const [datadir] = process.argv.slice(2);
let node;
process.stdout.write('ready\n');
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'close') await node?.close();
  if (line === 'close') node = undefined;
  if (line !== 'open') continue;
  try {
    node = await ChainNode.open({ datadir, network: 'regtest', threads: 1 });
    process.stdout.write('open\n');
  } catch (error) {
    process.stdout.write(`${error.code}: ${error.message}\n`);
  }
}
