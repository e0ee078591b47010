import {
  BitmodelError,
  EXIT,
  formatAmount,
  mapConcurrently,
  toHex,
  utf8,
} from '../../base/index.js';
import {
  type ChainClient,
  DUST,
  decodePin,
  encodePin,
  isCoinbase,
  previousOutputs,
  type SendOptions,
  type Sent,
  type Transaction,
  type TransactionOutput,
  type Wallet,
} from '../../chain/index.js';
import { IMO_PIN_PATH } from './offering.js';
import { provenTransaction } from './proven.js';

/** Coins that somebody burnt for a model. */
export interface Burn {
  readonly txid: string;
  /** Block that holds it. */
  readonly height: number;
  /** Base units that the transaction destroyed. */
  readonly amount: bigint;
  /** Locking script of the coin that its first input spent, hex: who burnt. */
  readonly burner: string;
}

/**
 * Where the burns for a model stand: a path for each model, so that what is burnt or only written for others costs
 * nobody anything who reads this one's.
 */
export function burnPath(model: string): string {
  return `${IMO_PIN_PATH}/burn/${model}`;
}

/**
 * The outputs that burn coins for a model: 0 is a pin's coin, which stays with `holder`; 1 can be spent by nobody, holds
 * the amount and says what it is for.
 */
export function burnOutputs(
  model: string,
  amount: bigint,
  holder: Uint8Array,
): TransactionOutput[] {
  const lockingScript = encodePin({
    operation: 'create',
    path: burnPath(model),
    contentType: 'application/json',
    payload: utf8('{"v":1}'),
  });
  return [
    { value: DUST, lockingScript: holder },
    { value: amount, lockingScript },
  ];
}

/**
 * What a transaction burns for a model: the value of its first output that is a pin, if that is a burn of this model. A
 * transaction has one pin, so it burns once.
 */
export function burntIn({ outputs }: Transaction, model: string): bigint {
  for (const { lockingScript, value } of outputs) {
    const pin = decodePin(lockingScript);
    if (pin) return pin.operation === 'create' && pin.path === burnPath(model) ? value : 0n;
  }
  return 0n;
}

/**
 * Burns coins for a model. They are gone: nobody gets them, no miner either.
 * @param model 64 hex digits
 * @param amount base units, at least 1
 * @throws BitmodelError `BAD_BURN`, `INSUFFICIENT_FUNDS`, and what the node says
 */
export async function burnFor(
  wallet: Wallet,
  model: string,
  amount: bigint,
  options: SendOptions = {},
): Promise<Sent> {
  if (!/^[0-9a-f]{64}$/.test(model) || amount < 1n) {
    throw new BitmodelError('BAD_BURN', `${formatAmount(amount)} coins can't be burnt so.`, {
      next: 'Give the id of a model, and an amount above 0',
      exitCode: EXIT.usage,
    });
  }
  return wallet.send(burnOutputs(model, amount, wallet.changeScript), options);
}

/**
 * All burns for a model as of a height, in the order of the chain. The index names the transactions; amounts and coins
 * are read from these themselves, whatever a pin says later.
 */
export async function burnsFor(
  client: ChainClient,
  model: string,
  atHeight: number,
): Promise<Burn[]> {
  const pins = await client.pins(burnPath(model), { all: true, atHeight });
  const burns = await mapConcurrently(pins, async ({ txid, height }) => {
    const transaction = await provenTransaction(client, txid);
    const amount = burntIn(transaction, model);
    // a miner's new coins were nobody's: burning them costs what it costs, but shows no burner
    if (amount === 0n || isCoinbase(transaction)) return { txid, height, amount: 0n, burner: '' };
    const [spent] = await previousOutputs(client, { inputs: transaction.inputs.slice(0, 1) });
    return { txid, height, amount, burner: toHex(spent!.lockingScript) };
  });
  return burns.filter(({ amount }) => amount > 0n);
}

/** How much was burnt, and by how many that burnt `leastBurn` or more each. */
export function sumBurns(
  burns: readonly Burn[],
  leastBurn: bigint,
): { readonly burnt: bigint; readonly burners: number } {
  const by = new Map<string, bigint>();
  for (const { burner, amount } of burns) by.set(burner, (by.get(burner) ?? 0n) + amount);
  const sums = [...by.values()];
  return {
    burnt: sums.reduce((total, sum) => total + sum, 0n),
    burners: sums.filter((sum) => sum >= leastBurn).length,
  };
}
