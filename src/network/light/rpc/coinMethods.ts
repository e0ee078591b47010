import {
  balanceAmong,
  CHAIN_HELP,
  coinJson,
  historyPage,
  JsonAmount,
  listPins,
  Params,
  type PinSource,
  parsePinId,
  pinHistory,
  RPC_CODE,
  RpcError,
  type RpcServer,
  scriptsOf,
  scriptView,
  tokenView,
  unspentAmong,
} from '../../../chain/index.js';
import type { LightChain } from '../LightChain.js';
import type { PinsOf } from '../pins.js';

async function unspentList(chain: LightChain, params: Params): Promise<unknown> {
  const found = await chain.coins(scriptsOf(chain.parameters, params.raw(0)));
  return unspentAmong(chain.parameters, found, params);
}

async function balance(chain: LightChain, params: Params): Promise<object> {
  const found = await chain.coins(scriptsOf(chain.parameters, params.raw(0)));
  return balanceAmong(chain.parameters, chain.height(), found, params);
}

async function history(chain: LightChain, params: Params): Promise<object[]> {
  return historyPage(await chain.history(scriptsOf(chain.parameters, params.raw(0))), params);
}

function outpointOf(params: Params): { hash: Uint8Array; index: number } {
  return { hash: params.hash(0, 'txid'), index: params.integer(1, 'n', 0, 0xffff_ffff) };
}

async function outpointSpend(chain: LightChain, params: Params): Promise<unknown> {
  const outpoint = outpointOf(params);
  const spender = await chain.spender(outpoint);
  const coin = await chain.anyOutput(outpoint);
  if (!coin) return null;
  const { txid = '', inputIndex: vin = 0, height = 0 } = spender ?? {};
  return {
    ...coinJson(chain.parameters, outpoint, coin),
    spent: spender ? { txid, vin, height } : null,
  };
}

async function unspentOutput(chain: LightChain, params: Params): Promise<unknown> {
  const outpoint = outpointOf(params);
  const withWaiting = params.boolean(2, 'include_mempool', true);
  const coin = await chain.anyOutput(outpoint);
  const spender = await chain.spender(outpoint);
  const isSpent = spender !== undefined && (withWaiting || spender.height > 0);
  if (!coin || isSpent || (coin.height === 0 && !withWaiting)) return null;
  const { token, value, lockingScript } = coin.output;
  const { hash, height } = chain.headers.tip;
  return {
    bestblock: hash,
    confirmations: coin.height === 0 ? 0 : height - coin.height + 1,
    value: new JsonAmount(value),
    scriptPubKey: scriptView(lockingScript, chain.parameters),
    ...(token ? { tokenData: tokenView(token) } : {}),
    coinbase: coin.coinbase,
  };
}

function pinsOf(value: unknown): PinsOf {
  const selector = typeof value === 'string' ? { path: value } : ((value ?? {}) as object);
  const { path, id } = selector as { readonly path?: unknown; readonly id?: unknown };
  if (id !== undefined) {
    const parsed = typeof id === 'string' ? parsePinId(id) : undefined;
    if (parsed) return { id: parsed };
    throw new RpcError(RPC_CODE.invalidParameter, 'id must be TXIDiOUTPUT');
  }
  if (typeof path === 'string') return { path };
  const message =
    'A light node finds pins by their path or their id, not by who made or holds them';
  throw new RpcError(RPC_CODE.headersOnly, message);
}

function asked<T>(chain: LightChain, of: PinsOf, body: (source: PinSource) => T): Promise<T> {
  const { parameters } = chain;
  return chain.withPins(of, (pins) => body({ parameters, store: { pins } }));
}

/** Methods about outputs, jobs and pins, answered with what is proven; at height 0 stands what only waits. */
export function registerCoinMethods(server: RpcServer, chain: LightChain): void {
  const answers = {
    getaddressutxos: (params: Params) => unspentList(chain, params),
    getaddressbalance: (params: Params) => balance(chain, params),
    getaddresshistory: (params: Params) => history(chain, params),
    getoutpointspend: (params: Params) => outpointSpend(chain, params),
    gettxout: (params: Params) => unspentOutput(chain, params),
    getjobtransactions: async (params: Params) =>
      historyPage(await chain.jobTransactions(params.hex(0, 'jobid', 32)), params),
    getpins: (params: Params) =>
      asked(chain, pinsOf(params.raw(0)), (source) => listPins(source, params)),
    getpinhistory: (params: Params) =>
      asked(chain, pinsOf({ id: params.string(0, 'id') }), (source) => pinHistory(source, params)),
  } as const;
  for (const [name, answer] of Object.entries(answers)) {
    const help = CHAIN_HELP[name as keyof typeof answers];
    server.register(name, (values) => answer(new Params(values)), help);
  }
}
