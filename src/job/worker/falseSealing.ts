import { randomBytes } from 'node:crypto';
import { sha256 } from '../../base/index.js';
import { publicKeyOf } from '../../chain/index.js';
import type { AttackOutcome, DeliveryCheat } from '../../rastic/index.js';
import { type SealedAnswer, sealAnswer } from '../answer.js';
import { createOneTimeKey, sealTo, sealUnder } from '../sealing.js';
import { encodeIds } from '../spec.js';

/** What is sealed, for whom, and under which key. */
interface Sealing {
  readonly jobId: Uint8Array;
  /** The buyer's compressed public key. */
  readonly client: Uint8Array;
  readonly k: Uint8Array;
  readonly output: Pick<AttackOutcome, 'ids' | 'finish'>;
}

/** An honest commitment with another ciphertext, which it names. */
function named(honest: SealedAnswer, ciphertext: Uint8Array): SealedAnswer {
  const commitment = { ...honest.commitment, ciphertextHash: sha256(ciphertext) };
  return { ...honest, ciphertext, commitment };
}

const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));

/**
 * Seals an answer as a cheating seller does ({@link DeliveryCheat}); without a cheat, honestly. What comes out is posted and
 * committed to as it is.
 */
export function sealFalsely(
  { jobId, client, k, output }: Sealing,
  cheat: DeliveryCheat | undefined,
): SealedAnswer {
  const honest = sealAnswer(jobId, client, k, output);
  const { ids } = output;
  const { oneTimeKey } = honest;
  switch (cheat) {
    case undefined:
      return honest;
    case 'withhold':
      return { ...honest, ciphertext: random(honest.ciphertext.length) };
    case 'garbage':
      return named(honest, random(honest.ciphertext.length));
    case 'other-key':
      return named(honest, sealUnder(random(k.length), sealTo(client, encodeIds(ids), oneTimeKey)));
    case 'other-reader': {
      const other = publicKeyOf(createOneTimeKey());
      return named(honest, sealUnder(k, sealTo(other, encodeIds(ids), oneTimeKey)));
    }
    case 'other-output': {
      const others = ids.map((id, i) => (i === 0 ? id + 1 : id));
      return named(honest, sealUnder(k, sealTo(client, encodeIds(others), oneTimeKey)));
    }
    case 'false-count': {
      const half = sealAnswer(jobId, client, k, { ...output, ids: ids.slice(ids.length >> 1) });
      const commitment = { ...half.commitment, count: ids.length };
      return { ...half, commitment };
    }
  }
}
