import { BitmodelError, EXIT, type ExitCode } from '../../base/index.js';

/** Bitcoin Core's error numbers (src/rpc/protocol.h), by the names used there without the prefix. */
export const RPC_CODE = {
  misc: -1,
  type: -3,
  notFound: -5,
  invalidParameter: -8,
  deserialization: -22,
  verify: -25,
  verifyRejected: -26,
  alreadyInChain: -27,
  inWarmup: -28,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  parse: -32700,
} as const;

const MEANING: ReadonlyMap<number, readonly [code: string, exit: ExitCode]> = new Map([
  [RPC_CODE.type, ['BAD_ARGUMENT', EXIT.usage]],
  [RPC_CODE.notFound, ['NOT_FOUND', EXIT.notFound]],
  [RPC_CODE.invalidParameter, ['BAD_ARGUMENT', EXIT.usage]],
  [RPC_CODE.deserialization, ['BAD_ENCODING', EXIT.usage]],
  [RPC_CODE.verify, ['TX_REJECTED', EXIT.failed]],
  [RPC_CODE.verifyRejected, ['TX_REJECTED', EXIT.failed]],
  [RPC_CODE.alreadyInChain, ['ALREADY_IN_CHAIN', EXIT.failed]],
  [RPC_CODE.methodNotFound, ['UNKNOWN_METHOD', EXIT.usage]],
  [RPC_CODE.invalidParams, ['BAD_ARGUMENT', EXIT.usage]],
]);

/**
 * An error that travels over RPC: thrown by a method on the server, thrown again by the client. Its `code` is ours
 * (`TX_REJECTED`, `NOT_FOUND`, …), `rpcCode` is Bitcoin Core's number, the message is the node's own.
 */
export class RpcError extends BitmodelError {
  readonly rpcCode: number;

  constructor(rpcCode: number, message: string, options: { cause?: unknown } = {}) {
    const [code, exitCode] = MEANING.get(rpcCode) ?? ['RPC_ERROR', EXIT.failed];
    super(code, message, { ...options, exitCode });
    this.rpcCode = rpcCode;
  }
}
