import { equalBytes, sha256, utf8 } from '../../base/index.js';
import { decodeNumber, decodeScript, publicKeyOf } from '../../chain/index.js';
import { contestedCode } from '../contracts/contested.js';
import { escrowScript } from '../contracts/escrow.js';
import type { JobTerms } from '../terms.js';

/** What of a job's terms can only be read out of the code of its contracts. */
export type CodeTerms = Pick<
  JobTerms,
  'client' | 'seller' | 'sellerPayout' | 'feePpm' | 'feePerJob' | 'expires' | 'verifiers'
>;

/** What decides how the contracts of a job are laid out, beside the numbers in them. */
export interface CodeShape {
  /** SHA-256 of the client's secret c where verifiers are drawn; absent where they are listed. */
  readonly drawHash?: Uint8Array;
  /** Verifiers, listed or drawn, 1 to 15. */
  readonly count: number;
  readonly threshold: number;
  /** Whether the model asks for an amount for each job. */
  readonly hasFeePerJob: boolean;
}

/** Escrow script, and code of the contested contract. */
interface Codes {
  readonly escrow: Uint8Array;
  readonly contested: Uint8Array;
}

/** Where something stands in a script: in which instruction, and how far into what that pushes. */
interface Place {
  readonly of: keyof Codes;
  readonly instruction: number;
  readonly offset: number;
  readonly length: number;
}

/** Where each of the terms stands in the contracts of a shape. */
interface Layout {
  readonly client: Place;
  readonly seller: Place;
  readonly sellerPayout: Place;
  readonly feePpm: Place;
  readonly feePerJob?: Place;
  readonly expires: Place;
  /** The listed keys, or the registry alone. */
  readonly judges: readonly Place[];
  /** The registry's size, where verifiers are drawn. */
  readonly size?: Place;
}

type Pushes = Readonly<Record<keyof Codes, readonly (Uint8Array | undefined)[]>>;

const filler = (name: string): Uint8Array => sha256(utf8(name));

/** Terms in which everything that is looked for is like nothing else. */
function sampleTerms({ drawHash, count, threshold, hasFeePerJob }: CodeShape): JobTerms {
  const key = (name: string): Uint8Array => publicKeyOf(filler(name));
  return {
    genesis: filler('genesis'),
    jobId: filler('job'),
    client: key('client'),
    seller: key('seller'),
    sellerPayout: filler('payout').subarray(0, 20),
    kHash: filler('k'),
    pricePerToken: 1_000_003n,
    maxTokens: 1_000_033,
    feePpm: 765_433,
    ...(hasFeePerJob ? { feePerJob: 1_000_000_007n } : {}),
    feeScript: filler('fee script'),
    stake: 1n << 50n,
    verifiers: drawHash
      ? { registry: filler('registry'), size: 900_007, count, drawHash: filler('c') }
      : Array.from({ length: count }, (_, index) => key(`verifier ${index}`)),
    threshold,
    verifierFee: 7_919n,
    expires: 400_000_009,
    disputeWindow: 10,
    verdictWindow: 20,
  };
}

/** What each instruction of a script pushes; undefined for those that push nothing. */
function pushesIn(script: Uint8Array): (Uint8Array | undefined)[] {
  return decodeScript(script).map(({ opcode, data }) => {
    if (data) return data;
    // OP_1 to OP_16
    return opcode > 0x50 && opcode <= 0x60 ? Uint8Array.of(opcode - 0x50) : undefined;
  });
}

const pushesOfCodes = ({ escrow, contested }: Codes): Pushes => ({
  escrow: pushesIn(escrow),
  contested: pushesIn(contested),
});

function placeOf(pushes: Pushes, of: keyof Codes, wanted: Uint8Array): Place {
  for (const [instruction, data] of pushes[of].entries()) {
    const offset = data ? Buffer.from(data).indexOf(wanted) : -1;
    if (offset >= 0) return { of, instruction, offset, length: wanted.length };
  }
  throw new Error(`the ${of} contract does not hold what it is compiled from`);
}

function placeOfNumber(pushes: Pushes, of: keyof Codes, wanted: bigint): Place {
  const instruction = pushes[of].findIndex(
    (data) => data && data.length < 8 && decodeNumber(data) === wanted,
  );
  if (instruction >= 0) return { of, instruction, offset: 0, length: 0 };
  throw new Error(`the ${of} contract does not hold the number ${wanted}`);
}

const layouts = new Map<string, Layout>();

/** Learns from the compiler itself where it puts each of the terms: nothing here must follow when a contract changes. */
function layoutOf(shape: CodeShape): Layout {
  const { drawHash, count, threshold, hasFeePerJob } = shape;
  const name = `${drawHash ? 'drawn' : 'listed'} ${count} ${threshold} ${hasFeePerJob}`;
  const known = layouts.get(name);
  if (known) return known;
  const terms = sampleTerms(shape);
  const { verifiers } = terms;
  const codes = { escrow: escrowScript(terms), contested: contestedCode(terms) };
  const pushes = pushesOfCodes(codes);
  const keys = 'registry' in verifiers ? [verifiers.registry] : verifiers;
  const layout: Layout = {
    client: placeOf(pushes, 'escrow', terms.client),
    seller: placeOf(pushes, 'escrow', terms.seller),
    sellerPayout: placeOf(pushes, 'contested', terms.sellerPayout),
    feePpm: placeOfNumber(pushes, 'escrow', BigInt(terms.feePpm)),
    ...(terms.feePerJob !== undefined && {
      feePerJob: placeOfNumber(pushes, 'escrow', terms.feePerJob),
    }),
    expires: placeOfNumber(pushes, 'escrow', BigInt(terms.expires)),
    judges: keys.map((key) => placeOf(pushes, 'contested', key)),
    ...('registry' in verifiers && {
      size: placeOfNumber(pushes, 'contested', BigInt(verifiers.size)),
    }),
  };
  layouts.set(name, layout);
  return layout;
}

function bytesAt(pushes: Pushes, { of, instruction, offset, length }: Place): Uint8Array {
  return (pushes[of][instruction] ?? new Uint8Array(0)).slice(offset, offset + length);
}

function amountAt(pushes: Pushes, { of, instruction }: Place): bigint {
  return decodeNumber((pushes[of][instruction] ?? new Uint8Array(0)).subarray(0, 8));
}

const numberAt = (pushes: Pushes, place: Place): number => Number(amountAt(pushes, place));

/**
 * Reads what two scripts would say if they were the escrow and the contested code of a job of this shape. They may be
 * anything: whoever asks compiles the terms that this leads to, and compares.
 */
export function readCodeTerms(codes: Codes, shape: CodeShape): CodeTerms {
  const layout = layoutOf(shape);
  const pushes = pushesOfCodes(codes);
  const judges = layout.judges.map((place) => bytesAt(pushes, place));
  const { drawHash, count } = shape;
  return {
    client: bytesAt(pushes, layout.client),
    seller: bytesAt(pushes, layout.seller),
    sellerPayout: bytesAt(pushes, layout.sellerPayout),
    feePpm: numberAt(pushes, layout.feePpm),
    ...(layout.feePerJob && { feePerJob: amountAt(pushes, layout.feePerJob) }),
    expires: numberAt(pushes, layout.expires),
    verifiers:
      drawHash && layout.size
        ? { registry: judges[0]!, size: numberAt(pushes, layout.size), count, drawHash }
        : judges,
  };
}

/** Whether two scripts are those that terms compile to. @throws BitmodelError `BAD_TERMS`, `BAD_CONTRACT` */
export function areCodesOf(terms: JobTerms, { escrow, contested }: Codes): boolean {
  return equalBytes(escrowScript(terms), escrow) && equalBytes(contestedCode(terms), contested);
}
