import { BitmodelError } from '../../base/index.js';

/** What is thrown where a node answers otherwise than in the form that was asked for. @param message one sentence */
export function badAnswer(message: string, cause?: unknown): BitmodelError {
  return new BitmodelError('BAD_RPC_ANSWER', message, {
    next: 'Use another node: --rpc URL',
    cause,
  });
}
