import { equalBytes, sha256d } from '../../base/index.js';

/** A root over hashes, and whether other hashes would have it, too. */
export interface MerkleRoot {
  /** 32 bytes. */
  readonly root: Uint8Array;
  /** Two equal neighbours were hashed together: another list has the same root (CVE-2012-2459). */
  readonly mutated: boolean;
}

/** Bitcoin's block Merkle tree over transaction hashes in byte order; an odd node is paired with itself. */
export function merkleRoot(hashes: readonly Uint8Array[]): MerkleRoot {
  if (hashes.length === 0) return { root: new Uint8Array(32), mutated: false };
  let level = hashes;
  let mutated = false;
  while (level.length > 1) {
    const above: Uint8Array[] = [];
    for (let i = 0; i < level.length; i += 2) {
      const left = level[i]!;
      const right = level[i + 1] ?? left;
      if (i + 1 < level.length && equalBytes(left, right)) mutated = true;
      above.push(sha256d(left, right));
    }
    level = above;
  }
  return { root: level[0]!, mutated };
}
