import type { Sampling } from '../model/index.js';

/** What a calibration is measured with. */
export interface CalibrationPlan {
  readonly prompts: readonly string[];
  readonly samplings: readonly Sampling[];
  /** Tokens per answer. */
  readonly tokens: number;
  /** Prefill block sizes to check with. */
  readonly blocks: readonly number[];
}

/** Prose, speech, lists, numbers, code and other languages: what differs in the logits differs in the roundings, too. */
export const CALIBRATION_PROMPTS: readonly string[] = [
  'The American people are',
  'Call me Ishmael. Some years ago',
  'In the year of our Lord',
  'Fellow citizens of the Senate and of the House of Representatives,',
  'We must not forget that the first duty of a nation is',
  '"I do not understand you," she said, and',
  'I',
  'Question: Why is the sky blue?\nAnswer:',
  'Ingredients:\n- 200 g flour\n- 2 eggs\n-',
  '1861. 1862. 1863. 1864.',
  '3.14159265358979 2.71828182845904 1.41421356237309',
  'def fibonacci(n):\n    if n < 2:\n        return n\n',
  '{"name": "Ann", "age": 31, "languages": ["',
  'Es war einmal ein König, der hatte',
  'Il était une fois, dans un pays lointain,',
  '吾輩は猫である。名前は',
];

/** Greedy, the usual, and the whole vocabulary above its own temperature. */
export const CALIBRATION_SAMPLINGS: readonly Sampling[] = [
  { temperatureMilli: 0, topK: 0, topPMilli: 1000 },
  { temperatureMilli: 800, topK: 40, topPMilli: 950 },
  { temperatureMilli: 1200, topK: 0, topPMilli: 1000 },
];

/** Token by token, and in blocks of two sizes. */
export const CALIBRATION_BLOCKS: readonly number[] = [1, 16, 128];

/** Thread counts that honest machines compute with; ONNX Runtime takes more of them than there are cores. */
export const CALIBRATION_THREADS: readonly number[] = [1, 2, 4, 8, 16];

/** Tokens per answer unless stated. */
export const CALIBRATION_TOKENS = 100;

/** Most answers that honest sellers decode in one run, unless stated: what a worker does. */
export const CALIBRATION_BATCH = 8;
