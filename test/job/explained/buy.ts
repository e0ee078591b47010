import { fromHex, sha256, toHex } from '#src/base/index.js';
import { type Receipt, receiptCommitment, signCommitment } from '#src/job/index.js';
import { promptHashOf, seedOf } from '#src/job/spec.js';
import { GREEDY, type LanguageModel, modelId, type Sampling } from '#src/model/index.js';
import { makeJob, privateKey, publicKey } from '../make.js';

/** What is bought. */
export interface Purchase {
  readonly prompt: string;
  readonly maxTokens: number;
  readonly sampling?: Sampling;
  /** What a cheating seller makes of the honest ids, before it signs. */
  readonly cheat?: (ids: readonly number[]) => readonly number[];
}

/** A receipt as a seller of this model would give it, without a chain: honest unless `cheat` says otherwise. */
export async function buy(model: LanguageModel, purchase: Purchase): Promise<Receipt> {
  const promptIds = model.tokenizer.encode(purchase.prompt);
  const sampling = purchase.sampling ?? GREEDY;
  const [salt, nonce] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  const promptHash = promptHashOf(salt, promptIds);
  const id = await modelId(model.info.dir);
  const seed = seedOf(nonce, fromHex(id), promptHash);
  const job = makeJob({
    model: id,
    file: model.info.file,
    promptHash: toHex(promptHash),
    inputTokens: promptIds.length,
    maxTokens: purchase.maxTokens,
    sampling,
    seed: toHex(seed),
  });
  const { ids, finish } = await model.generate({
    promptIds,
    sampling,
    seed,
    maxTokens: purchase.maxTokens,
    stop: [],
  });
  const unsigned: Receipt = {
    job,
    salt,
    nonce,
    promptIds,
    outputIds: purchase.cheat?.(ids) ?? ids,
    finish,
    k: new Uint8Array(32).fill(3),
    ciphertextHash: sha256(salt),
    seller: fromHex(publicKey('seller')),
    signature: new Uint8Array(0),
  };
  const signature = signCommitment(receiptCommitment(unsigned), privateKey('seller'));
  return { ...unsigned, signature };
}
