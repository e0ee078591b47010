import { formatAmount, fromHex, toHex } from '../../../base/index.js';
import { type AddressParameters, addressScript, scriptAddress } from '../../address/address.js';
import { hashToId, type Outpoint } from '../../codec/transaction.js';
import type { Coin } from '../../consensus/coins.js';
import type { NetworkParameters } from '../../consensus/parameters.js';
import type { ChainNode } from '../../node/ChainNode.js';
import { collectUnspentOf, type FoundCoin, findPins, largestOfEach } from '../../node/outputs.js';
import { formatPinId } from '../../pins/pin.js';
import { jobHistory, scriptHistory } from '../../store/queries.js';
import { JsonList } from '../../wire/json.js';
import { RPC_CODE, RpcError } from '../../wire/RpcError.js';
import { tokenView } from '../../wire/tokenView.js';
import { INDEX_HELP } from '../help/indexes.js';
import { Params } from '../Params.js';
import type { RpcServer } from '../RpcServer.js';

const LIST_LIMIT = 1_000;
const NO_LIMIT = 0xffff_ffff;

type Selector = Readonly<Record<string, unknown>>;

function textList(value: unknown, name: string): string[] {
  const list = Array.isArray(value) ? value : [value];
  const valid = list.length <= LIST_LIMIT && list.every((each) => typeof each === 'string');
  if (!valid) throw new RpcError(RPC_CODE.type, `${name} must be texts, at most ${LIST_LIMIT}`);
  return list as string[];
}

/** Locking scripts named by `ADDRESS`, `[ADDRESS…]`, `{addresses: […]}` or `{scripts: [hex…]}`, none twice. */
export function scriptsOf(parameters: AddressParameters, value: unknown): Uint8Array[] {
  const named = namedScripts(parameters, value).map((script) => [toHex(script), script] as const);
  return [...new Map(named).values()];
}

function namedScripts(parameters: AddressParameters, value: unknown): Uint8Array[] {
  const selector = value as Selector | null | undefined;
  const isSelector = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (isSelector && selector?.scripts !== undefined) {
    return textList(selector.scripts, 'scripts').map((hex) => fromHex(hex));
  }
  const addresses = isSelector ? selector?.addresses : value;
  if (addresses === undefined) throw new RpcError(RPC_CODE.misc, 'addresses are missing');
  return textList(addresses, 'addresses').map((text) => addressScript(text, parameters));
}

/** An output with its outpoint, as every list of ours shows it. */
export function coinView(node: ChainNode, outpoint: Outpoint, coin: Coin): object {
  const pins = coin.carriesPins ? findPins(node, outpoint).map(formatPinId) : undefined;
  return coinJson(node.parameters, outpoint, coin, pins);
}

/** {@link coinView} of a coin whose pins are known. */
export function coinJson(
  parameters: AddressParameters,
  outpoint: Outpoint,
  coin: Coin,
  pins?: readonly string[],
): object {
  const { value, lockingScript, token } = coin.output;
  const address = scriptAddress(lockingScript, parameters);
  return {
    ...(address === undefined ? {} : { address }),
    txid: hashToId(outpoint.hash),
    vout: outpoint.index,
    value: formatAmount(value),
    scriptPubKey: toHex(lockingScript),
    height: coin.height,
    coinbase: coin.coinbase,
    ...(token ? { tokenData: tokenView(token) } : {}),
    ...(pins ? { pins } : {}),
  };
}

/** Of the coins found those that `getaddressutxos` is asked for: of each script the largest so many, or all. */
export function largest<T extends FoundCoin>(found: readonly T[], params: Params): readonly T[] {
  if (!params.has(1)) return found;
  return largestOfEach(found, params.integer(1, 'largest', 1, NO_LIMIT));
}

/** What `getaddressbalance` answers. @param tip its height */
export function balanceView(
  { maturity }: NetworkParameters,
  tip: number,
  found: readonly FoundCoin[],
): object {
  const next = tip + 1;
  const sums = { confirmed: 0n, pending: 0n, immature: 0n };
  for (const { coin } of found) {
    const young = coin.coinbase && next - coin.height < maturity;
    sums[coin.height === 0 ? 'pending' : young ? 'immature' : 'confirmed'] += coin.output.value;
  }
  return Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, formatAmount(sum)]));
}

function history(node: ChainNode, scripts: readonly Uint8Array[]): object[] {
  const heights = new Map<string, number>();
  for (const script of scripts) {
    for (const { hash, height } of scriptHistory(node.store, script)) {
      heights.set(hashToId(hash), height);
    }
    for (const { hash } of node.mempool.byScript(script)) heights.set(hashToId(hash), 0);
  }
  const order = (height: number): number => (height === 0 ? Number.POSITIVE_INFINITY : height);
  return [...heights]
    .map(([txid, height]) => ({ txid, height }))
    .sort((a, b) => (order(a.height) === order(b.height) ? 0 : order(a.height) - order(b.height)));
}

/** The part of a history, oldest first, that `getaddresshistory` is asked for. */
export function historyPage(found: object[], params: Params): object[] {
  const order = params.has(3) ? params.string(3, 'order') : 'oldest';
  if (order !== 'oldest' && order !== 'newest') {
    throw new RpcError(RPC_CODE.invalidParameter, 'order must be oldest or newest');
  }
  const skip = params.integer(2, 'skip', 0, NO_LIMIT, 0);
  const count = params.integer(1, 'count', 0, NO_LIMIT, NO_LIMIT);
  return (order === 'newest' ? found.reverse() : found).slice(skip, skip + count);
}

function outpointSpend(node: ChainNode, params: Params): unknown {
  const outpoint = { hash: params.hash(0, 'txid'), index: params.integer(1, 'n', 0, 0xffff_ffff) };
  const coin = node.output(outpoint);
  if (!coin) return null;
  const spender = node.spender(outpoint);
  const spent = spender && {
    txid: hashToId(spender.hash),
    vin: spender.inputIndex,
    height: spender.height,
  };
  return { ...coinView(node, outpoint, coin), spent: spent ?? null };
}

function jobTransactions(node: ChainNode, params: Params): object[] {
  const jobId = params.hex(0, 'jobid', 32);
  const mined = jobHistory(node.store, jobId);
  const waiting = [...node.mempool.byJob(jobId)].map(({ hash }) => ({ hash, height: 0 }));
  return [...mined, ...waiting].map(({ hash, height }) => ({ txid: hashToId(hash), height }));
}

/** Our own methods beside Bitcoin Core's: what the indexes know. Amounts are decimal texts here. */
export function registerIndexMethods(server: RpcServer, node: ChainNode): void {
  server.register(
    'getaddressutxos',
    async (values, { signal }) => {
      const params = new Params(values);
      const scripts = scriptsOf(node.parameters, params.raw(0));
      const found = await collectUnspentOf(node, scripts, signal);
      return new JsonList(largest(found, params), ({ outpoint, coin }) =>
        coinView(node, outpoint, coin),
      );
    },
    INDEX_HELP.getaddressutxos,
  );
  server.register(
    'getaddressbalance',
    async ([of], { signal }) =>
      balanceView(
        node.parameters,
        node.tip.height,
        await collectUnspentOf(node, scriptsOf(node.parameters, of), signal),
      ),
    INDEX_HELP.getaddressbalance,
  );
  server.register(
    'getaddresshistory',
    (values) => {
      const params = new Params(values);
      return historyPage(history(node, scriptsOf(node.parameters, params.raw(0))), params);
    },
    INDEX_HELP.getaddresshistory,
  );
  server.register(
    'getoutpointspend',
    (values) => outpointSpend(node, new Params(values)),
    INDEX_HELP.getoutpointspend,
  );
  server.register(
    'getjobtransactions',
    (values) => jobTransactions(node, new Params(values)),
    INDEX_HELP.getjobtransactions,
  );
}
