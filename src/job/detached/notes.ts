import { z } from 'zod';
import { BitmodelError, fromHex, parseAmount, toHex, utf8 } from '../../base/index.js';
import { publicKeyOf } from '../../chain/index.js';
import type { ClientRecord } from '../client/record.js';
import { isSigned, type MessageType, parseMessage } from '../messages.js';
import {
  amountSchema,
  hash32Schema,
  jobIdHex,
  parseJob,
  promptHashOf,
  publicKeySchema,
} from '../spec.js';
import { whyNotPaid } from './funding.js';

/** Tokens of a prompt, and of an answer, of a job that can be handed over: it must fit into one letter. */
export const DETACHED_BOUNDS = { inputTokens: 16_384, maxTokens: 16_384 } as const;

const node = z.string().min(20).max(80).optional();
const jobId = hash32Schema;

/** A buyer's record as it is before anything was announced: what a watcher drives the job with. */
const handedSchema = z.strictObject({
  job: z.unknown(),
  salt: hash32Schema,
  nonce: hash32Schema,
  promptIds: z.array(z.int().min(0)).min(1).max(DETACHED_BOUNDS.inputTokens),
  announce: z.unknown(),
  drawSecret: hash32Schema.optional(),
  allowSuspects: z.literal(true).optional(),
  /** Of whom alone it is bought. */
  sellers: z.array(publicKeySchema).max(256).optional(),
});

const schema = z.discriminatedUnion('kind', [
  /** The job, with all that is needed to drive it. */
  z.strictObject({
    kind: z.literal('hand'),
    jobId,
    node,
    record: handedSchema,
    /** Private key of the job alone. */
    key: hash32Schema,
    /** HASH160 of the address that gets what is left. */
    home: z.string().regex(/^[0-9a-f]{40}$/),
    /** What the watcher keeps of it. */
    fee: amountSchema,
    /** The transaction that puts the job's coins on its key, hex. */
    funding: z
      .string()
      .regex(/^(?:[0-9a-f]{2})+$/)
      .max(200_000),
  }),
  /** How far is it? */
  z.strictObject({ kind: z.literal('ask'), jobId, node }),
  /** Let go of it: its buyer drives it again. */
  z.strictObject({ kind: z.literal('back'), jobId, node }),
  /** What a watcher answers. */
  z.strictObject({
    kind: z.literal('tell'),
    jobId,
    state: z.enum(['refused', 'unknown', 'driven', 'given-back', 'done']),
    reason: z.string().max(300).optional(),
    /** What has become of the buyer's record since it was handed over. */
    progress: z.record(z.string(), z.unknown()).optional(),
    /** The transaction that sent everything home. */
    sentHome: hash32Schema.optional(),
  }),
]);

/** What buyer and watcher write to each other. */
export type Note = z.infer<typeof schema>;

/** A note of one kind. */
export type NoteOf<K extends Note['kind']> = Extract<Note, { kind: K }>;

/** @throws BitmodelError `BAD_NOTE` */
export function parseNote(value: unknown): Note {
  const { data } = schema.safeParse(value);
  if (data) return data;
  throw badNote('it has not the form of one');
}

function badNote(why: string): BitmodelError {
  return new BitmodelError('BAD_NOTE', `This is no note about a detached job: ${why}.`, {
    next: 'Use the same version of bitmodel on both sides',
  });
}

/** What of a record is handed over. */
export function handedRecord(record: ClientRecord): NoteOf<'hand'>['record'] {
  const { job, salt, nonce, promptIds, announce, drawSecret, allowSuspects, sellers } = record;
  return {
    ...{ job, salt, nonce, promptIds: [...promptIds], announce },
    ...(drawSecret === undefined ? {} : { drawSecret }),
    ...(allowSuspects && { allowSuspects: true as const }),
    ...(sellers && { sellers: [...sellers] }),
  };
}

/**
 * The record that was handed over, checked: the job is the one that is named, its key is the one that is given, prompt
 * and announcement are its own, and the payment is of its coin and of enough.
 * @throws BitmodelError `BAD_NOTE`, `BAD_JOB`, `BAD_MESSAGE`, and where the payment is no transaction
 */
export function takenRecord({
  jobId: id,
  record,
  key,
  funding,
  fee,
}: NoteOf<'hand'>): ClientRecord {
  const job = parseJob(record.job);
  const announce = parseMessage(record.announce);
  if (jobIdHex(job) !== id) throw badNote('the job is another one');
  if (job.client !== toHex(publicKeyOf(fromHex(key))))
    throw badNote('the key is not that of the job');
  if (announce.type !== 'announce' || announce.jobId !== id || !isSigned(announce)) {
    throw badNote('the announcement is not that of the job');
  }
  if (toHex(promptHashOf(fromHex(record.salt), record.promptIds)) !== job.promptHash) {
    throw badNote('the prompt is not that of the job');
  }
  if (record.promptIds.length !== job.inputTokens) throw badNote('the prompt is of another length');
  if (job.maxTokens > DETACHED_BOUNDS.maxTokens) throw badNote('it may have too many tokens');
  const unpaid = whyNotPaid(job, funding, parseAmount(fee));
  if (unpaid !== undefined) throw badNote(unpaid);
  const { salt, nonce, promptIds, drawSecret, allowSuspects, sellers } = record;
  return {
    ...{ v: 1, id, phase: 'announced', job, salt, nonce, promptIds, announce },
    ...(drawSecret === undefined ? {} : { drawSecret }),
    ...(allowSuspects && { allowSuspects }),
    ...(sellers && { sellers }),
  };
}

const hexText = z.string().regex(/^(?:[0-9a-f]{2})*$/);
const digits = z.string().regex(/^\d{1,20}$/);

/** A message of a job, whatever its kind; read as every node reads it. */
const messageOf = (type: MessageType) =>
  z.unknown().transform((value, context) => {
    try {
      const message = parseMessage(value);
      if (message.type === type) return message;
    } catch (thrown) {
      if (!(thrown instanceof BitmodelError)) throw thrown;
    }
    context.addIssue({ code: 'custom', message: `must be of the kind ${type}` });
    return z.NEVER;
  });

const transaction = z.object({ txid: hash32Schema, transaction: hexText, fee: digits });
const verdict = z.union([
  z.object({ result: z.literal('valid') }),
  z.looseObject({ result: z.literal('invalid'), kind: z.string().max(40) }),
  z.object({ result: z.literal('abstain'), reason: z.string().max(2_000) }),
]);

/** What a driver adds to a record. Whoever is told it checks its form, as that of all that comes from elsewhere. */
const progressSchema = z
  .object({
    phase: z.enum(['announced', 'escrowed', 'contested', 'ended']),
    outcome: z.enum([
      'settled',
      'slashed',
      'cleared',
      'lapsed',
      'released',
      'refunded',
      'cancelled',
      'closed',
    ]),
    why: z.string().max(2_000),
    escrow: transaction.extend({ offer: messageOf('offer'), sent: z.literal(true).optional() }),
    accept: messageOf('accept'),
    prompt: messageOf('prompt'),
    delivery: messageOf('commitment'),
    contest: transaction,
    contestMessage: messageOf('contest'),
    answer: z.strictObject({
      outputIds: z.array(z.int().min(0)).max(DETACHED_BOUNDS.maxTokens),
      text: z.string(),
      finish: z.enum(['eos', 'stop', 'length']),
      k: hash32Schema,
      ciphertextHash: hash32Schema,
      commitmentSignature: hexText,
    }),
    verdict,
    positions: z.int().min(0),
    seconds: z.number().min(0),
    claimedTokens: z.int().min(0),
    endFee: digits,
  })
  .partial();

const PROGRESS: readonly string[] = Object.keys(progressSchema.shape);

/** Bytes of progress that fit into a letter. */
const PROGRESS_LENGTH = 600_000;

/** What a driver has added to a record. The sealed answer is left out where it is opened, or all is too much. */
export function progressOf(record: ClientRecord): Record<string, unknown> {
  const { delivery: _, ...rest } = record;
  const whole = (of: object): Record<string, unknown> =>
    Object.fromEntries(Object.entries(of).filter(([name]) => PROGRESS.includes(name)));
  const told = whole(record.answer ? rest : record);
  return utf8(JSON.stringify(told)).length <= PROGRESS_LENGTH ? told : whole(rest);
}

/**
 * A record with the progress that its watcher tells. Nothing else of it changes: not the job, nor any secret.
 * @throws BitmodelError `BAD_NOTE`
 */
export function withProgress(
  record: ClientRecord,
  progress: Readonly<Record<string, unknown>> | undefined,
): ClientRecord {
  if (progress === undefined) return record;
  const { data } = progressSchema.safeParse(progress);
  if (!data) throw badNote('what it tells of the job has not the form of that');
  // what the schema leaves optional is either there, as a record has it, or not at all
  const known = Object.entries(data).filter(([, value]) => value !== undefined);
  return { ...record, ...(Object.fromEntries(known) as Partial<ClientRecord>) };
}
