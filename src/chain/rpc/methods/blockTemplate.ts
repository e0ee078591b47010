import { setTimeout as delay } from 'node:timers/promises';
import { toHex } from '../../../base/index.js';
import { blockHash, decodeBlock, MAX_BLOCK_SIZE } from '../../codec/block.js';
import { encodeTransaction, hashToId } from '../../codec/transaction.js';
import { hashKey } from '../../consensus/coins.js';
import { MAX_BLOCK_SIGNATURE_CHECKS } from '../../consensus/parameters.js';
import { RejectError } from '../../consensus/RejectError.js';
import { bitsToTarget } from '../../consensus/target.js';
import { isCoinbase } from '../../consensus/transactionRules.js';
import type { MempoolEntry } from '../../mempool/entry.js';
import { BLOCK_VERSION, type BlockTemplates, timeAndBits } from '../../mining/BlockTemplates.js';
import type { ChainNode } from '../../node/ChainNode.js';
import { JsonNumber } from '../../wire/parseJson.js';
import { RPC_CODE, RpcError } from '../../wire/RpcError.js';
import { Params } from '../Params.js';
import { workView } from '../views.js';

/** Milliseconds that a long poll waits for a new tip before better transactions are reason enough to answer. */
const POLL_FOR_TIP = 60_000;
/** Milliseconds between two looks at the mempool afterwards. */
const POLL_STEP = 10_000;

function transactionViews(entries: readonly MempoolEntry[]): object[] {
  const places = new Map(entries.map((entry, index) => [hashKey(entry.hash), index + 1]));
  return entries.map((entry) => ({
    data: toHex(encodeTransaction(entry.transaction)),
    txid: hashToId(entry.hash),
    hash: hashToId(entry.hash),
    depends: [...entry.parents].flatMap(({ hash }) => places.get(hashKey(hash)) ?? []),
    fee: new JsonNumber(String(entry.fee)),
    sigops: entry.signatureChecks,
    weight: 4 * entry.size,
  }));
}

/** Names the tip and the state of the mempool that a template was made of. */
function pollId(node: ChainNode, sequence: number): string {
  return `${node.tip.hash}${sequence}`;
}

/** A template in the shape of BIP22 and BIP23, as Bitcoin Core fills it. */
function templateView(node: ChainNode, templates: BlockTemplates): object {
  const template = templates.current();
  const { time, bits } = timeAndBits(node, template);
  return {
    capabilities: ['proposal'],
    version: BLOCK_VERSION,
    rules: ['csv'],
    vbavailable: {},
    vbrequired: 0,
    previousblockhash: hashToId(template.previous.hash),
    transactions: transactionViews(template.entries),
    coinbaseaux: {},
    coinbasevalue: new JsonNumber(String(template.coinbaseValue)),
    longpollid: pollId(node, template.sequence),
    target: workView(bitsToTarget(bits)!),
    mintime: template.minimumTime,
    mutable: ['time', 'transactions', 'prevblock'],
    noncerange: '00000000ffffffff',
    sigoplimit: MAX_BLOCK_SIGNATURE_CHECKS,
    sizelimit: MAX_BLOCK_SIZE,
    weightlimit: 4 * MAX_BLOCK_SIZE,
    curtime: time,
    bits: bits.toString(16).padStart(8, '0'),
    height: template.height,
  };
}

/** Waits until the template behind a long poll id is out of date: at once for a new tip, after a while for better fees. */
async function waitForChange(node: ChainNode, id: string, signal: AbortSignal): Promise<void> {
  const tip = id.slice(0, 64);
  const sequence = Number(id.slice(64));
  if (!/^[0-9a-f]{64}\d{1,15}$/.test(id)) {
    throw new RpcError(RPC_CODE.invalidParameter, 'Invalid longpollid');
  }
  const changed = new AbortController();
  const onBlock = (): void => changed.abort();
  node.once('block', onBlock);
  const limit = AbortSignal.any([signal, changed.signal]);
  try {
    for (let wait = POLL_FOR_TIP; node.tip.hash === tip; wait = POLL_STEP) {
      await delay(wait, undefined, { signal: limit });
      if (node.mempool.sequence !== sequence) return;
    }
  } catch (thrown) {
    if (!changed.signal.aborted) throw thrown;
  } finally {
    node.off('block', onBlock);
  }
}

function blockParam(hex: unknown): ReturnType<typeof decodeBlock> {
  const failed = (cause?: unknown): RpcError =>
    new RpcError(RPC_CODE.deserialization, 'Block decode failed', { cause });
  if (typeof hex !== 'string')
    throw new RpcError(RPC_CODE.type, 'Missing data String key for proposal');
  try {
    return decodeBlock(new Params([hex]).hex(0, 'hexdata'));
  } catch (thrown) {
    throw failed(thrown);
  }
}

/** BIP22's word for a block that is known already. */
function duplicateOf(node: ChainNode, hash: Uint8Array): string | undefined {
  const status = node.store.header(hash)?.status;
  if (status === undefined || status === 'header') return undefined;
  if (status === 'unchecked') return 'duplicate-inconclusive';
  return status === 'valid' ? 'duplicate' : 'duplicate-invalid';
}

/** BIP23's proposal: what would be wrong with a block, proof of work aside; null when nothing. */
async function propose(node: ChainNode, data: unknown): Promise<string | null> {
  const block = blockParam(data);
  const known = duplicateOf(node, blockHash(block.header));
  if (known) return known;
  if (hashToId(block.header.previousHash) !== node.tip.hash) return 'inconclusive-not-best-prevblk';
  try {
    await node.testBlock(block);
    return null;
  } catch (thrown) {
    if (thrown instanceof RejectError) return thrown.reason;
    throw thrown;
  }
}

/** `getblocktemplate`: what an outside miner needs for the next block, or its judgement of a proposal. */
export async function blockTemplate(
  node: ChainNode,
  templates: BlockTemplates,
  params: Params,
  signal: AbortSignal,
): Promise<unknown> {
  const request = (params.raw(0) ?? {}) as Record<string, unknown>;
  const { mode = 'template', longpollid, data } = request;
  if (mode === 'proposal') return propose(node, data);
  if (mode !== 'template') throw new RpcError(RPC_CODE.invalidParameter, 'Invalid mode');
  if (typeof longpollid === 'string') await waitForChange(node, longpollid, signal);
  return templateView(node, templates);
}

/** `submitblock`: BIP22's answer, null when the block is the new tip. */
export async function submitBlock(node: ChainNode, params: Params): Promise<string | null> {
  const block = blockParam(params.string(0, 'hexdata'));
  const [first] = block.transactions;
  if (!first || !isCoinbase(first)) {
    throw new RpcError(RPC_CODE.deserialization, 'Block does not start with a coinbase');
  }
  const hash = blockHash(block.header);
  try {
    if (!(await node.submitBlock(block))) return duplicateOf(node, hash) ?? null;
  } catch (thrown) {
    if (thrown instanceof RejectError) return thrown.reason;
    throw thrown;
  }
  const entry = node.store.header(hash);
  return entry && node.store.isActive(entry) ? null : 'inconclusive';
}
