import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BitmodelError } from '../base/index.js';
import {
  cudaProvider,
  type Device,
  inlineWeights,
  isProtected,
  LanguageModel,
  type ModelInfo,
  modelId,
  type OpenOptions,
} from '../model/index.js';
import { GRAPH_VARIANTS } from './attacks/variants/table.js';
import {
  type BatchSetting,
  type CalibrationSetting,
  calibratePair,
  calibrationOf,
  type PairToMeasure,
  positionsOf,
} from './calibrate.js';
import type { CalibrationPlan } from './calibratePlan.js';
import { type Calibration, type CalibrationPair, WIDE_TAU } from './calibration.js';

/** How a bundle is calibrated. */
export interface CalibrateOptions {
  /** ONNX file inside the folder; else the usual names are tried in turn. */
  readonly file?: string | undefined;
  readonly plan: CalibrationPlan;
  /** Thread counts to compute with. */
  readonly threads: readonly number[];
  /** Most answers that sellers decode in one run, where the graph allows it; 1 for none but single ones. */
  readonly batch: number;
  /** Called with positions computed so far, and in all. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Opens the model; a protected one takes its shares for it. As `LanguageModel.open` unless stated. */
  readonly open?: (options: OpenOptions) => Promise<LanguageModel>;
  /** Told what was left out, and why; one sentence without its full stop. */
  readonly onNote?: (text: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** The cheaper model whose outputs are nearest to the model's own: the same weights in 8 bits. */
const NEAREST = 'int8';

/** Why none can be made of a model that runs; links to its weights, for one, are not followed. */
const NO_VARIANT = ['GRAPH_NOT_RECOGNISED', 'EXTERNAL_DATA_MISSING'];

/** Devices that the model runs on here; a run time for a GPU may be there and not load. */
async function devicesFor(dir: string, options: CalibrateOptions): Promise<('cpu' | 'cuda')[]> {
  if (!cudaProvider().present) return ['cpu'];
  const model = await opener(dir, 'auto', options)({ threads: 1 });
  await model.close();
  const { cudaFailure } = model.info;
  if (cudaFailure === undefined) return ['cpu', 'cuda'];
  options.onNote?.(`nothing is measured on a GPU: ${cudaFailure.replace(/\.$/, '')}`);
  return ['cpu'];
}

/** Opens the model on a device. */
function opener(dir: string, device: Device, { file, open }: CalibrateOptions) {
  return (extra: OpenOptions): Promise<LanguageModel> => {
    const how = { ...(file === undefined ? {} : { file }), device, ...extra };
    return open ? open(how) : LanguageModel.open(dir, how);
  };
}

const plain = (device: Device, count: number): string =>
  `${device}, ${count} thread${count === 1 ? '' : 's'}`;

/** Thread counts that tell something of a device: a GPU's kernels know none. */
function threadsOf(device: Device, { threads }: CalibrateOptions): readonly number[] {
  return device === 'cpu' ? threads : threads.slice(0, 1);
}

/** Every thread count, and the first one again without graph optimisation. */
function settingsFor(dir: string, device: Device, options: CalibrateOptions): CalibrationSetting[] {
  const open = opener(dir, device, options);
  const threads = threadsOf(device, options);
  const first = threads[0]!;
  return [
    ...threads.map((count) => ({
      name: plain(device, count),
      open: () => open({ threads: count }),
    })),
    ...(['basic', 'disabled'] as const).map((optimization) => ({
      name: `${plain(device, first)}, graph optimisation ${optimization}`,
      open: () => open({ threads: first, optimization }),
    })),
  ];
}

/** Batches with one thread count and another: how many rows a product has decides on its kernel, not who computes them. */
function batchesFor(
  dir: string,
  device: Device,
  batch: number,
  options: CalibrateOptions,
): BatchSetting[] {
  if (batch < 2) return [];
  const open = opener(dir, device, options);
  const threads = threadsOf(device, options).slice(0, 2);
  return threads.map((count) => ({
    name: `${plain(device, count)}, up to ${batch} answers in a run`,
    batch,
    open: () => open({ threads: count, batch }),
  }));
}

/**
 * Measures tolerance and honest margins of a bundle in every setting at hand: thread counts, prefill in blocks against
 * decoding, several answers decoded in one run, levels of graph optimisation, CPU against CUDA where its run time is there; and how the same
 * weights in 8 bits would show, where the graph allows to make that variant.
 * @throws BitmodelError what opening and {@link calibratePair} throw; AbortError
 */
export async function calibrateModel(dir: string, options: CalibrateOptions): Promise<Calibration> {
  const { signal } = options;
  const { file, runDependent, batch } = await infoOf(dir, options);
  const devices = await devicesFor(dir, options);
  const byDevice = devices.map((device) => ({
    settings: settingsFor(dir, device, options),
    batches: batchesFor(dir, device, batch, options),
  }));
  // its verifiers go token by token, as its sellers do
  const plan = runDependent ? { ...options.plan, blocks: [1] } : options.plan;
  const cheaper = await cheaperOf(dir, file, options);
  const pairs: PairToMeasure[] = byDevice.flatMap(({ settings: sellers, batches }) =>
    byDevice.map(({ settings: verifiers }) => ({ sellers, batches, verifiers, cheaper })),
  );
  const total = pairs.reduce((sum, pair) => sum + positionsOf(pair, plan), 0);
  let done = 0;
  const onPositions = (count: number): void => {
    done += count;
    options.onProgress?.(done, total);
  };
  const measured = [];
  for (const pair of pairs) measured.push(await calibratePair(pair, plan, { signal, onPositions }));
  for (const pair of measured) warnWhereLax(pair, options);
  return calibrationOf(await modelId(dir), file, measured);
}

/** Says what a large tolerance means. */
function warnWhereLax(
  { seller, verifier, tauMicro }: CalibrationPair,
  { onNote }: CalibrateOptions,
) {
  const tau = tauMicro / 1_000_000;
  if (tau <= WIDE_TAU) return;
  onNote?.(
    `τ is ${tau} logits where ${verifier} checks ${seller}, above ${WIDE_TAU}: honest machines lie so far apart there that a check finds little, and other models, wrong tokens and wrong seeds can pass as valid; sell another file of the model, whose kernels don't round activations to 8 bits (fp32, or int4 at accuracy level 0)`,
  );
}

/** The graph that is meant, and whether it can be batched, found by opening it once. */
async function infoOf(dir: string, options: CalibrateOptions): Promise<ModelInfo> {
  const model = await opener(dir, 'cpu', options)({ threads: 1, batch: options.batch });
  await model.close();
  return model.info;
}

/** The nearest cheaper model that can be made; undefined where this graph does not allow it. */
async function cheaperOf(
  dir: string,
  file: string,
  { threads, onNote }: CalibrateOptions,
): Promise<PairToMeasure['cheaper']> {
  if (isProtected(dir)) {
    onNote?.(`no ${NEAREST} variant is measured: the model is protected`);
    return undefined;
  }
  let graph: Uint8Array;
  try {
    const path = join(dir, file);
    graph = GRAPH_VARIANTS[NEAREST](inlineWeights(await readFile(path), dirname(path)));
  } catch (thrown) {
    const { code, message } = thrown instanceof BitmodelError ? thrown : { code: '', message: '' };
    if (!NO_VARIANT.includes(code)) throw thrown;
    const why = message.replace(/\.$/, '');
    onNote?.(`no ${NEAREST} variant of this graph can be made, so none is measured: ${why}`);
    return undefined;
  }
  return {
    name: NEAREST,
    variant: NEAREST,
    open: () => LanguageModel.open(dir, { file, graph, threads: threads[0]! }),
  };
}
