import { BitmodelError, EXIT, equalBytes } from '../../base/index.js';
import {
  assemble,
  decodeNumber,
  decodeScript,
  type Instruction,
  joinParts,
  OP,
  requireOutputScriptHash,
  requireOutputValue,
  share,
} from '../../chain/index.js';
import { PPM } from '../graph/graph.js';

/** One destination of a split contract. */
export interface SplitShare {
  /** SHA-256 of the destination's locking script: a parent's split contract, or an address's script. 32 bytes. */
  readonly scriptHash: Uint8Array;
  /** Parts per million, 1 to 1,000,000. */
  readonly ppm: number;
}

/** Most destinations of one split contract, the owner's included: a contract of 15 kB and 650 bytes of padding. */
export const MAXIMUM_SHARES = 250;

/**
 * Input 0 answers for all inputs of this script. The others only show that the one before them is another of it, so
 * that they stand without a gap from input 0 on, and no output is counted for two sums. The padding push that pays
 * for the loop is dropped first.
 */
const HEAD = `
  OP_DROP
  OP_INPUTINDEX OP_IF
    OP_INPUTINDEX OP_1SUB OP_UTXOBYTECODE OP_ACTIVEBYTECODE OP_EQUAL
  OP_ELSE
    0 0  // sum, next input
    OP_BEGIN
      OP_DUP OP_UTXOVALUE OP_ROT OP_ADD OP_SWAP OP_1ADD
      OP_DUP OP_TXINPUTCOUNT OP_LESSTHAN OP_IF
        OP_DUP OP_UTXOBYTECODE OP_ACTIVEBYTECODE OP_EQUAL OP_NOT
      OP_ELSE 1 OP_ENDIF
    OP_UNTIL
    OP_DROP OP_DUP  // sum, rest
`;
/** Stack: sum, rest. Demands that output `index` pays ⌊sum · ppm / 10⁶⌋ to its script, and takes that from the rest. */
function payShare({ scriptHash, ppm }: SplitShare, index: number): string {
  return joinParts(
    share('OP_OVER', ppm),
    requireOutputValue(index, 'OP_DUP'),
    'OP_SUB',
    requireOutputScriptHash(index, scriptHash),
  );
}

/** Stack: sum, rest. Demands that the last output pays the rest to its script. */
function payRest(scriptHash: Uint8Array, index: number): string {
  return joinParts(
    requireOutputScriptHash(index, scriptHash),
    `OP_NIP ${index} OP_OUTPUTVALUE OP_NUMEQUAL`,
    'OP_ENDIF',
  );
}

const instructionsOf = (source: string): number => decodeScript(assemble(source)).length;
const ANY_HASH = new Uint8Array(32);
// how many instructions each part has, and where in it stand the number and the hash that differ
const HEAD_LENGTH = instructionsOf(HEAD);
const SHARE_LENGTH = instructionsOf(payShare({ scriptHash: ANY_HASH, ppm: 0 }, 0));
const SHARE_PPM_AT = 1;
const SHARE_HASH_AT = SHARE_LENGTH - instructionsOf(requireOutputScriptHash(0, ANY_HASH));
const TAIL_LENGTH = instructionsOf(payRest(ANY_HASH, 0));
const TAIL_HASH_AT = 0;

/** What is wrong with the shares of a split contract, as "a split contract can't have …"; undefined for nothing. */
function faultOf(shares: readonly SplitShare[], own: Uint8Array | undefined): string | undefined {
  const sum = shares.reduce((total, share) => total + share.ppm, 0);
  const hashes = shares.map((share) => share.scriptHash).concat(own ?? []);
  if (shares.length === 0) return 'no parents';
  if (hashes.length > MAXIMUM_SHARES) return `more than ${MAXIMUM_SHARES} destinations`;
  if (hashes.some((hash) => hash.length !== 32)) return 'a destination that is no SHA-256';
  if (shares.some(({ ppm }) => !Number.isInteger(ppm) || ppm < 1)) {
    return 'a share that is no whole number of parts per million above 0';
  }
  if (sum > PPM) return `shares of ${sum / 10_000} % together, more than the whole`;
  if (own === undefined && sum < PPM) return 'a rest that goes to nobody';
  if (own !== undefined && sum === PPM) return 'an owner for whom nothing is left';
  return undefined;
}

/**
 * The locking script of a split contract (DESIGN 9): anyone pays into it, and out of it only these shares go. Its
 * inputs stand together from input 0 on; output i pays share i ⌊sum · ppm / 10⁶⌋ of what they hold together, and one
 * more output pays `own` the rest. Without `own` the last share takes the rest. Outputs worth nothing stay. What
 * stands behind these inputs and outputs is free: coins for the fee, and their change.
 * @param shares in the order of the parents' ids, 1 to 250 with the owner's
 * @param own SHA-256 of the owner's locking script; undefined where the shares sum to the whole
 * @throws BitmodelError `BAD_SPLIT`
 */
export function splitScript(shares: readonly SplitShare[], own?: Uint8Array): Uint8Array {
  const fault = faultOf(shares, own);
  if (fault !== undefined) {
    throw new BitmodelError('BAD_SPLIT', `A split contract can't have ${fault}.`, {
      next: 'Declare shares that sum to at most 100%, in whole parts per million',
      exitCode: EXIT.usage,
    });
  }
  const exact = own === undefined ? shares.slice(0, -1) : shares;
  const rest = own ?? shares.at(-1)!.scriptHash;
  return assemble(joinParts(HEAD, ...exact.map(payShare), payRest(rest, exact.length)));
}

/**
 * The shares that a split contract pays, as its outputs stand; the last takes the rest, and all sum to the whole.
 * The script does not say whether the last is the owner or, where nothing is the owner's, the last parent: it pays
 * the same either way.
 * @returns undefined for any script that is not byte for byte a split contract. Never throws.
 */
export function parseSplitScript(script: Uint8Array): SplitShare[] | undefined {
  const instructions = decodeScript(script);
  const body = instructions.length - HEAD_LENGTH - TAIL_LENGTH;
  if (body < 0 || body % SHARE_LENGTH !== 0 || body / SHARE_LENGTH >= MAXIMUM_SHARES)
    return undefined;
  const shares: SplitShare[] = [];
  let left = PPM;
  for (let at = HEAD_LENGTH; at < HEAD_LENGTH + body; at += SHARE_LENGTH) {
    const ppm = smallNumber(instructions[at + SHARE_PPM_AT]!);
    const scriptHash = instructions[at + SHARE_HASH_AT]!.data;
    if (ppm === undefined || scriptHash?.length !== 32) return undefined;
    shares.push({ scriptHash: scriptHash.slice(), ppm });
    left -= ppm;
  }
  const rest = instructions[HEAD_LENGTH + body + TAIL_HASH_AT]!.data;
  if (rest?.length !== 32 || left < 1) return undefined;
  const all = [...shares, { scriptHash: rest.slice(), ppm: left }];
  // whatever else stands in the script, only the one made of these shares is the contract
  return equalBytes(splitScript(all), script) ? all : undefined;
}

/** The number that a push of 1 to 1,000,000 pushes. */
function smallNumber({ opcode, data }: Instruction): number | undefined {
  const value =
    opcode >= OP.OP_1 && opcode <= OP.OP_16
      ? opcode - OP.OP_1 + 1
      : data && data.length <= 4
        ? Number(decodeNumber(data))
        : 0;
  return value >= 1 && value <= PPM ? value : undefined;
}

/**
 * What a split contract pays out of a sum, output by output: ⌊sum · ppm / 10⁶⌋, the last the rest.
 * @param shares as {@link parseSplitScript} gives them
 */
export function splitAmounts(shares: readonly SplitShare[], sum: bigint): bigint[] {
  let rest = sum;
  const amounts = shares.slice(0, -1).map(({ ppm }) => {
    const amount = (sum * BigInt(ppm)) / BigInt(PPM);
    rest -= amount;
    return amount;
  });
  return [...amounts, rest];
}
