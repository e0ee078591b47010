import { gumbelNoise, type Sampling } from '../model/index.js';
import type { CalibrationPlan } from './calibratePlan.js';
import {
  type Answer,
  answersOf,
  type BatchSubject,
  type CalibrationRun,
  type CalibrationSubject,
  decodeAnswer,
  decodeTogether,
  eachRow,
  greatestShift,
  type MeasureOptions,
} from './calibrateRuns.js';
import {
  type Calibration,
  type CalibrationPair,
  LEAST_TAU_MICRO,
  type MarginCounts,
  SHIFT_SAFETY,
} from './calibration.js';
import { checkPosition } from './margin.js';
import { countClasses } from './pooled/marginClass.js';

/** One way to open the model: a thread count, a level of graph optimisation, a device. */
export interface CalibrationSetting {
  /** For messages, such as `cpu, 2 threads`. */
  readonly name: string;
  open(): Promise<CalibrationSubject>;
}

/** A way to compute in which a seller decodes several answers in one run per step. */
export interface BatchSetting {
  /** As of {@link CalibrationSetting}. */
  readonly name: string;
  /** Most answers of a run; groups of all sizes from 2 up to it are measured. */
  readonly batch: number;
  open(): Promise<BatchSubject>;
}

/** Who is measured against whom. */
export interface PairToMeasure {
  /** Ways a seller may compute; the first is the reference. All of one numeric class. */
  readonly sellers: readonly CalibrationSetting[];
  /** Ways in which it computes several answers at once. */
  readonly batches?: readonly BatchSetting[];
  /** Ways a verifier may; the first is the reference. */
  readonly verifiers: readonly CalibrationSetting[];
  /** A cheaper model that a dishonest seller could run in the model's place. */
  readonly cheaper?: (CalibrationSetting & { readonly variant: string }) | undefined;
}

/** Answers in groups of 2, 3 … up to so many, and again. */
function groupsOf(answers: readonly Answer[], most: number): Answer[][] {
  const groups: Answer[][] = [];
  for (let at = 0, size = 2; at < answers.length; size = size < most ? size + 1 : 2) {
    groups.push(answers.slice(at, at + size));
    at += size;
  }
  return groups;
}

const micro = (value: number): number => Math.ceil(value * 1_000_000);

/** Margins seen, by sampling; undefined where the sampling excludes the token. */
class Margins {
  readonly greedy: (number | undefined)[] = [];
  readonly sampled: (number | undefined)[] = [];

  add({ temperatureMilli }: Sampling, margin: number | undefined): void {
    (temperatureMilli === 0 ? this.greedy : this.sampled).push(margin);
  }

  counts(tau: number): MarginCounts {
    return {
      greedy: countClasses(this.greedy, tau),
      sampled: countClasses(this.sampled, tau),
    };
  }

  /** Greatest of all; 0 where none lies above. */
  greatest(): number {
    const of = (list: readonly (number | undefined)[]): number =>
      list.reduce<number>((most, each) => Math.max(most, each ?? 0), 0);
    return Math.max(of(this.greedy), of(this.sampled));
  }
}

/** Measures one pair of numeric classes; see {@link calibratePair}. */
class PairMeasurement {
  readonly #plan: CalibrationPlan;
  readonly #options: MeasureOptions;
  readonly margins = new Margins();
  positions = 0;
  shift = 0;

  constructor(plan: CalibrationPlan, options: MeasureOptions) {
    this.#plan = plan;
    this.#options = options;
  }

  get tauMicro(): number {
    return Math.max(LEAST_TAU_MICRO, SHIFT_SAFETY * micro(this.shift));
  }

  /** Lets a seller answer, and a verifier look at it in blocks: in all sizes, or each answer in another one. */
  async measure(
    seller: CalibrationSubject,
    verifier: CalibrationSubject,
    allBlocks: boolean,
  ): Promise<void> {
    const { blocks, tokens } = this.#plan;
    for (const [i, answer] of answersOf(this.#plan).entries()) {
      const run = await decodeAnswer(seller, answer, tokens, this.#options);
      const isFixed = verifier.info.runDependent;
      const sizes = isFixed ? [1] : allBlocks ? blocks : [blocks[i % blocks.length]!];
      for (const block of sizes) await this.#compare(run, verifier, block);
    }
  }

  /** Lets a seller answer in groups of 2, 3 … answers at once, and a verifier look at each in blocks of another size. */
  async measureTogether(
    seller: BatchSubject,
    verifier: CalibrationSubject,
    most: number,
  ): Promise<void> {
    const { blocks, tokens } = this.#plan;
    let checked = 0;
    for (const group of groupsOf(answersOf(this.#plan), most)) {
      for (const run of await decodeTogether(seller, group, tokens, this.#options)) {
        await this.#compare(run, verifier, blocks[checked++ % blocks.length]!);
        // an answer that came to its end had less to measure
        this.#options.onPositions?.(2 * (tokens - run.outputIds.length));
      }
    }
  }

  async #compare(run: CalibrationRun, verifier: CalibrationSubject, block: number): Promise<void> {
    const noise = gumbelNoise(run.seed);
    await eachRow(verifier, run, block, this.#options, (position, logits) => {
      this.shift = Math.max(this.shift, greatestShift(run.logits[position]!, logits));
      const token = run.outputIds[position]!;
      // τ may still grow; a larger one leaves less in S⁻, so a margin is never too small for the last one
      const tau = this.tauMicro / 1_000_000;
      const check = checkPosition(logits, token, position, run.sampling, noise, tau);
      this.margins.add(run.sampling, check.kind === 'margin' ? check.margin : undefined);
      this.positions++;
    });
  }

  /** Margins of a cheaper model's answers under the tolerance found. */
  async measureCheaper(
    cheaper: CalibrationSubject,
    verifier: CalibrationSubject,
  ): Promise<MarginCounts> {
    const tau = this.tauMicro / 1_000_000;
    const margins = new Margins();
    const block = this.#plan.blocks.at(-1)!;
    for (const answer of answersOf(this.#plan)) {
      const run = await decodeAnswer(cheaper, answer, this.#plan.tokens, this.#options);
      const noise = gumbelNoise(run.seed);
      await eachRow(verifier, run, block, this.#options, (position, logits) => {
        const token = run.outputIds[position]!;
        const check = checkPosition(logits, token, position, run.sampling, noise, tau);
        margins.add(run.sampling, check.kind === 'margin' ? check.margin : undefined);
      });
    }
    return margins.counts(tau);
  }
}

/** How many positions measuring a pair computes. */
export function positionsOf(pair: PairToMeasure, plan: CalibrationPlan): number {
  const perAnswer = plan.prompts.length * plan.samplings.length * plan.tokens;
  const batches = pair.batches?.length ?? 0;
  const others = pair.sellers.length + pair.verifiers.length + batches - 2;
  const cheaper = pair.cheaper ? 2 : 0;
  return perAnswer * (1 + plan.blocks.length + 2 * others + cheaper);
}

/**
 * Measures how far honest sellers and verifiers of one model lie apart: sellers decode step by step, verifiers prefill in
 * blocks. The reference seller and verifier meet in all block sizes; every other way to compute, batches among them, meets
 * the reference of the other side. So two ways that never met lie at most twice as far apart, which a tenth of τ covers.
 * At most three models are open at a time.
 * @returns the pair's row of a calibration: τ is 20 times the greatest honest shift of a logit, at least 0.001
 * @throws BitmodelError `BAD_LOGITS`, `BAD_CALIBRATION_PLAN` and what opening throws; AbortError
 */
export async function calibratePair(
  { sellers, batches = [], verifiers, cheaper }: PairToMeasure,
  plan: CalibrationPlan,
  options: MeasureOptions = {},
): Promise<CalibrationPair> {
  const measurement = new PairMeasurement(plan, options);
  const seller = await sellers[0]!.open();
  const isSame = sellers[0] === verifiers[0];
  const verifier = isSame ? seller : await verifiers[0]!.open();
  try {
    await measurement.measure(seller, verifier, true);
    for (const setting of new Set([...sellers.slice(1), ...verifiers.slice(1)])) {
      const other = await setting.open();
      try {
        if (sellers.includes(setting)) await measurement.measure(other, verifier, false);
        if (verifiers.includes(setting)) await measurement.measure(seller, other, false);
      } finally {
        await other.close();
      }
    }
    for (const setting of batches) {
      const other = await setting.open();
      try {
        await measurement.measureTogether(other, verifier, setting.batch);
      } finally {
        await other.close();
      }
    }
    const { tauMicro, positions, shift, margins } = measurement;
    const pair = {
      seller: seller.info.numericClass,
      verifier: verifier.info.numericClass,
      tauMicro,
      positions,
      greatestShiftMicro: micro(shift),
      greatestMarginMicro: micro(margins.greatest()),
      margins: margins.counts(tauMicro / 1_000_000),
    };
    if (!cheaper) return pair;
    const lesser = await cheaper.open();
    try {
      const counts = await measurement.measureCheaper(lesser, verifier);
      return { ...pair, cheaper: { variant: cheaper.variant, margins: counts } };
    } finally {
      await lesser.close();
    }
  } finally {
    await seller.close();
    if (!isSame) await verifier.close();
  }
}

/** A calibration file's content from its measured pairs. */
export function calibrationOf(
  modelId: string,
  file: string,
  pairs: readonly CalibrationPair[],
): Calibration {
  return { v: 2, model: modelId, file, pairs: [...pairs] };
}
