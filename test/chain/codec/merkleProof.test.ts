import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitmodelError, fromHex, sha256, sha256d, toHex } from '#src/base/index.js';
import {
  decodeMerkleBlock,
  encodeMerkleBlock,
  hashToId,
  type MerkleBlock,
  merkleRoot,
  partialMerkleTree,
  provenTransactions,
} from '#src/chain/index.js';
import { cases } from '../../long.js';

const leavesOf = (count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => sha256(Uint8Array.of(i, i >> 8)));

function proofOf(count: number, wanted: readonly number[]): MerkleBlock {
  const leaves = leavesOf(count);
  const header = {
    version: 1,
    previousHash: new Uint8Array(32),
    merkleRoot: merkleRoot(leaves).root,
    time: 1,
    bits: 0x207fffff,
    nonce: 0,
  };
  return { header, tree: partialMerkleTree(leaves, new Set(wanted)) };
}

const blocks = fc
  .integer({ min: 1, max: 70 })
  .chain((count) =>
    fc.tuple(fc.constant(count), fc.uniqueArray(fc.nat({ max: count - 1 }), { maxLength: count })),
  );

/** Either the tree is refused with our own error, or it leads to a root. */
function look(bytes: Uint8Array): MerkleBlock | undefined {
  try {
    const proof = decodeMerkleBlock(bytes);
    expect(toHex(encodeMerkleBlock(proof))).toBe(toHex(bytes));
    expect(provenTransactions(proof.tree).root).toHaveLength(32);
    return proof;
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(BitmodelError);
    expect(['BAD_ENCODING', 'BAD_MERKLE_PROOF']).toContain((thrown as BitmodelError).code);
    return undefined;
  }
}

describe('Merkle proofs (BIP37)', () => {
  it('show exactly the transactions asked for, under the root of the block', () => {
    fc.assert(
      fc.property(blocks, ([count, wanted]) => {
        const { header, tree } = proofOf(count, wanted);
        const { root, transactions } = provenTransactions(tree);
        const leaves = leavesOf(count);
        expect(root).toEqual(header.merkleRoot);
        expect(transactions.map(({ index }) => index)).toEqual([...wanted].sort((a, b) => a - b));
        for (const { hash, index } of transactions) expect(hash).toEqual(leaves[index]);
      }),
    );
  });

  it('come back from their bytes as they were', () => {
    fc.assert(
      fc.property(blocks, ([count, wanted]) => {
        const proof = proofOf(count, wanted);
        expect(decodeMerkleBlock(encodeMerkleBlock(proof))).toEqual(proof);
      }),
    );
  });

  it("read Bitcoin's example of a merkleblock message", () => {
    // developer.bitcoin.org, reference of the P2P network, section "MerkleBlock"
    const hex =
      '0100000082bb869cf3a793432a66e826e05a6fc37469f8efb7421dc880670100000000007f16c5962e8bd963659c793ce370d95f' +
      '093bc7e367117b3c30c1f8fdd0d9728776381b4d4c86041b554b852907000000043612262624047ee87660be1a707519a443b1c1' +
      'ce3d248cbfc6c15870f6c5daa2019f5b01d4195ecbc9398fbf3c3b1fa9bb3183301d7a1fb3bd174fcfa40a2b6541ed70551dd7e8' +
      '41883ab8f0b16bf04176b7d1480e4f0af9f3d4c3595768d06820d2a7bc994987302e5b1ac80fc425fe25f8b63169ea78e68fbaae' +
      'fa59379bbf011d';
    const { header, tree } = decodeMerkleBlock(fromHex(hex));
    const { root, transactions } = provenTransactions(tree);
    expect(tree.transactionCount).toBe(7);
    expect(root).toEqual(header.merkleRoot);
    expect(transactions.map(({ hash }) => hashToId(hash))).toEqual([
      '019f5b01d4195ecbc9398fbf3c3b1fa9bb3183301d7a1fb3bd174fcfa40a2b65'
        .match(/../g)!
        .reverse()
        .join(''),
    ]);
  });

  it('are refused when two neighbours are the same (CVE-2012-2459)', () => {
    const [a, b, c] = leavesOf(3) as [Uint8Array, Uint8Array, Uint8Array];
    // a block of three has the root of one of four whose last two are twins
    const four = partialMerkleTree([a, b, c, c], new Set([3]));
    expect(merkleRoot([a, b, c, c]).root).toEqual(merkleRoot([a, b, c]).root);
    expect(() => provenTransactions(four)).toThrow(/two neighbours/);
  });

  it('leave it to the number of transactions to tell a leaf from an inner node (CVE-2017-12842)', () => {
    const leaves = leavesOf(4);
    const { header } = proofOf(4, []);
    const inner = [sha256d(leaves[0]!, leaves[1]!), sha256d(leaves[2]!, leaves[3]!)];
    const disguised = partialMerkleTree(inner, new Set([0]));
    expect(provenTransactions(disguised).root).toEqual(header.merkleRoot);
    expect(disguised.transactionCount).not.toBe(4);
  });

  it('are refused with flags, hashes or bits to spare, or too few', () => {
    const { tree } = proofOf(9, [3]);
    const { hashes, flags } = tree;
    const spare = new Uint8Array([...flags.slice(0, -1), flags.at(-1)! | 0x80]);
    for (const broken of [
      { ...tree, hashes: [...hashes, hashes[0]!] },
      { ...tree, hashes: hashes.slice(1) },
      { ...tree, flags: new Uint8Array([...flags, 0]) },
      { ...tree, flags: flags.slice(0, -1) },
      { ...tree, flags: spare },
      { ...tree, flags: new Uint8Array() },
      { ...tree, transactionCount: 0 },
      { ...tree, transactionCount: 0xffff_ffff },
    ]) {
      expect(() => provenTransactions(broken)).toThrow(BitmodelError);
    }
  });

  it('survive random and mutated bytes', () => {
    const seeds = [proofOf(1, [0]), proofOf(7, [2, 3]), proofOf(40, [0, 39])].map(
      encodeMerkleBlock,
    );
    const mutated = fc
      .tuple(
        fc.constantFrom(...seeds),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }),
        fc.nat({ max: 10 }),
      )
      .map(([seed, changes, cut]) => {
        const bytes = seed.slice(0, seed.length - cut);
        for (const [at, value] of changes) bytes[80 + (at % (bytes.length - 80))] = value;
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 400 }), mutated), (bytes) => {
        look(bytes);
      }),
      { numRuns: cases(20_000, 10_000_000) },
    );
  });
});
