import { BitmodelError, equalBytes, sha256d } from '../../base/index.js';
import { ByteReader } from './ByteReader.js';
import { ByteWriter } from './ByteWriter.js';
import { type BlockHeader, decodeHeader, encodeHeader, MAX_BLOCK_SIZE } from './block.js';

/**
 * A block's Merkle tree cut down to the branches of some of its transactions (BIP37, "partial Merkle tree"). The tree is
 * walked depth first: a flag says of each node whether a transaction asked for lies below it. Where none does, and at
 * the leaves, the node's hash is given.
 */
export interface PartialMerkleTree {
  /** Transactions of the whole block. */
  readonly transactionCount: number;
  /** 32 bytes each, in the order of the walk. */
  readonly hashes: readonly Uint8Array[];
  /** One bit per node walked, lowest bit of each byte first; zeros fill the last byte. */
  readonly flags: Uint8Array;
}

/** Proof that transactions are in a block: its header and the tree (BIP37's `merkleblock`, Bitcoin Core's CMerkleBlock). */
export interface MerkleBlock {
  readonly header: BlockHeader;
  readonly tree: PartialMerkleTree;
}

/** A transaction that a proof shows. */
export interface ProvenTransaction {
  /** Its id, 32 bytes in byte order. */
  readonly hash: Uint8Array;
  /** Its place in the block. */
  readonly index: number;
}

const HEADER_SIZE = 80;
const HASH_SIZE = 32;
/** No block holds more: one full of the smallest transactions that spend something, of 60 bytes. */
const MAX_TRANSACTIONS = Math.floor(MAX_BLOCK_SIZE / 60);

function bad(why: string): BitmodelError {
  return new BitmodelError('BAD_MERKLE_PROOF', `The proof is not valid: ${why}.`, {
    next: 'Ask another node for it with gettxoutproof',
  });
}

/** A tree as it stands in a BIP37 `merkleblock`, behind the header. */
export function writeMerkleTree(writer: ByteWriter, tree: PartialMerkleTree): void {
  writer.u32(tree.transactionCount).varInt(tree.hashes.length);
  for (const hash of tree.hashes) writer.bytes(hash);
  writer.varBytes(tree.flags);
}

/** Reads what {@link writeMerkleTree} wrote; nothing is proven yet. */
export function readMerkleTree(reader: ByteReader): PartialMerkleTree {
  const transactionCount = reader.u32();
  const hashes = Array.from({ length: reader.count(HASH_SIZE) }, () => reader.bytes(HASH_SIZE));
  return { transactionCount, hashes, flags: reader.varBytes() };
}

/** Bytes of a header with the part of its tree: Bitcoin's `merkleblock` (BIP 37). */
export function encodeMerkleBlock({ header, tree }: MerkleBlock): Uint8Array {
  const writer = new ByteWriter(512).bytes(encodeHeader(header));
  writeMerkleTree(writer, tree);
  return writer.finish();
}

/** @throws BitmodelError `BAD_ENCODING` */
export function decodeMerkleBlock(bytes: Uint8Array): MerkleBlock {
  return ByteReader.whole(bytes, (reader) => {
    const header = decodeHeader(reader.bytes(HEADER_SIZE));
    return { header, tree: readMerkleTree(reader) };
  });
}

/** Nodes at a height of a tree with so many leaves; height 0 are the leaves. */
function widthAt(leaves: number, height: number): number {
  return Math.ceil(leaves / 2 ** height);
}

function heightOf(leaves: number): number {
  let height = 0;
  while (widthAt(leaves, height) > 1) height++;
  return height;
}

/** All levels of a block's Merkle tree, leaves first; an odd node is paired with itself. */
export function merkleLevels(leaves: readonly Uint8Array[]): (readonly Uint8Array[])[] {
  const levels = [leaves];
  for (let level = leaves; level.length > 1; levels.push(level)) {
    const below = level;
    level = Array.from({ length: Math.ceil(below.length / 2) }, (_, i) =>
      sha256d(below[2 * i]!, below[2 * i + 1] ?? below[2 * i]!),
    );
  }
  return levels;
}

function packBits(bits: readonly boolean[]): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(bits.length / 8));
  for (const [i, bit] of bits.entries()) if (bit) bytes[i >> 3]! |= 1 << (i & 7);
  return bytes;
}

/**
 * The tree of a block, cut down to the transactions asked for.
 * @param leaves ids of all transactions of the block, 32 bytes each in byte order
 * @param wanted places of those to prove
 */
export function partialMerkleTree(
  leaves: readonly Uint8Array[],
  wanted: ReadonlySet<number>,
): PartialMerkleTree {
  return cutTree(merkleLevels(leaves), wanted);
}

/**
 * {@link partialMerkleTree} of a tree that was built before.
 * @param levels as of {@link merkleLevels}
 */
export function cutTree(
  levels: readonly (readonly Uint8Array[])[],
  wanted: ReadonlySet<number>,
): PartialMerkleTree {
  // places with something asked for below them, per level
  const marked = levels.map((_, height) => new Set([...wanted].map((at) => at >> height)));
  const bits: boolean[] = [];
  const hashes: Uint8Array[] = [];
  const walk = (height: number, at: number): void => {
    const isParent = marked[height]!.has(at);
    bits.push(isParent);
    if (height === 0 || !isParent) {
      hashes.push(levels[height]![at]!);
      return;
    }
    walk(height - 1, 2 * at);
    if (2 * at + 1 < levels[height - 1]!.length) walk(height - 1, 2 * at + 1);
  };
  walk(levels.length - 1, 0);
  return { transactionCount: levels[0]!.length, hashes, flags: packBits(bits) };
}

/**
 * The transactions that a tree shows, and the root it leads to, which the caller holds against a header's.
 *
 * A node that is its neighbour's twin is refused (CVE-2012-2459). That a leaf is no inner node in disguise
 * (CVE-2017-12842) follows where blocks hold no transactions of 64 bytes, and the caller must hold `transactionCount`
 * against what it knows of the block.
 * @throws BitmodelError `BAD_MERKLE_PROOF`
 */
export function provenTransactions(tree: PartialMerkleTree): {
  readonly root: Uint8Array;
  readonly transactions: readonly ProvenTransaction[];
} {
  const { transactionCount, hashes, flags } = tree;
  if (transactionCount === 0 || transactionCount > MAX_TRANSACTIONS) {
    throw bad('no block has so many transactions');
  }
  if (hashes.length > transactionCount) throw bad('it holds more hashes than transactions');
  if (flags.length * 8 < hashes.length) throw bad('it holds more hashes than flags');
  const transactions: ProvenTransaction[] = [];
  let bitsUsed = 0;
  let hashesUsed = 0;
  const nextBit = (): boolean => {
    const byte = flags[bitsUsed >> 3];
    if (byte === undefined) throw bad('flags are missing');
    return ((byte >> (bitsUsed++ & 7)) & 1) === 1;
  };
  const nextHash = (): Uint8Array => {
    const hash = hashes[hashesUsed++];
    if (!hash) throw bad('hashes are missing');
    return hash;
  };
  const walk = (height: number, at: number): Uint8Array => {
    const isParent = nextBit();
    if (height === 0 || !isParent) {
      const hash = nextHash();
      if (isParent) transactions.push({ hash, index: at });
      return hash;
    }
    const left = walk(height - 1, 2 * at);
    if (2 * at + 1 >= widthAt(transactionCount, height - 1)) return sha256d(left, left);
    const right = walk(height - 1, 2 * at + 1);
    if (equalBytes(left, right)) throw bad('two neighbours are the same');
    return sha256d(left, right);
  };
  const root = walk(heightOf(transactionCount), 0);
  if (hashesUsed !== hashes.length) throw bad('it holds hashes that lead nowhere');
  const rest = (flags.at(-1)! >> ((bitsUsed - 1) & 7)) >> 1;
  if (Math.ceil(bitsUsed / 8) !== flags.length || rest !== 0) {
    throw bad('it holds flags that lead nowhere');
  }
  return { root, transactions };
}
