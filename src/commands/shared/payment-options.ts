import type { Command } from 'commander';
import { BitmodelError, EXIT, parseAmount } from '../../base/index.js';
import {
  addressScript,
  type ChainClient,
  estimateFeeRate,
  type FeeLimits,
  networkParameters,
  type Outpoint,
  parseOutpoint,
  type TransactionOutput,
} from '../../chain/index.js';
import { collect } from './collect.js';
import { feeRateOption } from './number-options.js';
import type { Settings } from './settings.js';

/** What every command that pays a fee can be told about it. */
export interface FeeOptions {
  readonly feeRate?: string;
  readonly maxFee?: string;
  readonly allowHighFee?: boolean;
}

/** What every command that chooses coins can be told about them. */
export interface CoinOptions extends FeeOptions {
  readonly fromCoin?: string[];
  readonly subtractFee?: boolean;
  readonly replaceable?: boolean;
  readonly allowPins?: boolean;
}

/** The option that gives up pins; only coins that are named, or all of them, are such as hold pins. */
export const PINS_OPTION = [
  '--allow-pins',
  'also spend coins that hold pins, which go along',
] as const;

/** Adds the options that say what a transaction may cost. */
export function addFeeOptions(command: Command): Command {
  return command
    .option('--fee-rate <units>', "base units per byte (default: the node's estimate, at most 50)")
    .option('--max-fee <coins>', 'most that the fee may be (default: 0.1)')
    .option('--allow-high-fee', 'let the fee be more than a tenth of what is sent');
}

/** Adds the options that say which coins are spent. */
export function addCoinOptions(command: Command): Command {
  return addFeeOptions(command)
    .option('--from-coin <outpoint>', 'spend exactly this coin; may be given many times', collect)
    .option(...PINS_OPTION)
    .option('--subtract-fee', 'take the fee out of the first amount')
    .option('--replaceable', 'let bitmodel wallet bump raise the fee later, and say so (BIP125)');
}

/** Base units per byte: as told, else the node's estimate within bounds. */
export async function chosenFeeRate(client: ChainClient, text?: string): Promise<bigint> {
  return text === undefined ? estimateFeeRate(client) : feeRateOption(text);
}

/** The limits that the options of {@link addFeeOptions} say. */
export function feeLimits({ maxFee, allowHighFee }: FeeOptions): FeeLimits {
  return { allowHighFee, maxFee: maxFee === undefined ? undefined : parseAmount(maxFee) };
}

/** The part of a request that says which coins pay, and how. */
export function coinChoice({ fromCoin, subtractFee, replaceable, allowPins }: CoinOptions): {
  readonly coins?: Outpoint[];
  readonly subtractFee: boolean;
  readonly replaceable: boolean;
  readonly allowPins: boolean;
} {
  return {
    ...(fromCoin === undefined ? {} : { coins: fromCoin.map(parseOutpoint) }),
    subtractFee: subtractFee === true,
    replaceable: replaceable === true,
    allowPins: allowPins === true,
  };
}

/** An output of `ADDRESS:AMOUNT`. @throws BitmodelError `USAGE`, `BAD_ADDRESS`, `WRONG_NETWORK`, `BAD_AMOUNT` */
export function paymentOf(text: string, { network }: Settings): TransactionOutput {
  const at = text.lastIndexOf(':');
  if (at < 0) {
    throw new BitmodelError('USAGE', `"${text.slice(0, 80)}" is not ADDRESS:AMOUNT.`, {
      next: 'Such as --to mx…:1.5',
      exitCode: EXIT.usage,
    });
  }
  const lockingScript = addressScript(text.slice(0, at), networkParameters(network));
  return { value: parseAmount(text.slice(at + 1)), lockingScript };
}
