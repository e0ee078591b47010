import { BitmodelError, concatBytes, sha256, u32le } from '../../../base/index.js';
import { NUMBER_TO_U32 } from './fields.js';

/**
 * A counted Merkle tree whose proofs a script can check. With SHA-256 throughout:
 *
 * - leaf = H(0x00 ‖ item)
 * - node = H(0x01 ‖ left ‖ right); where a level's last node has no neighbour, right is 32 zero bytes
 * - root = H(0x02 ‖ number of leaves u32LE ‖ top node)
 *
 * Three first bytes keep leaf, node and root apart, so none can pass for another. Nothing is doubled or moved up
 * unhashed: a proof has ⌈log₂ N⌉ siblings whatever its index, and the index alone says on which side each stands, so
 * one index has one leaf. Zero bytes are no hash of anything, so nothing can be shown beside the last leaf. The root
 * holds the number of leaves: whoever draws an index from N draws it from the N that was committed to.
 */
export interface CountedTree {
  readonly size: number;
  /** 32 bytes. */
  readonly root: Uint8Array;
  /** The siblings of leaf `index` from the bottom up, 32 bytes each. @throws BitmodelError `BAD_INDEX` */
  proof(index: number): Uint8Array;
}

/** Most leaves of a {@link CountedTree}: a proof of 20 siblings. */
export const MAX_TREE_SIZE = 1 << 20;

const LEAF = Uint8Array.of(0x00);
const NODE = Uint8Array.of(0x01);
const ROOT = Uint8Array.of(0x02);
const ABSENT = new Uint8Array(32);

/** The leaf that an item becomes. */
function treeLeaf(item: Uint8Array): Uint8Array {
  return sha256(LEAF, item);
}

/** The tree over these items, in their order. @throws BitmodelError `BAD_TREE` for none or too many */
export function countedTree(items: readonly Uint8Array[]): CountedTree {
  const size = items.length;
  if (size < 1 || size > MAX_TREE_SIZE) {
    throw new BitmodelError('BAD_TREE', `A tree has 1 to ${MAX_TREE_SIZE} leaves, not ${size}.`, {
      next: 'Build it over at least one item, or over fewer',
    });
  }
  const levels = [items.map(treeLeaf)];
  for (let level = levels[0]!; level.length > 1; level = levels.at(-1)!) {
    levels.push(
      Array.from({ length: Math.ceil(level.length / 2) }, (_, i) =>
        sha256(NODE, level[2 * i]!, level[2 * i + 1] ?? ABSENT),
      ),
    );
  }
  const proof = (index: number): Uint8Array => {
    if (!Number.isInteger(index) || index < 0 || index >= size) {
      throw new BitmodelError('BAD_INDEX', `The tree of ${size} leaves has no leaf ${index}.`, {
        next: `Ask for a leaf from 0 to ${size - 1}`,
      });
    }
    const siblings = levels.slice(0, -1).map((level, depth) => level[(index >> depth) ^ 1]);
    return concatBytes(...siblings.map((sibling) => sibling ?? ABSENT));
  };
  return { size, root: sha256(ROOT, u32le(size), levels.at(-1)![0]!), proof };
}

/** Siblings in a proof of a tree with so many leaves. */
export function proofDepth(size: number): number {
  return Math.ceil(Math.log2(size));
}

/** Whether this proof shows `item` at leaf `index` of the tree behind `root`. */
export function verifyProof(
  tree: Pick<CountedTree, 'root' | 'size'>,
  index: number,
  item: Uint8Array,
  proof: Uint8Array,
): boolean {
  const depth = proofDepth(tree.size);
  if (proof.length !== 32 * depth || index < 0 || index >= tree.size) return false;
  let node = treeLeaf(item);
  for (let level = 0; level < depth; level++) {
    const sibling = proof.subarray(32 * level, 32 * level + 32);
    node = (index >> level) % 2 ? sha256(NODE, sibling, node) : sha256(NODE, node, sibling);
  }
  const root = sha256(ROOT, u32le(tree.size), node);
  return root.every((byte, i) => byte === tree.root[i]);
}

/** Makes of an item its leaf in a {@link CountedTree}. Stack: item → leaf */
export const TREE_LEAF = '0x00 OP_SWAP OP_CAT OP_SHA256';

/**
 * Climbs from a leaf to the top node of a {@link CountedTree}; ends the script when the proof is too short or too
 * long for the width. The alternate stack is used and left as found.
 *
 * Stack: leaf, index, width (leaves of the tree, 2 or more), proof → top node
 */
export const CLIMB_TREE = `
  OP_BEGIN
    32 OP_SPLIT OP_TOALTSTACK       # node index width sibling
    3 OP_ROLL                       # index width sibling node
    3 OP_PICK 2 OP_MOD OP_NOTIF OP_SWAP OP_ENDIF OP_CAT
    0x01 OP_SWAP OP_CAT OP_SHA256   # index width parent
    OP_ROT 2 OP_DIV                 # width parent index
    OP_ROT OP_1ADD 2 OP_DIV         # parent index width
    OP_FROMALTSTACK OP_OVER 1 OP_NUMEQUAL
  OP_UNTIL                          # top index width proof
  0 OP_EQUALVERIFY OP_2DROP`;

/** The root of a {@link CountedTree} over its top node. Stack: top node, size → root */
export const TREE_ROOT = `${NUMBER_TO_U32} 0x02 OP_SWAP OP_CAT OP_SWAP OP_CAT OP_SHA256`;
