// A node that is given the blocks of rival branches, one after the other, until it is killed. It begins when a line comes
// on stdin, so that what it takes to load the program is over by then.
//
// What it prints is acknowledged, and must be there after the next start. While a write transaction of LMDB is open, the
// flag file holds that transaction's number, written at once with one call before anything else is done in it, and zero
// otherwise: so whoever kills this process can tell whether a transaction was open.
import { once } from 'node:events';
import { openSync, readFileSync, writeSync } from 'node:fs';
import { decodeBlock } from '#src/chain/codec/block.js';
import { BlockLot } from '#src/chain/node/BlockLot.js';
import { ChainNode } from '#src/chain/node/ChainNode.js';
import { ChainStore } from '#src/chain/store/ChainStore.js';

const [datadir, blocksFile, flagFile, killAt] = process.argv.slice(2);
const blocks = readFileSync(blocksFile, 'utf8')
  .split('\n')
  .map((line) => decodeBlock(Buffer.from(line, 'hex')));

const flag = openSync(flagFile, 'w');
const record = Buffer.alloc(8);
function setFlag(transaction) {
  record.writeBigUInt64LE(BigInt(transaction));
  writeSync(flag, record, 0, 8, 0);
}

let transactions = 0;
const { transaction } = ChainStore.prototype;
ChainStore.prototype.transaction = function (body) {
  const result = transaction.call(this, () => {
    setFlag(this.tables.meta.getWriteTxnId());
    const inner = body();
    // a kill at a place that is chosen: all is written, nothing is committed
    if (++transactions === Number(killAt)) process.kill(process.pid, 'SIGKILL');
    return inner;
  });
  setFlag(0);
  return result;
};

// so many small blocks share a transaction that these branches would be left and gone to in one each: no more than three
// are left, and two connected, in one, so that there are places between two
const { takes } = BlockLot.prototype;
const counts = new WeakMap();
BlockLot.prototype.takes = function (...block) {
  counts.set(this, (counts.get(this) ?? 0) + 1);
  return takes.apply(this, block) && counts.get(this) <= 2;
};

setFlag(0);
writeSync(1, 'ready\n');
await once(process.stdin, 'data');
const node = await ChainNode.open({ datadir, network: 'regtest', threads: 1 });
writeSync(1, `open ${transactions}\n`);
for (const block of blocks) {
  if (!(await node.submitBlock(block))) continue;
  writeSync(1, `${node.tip.hash}\n`);
}
writeSync(1, 'done\n');
