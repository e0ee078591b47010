import { BitmodelError } from '../../base/index.js';
import type { GenerateRequest, Generation } from '../../model/index.js';
import { describeVerdict, type Verdict } from '../verdict.js';
import { type LogitsSource, verifyOutput } from '../verify.js';
import {
  type Attack,
  type AttackContext,
  type AttackModel,
  type AttackOutcome,
  isExpected,
} from './attack.js';
import { NO_ROOM } from './handOver.js';

/**
 * What came of one run. `caught`: with the verdict that had to come; `allowed`: called valid, since nothing was wrong; `within
 * tolerance`: called valid, with other tokens than the honest ones, each so near that an honest machine's rounding explains it;
 * `wins`: it gets its way, as the documents say it does; `missed`: any other verdict;
 * `same output`: the honest answer was handed over, so there was nothing to catch; `no room`: the request left none.
 */
export type AttackResult =
  | 'caught'
  | 'allowed'
  | 'within tolerance'
  | 'wins'
  | 'missed'
  | 'same output'
  | 'no room';

/** One run of an attack, and what came of it. */
export interface AttackRun {
  readonly name: string;
  readonly result: AttackResult;
  /** What had to come, in words. */
  readonly expects: string;
  /** What came, in words. */
  readonly came: string;
  /** How many positions a check from the first one on has to see. */
  readonly positions?: number;
  /** Tokens that were handed over. */
  readonly tokens?: number;
}

/** What an attack is run on. */
export interface AttackSubject {
  /** The model paid for: the cheat's own copy, and the verifier's. */
  readonly model: AttackModel & LogitsSource;
  readonly tau: number;
  readonly openVariant: AttackContext['openVariant'];
  /** Judges an answer whose cheat is in how it is delivered. */
  readonly judgeDelivery: (request: GenerateRequest, outcome: AttackOutcome) => Promise<Verdict>;
  readonly signal?: AbortSignal | undefined;
}

/** Codes of errors that say that a request, or the model, leaves an attack no room. */
const NO_ROOMS: ReadonlySet<string> = new Set([
  NO_ROOM,
  'NOTHING_TO_TAMPER',
  'NOTHING_TO_TRUNCATE',
  'GRAPH_NOT_RECOGNISED',
]);

/** Sampling that a request gets where an attack needs one. */
const NEEDED = { temperatureMilli: 800, topK: 40, topPMilli: 900 } as const;
/** Share of the honest answer after which a stop text is looked for. */
const STOP_AFTER = 0.5;

/** The request with what an attack needs to have room: a temperature, top-k, top-p, or a stop text that the honest answer meets. */
export async function requestFor(
  attack: Attack,
  request: GenerateRequest,
  model: AttackModel,
): Promise<GenerateRequest> {
  const needs = attack.needs ?? [];
  let { temperatureMilli, topK, topPMilli } = request.sampling;
  if (needs.includes('sampled') && temperatureMilli === 0) {
    temperatureMilli = NEEDED.temperatureMilli;
  }
  if (needs.includes('top-k') && topK === 0) topK = NEEDED.topK;
  if (needs.includes('top-p') && topPMilli === 1000) topPMilli = NEEDED.topPMilli;
  const asked = { ...request, sampling: { temperatureMilli, topK, topPMilli } };
  if (!needs.includes('stop') || request.stop.length > 0) return asked;
  const { ids } = await model.generate(asked);
  const later = ids.slice(Math.floor(ids.length * STOP_AFTER), -1);
  const stop = later.map((id) => model.tokenizer.decode([id])).find((text) => text.trim() !== '');
  return stop === undefined ? asked : { ...asked, stop: [stop] };
}

const isSame = (a: Pick<Generation, 'ids' | 'finish'>, b: AttackOutcome): boolean =>
  b.deliver === undefined &&
  a.finish === b.finish &&
  a.ids.length === b.ids.length &&
  a.ids.every((id, i) => id === b.ids[i]);

/**
 * Runs one attack and has it judged by the real check.
 * @param asked what the buyer asks for; an attack may get more ({@link requestFor})
 * @param honest the honest answers of former runs on the same model, so that each is made once; added to
 */
export async function runAttack(
  attack: Attack,
  subject: AttackSubject,
  asked: GenerateRequest,
  honest: Map<string, Generation> = new Map(),
): Promise<AttackRun> {
  const { model, tau, openVariant, judgeDelivery, signal } = subject;
  const { name, expects } = attack;
  const request = await requestFor(attack, asked, model);
  let outcome: AttackOutcome;
  try {
    outcome = await attack.run({ model, request, tau, openVariant, signal });
  } catch (thrown) {
    if (!(thrown instanceof BitmodelError) || !NO_ROOMS.has(thrown.code)) throw thrown;
    return { name, expects, result: 'no room', came: thrown.message };
  }
  const { ids, finish, expected, deliver } = outcome;
  const tokens = ids.length;
  const right = await honestly(request, model, honest, signal);
  const valid = async (): Promise<Verdict> => {
    const claim = { ...request, outputIds: ids, finish };
    return (await verifyOutput(model, claim, { tau, signal })).verdict;
  };
  const verdict = deliver === undefined ? await valid() : await judgeDelivery(request, outcome);
  const came = describeVerdict(verdict);
  if (expected.kinds.length > 0 && isSame(right, outcome) && verdict.result === 'valid') {
    return { name, expects, came, tokens, result: 'same output' };
  }
  if (!isExpected(verdict, expected)) return { name, expects, came, tokens, result: 'missed' };
  if (verdict.result !== 'invalid') {
    const result = expected.kinds.length === 0 ? 'allowed' : 'within tolerance';
    return { name, expects, came, tokens, result };
  }
  const { position } = verdict;
  const positions = position === undefined ? {} : { positions: position + 1 };
  return { name, expects, came, tokens, result: 'caught', ...positions };
}

async function honestly(
  request: GenerateRequest,
  model: AttackModel,
  known: Map<string, Generation>,
  signal: AbortSignal | undefined,
): Promise<Generation> {
  const { promptIds, sampling, seed, maxTokens, stop } = request;
  const key = JSON.stringify([promptIds, sampling, [...seed], maxTokens, stop]);
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = await model.generate(request, { signal });
  known.set(key, made);
  return made;
}

/** Whether a run came out as it had to. */
export function isAsExpected({ result }: Pick<AttackRun, 'result'>): boolean {
  return result !== 'missed';
}
