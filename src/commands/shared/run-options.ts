import { randomBytes } from 'node:crypto';
import { BitmodelError, EXIT, fromHex, sha256, utf8 } from '../../base/index.js';
import { type Device, MOST_LOGPROBS, type Sampling } from '../../model/index.js';
import { thousandthsOption, wholeOption } from './number-options.js';

/** The options of a run that say how tokens are drawn, as they are written. */
export interface DrawFlags {
  readonly maxTokens: string;
  readonly temperature: string;
  readonly topK: string;
  readonly topP: string;
  readonly seed?: string;
  readonly stop?: string[];
}

/** How tokens are drawn, and when an answer ends. */
export interface Draw {
  readonly maxTokens: number;
  readonly sampling: Sampling;
  /** As it was given; without one each answer gets a seed of its own. */
  readonly seed: string | undefined;
  readonly stop: readonly string[];
}

/** @throws BitmodelError `BAD_OPTION` */
export function drawOf(flags: DrawFlags): Draw {
  return {
    maxTokens: wholeOption(flags.maxTokens, '--max-tokens', 1),
    sampling: {
      temperatureMilli: thousandthsOption(flags.temperature, '--temperature'),
      topK: wholeOption(flags.topK, '--top-k', 0),
      topPMilli: thousandthsOption(flags.topP, '--top-p'),
    },
    seed: flags.seed,
    stop: flags.stop ?? [],
  };
}

/** 64 hex digits are the seed itself; any other text is hashed to one; without a text it is drawn. */
export function seedOf(text: string | undefined): Uint8Array {
  if (text === undefined) return new Uint8Array(randomBytes(32));
  return /^[0-9a-f]{64}$/i.test(text) ? fromHex(text, 32) : sha256(utf8(text));
}

const DEVICES: readonly string[] = ['cpu', 'cuda', 'auto'] satisfies Device[];

/** @throws BitmodelError `BAD_OPTION` */
export function deviceOption(text: string): Device {
  if (DEVICES.includes(text)) return text as Device;
  throw new BitmodelError('BAD_OPTION', `--device can't be "${text.slice(0, 40)}".`, {
    next: 'Pass cpu, cuda or auto',
    exitCode: EXIT.usage,
  });
}

/**
 * How many of the most probable tokens `--logprobs` asks for: none by itself.
 * @returns undefined without the option
 * @throws BitmodelError `BAD_OPTION`
 */
export function logprobsOption(value: string | true | undefined): number | undefined {
  if (value === undefined) return undefined;
  return value === true ? 0 : wholeOption(value, '--logprobs', 0, MOST_LOGPROBS);
}
