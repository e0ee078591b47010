import { BitmodelError, messageOf } from '../../base/index.js';
import { jsonPieces } from '../wire/json.js';
import { parseJson } from '../wire/parseJson.js';
import { RPC_CODE, RpcError } from '../wire/RpcError.js';
import { bindArguments } from './arguments.js';
import type { MethodHelp } from './method.js';

/** What a method is given beside its parameters. */
export interface RpcCall {
  /** Aborted when the caller hangs up or the server closes. */
  readonly signal: AbortSignal;
}

/** A method: positional parameters in, JSON out (amounts as `JsonAmount`). Throws `RpcError` with Core's numbers. */
export type RpcHandler = (params: unknown[], call: RpcCall) => unknown;

/** A method as the server keeps it. */
export interface RpcMethod {
  readonly handler: RpcHandler;
  /** Undefined: the handler checks its parameters itself, and they have no names. */
  readonly help?: MethodHelp | undefined;
}

/** Finds a method by its name. */
export type FindMethod = (name: string) => RpcMethod | undefined;

/** An HTTP answer; the body is made while it is written, and absent when the caller wants no answer. */
export interface Answer {
  readonly status: number;
  readonly body?: Iterable<string> | AsyncIterable<string>;
}

/** Most calls in one batch. */
const BATCH_LIMIT = 1_000;

interface Request {
  readonly jsonrpc: unknown;
  readonly id: unknown;
  readonly method: unknown;
  readonly params: unknown;
}

interface Reply {
  readonly result: unknown;
  readonly error: { readonly code: number; readonly message: string } | null;
  readonly request: Partial<Request>;
}

/** Errors of the rest of the project get the number that Bitcoin Core would give. */
const NUMBER_OF: Readonly<Record<string, number>> = {
  BAD_ADDRESS: RPC_CODE.notFound,
  WRONG_NETWORK: RPC_CODE.notFound,
  BAD_ENCODING: RPC_CODE.deserialization,
  BAD_HEX: RPC_CODE.invalidParameter,
  BAD_AMOUNT: RPC_CODE.type,
  TX_REJECTED: RPC_CODE.verifyRejected,
  BLOCK_REJECTED: RPC_CODE.verifyRejected,
  NO_PEERS: RPC_CODE.noPeers,
  NO_ANSWER: RPC_CODE.noPeers,
};

function errorOf(thrown: unknown): { code: number; message: string } {
  if (thrown instanceof RpcError) return { code: thrown.rpcCode, message: thrown.message };
  const code =
    thrown instanceof BitmodelError ? (NUMBER_OF[thrown.code] ?? RPC_CODE.misc) : RPC_CODE.internal;
  return { code, message: messageOf(thrown) };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

function invalid(message: string): RpcError {
  return new RpcError(RPC_CODE.invalidRequest, message);
}

function paramsOf({ params }: Partial<Request>): unknown[] | Record<string, unknown> {
  if (params === undefined || params === null) return [];
  if (Array.isArray(params) || isObject(params)) return params;
  throw invalid('Params must be an array or object');
}

function checkVersion({ jsonrpc }: Partial<Request>): void {
  if (jsonrpc === undefined || jsonrpc === null) return;
  if (typeof jsonrpc !== 'string') throw invalid('jsonrpc field must be a string');
  // 1.1 was never more than a draft, but clients of old say it
  if (!['1.0', '1.1', '2.0'].includes(jsonrpc)) throw invalid('JSON-RPC version not supported');
}

async function reply(value: unknown, find: FindMethod, call: RpcCall): Promise<Reply> {
  const request: Partial<Request> = isObject(value) ? value : {};
  try {
    if (!isObject(value)) throw invalid('Invalid Request object');
    checkVersion(request);
    const { method } = request;
    if (method === undefined || method === null) throw invalid('Missing method');
    if (typeof method !== 'string') throw invalid('Method must be a string');
    const params = paramsOf(request);
    const found = find(method);
    if (!found) throw new RpcError(RPC_CODE.methodNotFound, 'Method not found');
    const values = bindArguments(method, found.help, params);
    return { result: (await found.handler(values, call)) ?? null, error: null, request };
  } catch (thrown) {
    return { result: null, error: errorOf(thrown), request };
  }
}

function isModern(request: Partial<Request>): boolean {
  return request.jsonrpc === '2.0';
}

/** A reply's members: version 2.0 has either `result` or `error`, version 1.0 both. */
function replyPieces({ result, error, request }: Reply): Generator<string> {
  const id = request.id ?? null;
  if (!isModern(request)) return jsonPieces({ result, error, id });
  return jsonPieces(error ? { jsonrpc: '2.0', error, id } : { jsonrpc: '2.0', result, id });
}

/** HTTP status of a single reply, as Bitcoin Core sets it: with version 2.0, a method's own errors are no HTTP ones. */
function statusOf({ error, request }: Reply): number {
  if (!error) return 200;
  if (error.code === RPC_CODE.invalidRequest) return 400;
  if (isModern(request)) return 200;
  return error.code === RPC_CODE.methodNotFound ? 404 : 500;
}

/** A call of version 2.0 without an id wants no answer. */
function isNotification(value: unknown): boolean {
  return isObject(value) && isModern(value) && value.id === undefined;
}

function failure(code: number, message: string, status = 500): Answer {
  return { status, body: replyPieces({ result: null, error: { code, message }, request: {} }) };
}

/** One call after the other, each when the answer before it is on its way: a batch may count on its own order. */
async function* batchPieces(
  batch: readonly unknown[],
  find: FindMethod,
  call: RpcCall,
): AsyncGenerator<string> {
  let separator = '[';
  for (const value of batch) {
    const each = await reply(value, find, call);
    if (isNotification(value)) continue;
    yield separator;
    yield* replyPieces(each);
    separator = ',';
  }
  yield separator === '[' ? '[]' : ']';
}

async function answerBatch(
  batch: readonly unknown[],
  find: FindMethod,
  call: RpcCall,
): Promise<Answer> {
  if (batch.length > BATCH_LIMIT) {
    return failure(RPC_CODE.invalidRequest, `A batch holds at most ${BATCH_LIMIT} calls`, 400);
  }
  if (batch.length > 0 && batch.every(isNotification)) {
    for (const value of batch) await reply(value, find, call);
    return { status: 204 };
  }
  return { status: 200, body: batchPieces(batch, find, call) };
}

/** Answers the body of a POST request: one call or a batch, JSON-RPC 1.0, 1.1 or 2.0. Never throws. */
export async function answerBody(body: string, find: FindMethod, call: RpcCall): Promise<Answer> {
  let value: unknown;
  try {
    value = parseJson(body);
  } catch {
    return failure(RPC_CODE.parse, 'Parse error');
  }
  if (Array.isArray(value)) return answerBatch(value, find, call);
  if (!isObject(value)) return failure(RPC_CODE.parse, 'Top-level object parse error');
  const single = await reply(value, find, call);
  if (isNotification(value)) return { status: 204 };
  return { status: statusOf(single), body: replyPieces(single) };
}
