import { BitmodelError, formatAmount } from '../../base/index.js';
import {
  formatOutpoint,
  JOB_VERSION,
  NO_JOB,
  type Outpoint,
  type Transaction,
  type TransactionOutput,
} from '../codec/transaction.js';
import type { Utxo } from '../rpc/ChainClient.js';
import { selectCoins } from './coins.js';
import { DUST, FEE_RATE, P2PKH_UNLOCKING_SIZE, sizeWhenUnlocked } from './size.js';

/** An input that must be there, with what it spends. */
export interface FixedInput {
  readonly outpoint: Outpoint;
  readonly output: TransactionOutput;
  /** Bytes its unlocking script will have at most. */
  readonly unlockingSize: number;
  /** Final (or, with a lock time, one less) unless stated. */
  readonly sequence?: number;
}

export interface FundRequest {
  /** First outputs, in this order. */
  readonly outputs: readonly TransactionOutput[];
  /** First inputs, in this order. */
  readonly inputs?: readonly FixedInput[];
  /** P2PKH coins to choose from. */
  readonly utxos: readonly Utxo[];
  /** P2PKH script that takes the change. */
  readonly changeScript: Uint8Array;
  /** Base units per byte; {@link FEE_RATE} unless stated. */
  readonly feeRate?: bigint;
  readonly lockTime?: number;
  /** 32 bytes. */
  readonly jobId?: Uint8Array;
}

/** A transaction with what it spends, so that it can be signed and checked without asking anybody. */
export interface FundedTransaction {
  readonly transaction: Transaction;
  /** One per input, in order. */
  readonly spentOutputs: readonly TransactionOutput[];
  /** Base units. */
  readonly fee: bigint;
}

const FINAL = 0xffff_ffff;

function total(outputs: readonly TransactionOutput[]): bigint {
  return outputs.reduce((sum, { value }) => sum + value, 0n);
}

/**
 * Makes a transaction of version 10, not yet signed, that pays the given outputs out of the given inputs and as many
 * P2PKH coins as it takes. Given inputs and outputs come first and keep their order; change comes last. The fee is the
 * rate times the largest size the signed transaction can have; what would be change below {@link DUST} is added to it.
 * @throws BitmodelError `INSUFFICIENT_FUNDS`
 */
export function fundTransaction(request: FundRequest): FundedTransaction {
  const { outputs, inputs = [], changeScript, feeRate = FEE_RATE, lockTime = 0 } = request;
  const taken = new Set(inputs.map(({ outpoint }) => formatOutpoint(outpoint)));
  const utxos = request.utxos.filter(({ outpoint }) => !taken.has(formatOutpoint(outpoint)));
  const sequence = lockTime === 0 ? FINAL : FINAL - 1;
  const fixed: Transaction = {
    version: JOB_VERSION,
    inputs: inputs.map((input) => ({
      outpoint: input.outpoint,
      unlockingScript: new Uint8Array(0),
      sequence: input.sequence ?? sequence,
    })),
    outputs,
    lockTime,
    jobId: request.jobId ?? NO_JOB,
  };
  const fixedSizes = inputs.map(({ unlockingSize }) => unlockingSize);
  const given = total(inputs.map(({ output }) => output));
  // 8 bytes beyond: the counts of inputs and outputs may take longer var-ints than those of the fixed part
  const fixedFee = BigInt(sizeWhenUnlocked(fixed, fixedSizes) + 8) * feeRate;
  const coins = selectCoins(utxos, total(outputs) + fixedFee - given, feeRate);
  if (!coins)
    throw insufficient(total(outputs) + fixedFee, given + total(utxos.map((u) => u.output)));
  const unchanged: Transaction = {
    ...fixed,
    inputs: [
      ...fixed.inputs,
      ...coins.map(({ outpoint }) => ({
        outpoint,
        unlockingScript: new Uint8Array(0),
        sequence,
      })),
    ],
  };
  const sizes = [...fixedSizes, ...coins.map(() => P2PKH_UNLOCKING_SIZE)];
  const spentOutputs = [...inputs, ...coins].map(({ output }) => output);
  const left = total(spentOutputs) - total(outputs);
  const withChange = (value: bigint): Transaction => ({
    ...unchanged,
    outputs: [...outputs, { value, lockingScript: changeScript }],
  });
  const changeFee = BigInt(sizeWhenUnlocked(withChange(0n), sizes)) * feeRate;
  const change = left - changeFee;
  if (change < DUST) return { transaction: unchanged, spentOutputs, fee: left };
  return { transaction: withChange(change), spentOutputs, fee: changeFee };
}

function insufficient(needed: bigint, there: bigint): BitmodelError {
  return new BitmodelError(
    'INSUFFICIENT_FUNDS',
    `This takes ${formatAmount(needed)} coins, and only ${formatAmount(there)} can be spent now.`,
    { next: 'See bitmodel wallet balance; on regtest, bitmodel wallet faucet gives test coins' },
  );
}
