import { BitmodelError, messageOf } from '../../base/index.js';
import { encodeJson } from './json.js';
import { RPC_CODE, RpcError } from './RpcError.js';
import type { RpcCall, RpcHandler } from './RpcServer.js';

/** Most calls in one batch. */
const BATCH_LIMIT = 1_000;

type FindMethod = (name: string) => RpcHandler | undefined;

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

/** An HTTP answer. */
export interface Answer {
  readonly status: number;
  readonly text: string;
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
};

function errorOf(thrown: unknown): { code: number; message: string } {
  if (thrown instanceof RpcError) return { code: thrown.rpcCode, message: thrown.message };
  const code =
    thrown instanceof BitmodelError ? (NUMBER_OF[thrown.code] ?? RPC_CODE.misc) : RPC_CODE.internal;
  return { code, message: messageOf(thrown) };
}

function positional(params: unknown): unknown[] {
  if (params === undefined || params === null) return [];
  if (Array.isArray(params)) return params;
  throw new RpcError(RPC_CODE.invalidRequest, 'Params must be an array');
}

async function reply(value: unknown, find: FindMethod, call: RpcCall): Promise<Reply> {
  const isObject = value !== null && typeof value === 'object' && !Array.isArray(value);
  const request = (isObject ? value : {}) as Partial<Request>;
  try {
    if (!isObject) throw new RpcError(RPC_CODE.invalidRequest, 'Invalid Request object');
    if (typeof request.method !== 'string') {
      throw new RpcError(RPC_CODE.invalidRequest, 'Method must be a string');
    }
    const handler = find(request.method);
    if (!handler) throw new RpcError(RPC_CODE.methodNotFound, 'Method not found');
    const result = (await handler(positional(request.params), call)) ?? null;
    return { result, error: null, request };
  } catch (thrown) {
    return { result: null, error: errorOf(thrown), request };
  }
}

function isModern(request: Partial<Request>): boolean {
  return request.jsonrpc === '2.0';
}

/** JSON of a reply: version 2.0 has either `result` or `error`, version 1.0 both. */
function replyText({ result, error, request }: Reply): string {
  const id = request.id ?? null;
  if (!isModern(request)) return encodeJson({ result, error, id });
  return encodeJson(error ? { jsonrpc: '2.0', error, id } : { jsonrpc: '2.0', result, id });
}

/** HTTP status of a single reply, as Bitcoin Core sets it: version 2.0 always 200. */
function statusOf({ error, request }: Reply): number {
  if (!error || isModern(request)) return 200;
  if (error.code === RPC_CODE.invalidRequest) return 400;
  return error.code === RPC_CODE.methodNotFound ? 404 : 500;
}

/** A call of version 2.0 without an id wants no answer. */
function isNotification(request: Partial<Request>): boolean {
  return isModern(request) && request.id === undefined;
}

async function answerBatch(
  batch: readonly unknown[],
  find: FindMethod,
  call: RpcCall,
): Promise<Answer> {
  if (batch.length === 0 || batch.length > BATCH_LIMIT) {
    const message = `A batch holds 1 to ${BATCH_LIMIT} calls`;
    const error = { code: RPC_CODE.invalidRequest, message };
    return { status: 400, text: replyText({ result: null, error, request: {} }) };
  }
  const texts: string[] = [];
  // one after the other: a batch may count on its own order
  for (const value of batch) {
    const each = await reply(value, find, call);
    if (!isNotification(each.request)) texts.push(replyText(each));
  }
  return texts.length === 0
    ? { status: 204, text: '' }
    : { status: 200, text: `[${texts.join(',')}]` };
}

/** Answers the body of a POST request: one call or a batch, JSON-RPC 1.0 or 2.0. Never throws. */
export async function answerBody(body: string, find: FindMethod, call: RpcCall): Promise<Answer> {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    const error = { code: RPC_CODE.parse, message: 'Parse error' };
    return { status: 500, text: replyText({ result: null, error, request: {} }) };
  }
  if (Array.isArray(value)) return answerBatch(value, find, call);
  const single = await reply(value, find, call);
  if (isNotification(single.request)) return { status: 204, text: '' };
  return { status: statusOf(single), text: replyText(single) };
}
