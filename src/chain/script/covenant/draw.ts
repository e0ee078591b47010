import { concatBytes, sha256, u32le } from '../../../base/index.js';
import { requireNoToken } from './demands.js';
import { type Expression, expression, joinParts } from './expression.js';
import { NUMBER_TO_U32, UNSIGNED_TO_NUMBER } from './fields.js';
import { CLIMB_TREE, TREE_LEAF, TREE_ROOT } from './merkle.js';

/**
 * The leaf that seat `seat` of `count` is drawn at (DESIGN 5.2, "The draw"): each seat has ⌊size / count⌋ leaves of
 * its own, and the seed picks one of them.
 * @param seed whatever was fixed before anybody could know it: c ‖ k for a job's verifiers
 */
export function drawnLeaf(seed: Uint8Array, size: number, count: number, seat: number): number {
  const stride = Math.floor(size / count);
  const digest = sha256(seed, u32le(seat));
  let offset = 0n;
  for (const byte of digest.toReversed()) offset = (offset << 8n) | BigInt(byte);
  return seat * stride + Number(offset % BigInt(stride));
}

/** The leaf of every seat, all different. */
export function drawnLeaves(seed: Uint8Array, size: number, count: number): number[] {
  return Array.from({ length: count }, (_, seat) => drawnLeaf(seed, size, count, seat));
}

/** One who sits in a drawn seat and has signed. */
export interface SeatSignature {
  /** Compressed public key. */
  readonly publicKey: Uint8Array;
  /** Data signature of the message. */
  readonly signature: Uint8Array;
  /** Proof of the key at the seat's leaf. */
  readonly proof: Uint8Array;
}

/**
 * What a threshold finds of its signers, first push first: the last seat's first. {@link checkDrawnThreshold} takes
 * proof, key and signature of a seat, {@link checkDataThreshold}, which knows its keys, the signature alone; an empty
 * element stands for a seat that has not signed.
 */
export function seatItems(
  seats: readonly (SeatSignature | Pick<SeatSignature, 'signature'> | undefined)[],
): Uint8Array[] {
  return seats.toReversed().flatMap((seat) => {
    if (seat === undefined) return [new Uint8Array(0)];
    return 'proof' in seat ? [seat.proof, seat.publicKey, seat.signature] : [seat.signature];
  });
}

/** Who may not sit on a drawn jury, and what each who signs is paid. */
export interface DrawnThreshold {
  /** Keys that may not sit, as expressions. */
  readonly barred: readonly Expression[];
  /** Output that the first signer is paid by, and what each gets. */
  readonly firstOutput: number;
  readonly fee: Expression;
}

/**
 * Demands that exactly `threshold` of `count` drawn seats have signed SHA-256(message), each by a key that is proved
 * to lie at the seat's leaf of the tree `root` with `size` leaves ({@link drawnLeaf}); and that the n-th signer is
 * paid `fee` to the P2PKH script of its key by output firstOutput + n − 1, which carries no token. Each seat is asked once, in order. A seat
 * that has not signed shows an empty element alone; a signature that is there must hold. The size is part of the
 * root, so that a false one proves nothing. One loop over the seats: the script is as long for 15 as for one.
 *
 * Stack: seats as {@link seatItems}, message, seed, root, size (2 or more), count, threshold →
 */
export function checkDrawnThreshold({ barred, firstOutput, fee }: DrawnThreshold): string {
  const notBarred = barred.map((key) => `OP_DUP ${expression(key)} OP_EQUAL OP_NOT OP_VERIFY`);
  return joinParts(
    '0 0 # seats message seed root size count threshold signed seat',
    'OP_BEGIN 8 OP_ROLL OP_SIZE OP_IF',
    '9 OP_ROLL OP_TUCK 10 OP_PICK OP_SWAP OP_CHECKDATASIGVERIFY # proof … signed seat key',
    ...notBarred,
    'OP_DUP OP_HASH160 0x76a914 OP_SWAP OP_CAT 0x88ac OP_CAT # … signed seat key script',
    `3 OP_PICK ${firstOutput} OP_ADD`,
    `OP_DUP OP_OUTPUTVALUE ${expression(fee)} OP_NUMEQUALVERIFY`,
    `${requireNoToken('OP_DUP')} OP_OUTPUTBYTECODE OP_EQUALVERIFY`,
    `${TREE_LEAF} # proof … size count threshold signed seat leaf`,
    '5 OP_PICK 5 OP_PICK OP_DIV # … leaf stride',
    `8 OP_PICK 3 OP_PICK ${NUMBER_TO_U32} OP_CAT OP_SHA256 ${UNSIGNED_TO_NUMBER}`,
    'OP_OVER OP_MOD OP_SWAP 3 OP_PICK OP_MUL OP_ADD # proof … seat leaf index',
    '6 OP_PICK 11 OP_ROLL',
    CLIMB_TREE,
    `5 OP_PICK ${TREE_ROOT} 6 OP_PICK OP_EQUALVERIFY`,
    'OP_SWAP OP_1ADD OP_SWAP',
    'OP_ELSE OP_DROP OP_ENDIF',
    'OP_1ADD OP_DUP 4 OP_PICK OP_NUMEQUAL OP_UNTIL',
    'OP_DROP OP_NUMEQUALVERIFY # message seed root size count',
    'OP_2DROP OP_2DROP OP_DROP',
  );
}

/** The bytes that a second draw's seed is made of: see {@link secondSeed}. */
export const SECOND_DRAW: Uint8Array = new TextEncoder().encode('second');

/**
 * The seed of the draw that judges a draw's verdict again: SHA-256(seed ‖ "second" ‖ SHA-256(signature)). The first seed may
 * be one that buyer and seller have searched together; the signature is the accused's, made after that was fixed.
 * @param signature of the accused under its verdict, strict DER with low S: the bytes that are shown with it
 */
export function secondSeed(seed: Uint8Array, signature: Uint8Array): Uint8Array {
  return sha256(concatBytes(seed, SECOND_DRAW, sha256(signature)));
}
