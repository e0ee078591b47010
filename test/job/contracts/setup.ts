import fc from 'fast-check';
import { sha256, utf8 } from '#src/base/index.js';
import {
  type ContractSpend,
  hash160,
  JOB_VERSION,
  type OutputToken,
  p2pkhScript,
  publicKeyOf,
  type ScriptResult,
  type SpendContext,
  type Transaction,
  type TransactionOutput,
  unlockContract,
  verifyInput,
} from '#src/chain/index.js';
import { encodeCommitment } from '#src/job/contracts/commitment.js';
import { claimState } from '#src/job/contracts/escrowSpends.js';
import { bondValue, type JobTerms } from '#src/job/terms.js';

/** A private key that a name stands for. */
export const keyOf = (name: string): Uint8Array => sha256(utf8(name));
export const verifierKey = (index: number): Uint8Array => keyOf(`verifier ${index}`);

export const k = keyOf('k');
export const feeLockingScript = p2pkhScript(hash160(utf8('author of the model')));
const VERIFIER_KEYS = Array.from({ length: 15 }, (_, index) => publicKeyOf(verifierKey(index)));

export const outpointOf = (name: string, index = 0) => ({ hash: keyOf(name), index });

/** Terms of one job: 100 tokens at 1,000 units, three verifiers of whom two decide. */
export function makeTerms(changes: Partial<JobTerms> = {}): JobTerms {
  return {
    genesis: keyOf('genesis'),
    jobId: keyOf('job'),
    client: publicKeyOf(keyOf('client')),
    seller: publicKeyOf(keyOf('seller')),
    sellerPayout: hash160(utf8('seller payout')),
    kHash: sha256(k),
    pricePerToken: 1_000n,
    maxTokens: 100,
    feePpm: 50_001,
    feeScript: sha256(feeLockingScript),
    stake: 150_000n,
    verifiers: VERIFIER_KEYS.slice(0, 3),
    threshold: 2,
    verifierFee: 700n,
    expires: 500,
    disputeWindow: 10,
    verdictWindow: 20,
    ...changes,
  };
}

export const verifierKeys = (count: number): Uint8Array[] => VERIFIER_KEYS.slice(0, count);

export function makeCommitment(count: number, jobId: Uint8Array = keyOf('job')): Uint8Array {
  return encodeCommitment({
    jobId,
    outputHash: keyOf('output'),
    ciphertextHash: keyOf('ciphertext'),
    count,
    finish: 'eos',
  });
}

export const makeClaim = (count: number) => ({
  outpoint: outpointOf('escrow'),
  k,
  commitment: makeCommitment(count),
  feeLockingScript,
});

export const makeState = (count: number) => claimState(makeClaim(count));

/** The outputs that scripts of these terms would be locked by, to be read back. */
export const stakeOutput = (terms: JobTerms, lockingScript: Uint8Array): TransactionOutput => ({
  value: terms.stake,
  lockingScript,
});
export const contestedOutput = (terms: JobTerms, lockingScript: Uint8Array): TransactionOutput => ({
  value: terms.stake + bondValue(terms),
  lockingScript,
});

/** Terms that validate, with amounts from one unit to near the limit, and a token count under them. */
export const arbitraryJob = fc
  .record({
    verifiers: fc.integer({ min: 1, max: 15 }),
    extraVotes: fc.nat(7),
    price: fc.bigInt({ min: 1n, max: 1n << 29n }),
    maxTokens: fc.integer({ min: 1, max: 0x7fff_ffff }),
    count: fc.nat(),
    feePpm: fc.integer({ min: 0, max: 1_000_000 }),
    feePerJob: fc.option(fc.bigInt({ min: 1n, max: 1n << 50n }), { nil: undefined }),
    verifierFee: fc.bigInt({ min: 0n, max: 1n << 40n }),
    extraStake: fc.bigInt({ min: 0n, max: 1n << 40n }),
    expires: fc.integer({ min: 1, max: 499_999_999 }),
    window: fc.integer({ min: 1, max: 0xffff }),
  })
  .map((drawn) => {
    const verifiers = verifierKeys(drawn.verifiers);
    const least = Math.floor(verifiers.length / 2) + 1;
    const threshold = Math.min(verifiers.length, least + drawn.extraVotes);
    const { price: pricePerToken, maxTokens, feePpm, feePerJob, verifierFee } = drawn;
    const { expires, window } = drawn;
    const reward = BigInt(maxTokens) * pricePerToken + (feePerJob ?? 0n);
    const stake = reward + BigInt(verifiers.length) * verifierFee + drawn.extraStake;
    const windows = { disputeWindow: window, verdictWindow: window };
    const fees = { feePpm, verifierFee, ...(feePerJob === undefined ? {} : { feePerJob }) };
    const amounts = { pricePerToken, maxTokens, ...fees, stake };
    const terms = makeTerms({ ...amounts, ...windows, verifiers, threshold, expires });
    return { terms, count: 1 + (drawn.count % maxTokens) };
  });

const CHANGE = p2pkhScript(hash160(utf8('whoever pays the fee')));

/** The spend with one more input that pays what is missing, and its change: both free. */
export function fund(spend: ContractSpend): SpendContext {
  const extra: TransactionOutput = { value: 1n << 62n, lockingScript: CHANGE };
  const paying = { outpoint: outpointOf('coins'), output: extra, sequence: 0xffff_fffe };
  const inputs = [...spend.inputs, paying];
  const transaction: Transaction = {
    version: JOB_VERSION,
    inputs: inputs.map(({ outpoint, sequence }) => ({
      outpoint,
      sequence,
      unlockingScript: new Uint8Array(0),
    })),
    outputs: [...spend.outputs, { value: 12_345n, lockingScript: CHANGE }],
    lockTime: spend.lockTime,
    jobId: spend.jobId,
  };
  return { transaction, spentOutputs: inputs.map(({ output }) => output) };
}

/** How the contract at input 0 answers to this unlocking script. */
export function answer(funded: SpendContext, unlockingScript: Uint8Array): ScriptResult {
  const transaction = unlockContract(funded.transaction, unlockingScript);
  return verifyInput({ transaction, spentOutputs: funded.spentOutputs, inputIndex: 0 });
}

/** The spend with output `index` changed. */
export function withOutput(
  spend: ContractSpend,
  index: number,
  change: Partial<TransactionOutput>,
): ContractSpend {
  const outputs = spend.outputs.map((o, i) => (i === index ? { ...o, ...change } : o));
  return { ...spend, outputs };
}

/** What anybody can put on an output: one unit of a fungible token, an NFT. */
export const TOKENS: Readonly<Record<string, OutputToken>> = {
  token: { category: keyOf('born of any outpoint'), amount: 1n },
  NFT: {
    category: keyOf('born of another'),
    amount: 0n,
    nft: { capability: 'none', commitment: new Uint8Array(0) },
  },
};

/** Every way to move one output's value by one unit, to pay another script, or to put a token on it. */
export function spoiledOutputs(spend: ContractSpend): [string, ContractSpend][] {
  return spend.outputs.flatMap(({ value }, index): [string, ContractSpend][] => [
    [`output ${index} a unit too high`, withOutput(spend, index, { value: value + 1n })],
    [`output ${index} a unit too low`, withOutput(spend, index, { value: value - 1n })],
    [`output ${index} to another script`, withOutput(spend, index, { lockingScript: CHANGE })],
    ...Object.entries(TOKENS).map(([kind, token]): [string, ContractSpend] => [
      `output ${index} with a foreign ${kind}`,
      withOutput(spend, index, { token }),
    ]),
    [`output ${index} missing`, { ...spend, outputs: spend.outputs.toSpliced(index, 1) }],
  ]);
}

/** The funded transaction with the contract as input 1, behind the coins. */
export function asSecondInput(funded: SpendContext): SpendContext {
  const { transaction, spentOutputs } = funded;
  return {
    transaction: { ...transaction, inputs: transaction.inputs.toReversed() },
    spentOutputs: spentOutputs.toReversed(),
  };
}

/** How the contract at input 1 answers. */
export function answerAtSecond(funded: SpendContext, unlockingScript: Uint8Array): ScriptResult {
  const inputs = funded.transaction.inputs.with(1, {
    ...funded.transaction.inputs[1]!,
    unlockingScript,
  });
  const transaction = { ...funded.transaction, inputs };
  return verifyInput({ transaction, spentOutputs: funded.spentOutputs, inputIndex: 1 });
}
