import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import type { Ed25519PrivateKey } from '@libp2p/interface';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { z } from 'zod';
import { BitmodelError, fromHex, messageOf, toHex, writeFileAtomic } from '../../base/index.js';

const KeyFile = z.strictObject({
  type: z.literal('ed25519'),
  seed: z.string().regex(/^[0-9a-f]{64}$/),
  id: z.string(),
});

/**
 * The node's key, by which its peers know it for ever. Made where there is none; never replaced.
 * @throws BitmodelError `BAD_NODE_KEY` when the file is damaged or can't be read
 */
export async function nodeKey(path: string): Promise<Ed25519PrivateKey> {
  if (!existsSync(path)) return newKey(path);
  try {
    const file = KeyFile.parse(JSON.parse(readFileSync(path, 'utf8')));
    const key = await generateKeyPairFromSeed('Ed25519', fromHex(file.seed));
    if (peerIdFromPrivateKey(key).toString() !== file.id) throw new Error('seed and id differ');
    return key;
  } catch (thrown) {
    // what the parser says may quote the file, and the file holds a secret: only its kind is told
    const why = thrown instanceof SyntaxError || thrown instanceof z.ZodError;
    throw new BitmodelError(
      'BAD_NODE_KEY',
      `The node key ${path} is damaged${why ? '' : `: ${messageOf(thrown)}`}.`,
      { next: 'Restore the file from a backup, or remove it to become a new node to its peers' },
    );
  }
}

async function newKey(path: string): Promise<Ed25519PrivateKey> {
  const seed = new Uint8Array(randomBytes(32));
  const key = await generateKeyPairFromSeed('Ed25519', seed);
  const file = { type: 'ed25519', seed: toHex(seed), id: peerIdFromPrivateKey(key).toString() };
  writeFileAtomic(path, `${JSON.stringify(file, undefined, 2)}\n`, {
    mode: 0o600,
    overwrite: false,
  });
  seed.fill(0);
  return key;
}
