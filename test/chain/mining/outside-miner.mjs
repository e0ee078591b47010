/**
 * A miner that knows nothing of this project: it speaks JSON-RPC and builds blocks by BIP22 and BIP34 alone.
 * usage: node outside-miner.mjs URL USER:PASSWORD HASH160 COUNT
 * It prints a line per block: `HEIGHT TRANSACTIONS ANSWER`.
 */
import { createHash } from 'node:crypto';

const [url, auth, hash160, count] = process.argv.slice(2);

async function rpc(method, ...params) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(auth).toString('base64')}` },
    body: JSON.stringify({ id: 1, method, params }),
  });
  const { result, error } = await response.json();
  if (error) throw new Error(`${method}: ${error.message}`);
  return result;
}

const sha256 = (bytes) => createHash('sha256').update(bytes).digest();
const sha256d = (bytes) => sha256(sha256(bytes));
const reversed = (hex) => Buffer.from(hex, 'hex').reverse();

function u32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function varInt(value) {
  if (value < 0xfd) return Buffer.from([value]);
  return Buffer.from([0xfd, value & 0xff, value >> 8]);
}

/** The height as a script number behind its length; small ones are opcodes. */
function heightPush(height) {
  if (height <= 16) return Buffer.from([0x50 + height]);
  const bytes = [];
  for (let left = height; left > 0; left = Math.floor(left / 256)) bytes.push(left & 0xff);
  if (bytes.at(-1) & 0x80) bytes.push(0);
  return Buffer.from([bytes.length, ...bytes]);
}

function coinbase({ height, coinbasevalue }) {
  const script = Buffer.concat([heightPush(height), Buffer.from('\x07outside', 'latin1')]);
  const locking = Buffer.concat([
    Buffer.from('76a914', 'hex'),
    Buffer.from(hash160, 'hex'),
    Buffer.from('88ac', 'hex'),
  ]);
  return Buffer.concat([
    u32(1),
    Buffer.from([1]),
    Buffer.alloc(32),
    u32(0xffffffff),
    varInt(script.length),
    script,
    u32(0xffffffff),
    Buffer.from([1]),
    u64(coinbasevalue),
    varInt(locking.length),
    locking,
    u32(0),
  ]);
}

function merkleRoot(leaves) {
  let level = leaves;
  while (level.length > 1) {
    const above = [];
    for (let i = 0; i < level.length; i += 2) {
      above.push(sha256d(Buffer.concat([level[i], level[i + 1] ?? level[i]])));
    }
    level = above;
  }
  return level[0];
}

for (let mined = 0; mined < Number(count); mined++) {
  const template = await rpc('getblocktemplate', { rules: ['segwit'] });
  const first = coinbase(template);
  const root = merkleRoot([
    sha256d(first),
    ...template.transactions.map(({ hash }) => reversed(hash)),
  ]);
  const header = Buffer.concat([
    u32(template.version),
    reversed(template.previousblockhash),
    root,
    u32(template.curtime),
    reversed(template.bits),
    u32(0),
  ]);
  const target = Buffer.from(template.target, 'hex');
  for (let nonce = 0; sha256d(header).reverse().compare(target) > 0; nonce++) {
    header.writeUInt32LE(nonce, 76);
  }
  const bodies = template.transactions.map(({ data }) => Buffer.from(data, 'hex'));
  const block = Buffer.concat([header, varInt(1 + bodies.length), first, ...bodies]);
  const answer = await rpc('submitblock', block.toString('hex'));
  process.stdout.write(`${template.height} ${template.transactions.length} ${answer}\n`);
}
