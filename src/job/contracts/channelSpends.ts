import { BitmodelError, concatBytes } from '../../base/index.js';
import {
  type ContractCoin,
  type ContractSpend,
  contractInput,
  DATA_SIGNATURE_PUSH,
  hash160,
  NO_JOB,
  p2pkhScript,
  pushData,
  pushNumber,
  SIGNATURE_PUSH,
  type TransactionOutput,
} from '../../chain/index.js';
import { CHANNEL_PATH, type ChannelTerms, channelScript, encodeAmount } from './channel.js';

/** A channel's output on the chain. */
export interface ChannelCoin extends ContractCoin {
  /** Base units. */
  readonly value: bigint;
}

/** The client's word on what it has paid so far. */
export interface ChannelUpdate {
  /** Base units, all payments together. */
  readonly amount: bigint;
  readonly signature: Uint8Array;
}

/** The output that funds a channel. @throws BitmodelError `BAD_TERMS` */
export function channelOutput(terms: ChannelTerms, value: bigint): TransactionOutput {
  return { value, lockingScript: channelScript(terms) };
}

/**
 * The close: output 0 returns to the client what it has not paid; everything else is the seller's to divide.
 * @throws BitmodelError `BAD_UPDATE` for an amount beyond the channel, `BAD_TERMS`
 */
export function channelCloseSpend(
  terms: ChannelTerms,
  coin: ChannelCoin,
  amount: bigint,
): ContractSpend {
  if (amount < 0n || amount > coin.value) {
    throw new BitmodelError('BAD_UPDATE', `The channel holds ${coin.value}, not ${amount}.`, {
      next: 'Close it with the amount of the latest update that takeUpdate took',
    });
  }
  const client = p2pkhScript(hash160(terms.client));
  const unlockingSize = 9 + DATA_SIGNATURE_PUSH + SIGNATURE_PUSH + 1;
  return {
    ...spendChannel(terms, coin, unlockingSize),
    outputs: [{ value: coin.value - amount, lockingScript: client }],
  };
}

/** Unlocks the channel for the close with the client's update and the seller's signature. */
export function channelCloseUnlocking(update: ChannelUpdate, signature: Uint8Array): Uint8Array {
  return concatBytes(
    pushData(encodeAmount(update.amount)),
    pushData(update.signature),
    pushData(signature),
    pushNumber(CHANNEL_PATH.close),
  );
}

/** The refund, valid in a block at height `expires` or later. @throws BitmodelError `BAD_TERMS` */
export function channelRefundSpend(terms: ChannelTerms, coin: ChannelCoin): ContractSpend {
  return { ...spendChannel(terms, coin, SIGNATURE_PUSH + 1), lockTime: terms.expires };
}

/** Unlocks the channel for the refund with the client's signature. */
export function channelRefundUnlocking(signature: Uint8Array): Uint8Array {
  return concatBytes(pushData(signature), pushNumber(CHANNEL_PATH.refund));
}

function spendChannel(
  terms: ChannelTerms,
  coin: ChannelCoin,
  unlockingSize: number,
): ContractSpend {
  const input = contractInput(coin, channelOutput(terms, coin.value), unlockingSize);
  return { inputs: [input], outputs: [], lockTime: 0, jobId: NO_JOB };
}
