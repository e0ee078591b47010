import {
  BitmodelError,
  concatBytes,
  EXIT,
  formatAmount,
  fromHex,
  parseAmount,
} from '../base/index.js';
import {
  addressScript,
  checkAmounts,
  encodeEnvelope,
  FEE_RATE,
  networkParameters,
  OP,
  pushData,
  type TransactionOutput,
  Wallet,
} from '../chain/index.js';
import { type ActionContext, action } from './shared/action.js';
import { nodeClient } from './shared/wallet.js';
import { addressOf } from './shared/wallet-address.js';

interface BuildOptions {
  readonly to?: string[];
  readonly from: string;
  readonly feeRate?: string;
  readonly data?: string;
  readonly allowHighFee?: boolean;
}

function usage(message: string, next: string): BitmodelError {
  return new BitmodelError('USAGE', message, { next, exitCode: EXIT.usage });
}

function payment(text: string, network: 'main' | 'test' | 'regtest'): TransactionOutput {
  const at = text.lastIndexOf(':');
  if (at < 0) throw usage(`"${text.slice(0, 80)}" is not ADDRESS:AMOUNT.`, 'Such as --to mx…:1.5');
  const lockingScript = addressScript(text.slice(0, at), networkParameters(network));
  return { value: parseAmount(text.slice(at + 1)), lockingScript };
}

/** An output that carries data and no money: OP_0 OP_RETURN <data>. */
function dataOutput(hex: string): TransactionOutput {
  const head = Uint8Array.of(OP.OP_0, OP.OP_RETURN);
  return { value: 0n, lockingScript: concatBytes(head, pushData(fromHex(hex))) };
}

/** Base units per byte of a `--fee-rate`. @throws BitmodelError `USAGE` */
export function feeRateOption(text: string | undefined): bigint {
  if (text === undefined) return FEE_RATE;
  if (!/^[1-9]\d{0,8}$/.test(text)) {
    throw usage(`"${text.slice(0, 20)}" is no fee rate.`, 'Give whole base units per byte, from 1');
  }
  return BigInt(text);
}

async function build({ options, settings, terminal }: ActionContext<BuildOptions>): Promise<void> {
  const outputs = [
    ...(options.to ?? []).map((text) => payment(text, settings.network)),
    ...(options.data === undefined ? [] : [dataOutput(options.data)]),
  ];
  if (outputs.length === 0) throw usage('Nobody is to be paid.', 'Pass --to ADDRESS:AMOUNT');
  const feeRate = feeRateOption(options.feeRate);
  const wallet = new Wallet({
    client: nodeClient(settings),
    keys: [],
    watch: [addressOf(options.from, settings)],
    params: networkParameters(settings.network),
  });
  const { transaction, spentOutputs } = await wallet.fund({ outputs, feeRate });
  const allowHighFee = options.allowHighFee === true;
  const fee = checkAmounts(transaction, spentOutputs, { allowHighFee });
  terminal.note(`fee ${formatAmount(fee)}, ${feeRate} base units per byte`);
  terminal.line(encodeEnvelope(settings.network, transaction, spentOutputs));
}

export const buildAction = action<BuildOptions>(async (_args, context) => build(context));
