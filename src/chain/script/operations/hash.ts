import { sha256, sha256d } from '../../../base/index.js';
import { ripemd160, sha1 } from '../digests.js';
import { hash160 } from '../standard.js';
import { type Operation, type OperationGroup, ORIGINAL } from './operation.js';

function hash(digest: (message: Uint8Array) => Uint8Array, extraRounds: 0 | 1): Operation {
  return {
    stack: 'a → b',
    cost: `|b| + 64·rounds(|a|)${extraRounds === 1 ? ' + 64' : ''}`,
    source: ORIGINAL,
    run: (state) => {
      const message = state.pop();
      state.chargeHash(message.length, extraRounds);
      state.push(digest(message));
    },
  };
}

/** Hashes of byte strings. rounds(n) = 1 + ⌊(n + 8) / 64⌋. */
export const hashOperations: OperationGroup = {
  OP_RIPEMD160: hash(ripemd160, 0),
  OP_SHA1: hash(sha1, 0),
  OP_SHA256: hash((message) => sha256(message), 0),
  OP_HASH160: hash(hash160, 1),
  OP_HASH256: hash((message) => sha256d(message), 1),
};
