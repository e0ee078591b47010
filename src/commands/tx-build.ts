import { BitmodelError, concatBytes, EXIT, formatAmount, fromHex } from '../base/index.js';
import {
  checkAmounts,
  encodeEnvelope,
  OP,
  pushData,
  type TransactionOutput,
} from '../chain/index.js';
import { type ActionContext, action } from './shared/action.js';
import {
  type CoinOptions,
  chosenFeeRate,
  coinChoice,
  feeLimits,
  paymentOf,
} from './shared/payment-options.js';
import { nodeClient, watchWallet } from './shared/wallet.js';

interface BuildOptions extends CoinOptions {
  readonly to?: string[];
  readonly from: string;
  readonly data?: string;
}

/** An output that carries data and no money: OP_0 OP_RETURN <data>. */
function dataOutput(hex: string): TransactionOutput {
  const head = Uint8Array.of(OP.OP_0, OP.OP_RETURN);
  return { value: 0n, lockingScript: concatBytes(head, pushData(fromHex(hex))) };
}

async function build({ options, settings, terminal }: ActionContext<BuildOptions>): Promise<void> {
  const outputs = [
    ...(options.to ?? []).map((text) => paymentOf(text, settings)),
    ...(options.data === undefined ? [] : [dataOutput(options.data)]),
  ];
  if (outputs.length === 0) {
    throw new BitmodelError('USAGE', 'Nobody is to be paid.', {
      next: 'Pass --to ADDRESS:AMOUNT',
      exitCode: EXIT.usage,
    });
  }
  const client = nodeClient(settings);
  const wallet = watchWallet(client, settings, options.from);
  const feeRate = await chosenFeeRate(client, options.feeRate);
  const request = { outputs, feeRate, ...coinChoice(options) };
  const { transaction, spentOutputs } = await wallet.fund(request);
  const fee = checkAmounts(transaction, spentOutputs, feeLimits(options), (script) =>
    wallet.isChange(script),
  );
  terminal.note(`fee ${formatAmount(fee)}, ${feeRate} base units per byte`);
  terminal.line(encodeEnvelope(settings.network, transaction, spentOutputs));
}

/** Makes a transaction of the inputs and outputs that options name, and prints it. */
export const buildAction = action<BuildOptions>(async (_args, context) => build(context));
