import { z } from 'zod';
import {
  BitmodelError,
  canonicalBytes,
  equalBytes,
  formatAmount,
  fromHex,
  parseAmount,
  sha256,
  toHex,
} from '../../base/index.js';
import {
  type BackersAccept,
  type JudgesAccept,
  type PledgeTerms,
  pledgeCode,
} from '../contracts/assurance.js';
import { isMetric, type Metric } from './metric.js';
import { readJson } from './pinJson.js';

/** Where tasks stand (DESIGN 4.4); what is said about one stands below it. */
export const TASK_PIN_PATH = '/protocols/bitmodel-imi';

/** Longest title, in characters. */
export const MAXIMUM_TITLE = 128;
/** Longest description, in characters. */
export const MAXIMUM_DESCRIPTION = 16_000;
/** Longest payload of a task. */
const MAXIMUM_PAYLOAD = 65_536;

/**
 * Most pledges that one acceptance pays out. An acceptance has to reach the goal by itself, so no pledge below a
 * 500th of the goal counts: 500 that count are always enough.
 */
export const MAXIMUM_PLEDGES = 500;
/** Least value of a pledge, in base units: below it the fee of taking it back weighs too much. */
const LEAST_PLEDGE = 10_000n;

/** Accepted by judges who run the test set. */
export interface JudgedTask extends JudgesAccept {
  readonly metric: Metric;
}

/** What is to be made, for how much, until when, and who says that it was made (IMI, DESIGN 9). */
export interface ImiTask {
  readonly title: string;
  readonly description: string;
  /** Compressed public key of who asks for it, and shows the test set. */
  readonly creator: Uint8Array;
  /** Base units. */
  readonly goal: bigint;
  /** Once the chain is so high, backers can take their pledges back. */
  readonly deadline: number;
  readonly acceptance: BackersAccept | JudgedTask;
}

const hex = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`));
const text = (most: number, allowed: RegExp) => z.string().min(1).max(most).regex(allowed);

const schema = z.strictObject({
  v: z.literal(1),
  title: text(MAXIMUM_TITLE, /^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]+$/u),
  description: text(MAXIMUM_DESCRIPTION, /^(?:[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]|\n)+$/u),
  creator: hex(33),
  goal: z.string().regex(/^(?:0|[1-9]\d{0,9})\.\d{8}$/),
  deadline: z.int().min(1).max(499_999_999),
  acceptance: z.discriminatedUnion('by', [
    z.strictObject({ by: z.literal('backers'), window: z.int().min(1).max(0xffff) }),
    z.strictObject({
      by: z.literal('judges'),
      judges: z
        .array(hex(33))
        .min(1)
        .max(15)
        .refine((keys) => new Set(keys).size === keys.length),
      threshold: z.int().min(1).max(15),
      testSet: hex(32),
      metric: z
        .strictObject({ kind: z.enum(['perplexity', 'exact-match']), limit: z.int() })
        .refine(isMetric),
    }),
  ]),
});

/** What a task's pin holds: canonical JSON `{v, title, description, creator, goal, deadline, acceptance}`. */
export function taskPayload(task: ImiTask): Uint8Array {
  const { acceptance } = task;
  return canonicalBytes({
    v: 1,
    title: task.title,
    description: task.description,
    creator: toHex(task.creator),
    goal: formatAmount(task.goal),
    deadline: task.deadline,
    acceptance:
      acceptance.by === 'backers'
        ? { by: 'backers', window: acceptance.window }
        : {
            by: 'judges',
            judges: acceptance.judges.map(toHex),
            threshold: acceptance.threshold,
            testSet: toHex(acceptance.testSet),
            metric: { ...acceptance.metric },
          },
  });
}

/** A task's id, which its pledges are locked to: SHA-256 of {@link taskPayload}, so that terms are what is read. */
export function taskId(task: ImiTask): Uint8Array {
  return sha256(taskPayload(task));
}

/** The terms that all pledges of a task are compiled from. @param genesis hash of the chain's first block */
export function taskTerms(task: ImiTask, genesis: Uint8Array): PledgeTerms {
  const { goal, deadline, acceptance } = task;
  return { genesis, task: taskId(task), goal, deadline, acceptance };
}

/** The task in a pin; undefined for anything that is not one in full, to the byte, with terms that make a contract. */
export function parseTask(payload: Uint8Array): ImiTask | undefined {
  const { data } = schema.safeParse(readJson(payload, MAXIMUM_PAYLOAD));
  if (!data) return undefined;
  const { title, description, deadline, acceptance } = data;
  const task: ImiTask = {
    title,
    description,
    creator: fromHex(data.creator),
    goal: parseAmount(data.goal),
    deadline,
    acceptance:
      acceptance.by === 'backers'
        ? acceptance
        : {
            ...acceptance,
            judges: acceptance.judges.map((key) => fromHex(key)),
            testSet: fromHex(acceptance.testSet),
          },
  };
  // one payload for one task: else the same words had several ids
  if (!equalBytes(taskPayload(task), payload)) return undefined;
  return makesContract(task) ? task : undefined;
}

function makesContract(task: ImiTask): boolean {
  try {
    pledgeCode(taskTerms(task, new Uint8Array(32)));
    return true;
  } catch (thrown) {
    // keys that are no points, a threshold of half
    if (thrown instanceof BitmodelError && thrown.code === 'BAD_TERMS') return false;
    throw thrown;
  }
}

/** Checks a task before it is pinned. @throws BitmodelError `BAD_TASK`, `BAD_TERMS` */
export function demandTask(task: ImiTask): void {
  pledgeCode(taskTerms(task, new Uint8Array(32)));
  if (parseTask(taskPayload(task))) return;
  throw new BitmodelError('BAD_TASK', 'This makes no task that others could read.', {
    next: `Give a title of at most ${MAXIMUM_TITLE} characters in one line, a description of at most ${MAXIMUM_DESCRIPTION}, and each judge once`,
  });
}

/** Least value of a pledge that counts, in base units. */
export function minimumPledge({ goal }: Pick<ImiTask, 'goal'>): bigint {
  const most = BigInt(MAXIMUM_PLEDGES);
  const share = (goal + most - 1n) / most;
  return share > LEAST_PLEDGE ? share : LEAST_PLEDGE;
}
