import { BitmodelError, equalBytes } from '../../base/index.js';
import { type ChainNode, cutTree, encodeTransaction } from '../../chain/index.js';
import type { Answer, ProvenBlock } from './answer.js';
import type { BlockTree, BlockTrees } from './BlockTrees.js';
import { type Hit, type Hits, lookUp, lookUpWaiting } from './lookup.js';
import { PAGE_BYTES, PAGE_TRANSACTIONS } from './protocols.js';
import { isBefore, type Place, type Question } from './question.js';

/** Bytes of blocks after which an answer ends: all of a block is hashed to prove one of its transactions. */
const BLOCK_BYTES = 32_000_000;

/** What an answer may still hold. */
interface Room {
  bytes: number;
  transactions: number;
  blockBytes: number;
}

interface Gathered {
  readonly block?: ProvenBlock;
  /** The first that found no room. */
  readonly next?: Place;
}

/** Hits by block, the lowest first. */
function byBlock(hits: readonly Hit[]): Hit[][] {
  const groups = new Map<number, Hit[]>();
  for (const hit of hits) {
    const group = groups.get(hit.height);
    if (group) group.push(hit);
    else groups.set(hit.height, [hit]);
  }
  return [...groups].sort(([a], [b]) => a - b).map(([, group]) => group);
}

/** One block's part of an answer. */
function gather(
  bytes: Uint8Array,
  { levels, places, offsets }: BlockTree,
  group: readonly Hit[],
  from: Place,
  room: Room,
): Gathered {
  const { height, blockHash } = group[0]!;
  const positions = group.map(({ txid }) => places.get(txid)!).sort((a, b) => a - b);
  const wanted = positions.filter((position) => !isBefore({ height, position }, from));
  const given: number[] = [];
  let next: Place | undefined;
  for (const position of wanted) {
    if (room.bytes <= 0 || room.transactions <= 0) {
      next = { height, position };
      break;
    }
    room.bytes -= offsets[position + 1]! - offsets[position]!;
    room.transactions--;
    given.push(position);
  }
  const transactions = given.map((at) => bytes.slice(offsets[at]!, offsets[at + 1]!));
  const tree = cutTree(levels, new Set(given));
  return {
    ...(given.length === 0 ? {} : { block: { hash: blockHash, tree, transactions } }),
    ...(next ? { next } : {}),
  };
}

/** How often it is looked anew because a block came in between: an answer is of one chain. */
const MOST_TRIES = 3;

async function lookUpAtOneTip(
  node: ChainNode,
  question: Question,
): Promise<Hits & Pick<Answer, 'tip'>> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const { height, hash } = node.store.tip();
    const found = await lookUp(node, question);
    if (equalBytes(node.store.tip().hash, hash)) return { ...found, tip: { height, hash } };
  }
  throw new BitmodelError('TIP_CHANGED', 'The chain has changed while it was asked.', {
    next: 'Ask again',
  });
}

/**
 * Answers a question out of a node's chain, with proofs. Others have their turn while large blocks are hashed; the
 * answer is about the chain as it was in the beginning.
 * @param onBlock told how many bytes of a block are about to be looked through; throws to refuse that
 * @throws BitmodelError `TIP_CHANGED`, `BLOCK_PRUNED`
 */
export async function answerQuestion(
  node: ChainNode,
  trees: BlockTrees,
  question: Question,
  onBlock: (bytes: number) => void = () => {},
): Promise<Answer> {
  const { store } = node;
  const { tip, hits, next: rest } = await lookUpAtOneTip(node, question);
  const waiting = lookUpWaiting(node, question).map((each) => encodeTransaction(each.transaction));
  const room = { bytes: PAGE_BYTES, transactions: PAGE_TRANSACTIONS, blockBytes: BLOCK_BYTES };
  const blocks: ProvenBlock[] = [];
  for (const group of byBlock(hits)) {
    const { blockHash, height: at } = group[0]!;
    const isFull = room.bytes <= 0 || room.transactions <= 0 || room.blockBytes <= 0;
    if (isFull) return { tip, next: { height: at, position: 0 }, blocks, waiting: [] };
    const { size } = store.header(blockHash)!;
    room.blockBytes -= size;
    onBlock(size);
    const tree = await trees.get(blockHash);
    const bytes = store.blockBytes(blockHash);
    if (!tree || !bytes) {
      throw new BitmodelError('BLOCK_PRUNED', `The node no longer has the block at height ${at}.`);
    }
    const { block, next } = gather(bytes, tree, group, question.from, room);
    if (block) blocks.push(block);
    if (next) return { tip, next, blocks, waiting: [] };
  }
  return rest ? { tip, next: rest, blocks, waiting: [] } : { tip, blocks, waiting };
}
