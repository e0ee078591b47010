import { equalBytes, toHex } from '../../../base/index.js';
import { blockHash } from '../../codec/block.js';
import {
  decodeMerkleBlock,
  encodeMerkleBlock,
  type MerkleBlock,
  partialMerkleTree,
  provenTransactions,
} from '../../codec/merkleProof.js';
import { hashToId, transactionHash } from '../../codec/transaction.js';
import { hashKey } from '../../consensus/coins.js';
import type { ChainNode } from '../../node/ChainNode.js';
import type { HeaderRecord } from '../../store/records.js';
import { RPC_CODE, RpcError } from '../../wire/RpcError.js';
import type { MethodHelp } from '../method.js';
import { Params } from '../Params.js';
import type { RpcServer } from '../RpcServer.js';
import { storedBlock } from './blocks.js';

const MAX_TXIDS = 100_000;

const GETTXOUTPROOF: MethodHelp = {
  group: 'Blockchain',
  summary:
    'Proves that transactions are in one block: its header and the branches of its Merkle tree that lead to them (BIP37).',
  params: [
    { name: 'txids', type: 'array', about: 'Ids of the transactions, all of one block.' },
    {
      name: 'blockhash',
      type: 'string',
      optional: true,
      about: 'The block; found by the first transaction when absent.',
    },
  ],
  result: 'The proof in hex.',
  errors: [
    [-5, 'A transaction, or the block, is unknown, or they are not in one block.'],
    [-8, 'An id is malformed or stands twice.'],
  ],
  example: `'["8abdc027e07cb1f1948dcab3b2ffa27ac1f65ad2a080ddd11b46dc839c66e38b"]'`,
};

const VERIFYTXOUTPROOF: MethodHelp = {
  group: 'Blockchain',
  summary: 'Checks a proof of gettxoutproof against the active chain.',
  params: [{ name: 'proof', type: 'string', about: 'The proof in hex.' }],
  result: 'Ids of the transactions that it proves; an empty array when it proves nothing.',
  errors: [
    [-1, 'It is not the encoding of a proof.'],
    [-5, 'Its block is not on the active chain.'],
    [-8, 'It is not hexadecimal.'],
  ],
  example: '"hexstring"',
};

function wantedHashes(params: Params): Uint8Array[] {
  const texts = params.raw(0) as unknown[];
  if (texts.length === 0) {
    throw new RpcError(RPC_CODE.invalidParameter, "Parameter 'txids' cannot be empty");
  }
  if (texts.length > MAX_TXIDS) {
    throw new RpcError(RPC_CODE.invalidParameter, `At most ${MAX_TXIDS} txids`);
  }
  const list = new Params(texts);
  const hashes = texts.map((_, index) => list.hash(index, 'txid'));
  const seen = new Set<string>();
  for (const hash of hashes) {
    if (seen.has(hashKey(hash))) {
      const message = `Invalid parameter, duplicated txid: ${hashToId(hash)}`;
      throw new RpcError(RPC_CODE.invalidParameter, message);
    }
    seen.add(hashKey(hash));
  }
  return hashes;
}

function blockWith(node: ChainNode, params: Params, hashes: readonly Uint8Array[]): HeaderRecord {
  if (params.has(1)) {
    const entry = node.store.header(params.hash(1, 'blockhash'));
    if (!entry) throw new RpcError(RPC_CODE.notFound, 'Block not found');
    return entry;
  }
  const found = node.store.transactionByHash(hashes[0]!);
  if (!found) throw new RpcError(RPC_CODE.notFound, 'Transaction not yet in block');
  return found.block;
}

function prove(node: ChainNode, params: Params): string {
  const wanted = wantedHashes(params);
  const entry = blockWith(node, params, wanted);
  const { header, transactions } = storedBlock(node, entry);
  const leaves = transactions.map(transactionHash);
  const places = new Map(leaves.map((hash, index) => [hashKey(hash), index]));
  const indexes = wanted.map((hash) => places.get(hashKey(hash)));
  if (indexes.includes(undefined)) {
    const message = 'Not all transactions found in specified or retrieved block';
    throw new RpcError(RPC_CODE.notFound, message);
  }
  const tree = partialMerkleTree(leaves, new Set(indexes as number[]));
  return toHex(encodeMerkleBlock({ header, tree }));
}

function decodeProof(params: Params): MerkleBlock {
  const bytes = params.hexString(0, 'proof');
  try {
    return decodeMerkleBlock(bytes);
  } catch (thrown) {
    // Bitcoin Core's number for bytes that end too early
    throw new RpcError(RPC_CODE.misc, 'Proof decode failed', { cause: thrown });
  }
}

/** Ids that a proof shows; none when it is not valid, or speaks of another number of transactions than the block has. */
function verify(node: ChainNode, params: Params): string[] {
  const { header, tree } = decodeProof(params);
  let proven: ReturnType<typeof provenTransactions>;
  try {
    proven = provenTransactions(tree);
  } catch {
    return [];
  }
  if (!equalBytes(proven.root, header.merkleRoot)) return [];
  const entry = node.store.header(blockHash(header));
  if (!entry || !node.store.isActive(entry)) {
    throw new RpcError(RPC_CODE.notFound, 'Block not found in chain');
  }
  if (entry.transactionCount !== tree.transactionCount) return [];
  return proven.transactions.map(({ hash }) => hashToId(hash));
}

/** Methods that prove that a transaction is in a block, and check such proofs. */
export function registerProofMethods(server: RpcServer, node: ChainNode): void {
  server.register('gettxoutproof', (values) => prove(node, new Params(values)), GETTXOUTPROOF);
  server.register(
    'verifytxoutproof',
    (values) => verify(node, new Params(values)),
    VERIFYTXOUTPROOF,
  );
}
