import * as noble from '@noble/hashes/legacy.js';
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256, sha256d } from '#src/base/index.js';
import { hash160 } from '#src/chain/index.js';
import { ripemd160, sha1 } from '#src/chain/script/digests.js';

describe('hashes', () => {
  it('are those of @noble/hashes for messages of any length', () => {
    const same = fc.property(fc.uint8Array({ maxLength: 300 }), (message) => {
      const inner = nobleSha256(message);
      expect(sha256(message)).toEqual(inner);
      expect(sha256d(message)).toEqual(nobleSha256(inner));
      expect(sha1(message)).toEqual(noble.sha1(message));
      expect(ripemd160(message)).toEqual(noble.ripemd160(message));
      expect(hash160(message)).toEqual(noble.ripemd160(inner));
    });
    fc.assert(same, { numRuns: 300 });
  });

  it('take a view of a longer buffer', () => {
    const long = Uint8Array.from({ length: 100 }, (_, i) => i);
    expect(sha256(long.subarray(10, 20))).toEqual(nobleSha256(long.slice(10, 20)));
    expect(ripemd160(long.subarray(10, 20))).toEqual(noble.ripemd160(long.slice(10, 20)));
  });
});
