import { z } from 'zod';
import {
  BitmodelError,
  canonicalBytes,
  EXIT,
  equalBytes,
  formatAmount,
  fromHex,
  parseAmount,
  toHex,
} from '../base/index.js';
import {
  formatOutpoint,
  type Outpoint,
  parseOutpoint,
  signData,
  type TransactionOutput,
  verifyData,
} from '../chain/index.js';
import { type ChannelTerms, channelMessage, channelScript } from './contracts/channel.js';
import { type ChannelCoin, type ChannelUpdate, channelOutput } from './contracts/channelSpends.js';
import { amountSchema, hash32Schema, publicKeySchema } from './spec.js';

/**
 * What either party keeps of a channel: put it on disk before an update is sent, or after one was taken. Both sides
 * hold the same; nothing in it is secret.
 */
export interface ChannelState extends ChannelCoin {
  readonly terms: ChannelTerms;
  /** The latest update; absent before the first. */
  readonly update?: ChannelUpdate;
}

/**
 * A channel whose funding output is known, nothing paid yet.
 * @param output as the chain holds it
 * @throws BitmodelError `BAD_CHANNEL` for an output that is not the channel of these terms, or that carries a token;
 *   `BAD_TERMS`
 */
export function openChannel(
  terms: ChannelTerms,
  outpoint: Outpoint,
  { value, lockingScript, token }: TransactionOutput,
): ChannelState {
  const isChannel = equalBytes(lockingScript, channelScript(terms));
  if (!isChannel || token) {
    const why = isChannel ? 'carries a token' : 'is locked by another script';
    throw new BitmodelError('BAD_CHANNEL', `This output is no channel of these terms: it ${why}.`, {
      next: 'Do not work for it; ask the client to fund the channel with channelOutput alone',
    });
  }
  return { terms, outpoint, value };
}

/** Base units paid so far. */
export function channelPaid(state: ChannelState): bigint {
  return state.update?.amount ?? 0n;
}

/**
 * Client: pays so much more, for an answer or a batch of tokens. Save the state it returns before sending its update.
 * @throws BitmodelError `CHANNEL_EMPTY` when less is left, `BAD_UPDATE` for nothing
 */
export function payChannel(
  state: ChannelState,
  more: bigint,
  privateKey: Uint8Array,
): ChannelState & { readonly update: ChannelUpdate } {
  const amount = channelPaid(state) + more;
  if (more < 1n)
    throw new BitmodelError('BAD_UPDATE', 'A payment must be at least one unit.', {
      next: 'Pay what the answer costs, one base unit or more',
    });
  if (amount > state.value) {
    const left = formatAmount(state.value - channelPaid(state));
    throw new BitmodelError('CHANNEL_EMPTY', `Only ${left} coins are left in the channel.`, {
      next: 'Let the seller close it, and open another one',
    });
  }
  const message = channelMessage(state.terms.genesis, state.outpoint, amount);
  return { ...state, update: { amount, signature: signData(message, privateKey) } };
}

/**
 * Seller: takes an update. One that says no more than the latest changes nothing, so that repetitions and late
 * arrivals do no harm; the seller compares {@link channelPaid} with what it is owed before it goes on working.
 * @throws BitmodelError `BAD_UPDATE` for one that the client did not sign for this channel, or that is beyond it
 */
export function takeUpdate(state: ChannelState, update: ChannelUpdate): ChannelState {
  const { amount, signature } = update;
  const message =
    amount >= 0n && amount <= state.value
      ? channelMessage(state.terms.genesis, state.outpoint, amount)
      : undefined;
  if (!message || !verifyData(signature, message, state.terms.client)) {
    throw new BitmodelError('BAD_UPDATE', 'This is no payment of the client in this channel.', {
      next: 'Stop working for it, and close the channel with the latest payment',
    });
  }
  return amount > channelPaid(state) ? { ...state, update } : state;
}

/**
 * Seller: whether it is time to close. Once the chain has reached `expires` the client may take everything.
 * @param margin blocks that the close may take to get into the chain
 */
export function mustClose(state: ChannelState, height: number, margin: number): boolean {
  return state.update !== undefined && height + margin >= state.terms.expires;
}

const stateSchema = z.strictObject({
  v: z.literal(1),
  genesis: hash32Schema,
  client: publicKeySchema,
  seller: publicKeySchema,
  expires: z.int().min(1).max(499_999_999),
  outpoint: z.string().max(80),
  value: amountSchema,
  update: z
    .strictObject({
      amount: amountSchema,
      signature: z
        .string()
        .max(144)
        .regex(/^(?:[0-9a-f]{2})+$/),
    })
    .optional(),
});

/** The bytes of a channel's state for a file: canonical JSON, amounts as decimal coins. */
export function encodeChannel({ terms, outpoint, value, update }: ChannelState): Uint8Array {
  return canonicalBytes({
    v: 1,
    genesis: toHex(terms.genesis),
    client: toHex(terms.client),
    seller: toHex(terms.seller),
    expires: terms.expires,
    outpoint: formatOutpoint(outpoint),
    value: formatAmount(value),
    ...(update && {
      update: { amount: formatAmount(update.amount), signature: toHex(update.signature) },
    }),
  });
}

/**
 * The state behind bytes of {@link encodeChannel}; an update in it is checked like one that arrives.
 * @throws BitmodelError `BAD_CHANNEL`, `BAD_UPDATE`, `BAD_TERMS`
 */
export function decodeChannel(bytes: Uint8Array): ChannelState {
  const json = stateSchema.safeParse(readJson(bytes)).data;
  if (!json || !equalBytes(canonicalBytes(json), bytes)) {
    throw new BitmodelError('BAD_CHANNEL', 'These bytes are not the state of a channel.', {
      next: 'Give a file that encodeChannel made',
      exitCode: EXIT.usage,
    });
  }
  const terms: ChannelTerms = {
    genesis: fromHex(json.genesis),
    client: fromHex(json.client),
    seller: fromHex(json.seller),
    expires: json.expires,
  };
  const value = parseAmount(json.value);
  const state = openChannel(terms, parseOutpoint(json.outpoint), channelOutput(terms, value));
  if (!json.update) return state;
  const { amount, signature } = json.update;
  return takeUpdate(state, { amount: parseAmount(amount), signature: fromHex(signature) });
}

function readJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    // not JSON: no state
    return undefined;
  }
}
