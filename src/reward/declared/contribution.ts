import { z } from 'zod';
import { canonicalBytes } from '../../base/index.js';
import { PPM } from '../graph/graph.js';
import { readJson } from './pinPayload.js';

/** Where pins stand that confirm or dispute what others declare (DESIGN 4.4). */
export const CONTRIBUTION_PIN_PATH = '/protocols/bitmodel-contribution';

/** Most characters of a reason. */
export const MAXIMUM_REASON = 500;
/** A longer payload is no statement: ids and a reason take less. */
const MAXIMUM_STATEMENT = 4_096;

/** The holder of a parent's pin agrees that a source stands on it, for at least this weight. */
export interface Confirmation {
  readonly standing: 'confirmed';
  /** Id of the source that names the parent. */
  readonly child: string;
  readonly parent: string;
  /** The least weight agreed to, in parts per million: a claim of less is not confirmed by this. */
  readonly ppm: number;
}

/** Somebody says that a source's declaration is wrong: all of it, what it says of one parent, or one pin's claim to the id. */
export interface Dispute {
  readonly standing: 'disputed';
  /** Id of the source whose declaration is disputed. */
  readonly child: string;
  /** The parent that it is about, named or left out. */
  readonly parent?: string;
  /** The pin that it is about, where several claim the id. */
  readonly claim?: string;
  /** Why: up to 500 printable characters. */
  readonly reason: string;
  /** Printed id of a transaction that shows it. */
  readonly evidence?: string;
}

/** What a pin at {@link CONTRIBUTION_PIN_PATH} says. */
export type Statement = Confirmation | Dispute;

const id = z.string().regex(/^[0-9a-f]{64}$/);
const pinId = z.string().regex(/^[0-9a-f]{64}i(?:0|[1-9]\d{0,9})$/);
const reason = z
  .string()
  .min(1)
  .max(MAXIMUM_REASON)
  .regex(/^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]+$/u);
const v = z.literal(1);

const statementSchema = z.discriminatedUnion('standing', [
  z.strictObject({
    v,
    standing: z.literal('confirmed'),
    child: id,
    parent: id,
    ppm: z.int().min(0).max(PPM),
  }),
  z.strictObject({
    v,
    standing: z.literal('disputed'),
    child: id,
    parent: id.optional(),
    claim: pinId.optional(),
    reason,
    evidence: id.optional(),
  }),
]);

/**
 * What a statement's pin holds, canonical JSON: `{v, standing: "confirmed", child, parent, ppm}`, or `{v, standing:
 * "disputed", child, reason}` with `parent`, `claim` and `evidence` where they are named.
 */
export function statementPayload(statement: Statement): Uint8Array {
  return canonicalBytes({ v: 1, ...statement });
}

/** The statement in a pin; undefined for anything that is not one in full. Never throws. */
export function parseStatement(payload: Uint8Array): Statement | undefined {
  if (payload.length > MAXIMUM_STATEMENT) return undefined;
  const { data } = statementSchema.safeParse(readJson(payload));
  if (!data || data.parent === data.child) return undefined;
  const { v: _, ...statement } = data;
  return statement as Statement;
}
