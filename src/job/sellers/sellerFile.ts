import { z } from 'zod';
import { BitmodelError, EXIT, messageOf } from '../../base/index.js';
import { DEFAULT_ERROR_RATES } from '../../rastic/index.js';
import { publicKeySchema } from '../spec.js';

/** Most sellers that are remembered; beyond it those go first that are not left, the longest unseen before others. */
export const MOST_SELLERS = 1024;
/** Most jobs of one seller that are remembered one by one; of those announced before them none is counted any more. */
export const MOST_SEEN = 256;
/** No file of sellers is longer, in bytes. */
export const MOST_BYTES = 8 << 20;

const count = z.int().min(0);

const sellerSchema = z.strictObject({
  /** Jobs whose margins were counted, and their tokens. */
  jobs: count,
  tokens: count,
  /** Tokens with a margin above zero, those beyond τ included. */
  flips: count,
  /** Tests that ended for the seller. */
  passed: count,
  /** Σ ln(p₁/p₀) of the test under way, in millionths. */
  evidenceMicro: z.int(),
  /** Whether a test ended against it. */
  left: z.boolean(),
  /** Milliseconds since 1970 of the last job counted. */
  at: count,
  /** Jobs counted, by the first 16 digits of their ids and the height they were announced at; the youngest of them. */
  seen: z.array(z.tuple([z.string().regex(/^[0-9a-f]{16}$/), count])).max(MOST_SEEN),
  /** Greatest height of a counted job that is not among these; 0 where all are. */
  forgotten: count,
});

const rate = z.number().gt(0).lt(0.5);

const fileSchema = z.strictObject({
  v: z.literal(1),
  rates: z.strictObject({ falseLeave: rate, missed: rate }),
  sellers: z.record(publicKeySchema, sellerSchema),
});

/** What is remembered of one seller. */
export type SellerEntry = z.infer<typeof sellerSchema>;
/** All that is remembered of sellers. */
export type SellerFile = z.infer<typeof fileSchema>;

/** Nobody was seen yet. */
export const NO_SELLERS: SellerFile = { v: 1, rates: DEFAULT_ERROR_RATES, sellers: {} };

/** @throws BitmodelError `BAD_SELLER_FILE` naming what is wrong with it */
export function decodeSellers(text: string, path: string): SellerFile {
  const refuse = (why: string, cause?: unknown): BitmodelError =>
    new BitmodelError('BAD_SELLER_FILE', `${path} does not tell of sellers: ${why}.`, {
      next: `Restore it from a backup, or remove it: what was learnt about sellers is then forgotten`,
      exitCode: EXIT.failed,
      cause,
    });
  if (text.length > MOST_BYTES) throw refuse('it is too large');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    throw refuse(messageOf(thrown), thrown);
  }
  const parsed = fileSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw refuse(`${issue.path.join('.') || 'the whole'}: ${issue.message.toLowerCase()}`);
  }
  if (Object.keys(parsed.data.sellers).length > MOST_SELLERS) throw refuse('it has too many');
  return parsed.data;
}

/** As it lies on disk. */
export function encodeSellers(file: SellerFile): string {
  return `${JSON.stringify(file)}\n`;
}
