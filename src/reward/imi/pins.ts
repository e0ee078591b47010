import { z } from 'zod';
import {
  canonicalBytes,
  concatBytes,
  fromHex,
  sha256,
  toHex,
  u32le,
  utf8,
} from '../../base/index.js';
import { signData, verifyData } from '../../chain/index.js';
import {
  type Delivery,
  deliveryMessage,
  type PledgeTerms,
  testSetCommitment,
} from '../contracts/assurance.js';
import { readJson } from './pinJson.js';
import { TASK_PIN_PATH } from './task.js';

/** What is said about a task in pins of its own. */
export const SAYINGS = ['pledge', 'delivery', 'vote', 'judgement', 'reveal'] as const;
/** One of {@link SAYINGS}. */
export type Saying = (typeof SAYINGS)[number];

/**
 * Where it is said: each task has paths of its own, so that what is pinned about others costs its readers nothing.
 * @param task its id, 32 bytes
 */
export function sayingPath(saying: Saying, task: Uint8Array): string {
  return `${TASK_PIN_PATH}/${saying}/${toHex(task)}`;
}

/** Longest payload of a saying that is no reveal. */
export const MAXIMUM_SAYING = 1_024;
/** Longest test set, in bytes of UTF-8. */
export const MAXIMUM_TEST_SET = 262_144;
/** Longest payload of a reveal: a test set of nothing but line breaks is twice as long in JSON. */
export const MAXIMUM_REVEAL = 600_000;

const id = z.string().regex(/^[0-9a-f]{64}$/);
const key = z.string().regex(/^0[23][0-9a-f]{64}$/);
const signature = z.string().regex(/^(?:[0-9a-f]{2}){8,72}$/);
const common = { v: z.literal(1), task: id };
const about = { model: id, payee: key };

const pledgeSchema = z.strictObject({ ...common, output: z.int().min(0).max(0xffff) });
const deliverySchema = z.strictObject({ ...common, ...about });
const voteSchema = z.strictObject({ ...common, ...about, backer: key, signature });
const judgementSchema = z.strictObject({
  ...common,
  ...about,
  judge: key,
  figure: z.int().min(0),
  signature,
});
const revealSchema = z.strictObject({
  ...common,
  salt: id,
  testSet: z.string().max(MAXIMUM_TEST_SET),
  upTo: z.int().min(0).max(499_999_999),
  signature,
});

function read<T extends { task: string }>(
  schema: z.ZodType<T>,
  task: Uint8Array,
  payload: Uint8Array,
  most = MAXIMUM_SAYING,
): T | undefined {
  const { data } = schema.safeParse(readJson(payload, most));
  return data && data.task === toHex(task) ? data : undefined;
}

const head = (task: Uint8Array) => ({ v: 1, task: toHex(task) }) as const;
const named = ({ delivery, payee }: Delivery) => ({ model: toHex(delivery), payee: toHex(payee) });
const deliveryOf = ({ model, payee }: { model: string; payee: string }): Delivery => ({
  delivery: fromHex(model),
  payee: fromHex(payee),
});

/** What a pledge's pin holds: `{v, task, output}`, which output of the pin's own transaction is the pledge. */
export function pledgePayload(task: Uint8Array, output: number): Uint8Array {
  return canonicalBytes({ ...head(task), output });
}

/** The output that a pledge's pin names; undefined for anything else. */
export function parsePledgePin(task: Uint8Array, payload: Uint8Array): number | undefined {
  return read(pledgeSchema, task, payload)?.output;
}

/** What a delivery's pin holds: `{v, task, model, payee}`. */
export function deliveryPayload(task: Uint8Array, delivery: Delivery): Uint8Array {
  return canonicalBytes({ ...head(task), ...named(delivery) });
}

/** The delivery in a pin; undefined for anything else. */
export function parseDeliveryPin(task: Uint8Array, payload: Uint8Array): Delivery | undefined {
  const data = read(deliverySchema, task, payload);
  return data && deliveryOf(data);
}

/** Somebody's signature that a delivery fulfils a task. */
export interface SignedDelivery extends Delivery {
  /** Compressed public key of the backer or judge. */
  readonly signer: Uint8Array;
  /** Of `deliveryMessage`. */
  readonly signature: Uint8Array;
}

/** A judge's signature with what it measured. */
export interface SignedJudgement extends SignedDelivery {
  /** Thousandths. */
  readonly figure: number;
}

/** What a vote's pin holds: `{v, task, model, payee, backer, signature}`. */
export function votePayload(task: Uint8Array, vote: SignedDelivery): Uint8Array {
  const { signer, signature: signed } = vote;
  return canonicalBytes({
    ...head(task),
    ...named(vote),
    backer: toHex(signer),
    signature: toHex(signed),
  });
}

/** What a judgement's pin holds: `{v, task, model, payee, judge, figure, signature}`. */
export function judgementPayload(task: Uint8Array, judgement: SignedJudgement): Uint8Array {
  const { signer, signature: signed, figure } = judgement;
  return canonicalBytes({
    ...head(task),
    ...named(judgement),
    judge: toHex(signer),
    figure,
    signature: toHex(signed),
  });
}

const isSigned = (terms: PledgeTerms, { signer, signature: signed, ...delivery }: SignedDelivery) =>
  verifyData(signed, deliveryMessage(terms, delivery), signer);

/** The vote in a pin, if its backer signed it for these terms; undefined for anything else. */
export function parseVotePin(terms: PledgeTerms, payload: Uint8Array): SignedDelivery | undefined {
  const data = read(voteSchema, terms.task, payload);
  if (!data) return undefined;
  const vote = {
    ...deliveryOf(data),
    signer: fromHex(data.backer),
    signature: fromHex(data.signature),
  };
  return isSigned(terms, vote) ? vote : undefined;
}

/** The judgement in a pin, if its judge signed it for these terms; undefined for anything else. */
export function parseJudgementPin(
  terms: PledgeTerms,
  payload: Uint8Array,
): SignedJudgement | undefined {
  const data = read(judgementSchema, terms.task, payload);
  if (!data) return undefined;
  const signer = fromHex(data.judge);
  const judgement = { ...deliveryOf(data), signer, signature: fromHex(data.signature) };
  return isSigned(terms, judgement) ? { ...judgement, figure: data.figure } : undefined;
}

/** The test set of a task, shown. */
export interface Reveal {
  /** 32 bytes. */
  readonly salt: Uint8Array;
  readonly testSet: string;
  /** Deliveries that were pinned in later blocks don't count: whoever made them may have seen the test set. */
  readonly upTo: number;
}

/**
 * What the creator signs of a reveal: "bitmodel/imi/reveal/1" ‖ genesis ‖ task ‖ SHA-256 of the test set ‖ upTo u32LE.
 * Without it, somebody who sees the reveal on its way could show the same with another height.
 */
function revealMessage({ genesis, task }: PledgeTerms, { testSet, upTo }: Reveal): Uint8Array {
  const prefix = utf8('bitmodel/imi/reveal/1');
  return concatBytes(prefix, genesis, task, sha256(utf8(testSet)), u32le(upTo));
}

/** What a reveal's pin holds: `{v, task, salt, testSet, upTo, signature}`. @param privateKey the creator's */
export function revealPayload(
  terms: PledgeTerms,
  reveal: Reveal,
  privateKey: Uint8Array,
): Uint8Array {
  return canonicalBytes({
    ...head(terms.task),
    salt: toHex(reveal.salt),
    testSet: reveal.testSet,
    upTo: reveal.upTo,
    signature: toHex(signData(revealMessage(terms, reveal), privateKey)),
  });
}

/** The reveal in a pin, if the creator signed it and it is what the terms commit to; undefined for anything else. */
export function parseRevealPin(
  terms: PledgeTerms,
  creator: Uint8Array,
  payload: Uint8Array,
): Reveal | undefined {
  const { acceptance } = terms;
  const data = read(revealSchema, terms.task, payload, MAXIMUM_REVEAL);
  if (!data || acceptance.by !== 'judges') return undefined;
  const { testSet, upTo } = data;
  const reveal = { salt: fromHex(data.salt), testSet, upTo };
  const opened = testSetCommitment(reveal.salt, sha256(utf8(testSet)));
  if (toHex(opened) !== toHex(acceptance.testSet)) return undefined;
  const signed = fromHex(data.signature);
  return verifyData(signed, revealMessage(terms, reveal), creator) ? reveal : undefined;
}
