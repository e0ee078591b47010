import fc from 'fast-check';
import {
  type Block,
  type BlockHeader,
  decodeOutputScript,
  JOB_VERSION,
  MAX_TOKEN_AMOUNT,
  type NftCapability,
  NO_JOB,
  type OutputToken,
  type Transaction,
  type TransactionInput,
  type TransactionOutput,
} from '#src/chain/index.js';

export const hashArbitrary = fc.uint8Array({ minLength: 32, maxLength: 32 });
const u32 = fc.nat(0xffff_ffff);
const script = fc.uint8Array({ maxLength: 80 });

export const inputArbitrary: fc.Arbitrary<TransactionInput> = fc.record({
  outpoint: fc.record({ hash: hashArbitrary, index: u32 }),
  unlockingScript: script,
  sequence: u32,
});

const nftArbitrary = fc.record({
  capability: fc.constantFrom<NftCapability>('none', 'mutable', 'minting'),
  commitment: fc.uint8Array({ maxLength: 128 }),
});

/** Any token that a prefix can say. */
export const tokenArbitrary: fc.Arbitrary<OutputToken> = fc
  .record({
    category: hashArbitrary,
    amount: fc.bigInt({ min: 0n, max: MAX_TOKEN_AMOUNT }),
    nft: fc.option(nftArbitrary, { nil: undefined }),
  })
  .filter(({ amount, nft }) => amount > 0n || nft !== undefined)
  .map(({ nft, ...token }) => (nft ? { ...token, nft } : token));

/** Any output, most of them without a token. */
export const outputArbitrary: fc.Arbitrary<TransactionOutput> = fc
  .record({
    value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    lockingScript: script.filter((bytes) => !decodeOutputScript(bytes).token),
    token: fc.option(tokenArbitrary, { nil: undefined, freq: 1 }),
  })
  .map(({ token, ...output }) => (token ? { ...output, token } : output));

/** Any transaction of these versions, with at least so many inputs; without a job below version 10. */
export function anyTransaction(
  version: fc.Arbitrary<number> = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  minimum: { inputs?: number } = {},
): fc.Arbitrary<Transaction> {
  return fc
    .record({
      version,
      inputs: fc.array(inputArbitrary, { minLength: minimum.inputs ?? 0, maxLength: 4 }),
      outputs: fc.array(outputArbitrary, { maxLength: 4 }),
      lockTime: u32,
      jobId: hashArbitrary,
    })
    .map((parts) => (parts.version >= JOB_VERSION ? parts : { ...parts, jobId: NO_JOB }));
}

export const headerArbitrary: fc.Arbitrary<BlockHeader> = fc.record({
  version: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  previousHash: hashArbitrary,
  merkleRoot: hashArbitrary,
  time: u32,
  bits: u32,
  nonce: u32,
});

/** A header and transactions that need not fit it. */
export const blockArbitrary: fc.Arbitrary<Block> = fc.record({
  header: headerArbitrary,
  transactions: fc.array(anyTransaction(), { maxLength: 3 }),
});
