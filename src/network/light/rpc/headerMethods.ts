import { toHex } from '../../../base/index.js';
import {
  CHAIN_HELP,
  difficultyOf,
  encodeHeader,
  type HeaderEntry,
  hashToId,
  Params,
  RPC_CODE,
  RpcError,
  type RpcServer,
  registerWaitingMethods,
  workView,
} from '../../../chain/index.js';
import type { HeaderChain } from '../HeaderChain.js';

const MAX_HEIGHT = 0x7fff_ffff;

function chainInfo(headers: HeaderChain): object {
  const { hash, header, height, work } = headers.top();
  return {
    chain: headers.parameters.name,
    blocks: height,
    headers: height,
    bestblockhash: hashToId(hash),
    bits: header.bits.toString(16).padStart(8, '0'),
    difficulty: difficultyOf(header.bits),
    time: header.time,
    mediantime: headers.medianTimeOf(headers.top()),
    verificationprogress: 1,
    initialblockdownload: false,
    chainwork: workView(work),
    // 80 bytes of each header, with its height and work
    size_on_disk: (height + 1) * 128,
    pruned: false,
    light: true,
    warnings: [],
  };
}

function headerView(headers: HeaderChain, entry: HeaderEntry): object {
  const { header, height, hash, work } = entry;
  const next = headers.headerAt(height + 1);
  return {
    hash: hashToId(hash),
    confirmations: headers.tip.height - height + 1,
    height,
    version: header.version,
    versionHex: (header.version >>> 0).toString(16).padStart(8, '0'),
    merkleroot: hashToId(header.merkleRoot),
    time: header.time,
    mediantime: headers.medianTimeOf(entry),
    nonce: header.nonce,
    bits: header.bits.toString(16).padStart(8, '0'),
    difficulty: difficultyOf(header.bits),
    chainwork: workView(work),
    ...(height === 0 ? {} : { previousblockhash: hashToId(header.previousHash) }),
    ...(next ? { nextblockhash: hashToId(next.hash) } : {}),
  };
}

function showHeader(headers: HeaderChain, params: Params): unknown {
  const entry = headers.header(params.hash(0, 'blockhash'));
  if (!entry) throw new RpcError(RPC_CODE.notFound, 'Block not found');
  if (params.boolean(1, 'verbose', true)) return headerView(headers, entry);
  return toHex(encodeHeader(entry.header));
}

function hashAt(headers: HeaderChain, params: Params): string {
  const entry = headers.headerAt(params.integer(0, 'Block height', 0, MAX_HEIGHT));
  if (!entry) throw new RpcError(RPC_CODE.invalidParameter, 'Block height out of range');
  return hashToId(entry.hash);
}

/** Methods that headers alone answer, named and shaped as a full node's. */
export function registerHeaderMethods(server: RpcServer, headers: HeaderChain): void {
  const answers = {
    getblockchaininfo: () => chainInfo(headers),
    getblockcount: () => headers.tip.height,
    getbestblockhash: () => headers.tip.hash,
    getdifficulty: () => difficultyOf(headers.top().header.bits),
    getblockhash: (params: Params) => hashAt(headers, params),
    getblockheader: (params: Params) => showHeader(headers, params),
  } as const;
  for (const [name, answer] of Object.entries(answers)) {
    const help = CHAIN_HELP[name as keyof typeof answers];
    server.register(name, (values) => answer(new Params(values)), help);
  }
  registerWaitingMethods(server, headers);
}
