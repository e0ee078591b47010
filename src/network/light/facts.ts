import { BitmodelError, equalBytes, messageOf } from '../../base/index.js';
import {
  type ChainPlace,
  decodeTransaction,
  type HeaderEntry,
  hashToId,
  isCoinbase,
  type PartialMerkleTree,
  provenTransactions,
  type Transaction,
  transactionHash,
} from '../../chain/index.js';
import type { ProvenBlock } from './answer.js';

/** A transaction that is proven to be in a block of the chain. */
export interface Fact extends ChainPlace {
  /** Printed id. */
  readonly txid: string;
  /** The same, 32 bytes in byte order. */
  readonly hash: Uint8Array;
  readonly transaction: Transaction;
  readonly bytes: Uint8Array;
  readonly blockHash: Uint8Array;
  /** The branches that prove it, perhaps with others of its block. */
  readonly tree: PartialMerkleTree;
}

/** A transaction of this size could pass for an inner node of a Merkle tree (CVE-2017-12842); no block holds one. */
const AMBIGUOUS_SIZE = 64;

function bad(why: string, cause?: unknown): BitmodelError {
  return new BitmodelError('BAD_PROOF', `The proof proves nothing: ${why}.`, { cause });
}

/**
 * A transaction that may be a leaf of a Merkle tree.
 * @throws BitmodelError `BAD_PROOF`
 */
export function decodedTransaction(bytes: Uint8Array): Pick<Fact, 'transaction' | 'hash' | 'txid'> {
  if (bytes.length === AMBIGUOUS_SIZE) throw bad('no block holds a transaction of 64 bytes');
  try {
    const transaction = decodeTransaction(bytes);
    const hash = transactionHash(transaction);
    return { transaction, hash, txid: hashToId(hash) };
  } catch (thrown) {
    throw bad(messageOf(thrown), thrown);
  }
}

function proven(tree: PartialMerkleTree): ReturnType<typeof provenTransactions> {
  try {
    return provenTransactions(tree);
  } catch (thrown) {
    throw bad(messageOf(thrown), thrown);
  }
}

function provenBy(
  tree: PartialMerkleTree,
  header: HeaderEntry,
): ReturnType<typeof provenTransactions>['transactions'] {
  const { root, transactions } = proven(tree);
  if (!equalBytes(root, header.header.merkleRoot)) throw bad('it leads to another root');
  return transactions;
}

/** Place in its block of a transaction that a tree proves; undefined when it doesn't. @throws BitmodelError `BAD_PROOF` */
export function provenPlace(
  tree: PartialMerkleTree,
  header: HeaderEntry,
  hash: Uint8Array,
): number | undefined {
  return provenBy(tree, header).find((leaf) => equalBytes(leaf.hash, hash))?.index;
}

/**
 * The transactions that a part of an answer proves to be in a block.
 *
 * An inner node can't pass for a transaction, because its 64 bytes are refused as one, and a transaction from version 10
 * on is hashed through 144; a transaction can't pass for an inner node unless a block holds one of 64 bytes, which the
 * rules forbid. So the count of transactions, which nothing proves, can't be bent to move one to another place.
 * @param header of that block, on the chain
 * @throws BitmodelError `BAD_PROOF`
 */
export function factsOf(block: ProvenBlock, header: HeaderEntry): Fact[] {
  const { tree, transactions, hash: blockHash } = block;
  const leaves = provenBy(tree, header);
  if (leaves.length !== transactions.length) throw bad('transactions are missing, or too many');
  return leaves.map(({ hash, index }, at) => {
    const bytes = transactions[at]!;
    const { transaction, txid, hash: real } = decodedTransaction(bytes);
    if (!equalBytes(real, hash)) throw bad('it is of other transactions');
    if (isCoinbase(transaction) !== (index === 0)) throw bad('a coinbase is not the first');
    const { height } = header;
    return { txid, hash, transaction, bytes, height, position: index, blockHash, tree };
  });
}
