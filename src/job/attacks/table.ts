import { BitmodelError, EXIT, sha256, utf8 } from '../../base/index.js';
import type { GenerateRequest, Generation } from '../../model/index.js';
import {
  ATTACKS,
  type Attack,
  type AttackResult,
  type AttackRun,
  attackNamed,
  randomFrom,
  runAttack,
} from '../../rastic/index.js';
import type { JobModel } from '../jobModel.js';
import { judgeDelivery } from './delivery.js';
import { NEIGHBOUR_ATTACKS } from './neighbours.js';
import { VariantShelf } from './VariantShelf.js';
import type { JudgedAnswers, VerifierAttack } from './verifierAttack.js';
import { CONTEST_ATTACKS } from './verifiers.js';

/** Every cheating verifier and neighbour that is known. */
export const VERIFIER_ATTACKS: readonly VerifierAttack[] = [
  ...CONTEST_ATTACKS,
  ...NEIGHBOUR_ATTACKS,
];

/** What is said of a cheat, whoever it is. */
export type AnyAttack = Pick<Attack, 'name' | 'description' | 'gains' | 'expects' | 'needs'>;

/** Every cheat, sellers first. */
export const ALL_ATTACKS: readonly AnyAttack[] = [...ATTACKS, ...VERIFIER_ATTACKS];

/** Prompts of the table: prose, as small models know it, and a few of other kinds. */
const PROMPTS = [
  'The state of the Union is',
  'The whale rose, and the captain',
  'I have the honor to lay before the Congress',
  'Call me',
  'Our relations with foreign nations',
  'In the beginning of the year, the price of',
  'When the ship had sailed, all hands',
  'The first of these questions is',
] as const;

/** Samplings of the table, in turn: as chats have them, greedy, and without cut-offs. */
const SAMPLINGS = [
  { temperatureMilli: 800, topK: 40, topPMilli: 950 },
  { temperatureMilli: 0, topK: 0, topPMilli: 1000 },
  { temperatureMilli: 1000, topK: 0, topPMilli: 1000 },
] as const;

/** How attacks are run on a model. */
export interface AttackPlan {
  readonly own: JobModel;
  readonly tau: number;
  readonly threads?: number;
  readonly signal?: AbortSignal | undefined;
}

/** The same of the table. */
export interface AttackTablePlan extends AttackPlan {
  readonly runs: number;
  readonly tokens: number;
  /** Text that fixes everything that is drawn. */
  readonly seed: string;
  /** Which of them; all unless stated. */
  readonly only?: (name: string) => boolean;
  readonly onRun?: (run: AttackRun, done: number, total: number) => void;
}

/** A row of the table. */
export interface AttackRow extends AnyAttack {
  readonly runs: number;
  readonly counts: Readonly<Record<AttackResult, number>>;
  /** Median of the positions that a check has to see, over the runs that were caught by a position. */
  readonly positions?: number;
  /** What came of the first run that was missed. */
  readonly firstMiss?: string;
}

/** Runs attacks on one model, opening each variant of it once. */
export class AttackBench {
  readonly #plan: AttackPlan;
  readonly #shelf: VariantShelf;
  readonly #honest = new Map<string, Generation>();
  readonly #judged = new Map<GenerateRequest, JudgedAnswers>();

  constructor(plan: AttackPlan) {
    const { dir, file } = plan.own.model.info;
    const { threads } = plan;
    this.#plan = plan;
    this.#shelf = new VariantShelf({ dir, file, ...(threads === undefined ? {} : { threads }) });
  }

  /**
   * One run.
   * @param name as `--cheat` takes it, or a verifier's
   * @throws BitmodelError `UNKNOWN_ATTACK`, and what the model throws
   */
  async run(name: string, request: GenerateRequest): Promise<AttackRun> {
    const { own, tau, signal } = this.#plan;
    const verifier = VERIFIER_ATTACKS.find((known) => known.name === name);
    if (verifier !== undefined) {
      const { expects } = verifier;
      return { name, expects, ...(await verifier.run(await this.#answers(request))) };
    }
    const subject = {
      model: own.model,
      tau,
      signal,
      openVariant: (graph: Uint8Array) => this.#shelf.open(graph),
      judgeDelivery: (asked: GenerateRequest, outcome: Parameters<typeof judgeDelivery>[2]) =>
        judgeDelivery(own, asked, outcome, signal),
    };
    return runAttack(sellerNamed(name), subject, request, this.#honest);
  }

  /** What verifiers are shown: an honest answer, and the same with one token changed. */
  async #answers(request: GenerateRequest): Promise<JudgedAnswers> {
    const known = this.#judged.get(request);
    if (known !== undefined) return known;
    const { own, tau, signal } = this.#plan;
    const honest = await own.model.generate(request);
    const openVariant = (graph: Uint8Array) => this.#shelf.open(graph);
    const tampered = await attackNamed('tamper').run({
      model: own.model,
      request,
      tau,
      openVariant,
      signal,
    });
    const position = tampered.expected.position!;
    const seed = request.seed.join();
    const answers = { own, tau, request, honest, tampered, position, seed, signal };
    this.#judged.set(request, answers);
    return answers;
  }

  async close(): Promise<void> {
    await this.#shelf.close();
  }
}

function sellerNamed(name: string): Attack {
  try {
    return attackNamed(name);
  } catch (thrown) {
    if (!(thrown instanceof BitmodelError)) throw thrown;
    throw new BitmodelError('UNKNOWN_ATTACK', `There is no cheat called "${name}".`, {
      next: 'See their names with: bitmodel rastic attacks --list',
      exitCode: EXIT.usage,
    });
  }
}

/** The requests of the table's runs, the same for every attack. */
function requestsOf({ own, runs, tokens, seed }: AttackTablePlan): GenerateRequest[] {
  const random = randomFrom(seed);
  return Array.from({ length: runs }, (_, i) => ({
    promptIds: own.model.tokenizer.encode(PROMPTS[random.below(PROMPTS.length)]!),
    sampling: SAMPLINGS[i % SAMPLINGS.length]!,
    seed: sha256(utf8(`${seed} ${i}`)),
    maxTokens: tokens,
    stop: [],
  }));
}

function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

function rowOf(attack: AnyAttack, runs: readonly AttackRun[]): AttackRow {
  const count = (result: AttackResult): number =>
    runs.filter((run) => run.result === result).length;
  const positions = median(runs.flatMap((run) => run.positions ?? []));
  const firstMiss = runs.find(({ result }) => result === 'missed')?.came;
  const { name, description, gains, expects, needs } = attack;
  return {
    name,
    description,
    gains,
    expects,
    ...(needs === undefined ? {} : { needs }),
    runs: runs.length,
    counts: {
      caught: count('caught'),
      allowed: count('allowed'),
      'within tolerance': count('within tolerance'),
      wins: count('wins'),
      missed: count('missed'),
      'same output': count('same output'),
      'no room': count('no room'),
    },
    ...(positions === undefined ? {} : { positions }),
    ...(firstMiss === undefined ? {} : { firstMiss }),
  };
}

/**
 * Runs every attack so often, each on the same requests, and counts what came of it. Deterministic by the seed, on one machine.
 * @throws BitmodelError what a model throws; AbortError
 */
export async function runAttackTable(plan: AttackTablePlan): Promise<AttackRow[]> {
  const { only = () => true, onRun, signal } = plan;
  const attacks = ALL_ATTACKS.filter(({ name }) => only(name));
  const requests = requestsOf(plan);
  const bench = new AttackBench(plan);
  const rows: AttackRow[] = [];
  const total = attacks.length * requests.length;
  let done = 0;
  try {
    for (const attack of attacks) {
      const runs: AttackRun[] = [];
      for (const request of requests) {
        signal?.throwIfAborted();
        const run = await bench.run(attack.name, request);
        runs.push(run);
        onRun?.(run, ++done, total);
      }
      rows.push(rowOf(attack, runs));
    }
  } finally {
    await bench.close();
  }
  return rows;
}
