import { beforeAll, describe, expect, it } from 'vitest';
import { fromHex, sha256, toHex } from '#src/base/index.js';
import { keyPair, networkParameters } from '#src/chain/index.js';
import { sealAnswer } from '#src/job/answer.js';
import { encodeCommitment } from '#src/job/contracts/commitment.js';
import { type Evidence, sealEvidence } from '#src/job/evidence.js';
import { createMessage, type Message } from '#src/job/messages.js';
import { type JobSpec, jobIdHex, jobIdOf, promptHashOf } from '#src/job/spec.js';
import { type Dispute, EVIDENCE_BLOCKS, judge } from '#src/job/verifier/judging.js';
import { accept, makeJob, offer, privateKey, publicKey } from './make.js';

const params = networkParameters('regtest');
const verifier = keyPair(privateKey('verifier 1'), params);
const salt = new Uint8Array(32).fill(1);
const promptIds = [5, 6, 7];
const outputIds = [8, 9, 10];
const k = new Uint8Array(32).fill(2);
const oneTimeKey = new Uint8Array(32).fill(3);
const garbageKey = new Uint8Array(32).fill(7);

let job: JobSpec;
let honest: Dispute;
beforeAll(() => {
  job = makeJob({
    promptHash: toHex(promptHashOf(salt, promptIds)),
    inputTokens: promptIds.length,
    verifiers: [toHex(verifier.publicKey), publicKey('verifier 2'), publicKey('verifier 3')],
  });
  const sealed = sealAnswer(
    jobIdOf(job),
    fromHex(job.client),
    k,
    { ids: outputIds, finish: 'length' },
    oneTimeKey,
  );
  const encoded = encodeCommitment(sealed.commitment);
  honest = {
    job,
    accept: accept(job, offer(job, 'seller')),
    state: { k, count: outputIds.length, commitmentHash: sha256(encoded) },
    commitment: encoded,
    commitments: [posted(sealed.ciphertext, encoded)],
    contests: [],
    counterproofs: [],
    depth: 1,
  };
});

function posted(ciphertext: Uint8Array, encoded: Uint8Array): Message<'commitment'> {
  const body = {
    commitment: toHex(encoded),
    signature: '30'.repeat(10),
    ciphertext: Buffer.from(ciphertext).toString('base64'),
  };
  return createMessage('commitment', jobIdHex(job), 0, body, privateKey('seller'));
}

const sealedFor = (evidence: Evidence) => sealEvidence(evidence, [toHex(verifier.publicKey)]);
const byBuyer = (evidence: Evidence, author = 'client') =>
  createMessage(
    'contest',
    jobIdHex(job),
    0,
    { transaction: '00'.repeat(32), ...sealedFor(evidence) },
    privateKey(author),
  );
const bySeller = (evidence: Evidence, author = 'seller') =>
  createMessage('counterproof', jobIdHex(job), 0, sealedFor(evidence), privateKey(author));

/** With no model at hand, a verifier that comes as far as the tokens abstains for that reason. */
const CAME_TO_THE_TOKENS = { result: 'abstain', reason: 'this verifier does not have the model' };
const LATE = EVIDENCE_BLOCKS + 1;
const verdictOf = (changes: Partial<Dispute>) => judge({ ...honest, ...changes }, [], verifier);

describe('a contested job', () => {
  it('is judged by its tokens when the buyer’s ids are those of the commitment', async () => {
    const contests = [byBuyer({ salt, promptIds, outputIds })];
    expect(await verdictOf({ contests })).toEqual(CAME_TO_THE_TOKENS);
  });

  it('is judged by its tokens when the seller’s key opens the answer', async () => {
    const contests = [byBuyer({ salt, promptIds })];
    const counterproofs = [bySeller({ salt, promptIds, oneTimeKey })];
    expect(await verdictOf({ contests, counterproofs })).toEqual(CAME_TO_THE_TOKENS);
    expect(await verdictOf({ contests, counterproofs, depth: LATE })).toEqual(CAME_TO_THE_TOKENS);
  });

  it('is not lost to a key that the buyer made up, before or after the seller answers', async () => {
    const contests = [byBuyer({ salt, promptIds, oneTimeKey: garbageKey })];
    expect(await verdictOf({ contests })).toBeUndefined();
    const counterproofs = [bySeller({ salt, promptIds, oneTimeKey })];
    expect(await verdictOf({ contests, counterproofs, depth: LATE })).toEqual(CAME_TO_THE_TOKENS);
  });

  it('is not lost to ids that the buyer made up', async () => {
    const contests = [byBuyer({ salt, promptIds, outputIds: [1, 1, 1] })];
    expect(await verdictOf({ contests })).toBeUndefined();
    const counterproofs = [bySeller({ salt, promptIds, oneTimeKey })];
    expect(await verdictOf({ contests, counterproofs, depth: LATE })).toEqual(CAME_TO_THE_TOKENS);
  });

  it('is not lost to what a stranger says in the buyer’s or the seller’s name', async () => {
    const contests = [byBuyer({ salt, promptIds, outputIds: [1] }, 'stranger')];
    const counterproofs = [bySeller({ salt, promptIds, oneTimeKey: garbageKey }, 'stranger')];
    const late = await verdictOf({ contests, counterproofs, depth: LATE });
    expect(late).toEqual({ result: 'abstain', reason: 'the buyer shows no evidence' });
  });

  it('is lost by a seller who answers the accusation with nothing, or with another key', async () => {
    const contests = [byBuyer({ salt, promptIds })];
    expect(await verdictOf({ contests })).toBeUndefined();
    const format = { result: 'invalid', kind: 'format' };
    expect(await verdictOf({ contests, depth: LATE })).toEqual(format);
    const counterproofs = [bySeller({ salt, promptIds, oneTimeKey: garbageKey })];
    expect(await verdictOf({ contests, counterproofs })).toBeUndefined();
    expect(await verdictOf({ contests, counterproofs, depth: LATE })).toEqual(format);
  });

  it('is nobody’s loss where the buyer shows no evidence, or another prompt', async () => {
    const nothing = { result: 'abstain', reason: 'the buyer shows no evidence' };
    expect(await verdictOf({ depth: LATE })).toEqual(nothing);
    const contests = [byBuyer({ salt, promptIds: [5, 6, 8], outputIds })];
    expect(await verdictOf({ contests, depth: LATE })).toEqual(nothing);
  });

  it('is lost by a seller whose ciphertext is not in the pool two blocks after the contest', async () => {
    const contests = [byBuyer({ salt, promptIds })];
    expect(await verdictOf({ contests, commitments: [], depth: 2 })).toBeUndefined();
    const late = await verdictOf({ contests, commitments: [], depth: 3 });
    expect(late).toEqual({ result: 'invalid', kind: 'undelivered' });
  });

  it('is lost at once by a seller whose ciphertext does not open under k', async () => {
    const ciphertext = new Uint8Array(100).fill(9);
    const { ciphertextHash: _, ...rest } = {
      ...sealAnswer(jobIdOf(job), fromHex(job.client), k, { ids: outputIds, finish: 'length' })
        .commitment,
    };
    const encoded = encodeCommitment({ ...rest, ciphertextHash: sha256(ciphertext) });
    const contests = [byBuyer({ salt, promptIds })];
    const commitments = [posted(ciphertext, encoded)];
    expect(await verdictOf({ contests, commitments, commitment: encoded })).toEqual({
      result: 'invalid',
      kind: 'format',
    });
  });

  it('is lost by a seller who shows the verifiers the ids, and the buyer nothing that opens', async () => {
    const ciphertext = new Uint8Array(100).fill(9);
    const answer = { ids: outputIds, finish: 'length' as const };
    const { commitment } = sealAnswer(jobIdOf(job), fromHex(job.client), k, answer);
    const encoded = encodeCommitment({ ...commitment, ciphertextHash: sha256(ciphertext) });
    const shown = {
      commitment: encoded,
      commitments: [posted(ciphertext, encoded)],
      contests: [byBuyer({ salt, promptIds })],
      counterproofs: [bySeller({ salt, promptIds, outputIds })],
    };
    expect(await verdictOf(shown)).toEqual({ result: 'invalid', kind: 'format' });
  });

  it('is lost by a seller who committed to another number of tokens', async () => {
    const { ciphertext, commitment } = sealAnswer(
      jobIdOf(job),
      fromHex(job.client),
      k,
      { ids: outputIds, finish: 'length' },
      oneTimeKey,
    );
    const encoded = encodeCommitment({ ...commitment, count: 2 });
    const commitments = [posted(ciphertext, encoded)];
    const contests = [byBuyer({ salt, promptIds, outputIds })];
    expect(await verdictOf({ contests, commitments, commitment: encoded })).toEqual({
      result: 'invalid',
      kind: 'count',
    });
  });
});
