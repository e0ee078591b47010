import fc from 'fast-check';
import { equalBytes } from '#src/base/index.js';
import { encodeOutputScript } from '#src/chain/codec/token.js';
import type {
  OutputToken,
  SpendContext,
  Transaction,
  TransactionOutput,
} from '#src/chain/index.js';

/** One thing about a transaction that somebody changes on its way, or nothing. */
type Tampering = (funded: SpendContext) => SpendContext;

const at = <T>(items: readonly T[], index: number): number => index % Math.max(1, items.length);

const changed =
  (change: (transaction: Transaction) => Partial<Transaction>): Tampering =>
  ({ transaction, spentOutputs }) => ({
    transaction: { ...transaction, ...change(transaction) },
    spentOutputs,
  });

const changedOutput = (index: number, change: (output: TransactionOutput) => TransactionOutput) =>
  changed(({ outputs }) => ({
    outputs: outputs.map((output, i) => (i === at(outputs, index) ? change(output) : output)),
  }));

const changedSpent =
  (index: number, change: (output: TransactionOutput) => TransactionOutput): Tampering =>
  ({ transaction, spentOutputs }) => ({
    transaction,
    spentOutputs: spentOutputs.map((output, i) =>
      i === at(spentOutputs, index) ? change(output) : output,
    ),
  });

const arbitraryNft = fc.oneof(
  fc.record({
    capability: fc.constantFrom('mutable', 'minting'),
    commitment: fc.uint8Array({ maxLength: 40 }),
  }),
  fc.record({
    capability: fc.constant('none'),
    commitment: fc.uint8Array({ minLength: 1, maxLength: 40 }),
  }),
) satisfies fc.Arbitrary<NonNullable<OutputToken['nft']>>;

/** A token of a category of its own, put on an output or in the place of the one there. */
const foreignToken = fc
  .record({
    category: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    amount: fc.bigInt({ min: 1n, max: 1n << 62n }),
    nft: fc.option(arbitraryNft, { nil: undefined }),
  })
  .map((token) => (output: TransactionOutput) => ({ ...output, token }));

/** What somebody does to an output's token: puts one on, takes it off, or changes its amount or NFT. */
const arbitraryTokenChange: fc.Arbitrary<(output: TransactionOutput) => TransactionOutput> =
  fc.oneof(
    foreignToken,
    fc.constant(({ token: _, ...output }: TransactionOutput) => output),
    fc.constant(({ token, ...output }: TransactionOutput) => ({
      ...output,
      ...(token && { token: { ...token, amount: token.amount + 1n } }),
    })),
    arbitraryNft.map((nft) => ({ token, ...output }: TransactionOutput) => ({
      ...output,
      ...(token && { token: { ...token, nft } }),
    })),
  );

/**
 * Any one change: of an output's value, script, token, place or presence, the token of what an input spends, lock time,
 * a sequence, job id, input order.
 */
export const arbitraryTampering: fc.Arbitrary<Tampering> = fc.oneof(
  fc.constant<Tampering>((funded) => funded),
  fc.tuple(fc.nat(20), fc.bigInt({ min: -3n, max: 3n })).map(([index, more]) =>
    changedOutput(index, (output) => ({
      ...output,
      value: output.value + more < 0n ? 0n : output.value + more,
    })),
  ),
  fc
    .tuple(fc.nat(20), fc.uint8Array({ maxLength: 40 }))
    .map(([index, lockingScript]) =>
      changedOutput(index, (output) => ({ ...output, lockingScript })),
    ),
  fc.tuple(fc.nat(20), arbitraryTokenChange).map(([index, change]) => changedOutput(index, change)),
  fc.tuple(fc.nat(2), arbitraryTokenChange).map(([index, change]) => changedSpent(index, change)),
  fc
    .nat(20)
    .map((index) =>
      changed(({ outputs }) => ({ outputs: outputs.toSpliced(at(outputs, index), 1) })),
    ),
  fc.tuple(fc.nat(20), fc.nat(20)).map(([from, to]) =>
    changed(({ outputs }) => ({
      outputs: outputs.toSpliced(at(outputs, to), 0, outputs[at(outputs, from)]!),
    })),
  ),
  fc.nat({ max: 0xffff_ffff }).map((lockTime) => changed(() => ({ lockTime }))),
  fc.tuple(fc.nat(3), fc.nat({ max: 0xffff_ffff })).map(([index, sequence]) =>
    changed(({ inputs }) => ({
      inputs: inputs.map((input, i) => (i === at(inputs, index) ? { ...input, sequence } : input)),
    })),
  ),
  fc.uint8Array({ minLength: 32, maxLength: 32 }).map((jobId) => changed(() => ({ jobId }))),
  fc.constant<Tampering>(({ transaction, spentOutputs }) => ({
    transaction: { ...transaction, inputs: transaction.inputs.toReversed() },
    spentOutputs: spentOutputs.toReversed(),
  })),
);

const sameOutput = (a: TransactionOutput | undefined, b: TransactionOutput): boolean =>
  a !== undefined &&
  a.value === b.value &&
  equalBytes(encodeOutputScript(a), encodeOutputScript(b));

/** Whether these outputs still come first, unchanged and in order. */
export const keepsOutputs = (
  { transaction }: SpendContext,
  outputs: readonly TransactionOutput[],
): boolean => outputs.every((output, index) => sameOutput(transaction.outputs[index], output));

/** Whether input 0 still spends what it did. */
export const keepsFirstInput = (after: SpendContext, before: SpendContext): boolean =>
  equalBytes(
    after.transaction.inputs[0]!.outpoint.hash,
    before.transaction.inputs[0]!.outpoint.hash,
  );

/** Whether what input 0 spends is what it was, its token among it. */
export const keepsContract = (after: SpendContext, before: SpendContext): boolean =>
  keepsFirstInput(after, before) && sameOutput(after.spentOutputs[0], before.spentOutputs[0]!);

/** Whether nothing that input 0's signature of type ALL covers has changed: its own output's token among it. */
export function isUnchanged(after: SpendContext, before: SpendContext): boolean {
  const [a, b] = [after.transaction, before.transaction];
  return (
    keepsContract(after, before) &&
    a.lockTime === b.lockTime &&
    equalBytes(a.jobId, b.jobId) &&
    a.inputs.every(({ sequence }, index) => sequence === b.inputs[index]!.sequence) &&
    a.outputs.length === b.outputs.length &&
    keepsOutputs(after, b.outputs)
  );
}

/** Whether input 0's sequence says an age of at least so many blocks (BIP68). */
export function isAged({ transaction }: SpendContext, blocks: number): boolean {
  const { sequence } = transaction.inputs[0]!;
  const isBlocks = sequence < 0x8000_0000 && (sequence & 0x0040_0000) === 0;
  return isBlocks && (sequence & 0xffff) >= blocks;
}
