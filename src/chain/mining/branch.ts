import { sha256d } from '../../base/index.js';

/**
 * What is hashed with the coinbase on the way up to the Merkle root: another coinbase needs so many hashes and no more.
 * @param others hashes of the block's other transactions, 32 bytes in byte order
 */
export function coinbaseBranch(others: readonly Uint8Array[]): Uint8Array[] {
  const branch: Uint8Array[] = [];
  // without the coinbase's own side, the level's first node is what it meets next
  for (let level = others; level.length > 0; ) {
    const [sibling, ...rest] = level;
    branch.push(sibling!);
    const above: Uint8Array[] = [];
    for (let i = 0; i < rest.length; i += 2) above.push(sha256d(rest[i]!, rest[i + 1] ?? rest[i]!));
    level = above;
  }
  return branch;
}

/** The Merkle root of a block with this coinbase. */
export function rootOfBranch(coinbaseHash: Uint8Array, branch: readonly Uint8Array[]): Uint8Array {
  return branch.reduce((hash, sibling) => sha256d(hash, sibling), coinbaseHash);
}
