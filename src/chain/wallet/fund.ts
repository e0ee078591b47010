import { BitmodelError, EXIT, formatAmount } from '../../base/index.js';
import type { Utxo } from '../client/ChainClient.js';
import {
  formatOutpoint,
  JOB_VERSION,
  NO_JOB,
  type Outpoint,
  type Transaction,
  type TransactionOutput,
} from '../codec/transaction.js';
import { selectCoins } from './coins.js';
import {
  DUST,
  FEE_RATE,
  P2PKH_INPUT_SIZE,
  P2PKH_UNLOCKING_SIZE,
  sizeWhenUnlocked,
  totalValue,
} from './size.js';

/** An input that must be there, with what it spends. */
export interface FixedInput {
  readonly outpoint: Outpoint;
  readonly output: TransactionOutput;
  /** Bytes its unlocking script will have at most. */
  readonly unlockingSize: number;
  /** Final (or, with a lock time, one less) unless stated. */
  readonly sequence?: number;
}

/** What a transaction shall pay, and out of which coins. */
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
  /** Spend every one of `utxos`, rather than choose. */
  readonly spendAll?: boolean;
  /** Take the fee out of the first output rather than pay it on top. */
  readonly subtractFee?: boolean;
  /** Signal that the transaction may be replaced by one that pays more (BIP125). */
  readonly replaceable?: boolean;
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
/** Highest sequence that signals replaceability (BIP125). */
const REPLACEABLE = FINAL - 2;

/** The transaction before coins are chosen. */
function fixedPart(request: FundRequest): Transaction {
  const { outputs, inputs = [], lockTime = 0, replaceable = false, jobId = NO_JOB } = request;
  const sequence = usualSequence(lockTime, replaceable);
  return {
    version: JOB_VERSION,
    inputs: inputs.map((input) => ({
      outpoint: input.outpoint,
      unlockingScript: new Uint8Array(0),
      sequence: input.sequence ?? sequence,
    })),
    outputs,
    lockTime,
    jobId,
  };
}

function usualSequence(lockTime: number, replaceable: boolean): number {
  if (replaceable) return REPLACEABLE;
  return lockTime === 0 ? FINAL : FINAL - 1;
}

/**
 * The coins that pay. With a subtracted fee they need only reach the amount, since what they cost is the recipient's;
 * but none is taken that costs more than it brings.
 * @param missing what the outputs are worth beyond the given inputs
 */
function chooseCoins(request: FundRequest, missing: bigint, fixedFee: bigint): readonly Utxo[] {
  const { inputs = [], feeRate = FEE_RATE, spendAll, subtractFee } = request;
  const taken = new Set(inputs.map(({ outpoint }) => formatOutpoint(outpoint)));
  const free = request.utxos.filter(({ outpoint }) => !taken.has(formatOutpoint(outpoint)));
  const there = totalValue(free.map(({ output }) => output));
  if (spendAll) {
    if (there < missing) throw insufficient(missing, there);
    return free;
  }
  const inputCost = BigInt(P2PKH_INPUT_SIZE) * feeRate;
  const coins = subtractFee
    ? selectCoins(
        free.filter(({ output }) => output.value > inputCost),
        missing,
        0n,
      )
    : selectCoins(free, missing + fixedFee, feeRate);
  if (coins) return coins;
  const given = totalValue(inputs.map(({ output }) => output));
  throw insufficient(totalValue(request.outputs) + (subtractFee ? 0n : fixedFee), given + there);
}

/**
 * Makes a transaction of version 10, not yet signed, that pays the given outputs out of the given inputs and as many
 * P2PKH coins as it takes. Given inputs and outputs come first and keep their order; change comes last. The fee is the
 * rate times the largest size the signed transaction can have; what would be change below {@link DUST} is added to it.
 * @throws BitmodelError `INSUFFICIENT_FUNDS`; `FEE_ABOVE_AMOUNT` when the output that pays the fee would become dust
 */
export function fundTransaction(request: FundRequest): FundedTransaction {
  const { outputs, inputs = [], changeScript, feeRate = FEE_RATE, subtractFee = false } = request;
  const fixed = fixedPart(request);
  const fixedSizes = inputs.map(({ unlockingSize }) => unlockingSize);
  const given = totalValue(inputs.map(({ output }) => output));
  // 8 bytes beyond: the counts of inputs and outputs may take longer var-ints than those of the fixed part
  const fixedFee = BigInt(sizeWhenUnlocked(fixed, fixedSizes) + 8) * feeRate;
  const coins = chooseCoins(request, totalValue(outputs) - given, fixedFee);
  const sequence = usualSequence(fixed.lockTime, request.replaceable ?? false);
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
  const left = totalValue(spentOutputs) - totalValue(outputs);
  const feeOf = (transaction: Transaction): bigint =>
    BigInt(sizeWhenUnlocked(transaction, sizes)) * feeRate;
  const withChange = (value: bigint): Transaction => ({
    ...unchanged,
    outputs: [...outputs, { value, lockingScript: changeScript }],
  });
  const changeFee = feeOf(withChange(0n));
  const change = subtractFee ? left : left - changeFee;
  if (change >= DUST) {
    const transaction = withChange(change);
    if (!subtractFee) return { transaction, spentOutputs, fee: changeFee };
    return { transaction: takeFee(transaction, changeFee), spentOutputs, fee: changeFee };
  }
  const least = feeOf(unchanged);
  if (left >= least) return { transaction: unchanged, spentOutputs, fee: left };
  if (!subtractFee) throw insufficient(totalValue(outputs) + least, totalValue(spentOutputs));
  return { transaction: takeFee(unchanged, least - left), spentOutputs, fee: least };
}

/** Lets the first output pay. */
function takeFee(transaction: Transaction, fee: bigint): Transaction {
  const [first, ...rest] = transaction.outputs;
  const value = first!.value - fee;
  if (value < DUST) {
    throw new BitmodelError(
      'FEE_ABOVE_AMOUNT',
      `The fee of ${formatAmount(fee)} leaves too little of ${formatAmount(first!.value)}.`,
      { next: 'Send more, or pay the fee on top', exitCode: EXIT.usage },
    );
  }
  return { ...transaction, outputs: [{ ...first!, value }, ...rest] };
}

function insufficient(needed: bigint, there: bigint): BitmodelError {
  return new BitmodelError(
    'INSUFFICIENT_FUNDS',
    `This takes ${formatAmount(needed)} coins, and only ${formatAmount(there)} can be spent now.`,
    { next: 'See bitmodel wallet balance; on regtest, bitmodel wallet faucet gives test coins' },
  );
}
