import { createHash } from 'node:crypto';
import { concatBytes, equalBytes, u32le, u64le, utf8 } from '../../base/index.js';
import { decodeScript, OP, pushData } from '../../chain/index.js';
import type { ContributionGraph } from '../graph/graph.js';

/** Where the graph of a batch came from: somebody's file, or the chain as of the batch's height. */
export type GraphOrigin = 'file' | 'chain';

/** What the first output of a batch's transactions says, so that anybody with the graph can recompute what they pay. */
export interface PayoutMark {
  /** {@link graphHash}, {@link amountsHash} of the demand, and that of the dust carried from earlier batches; 32 bytes each. */
  readonly graph: Uint8Array;
  readonly demand: Uint8Array;
  readonly carried: Uint8Array;
  /** Base units below which an owner's sum is carried. */
  readonly minimum: bigint;
  /** Height of the chain when it was computed; of a graph from the chain, the block that it is as of. */
  readonly height: number;
  readonly origin: GraphOrigin;
  /** Which of the paid owners, in their order, the outputs behind this one pay: from `first` on so many of all. */
  readonly first: number;
  readonly count: number;
  readonly total: number;
}

const TAG = utf8('bitmodel-payout');
const VERSION = 1;
const ORIGINS: readonly GraphOrigin[] = ['file', 'chain'];
/** version u8 ‖ graph ‖ demand ‖ carried ‖ minimum u64 ‖ height u32 ‖ origin u8 ‖ first, count, total u32 */
const BODY_BYTES = 1 + 3 * 32 + 8 + 4 + 1 + 3 * 4;

/** The locking script of the mark: `OP_0 OP_RETURN "bitmodel-payout" body`. */
export function encodePayoutMark(mark: PayoutMark): Uint8Array {
  const body = concatBytes(
    Uint8Array.of(VERSION),
    mark.graph,
    mark.demand,
    mark.carried,
    u64le(mark.minimum),
    u32le(mark.height),
    Uint8Array.of(ORIGINS.indexOf(mark.origin)),
    ...[mark.first, mark.count, mark.total].map(u32le),
  );
  return concatBytes(Uint8Array.of(OP.OP_0, OP.OP_RETURN), pushData(TAG), pushData(body));
}

/** The mark that a locking script is; undefined for any that is not byte for byte one. Never throws. */
export function decodePayoutMark(script: Uint8Array): PayoutMark | undefined {
  const [zero, end, tag, body, more] = script.length < 200 ? decodeScript(script) : [];
  if (zero?.opcode !== OP.OP_0 || end?.opcode !== OP.OP_RETURN || more) return undefined;
  if (!tag?.data || !equalBytes(tag.data, TAG) || body?.data?.length !== BODY_BYTES)
    return undefined;
  const view = new DataView(body.data.buffer, body.data.byteOffset, BODY_BYTES);
  const origin = ORIGINS[view.getUint8(109)];
  if (view.getUint8(0) !== VERSION || origin === undefined) return undefined;
  const mark: PayoutMark = {
    graph: body.data.slice(1, 33),
    demand: body.data.slice(33, 65),
    carried: body.data.slice(65, 97),
    minimum: view.getBigUint64(97, true),
    height: view.getUint32(105, true),
    origin,
    first: view.getUint32(110, true),
    count: view.getUint32(114, true),
    total: view.getUint32(118, true),
  };
  const fits = mark.first + mark.count <= mark.total;
  return fits && equalBytes(encodePayoutMark(mark), script) ? mark : undefined;
}

/** SHA-256 of lines of text, hashed as they come: a graph of millions of sources makes no one text. */
function linesHash(lines: Iterable<string>): Uint8Array {
  const hash = createHash('sha256');
  for (const line of lines) hash.update(`${line}\n`);
  return new Uint8Array(hash.digest());
}

function* graphLines({ ids, owners, rows, parents, weights }: ContributionGraph): Iterable<string> {
  for (let i = 0; i < ids.length; i++) {
    const paid: [string, number][] = [];
    for (let e = rows[i]!; e < rows[i + 1]!; e++) paid.push([ids[parents[e]!]!, weights[e]!]);
    yield JSON.stringify([ids[i], owners[i] ?? null, paid]);
  }
}

/**
 * SHA-256 of all in a graph that a payout depends on: a line `[id, owner or null, [[parent, ppm], …]]` of JSON for each
 * source, in the order of ids. Names and kinds are left out.
 */
export function graphHash(graph: ContributionGraph): Uint8Array {
  return linesHash(graphLines(graph));
}

function* amountLines(amounts: Iterable<readonly [string, bigint]>): Iterable<string> {
  const sorted = [...amounts]
    .filter(([, units]) => units > 0n)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [id, units] of sorted) yield JSON.stringify([id, `${units}`]);
}

/** SHA-256 of amounts: a line `[id or owner, "base units"]` of JSON for each above nothing, in the order of ids. */
export function amountsHash(amounts: Iterable<readonly [string, bigint]>): Uint8Array {
  return linesHash(amountLines(amounts));
}
