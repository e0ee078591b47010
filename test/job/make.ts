import { createHash } from 'node:crypto';
import { fromHex, toHex } from '#src/base/index.js';
import { publicKeyOf, signData } from '#src/chain/index.js';
import {
  createMessage,
  type JobSpec,
  jobIdHex,
  leastStake,
  type Message,
  parseJob,
} from '#src/job/index.js';
import { listedVerifiers } from '#src/job/spec.js';

/** A private key that is the same in every run. */
export function privateKey(name: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(`test key ${name}`).digest());
}

export function publicKey(name: string): string {
  return toHex(publicKeyOf(privateKey(name)));
}

export function hash(name: string): string {
  return createHash('sha256').update(name).digest('hex');
}

/** A job that keeps every rule, with what the test wants to be otherwise. */
export function makeJob(changes: Partial<JobSpec> = {}): JobSpec {
  return parseJob({
    v: 1,
    client: publicKey('client'),
    model: hash('model'),
    file: 'onnx/model.onnx',
    classes: ['fp32/0/cpu'],
    calibration: hash('calibration'),
    promptHash: hash('prompt'),
    inputTokens: 7,
    maxTokens: 16,
    stop: [],
    sampling: { temperatureMilli: 0, topK: 0, topPMilli: 1000 },
    seed: hash('seed'),
    pricePerToken: '0.00010000',
    feePpm: 100_000,
    feeScript: hash('split'),
    stake: leastStake(10_000n, changes.maxTokens ?? 16, 1000n, 3),
    verifiers: ['v0', 'v1', 'v2'].map(publicKey),
    threshold: 2,
    verifierFee: '0.00001000',
    coin: `${hash('coin')}:0`,
    created: 100,
    expires: 200,
    ...changes,
  });
}

export function announce(job: JobSpec): Message<'announce'> {
  return createMessage('announce', jobIdHex(job), 0, { job }, privateKey('client'));
}

export function offer(
  job: JobSpec,
  seller: string,
  pricePerToken = '0.00010000',
  sequence = 0,
): Message<'offer'> {
  return createMessage(
    'offer',
    jobIdHex(job),
    sequence,
    {
      pricePerToken,
      speedMilli: 5000,
      class: 'fp32/0/cpu',
      payout: hash(seller).slice(0, 40),
      keyHash: hash(`k of ${seller}`),
      until: 1_000_000,
    },
    privateKey(seller),
  );
}

export function accept(job: JobSpec, chosen: Message<'offer'>, sequence = 0): Message<'accept'> {
  const { author, body, signature } = chosen;
  return createMessage(
    'accept',
    jobIdHex(job),
    sequence,
    {
      offer: { author, sequence: chosen.sequence, body, signature },
      escrow: hash(`escrow to ${author}`),
    },
    privateKey('client'),
  );
}

export function commitment(
  job: JobSpec,
  seller: string,
  count = 3,
  padding = 0,
): Message<'commitment'> {
  const committed = `${jobIdHex(job)}${hash('out')}${hash('cipher')}0${count}00000002`;
  return createMessage(
    'commitment',
    jobIdHex(job),
    0,
    {
      commitment: committed,
      signature: toHex(signData(fromHex(committed), privateKey(seller))),
      ciphertext: `c2VhbGVk${'A'.repeat(padding)}`,
    },
    privateKey(seller),
  );
}

/** A contest by the client, about a transaction of this name, with so many bytes of evidence. */
export function contest(
  job: JobSpec,
  name: string,
  bytes: number,
  sequence = 0,
  called: readonly string[] = listedVerifiers(job).slice(0, 1),
): Message<'contest'> {
  return createMessage(
    'contest',
    jobIdHex(job),
    sequence,
    {
      transaction: hash(name),
      evidence: 'A'.repeat(bytes),
      keys: called.map((verifier) => ({ verifier, key: '' })),
    },
    privateKey('client'),
  );
}

export function verdict(
  job: JobSpec,
  verifier: string,
  value: 'valid' | 'invalid' | 'abstain',
): Message<'verdict'> {
  return createMessage(
    'verdict',
    jobIdHex(job),
    0,
    { verdict: value, stake: hash('stake') },
    privateKey(verifier),
  );
}
