import { concatBytes, equalBytes, utf8 } from '../../base/index.js';
import {
  assemble,
  choosePath,
  demand,
  demandInteger,
  demandKey,
  demandLength,
  encodeOutpoint,
  expression,
  hash160,
  joinParts,
  NUMBER_TO_U32,
  type Outpoint,
  OWN_VALUE,
  p2pkhScript,
  requireInputIndex,
  requireOutput,
  requireSignature,
  timeLock,
  UNSIGNED_TO_NUMBER,
} from '../../chain/index.js';

/** What a payment channel is compiled from (DESIGN 5.3). Equal terms give equal scripts. */
export interface ChannelTerms {
  /** Hash of the chain's first block, 32 bytes in byte order. */
  readonly genesis: Uint8Array;
  /** Compressed public key of who pays; its P2PKH script gets what was not paid. */
  readonly client: Uint8Array;
  /** Compressed public key of who is paid. */
  readonly seller: Uint8Array;
  /** Height from which the client can take everything back: 1 to 499,999,999. */
  readonly expires: number;
}

/** Numbers of the channel's paths, pushed last by the unlocking script. */
export const CHANNEL_PATH = { close: 0, refund: 1 } as const;

/** First bytes of every update message. */
const CHANNEL_PREFIX = 'bitmodel/channel/1';

/**
 * The 94 bytes that the client signs to say what it has paid so far, all payments together: "bitmodel/channel/1" ‖
 * genesis ‖ funding outpoint ‖ amount u64LE. The outpoint makes it good for one channel only.
 */
export function channelMessage(
  genesis: Uint8Array,
  outpoint: Outpoint,
  amount: bigint,
): Uint8Array {
  return concatBytes(utf8(CHANNEL_PREFIX), genesis, encodeOutpoint(outpoint), encodeAmount(amount));
}

/** An amount of base units as updates carry it: u64LE. */
export function encodeAmount(amount: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, amount, true);
  return bytes;
}

/**
 * A one-way payment channel: the seller closes it with the client's latest word on what it paid; from `expires` on
 * the client takes it back. What the client signs is a statement (CHECKDATASIG), not a transaction: it takes no
 * round trip, and the seller is free in fees, coins and time. Only the seller can use it, so an older word, which says
 * less, can only be used by whom it would cost.
 * @throws BitmodelError `BAD_TERMS`
 */
export function channelScript(terms: ChannelTerms): Uint8Array {
  const { genesis, client, seller, expires } = terms;
  demandLength(genesis, 32, 'genesis');
  demandKey(client, "the client's key");
  demandKey(seller, "the seller's key");
  demand(!equalBytes(client, seller), 'client and seller are the same');
  demandInteger(expires, 1, 499_999_999, 'expires');
  return assemble(choosePath([closePath(terms), refundPath(terms)]));
}

/** Stack: amount (8 bytes), client's signature of the update, seller's signature → */
function closePath({ genesis, client, seller }: ChannelTerms): string {
  const before = concatBytes(utf8(CHANNEL_PREFIX), genesis);
  return joinParts(
    requireSignature(seller),
    requireInputIndex(0),
    'OP_SWAP OP_SIZE 8 OP_NUMEQUALVERIFY OP_TUCK # amount signature amount',
    `${expression(before)} 0 OP_OUTPOINTTXHASH OP_CAT 0 OP_OUTPOINTINDEX ${NUMBER_TO_U32} OP_CAT`,
    `OP_SWAP OP_CAT ${expression(client)} OP_CHECKDATASIGVERIFY ${UNSIGNED_TO_NUMBER}`,
    requireOutput(0, `${OWN_VALUE} OP_SWAP OP_SUB`, p2pkhScript(hash160(client))),
  );
}

/** Stack: client's signature → */
function refundPath({ client, expires }: ChannelTerms): string {
  return joinParts(timeLock(expires), requireSignature(client));
}
