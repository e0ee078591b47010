import { toHex } from '../../../base/index.js';
import {
  CHAIN_HELP,
  decodeParam,
  encodeOutpoint,
  encodeTransaction,
  exceedsRate,
  isCoinbase,
  JsonAmount,
  MAX_FEE_TARGET,
  maxFeeRate,
  Params,
  RPC_CODE,
  RpcError,
  type RpcServer,
  registerCodingMethods,
  type Transaction,
  transactionId,
  transactionView,
} from '../../../chain/index.js';
import { estimateFees } from '../fees.js';
import type { LightChain } from '../LightChain.js';
import { whyInvalid } from '../Unconfirmed.js';

const MISSING = 'bad-txns-inputs-missingorspent';

async function rawTransaction(chain: LightChain, params: Params): Promise<unknown> {
  const txid = params.string(0, 'txid');
  params.hash(0, 'txid');
  const verbosity = params.verbosity(1, 'verbosity', 2, 0);
  const found = await chain.transaction(txid.toLowerCase());
  const isWanted =
    found && (!params.has(2) || found.blockHash === params.string(2, 'blockhash').toLowerCase());
  if (!isWanted) {
    throw new RpcError(RPC_CODE.notFound, 'No such mempool or blockchain transaction');
  }
  const { transaction, height, blockHash, time } = found;
  const hex = toHex(encodeTransaction(transaction));
  if (verbosity === 0) return hex;
  const coins =
    verbosity === 2 && !isCoinbase(transaction) ? await chain.spentCoins(transaction) : undefined;
  const view = transactionView(transaction, chain.parameters, { coins, prevouts: true });
  const confirmations = chain.height() - height + 1;
  const place =
    blockHash === undefined
      ? {}
      : { blockhash: blockHash, height, confirmations, time, blocktime: time };
  return { ...(params.has(2) ? { in_active_chain: true } : {}), ...view, hex, ...place };
}

/** What the transaction's proven coins say against it, before any other node is asked. */
async function checkBeforehand(
  chain: LightChain,
  transaction: Transaction,
  maximum: bigint,
): Promise<void> {
  const spent = await chain.unconfirmed.spentOutputs(transaction);
  if (!spent) throw new RpcError(RPC_CODE.verify, MISSING);
  const txid = transactionId(transaction);
  // all at once, so that each is not asked for by itself
  await chain.client.ask(
    'outputs',
    transaction.inputs.map(({ outpoint }) => encodeOutpoint(outpoint)),
  );
  for (const { outpoint } of transaction.inputs) {
    const spender = await chain.spender(outpoint);
    // what waits may be replaced, which other nodes decide on
    if (spender && spender.height > 0 && spender.txid !== txid) {
      throw new RpcError(RPC_CODE.verify, MISSING);
    }
  }
  const why = whyInvalid(transaction, spent);
  if (why !== undefined) throw new RpcError(RPC_CODE.verifyRejected, why);
  const sum = (all: readonly { readonly value: bigint }[]): bigint =>
    all.reduce((total, { value }) => total + value, 0n);
  const fee = sum(spent) - sum(transaction.outputs);
  if (exceedsRate(fee, encodeTransaction(transaction).length, maximum)) {
    const message = 'Fee exceeds maximum configured by user (maxfeerate)';
    throw new RpcError(RPC_CODE.verify, message);
  }
}

async function send(chain: LightChain, params: Params): Promise<string> {
  const transaction = decodeParam(params, 0);
  const maximum = maxFeeRate(params, 1);
  const txid = transactionId(transaction);
  if (await chain.fact(txid)) {
    throw new RpcError(RPC_CODE.alreadyInChain, 'Transaction outputs already in utxo set');
  }
  await checkBeforehand(chain, transaction, maximum);
  const { isTaken, reasons } = await chain.outbox.send(transaction);
  if (isTaken) return txid;
  const [reason = 'refused'] = reasons;
  throw new RpcError(
    reason.startsWith(MISSING) ? RPC_CODE.verify : RPC_CODE.verifyRejected,
    reason,
  );
}

async function abandon(chain: LightChain, params: Params): Promise<null> {
  params.hash(0, 'txid');
  const txid = params.string(0, 'txid').toLowerCase();
  if (chain.outbox.abandon(txid).length > 0) return null;
  const message = (await chain.fact(txid))
    ? 'Transaction not eligible for abandonment'
    : 'Invalid or non-wallet transaction id';
  throw new RpcError(RPC_CODE.notFound, message);
}

async function smartFee(chain: LightChain, params: Params): Promise<object> {
  const blocks = params.integer(0, 'conf_target', -0x8000_0000, 0x7fff_ffff);
  if (blocks < 1 || blocks > MAX_FEE_TARGET) {
    const message = `Invalid conf_target, must be between 1 and ${MAX_FEE_TARGET}`;
    throw new RpcError(RPC_CODE.invalidParameter, message);
  }
  const { estimate, minimum } = await estimateFees(chain.host, blocks);
  if (estimate === undefined) {
    return { errors: ['Insufficient data or no feerate found'], blocks };
  }
  return { feerate: new JsonAmount(estimate > minimum ? estimate : minimum), blocks };
}

/** The mempool as far as this node has one: its own payments, and what peers have told of. */
async function mempoolInfo(chain: LightChain): Promise<object> {
  const { minimum } = await estimateFees(chain.host, 6);
  const waiting = [...chain.claims.all()];
  const bytes = waiting.reduce((total, each) => total + each.bytes.length, 0);
  return {
    loaded: true,
    size: waiting.length,
    bytes,
    usage: bytes,
    mempoolminfee: new JsonAmount(minimum),
    unbroadcastcount: chain.outbox.size,
    fullrbf: true,
  };
}

/** Methods about transactions, answered with what is proven, or handed to several nodes. */
export function registerTransactionMethods(server: RpcServer, chain: LightChain): void {
  const answers = {
    getrawtransaction: (params: Params) => rawTransaction(chain, params),
    sendrawtransaction: (params: Params) => send(chain, params),
    abandontransaction: (params: Params) => abandon(chain, params),
    estimatesmartfee: (params: Params) => smartFee(chain, params),
    getmempoolinfo: () => mempoolInfo(chain),
  } as const;
  for (const [name, answer] of Object.entries(answers)) {
    const help = CHAIN_HELP[name as keyof typeof answers];
    server.register(name, (values) => answer(new Params(values)), help);
  }
  registerCodingMethods(server, chain.parameters);
}
