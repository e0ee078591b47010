import { fromHex, toHex } from '../../../base/index.js';
import { addressScript } from '../../address/address.js';
import { blockHash, encodeBlock } from '../../codec/block.js';
import { decodeTransaction, hashToId, idToHash, transactionHash } from '../../codec/transaction.js';
import { RejectError } from '../../consensus/RejectError.js';
import { subsidyAt } from '../../consensus/subsidy.js';
import { bitsToTarget } from '../../consensus/target.js';
import { MIN_RELAY_FEE_RATE } from '../../mempool/MinimumFee.js';
import { BlockTemplates, nextPlace, timeAndBits } from '../../mining/BlockTemplates.js';
import { makeCoinbase, nextExtraNonce } from '../../mining/coinbase.js';
import type { ChainNode } from '../../node/ChainNode.js';
import { completeBlock, solve } from '../../node/miner.js';
import { JsonAmount } from '../../wire/json.js';
import { RPC_CODE, RpcError } from '../../wire/RpcError.js';
import { MINING_HELP } from '../help/mining.js';
import { Params } from '../Params.js';
import type { RpcHandler, RpcServer } from '../RpcServer.js';
import { difficultyOf, workView } from '../views.js';
import { blockTemplate, submitBlock } from './blockTemplate.js';
import { estimateHashRate } from './hashRate.js';

const MAX_GENERATED = 10_000;
const DEFAULT_LOOKUP = 120;
const MAX_HEIGHT = 0x7fff_ffff;

const hexBits = (bits: number): string => bits.toString(16).padStart(8, '0');

function onRegtest(node: ChainNode, method: string): void {
  if (node.parameters.name === 'regtest') return;
  throw new RpcError(RPC_CODE.misc, `${method} is for regtest only`);
}

/** `getnetworkhashps`: of a span longer than the chain, the whole chain counts, as in Bitcoin Core. */
async function networkHashRate(node: ChainNode, params: Params): Promise<number> {
  const lookup = params.integer(0, 'nblocks', -1, MAX_HEIGHT, DEFAULT_LOOKUP);
  const asked = params.integer(1, 'height', -1, MAX_HEIGHT, -1);
  if (lookup === 0) {
    const message = 'Invalid nblocks. Must be a positive number or -1.';
    throw new RpcError(RPC_CODE.invalidParameter, message);
  }
  if (asked > node.tip.height) {
    const message = 'Block does not exist at specified height';
    throw new RpcError(RPC_CODE.invalidParameter, message);
  }
  const last = node.store.headerAt(asked < 0 ? node.tip.height : asked)!;
  // the target follows every block: there is no last change to count from, so -1 is the usual span
  return estimateHashRate(last, lookup < 0 ? DEFAULT_LOOKUP : lookup, node.store);
}

function targetView(bits: number): object {
  return {
    bits: hexBits(bits),
    difficulty: difficultyOf(bits),
    target: workView(bitsToTarget(bits)!),
  };
}

async function miningInfo(
  node: ChainNode,
  templates: BlockTemplates,
  hashRate: number,
): Promise<object> {
  const tip = node.store.tip();
  const { bits } = timeAndBits(node, nextPlace(node));
  const made = templates.last;
  return {
    blocks: tip.height,
    ...(made
      ? {
          currentblockweight: 4 * made.entries.reduce((sum, { size }) => sum + size, 0),
          currentblocktx: made.entries.length,
        }
      : {}),
    ...targetView(tip.header.bits),
    networkhashps: await networkHashRate(node, new Params([])),
    pooledtx: node.mempool.size,
    blockmintxfee: new JsonAmount(MIN_RELAY_FEE_RATE * 1_000n),
    chain: node.parameters.name,
    next: { height: tip.height + 1, ...targetView(bits) },
    localhashps: hashRate,
    warnings: '',
  };
}

/** Transactions of a block to be made: ids of waiting ones, or transactions in hex. */
function givenTransactions(node: ChainNode, list: unknown) {
  if (!Array.isArray(list)) throw new RpcError(RPC_CODE.type, 'transactions must be an array');
  return list.map((each: unknown) => {
    const text = new Params([each]).string(0, 'transaction');
    if (/^[0-9a-f]{64}$/i.test(text)) {
      const entry = node.mempool.get(idToHash(text));
      if (entry) return entry;
      throw new RpcError(RPC_CODE.notFound, `Transaction ${text} not in mempool.`);
    }
    try {
      const transaction = decodeTransaction(fromHex(text));
      return { transaction, hash: transactionHash(transaction) };
    } catch (thrown) {
      const message = `Transaction decode failed for ${text.slice(0, 80)}`;
      throw new RpcError(RPC_CODE.deserialization, message, { cause: thrown });
    }
  });
}

/** `generateblock`: a block of just these transactions, whose fees nobody takes, as in Bitcoin Core. */
async function generateBlock(node: ChainNode, params: Params): Promise<object> {
  onRegtest(node, 'generateblock');
  const lockingScript = addressScript(params.string(0, 'output'), node.parameters);
  const others = givenTransactions(node, params.raw(1));
  const submit = params.boolean(2, 'submit', true);
  const place = nextPlace(node);
  const value = subsidyAt(place.height, node.parameters);
  const coinbase = makeCoinbase(place.height, value, lockingScript, nextExtraNonce());
  const block = completeBlock(node, place, coinbase, others);
  try {
    await node.testBlock(block);
  } catch (thrown) {
    if (!(thrown instanceof RejectError)) throw thrown;
    throw new RpcError(RPC_CODE.verify, `TestBlockValidity failed: ${thrown.message}`);
  }
  const header = await solve(block.header, () => node.tip.height < place.height);
  if (!header) throw new RpcError(RPC_CODE.misc, 'Failed to make block.');
  const solved = { header, transactions: block.transactions };
  const hash = hashToId(blockHash(header));
  if (!submit) return { hash, hex: toHex(encodeBlock(solved)) };
  await node.submitBlock(solved);
  return { hash };
}

function generate(node: ChainNode, params: Params, signal: AbortSignal): Promise<string[]> {
  onRegtest(node, 'generatetoaddress');
  const count = params.integer(0, 'nblocks', 0, MAX_GENERATED);
  return node.mine(count, addressScript(params.string(1, 'address'), node.parameters), signal);
}

/**
 * Methods to mine with, named and shaped as Bitcoin Core's.
 * @param hashRate hashes per second of this node's own threads
 */
export function registerMiningMethods(
  server: RpcServer,
  node: ChainNode,
  hashRate: () => number = () => 0,
): void {
  const templates = new BlockTemplates(node);
  const answers: Record<keyof typeof MINING_HELP, RpcHandler> = {
    getmininginfo: () => miningInfo(node, templates, hashRate()),
    getnetworkhashps: (values) => networkHashRate(node, new Params(values)),
    getblocktemplate: (values, { signal }) =>
      blockTemplate(node, templates, new Params(values), signal),
    submitblock: (values) => submitBlock(node, new Params(values)),
    generatetoaddress: (values, { signal }) => generate(node, new Params(values), signal),
    generateblock: (values) => generateBlock(node, new Params(values)),
  };
  for (const [name, answer] of Object.entries(answers)) {
    server.register(name, answer, MINING_HELP[name as keyof typeof MINING_HELP]);
  }
}
