import { z } from 'zod';
import {
  BitmodelError,
  canonicalBytes,
  concatBytes,
  fromBase64,
  fromHex,
  sha256,
  toBase64,
  toHex,
  utf8,
} from '../../base/index.js';
import { publicKeyOf, signData, verifyData } from '../../chain/index.js';
import { openSealed, sealTo } from '../sealing.js';
import { publicKeySchema } from '../spec.js';

/** What a signature of a letter covers, before the canonical bytes. */
const DOMAIN = utf8('bitmodel/letter/1');

/** Bytes of a letter as JSON: what the network's delivery carries, less its own part. */
export const MAX_LETTER = (1 << 20) - 4096;

const letterSchema = z.strictObject({
  v: z.literal(1),
  /** Compressed public key, hex, that it is sealed to. */
  to: publicKeySchema,
  /** Compressed public key, hex, that signs it, and that answers are sealed to. */
  from: publicKeySchema,
  /** Peer id of the node at which the reader asks; absent where that is the sender's own node. */
  node: z
    .string()
    .regex(/^[1-9A-HJ-NP-Za-km-z]{20,80}$/)
    .optional(),
  /** Milliseconds since 1970: so that what is said again is another letter. */
  at: z.int().min(0),
  /** What it says, sealed to the reader, base64. */
  box: z
    .string()
    .regex(/^[A-Za-z0-9+/]+={0,2}$/)
    .max(MAX_LETTER),
  signature: z.string().regex(/^(?:[0-9a-f]{2}){8,72}$/),
});

/** Something for one reader alone, brought to the node at which it asks. */
export type Letter = z.infer<typeof letterSchema>;

function signedBytes({ v, to, from, node, at, box }: Omit<Letter, 'signature'>): Uint8Array {
  const plain = { v, to, from, ...(node === undefined ? {} : { node }), at, box };
  return concatBytes(DOMAIN, canonicalBytes(plain));
}

/** Names a letter by what is signed, hex. */
export function letterId(letter: Letter): string {
  return toHex(sha256(signedBytes(letter)));
}

/** Seals and signs a letter. @param to compressed public key, hex; @throws BitmodelError `LETTER_TOO_LARGE` */
export function writeLetter(
  to: string,
  node: string | undefined,
  text: Uint8Array,
  privateKey: Uint8Array,
): Letter {
  const unsigned = {
    v: 1 as const,
    to,
    from: toHex(publicKeyOf(privateKey)),
    ...(node === undefined ? {} : { node }),
    at: Date.now(),
    box: toBase64(sealTo(fromHex(to), text)),
  };
  if (unsigned.box.length > MAX_LETTER - 1024) {
    throw new BitmodelError(
      'LETTER_TOO_LARGE',
      'This job is too large to be handed to a watcher.',
      {
        next: 'Shorten the prompt, or stay with the job yourself: leave --detach out',
      },
    );
  }
  return { ...unsigned, signature: toHex(signData(signedBytes(unsigned), privateKey)) };
}

/**
 * Reads a letter that somebody sent: its form and its signature.
 * @throws BitmodelError `BAD_LETTER`
 */
export function parseLetter(value: unknown): Letter {
  const { data } = letterSchema.safeParse(value);
  const isGood =
    data !== undefined &&
    JSON.stringify(data).length <= MAX_LETTER &&
    verifyData(fromHex(data.signature), signedBytes(data), fromHex(data.from));
  if (isGood) return data;
  throw new BitmodelError('BAD_LETTER', 'This is no letter, or not one that its sender signed.', {
    next: 'Make letters with writeLetter, and leave others aside',
  });
}

/** What a letter says. @throws BitmodelError `SEAL_BROKEN` */
export function openLetter({ box }: Letter, privateKey: Uint8Array): Uint8Array {
  return openSealed(privateKey, fromBase64(box));
}
