import { z } from 'zod';
import { fromBase64 } from '../base/index.js';
import { jobSpecSchema } from './spec.js';

const DIGIT = '[A-Za-z0-9+/]';
/** Last digits that leave no bits over, so that bytes have one spelling: before `=` and before `==`. */
const LAST = { one: '[AEIMQUYcgkosw048]', two: '[AQgw]' } as const;

/** Base64 with padding, of so many bytes, each in its one spelling (RFC 4648, section 3.5). */
function base64Pattern(least: number, most: number): string {
  const whole = (groups: number): number => Math.max(0, groups);
  const group = (rest: number, tail: string): string => {
    const from = whole(Math.ceil((least - rest) / 3));
    const to = Math.floor((most - rest) / 3);
    return to < from ? '' : `(?:${DIGIT}{4}){${from},${to}}${tail}`;
  };
  const shapes = [
    group(0, ''),
    group(1, `${DIGIT}${LAST.two}==`),
    group(2, `${DIGIT}{2}${LAST.one}=`),
  ];
  return `^(?:${shapes.filter((shape) => shape !== '').join('|')})$`;
}

const base64 = (least: number, most: number, description: string) =>
  z
    .string()
    .max(4 * Math.ceil(most / 3))
    .regex(new RegExp(base64Pattern(least, most)), 'is not base64 of the right length')
    .meta({ description })
    .transform(fromBase64);

const ids = (description: string) =>
  z.array(z.int().min(0).max(0xffff_ffff)).max(200_000).meta({ description });

const fields = {
  v: z.literal(1),
  salt: base64(32, 32, 'Salt of the prompt hash.'),
  nonce: base64(32, 32, 'The client’s nonce: seed = SHA-256(nonce ‖ model ‖ prompt hash).'),
  prompt: ids('Token ids of the prompt, as the model was given it.'),
  output: ids('Token ids of the answer, the end token included.'),
  finish: z.enum(['eos', 'stop', 'length']).meta({ description: 'What ended the answer.' }),
  k: base64(32, 32, 'The key that the seller showed when it took the reward.'),
  ciphertext: base64(32, 32, 'SHA-256 of the ciphertext that was posted.'),
  seller: base64(33, 33, 'The seller’s compressed public key.'),
  signature: base64(8, 72, 'The seller’s signature (DER) of the 101-byte commitment.'),
};

/** The form of a receipt's JSON; its job is read by `parseJob`, which says more precisely what is wrong with it. */
export const receiptForm = z.strictObject({ ...fields, job: z.unknown() });

/**
 * The form of a receipt as a JSON Schema (2020-12), the job's fields included. What it can't say, only the decoder checks:
 * how fields depend on one another, that texts are well-formed Unicode, and that their lengths are counted in UTF-16 units.
 */
export function receiptJsonSchema(): object {
  const { $schema, ...form } = z.toJSONSchema(z.strictObject({ ...fields, job: jobSpecSchema }), {
    target: 'draft-2020-12',
    io: 'input',
  });
  return {
    $schema,
    $id: 'urn:bitmodel:receipt:1',
    title: 'bitmodel receipt',
    description:
      'What was bought, enough to check every token of it offline with the model alone: docs/rastic.md, "The receipt".',
    ...form,
  };
}
