import { createHash, randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { stopwatch } from './child.js';
import { privateKey } from './shape.js';

// The least that a block of spends can cost: libsecp256k1's check of as many signatures, nothing else.
const secp256k1 = createRequire(import.meta.url)('secp256k1/bindings');
const [count] = process.argv.slice(2).map(Number);
const cases = Array.from({ length: count }, (_, index) => {
  const secret = privateKey(index);
  const digest = createHash('sha256').update(randomBytes(32)).digest();
  const { signature } = secp256k1.ecdsaSign(digest, secret);
  return { signature, digest, publicKey: secp256k1.publicKeyCreate(secret) };
});
process.on('message', (message) => {
  if (message === 'close') {
    process.disconnect();
    return;
  }
  const took = stopwatch();
  for (const { signature, digest, publicKey } of cases) {
    if (!secp256k1.ecdsaVerify(signature, digest, publicKey)) throw new Error('not valid');
  }
  process.send(took());
});
process.send('ready');
