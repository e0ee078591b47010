import { encodeModule, wasmOp as op, type WasmFunction, wasmType } from '../../base/index.js';
import { PPM } from '../graph/graph.js';

const { i32, i64 } = wasmType;

/**
 * Where the functions find what they work on: the first words of the memory hold the addresses of the arrays, and
 * how many sources stand in the queue.
 */
export const HEADER = {
  rows: 0,
  parents: 4,
  weights: 8,
  own: 12,
  /** Base units that wait in each source, 64 bits. */
  flow: 16,
  /** How many of a source's users have not passed on yet, with {@link SEED}. */
  pending: 20,
  queue: 24,
  queued: 28,
  /** Means nothing. */
  touched: 32,
  /** What came into each source, 64 bits, where the module keeps it. */
  received: 36,
  size: 40,
} as const;

/** Marks a source that money is paid for in `pending`, so that it is queued once. */
export const SEED = 0x8000_0000;

/** The functions of the module; sources in the queue are taken from place `from` to before `to`. */
export interface KernelFunctions {
  /** Passes on what `count` sources hold, from `first` on, each the next by `step`. */
  inOrder(first: number, count: number, step: number): void;
  /** Counts users along the edges of the queued sources, and queues parents not seen before. */
  reach(from: number, to: number): void;
  /** Passes on what queued sources hold, and queues each parent when the last of its users has. */
  ready(from: number, to: number): void;
  /** Passes on what queued sources hold. */
  listed(from: number, to: number): void;
}

/** Binary digits of the fraction that {@link divideFunction} multiplies with. */
const DIGITS = 43;

type Code = readonly number[];
const both =
  (instruction: Code) =>
  (a: Code, b: Code): Code => [...a, ...b, ...instruction];
const add = both(op.add);
const shift = both(op.shiftLeft);
const add64 = both(op.add64);
const sub64 = both(op.sub64);
const mul64 = both(op.mul64);
const div64 = both(op.div64);
const { get } = op;
const number = op.constant;
const number64 = op.constant64;
const set = (local: number, value: Code): Code => [...value, ...op.set(local)];
const load = (at: Code, offset = 0): Code => [...at, ...op.load(offset)];
const load64 = (at: Code): Code => [...at, ...op.load64()];
const store = (at: Code, value: Code, offset = 0): Code => [...at, ...value, ...op.store(offset)];
const store64 = (at: Code, value: Code): Code => [...at, ...value, ...op.store64()];
const when = (condition: Code, then: Code): Code => [...condition, ...op.if, ...then, ...op.end];
const count = (local: number, by: Code): Code => set(local, add(get(local), by));
/** A field of the header. */
const field = (at: number): Code => load(number(0), at);
const words = (base: Code, index: Code): Code => add(base, shift(index, number(2)));
const doubles = (base: Code, index: Code): Code => add(base, shift(index, number(3)));
/** Repeats the body, which counts the local on, until it has come to the other. */
const until = (local: number, end: number, body: Code): Code => [
  ...op.block,
  ...op.loop,
  ...both(op.greaterOrEqual)(get(local), get(end)),
  ...op.branchIf(1),
  ...body,
  ...op.branch(0),
  ...op.end,
  ...op.end,
];
const locals = (narrow: number, wide = 0): WasmFunction['locals'] => [
  ...new Array<typeof i32>(narrow).fill(i32),
  ...new Array<typeof i64>(wide).fill(i64),
];

/**
 * Passes on what one source holds as its split contract would: ⌊flow · ppm / 10⁶⌋ to each parent, the rest to itself,
 * or where it keeps nothing to the last parent.
 *
 * With flow = 10⁶·m + u the part is m·ppm + ⌊u·ppm / 10⁶⌋. The second term needs no division for each parent: with
 * r = ⌊2⁴³·u / 10⁶⌋ + 1 it is ⌊r·ppm / 2⁴³⌋, because r exceeds 2⁴³·u / 10⁶ by at most 1, so the term exceeds
 * u·ppm / 10⁶ by at most 10⁶ / 2⁴³ < 10⁻⁶, and that lies 10⁻⁶ or more below the next whole number. m·ppm is at most
 * the flow, below 2⁶³, as is r·ppm.
 */
function divideFunction(keepsReceived: boolean): WasmFunction {
  const [source, edge, end, parents, weights, flow, at, keeps] = [0, 1, 2, 3, 4, 5, 6, 7];
  const [rest, millions, fraction, part, ppm] = [8, 9, 10, 11, 12];
  const holds = doubles(field(HEADER.flow), get(source));
  const row = words(field(HEADER.rows), get(source));
  const pass = [
    ...set(ppm, [...load(add(get(weights), get(edge))), ...op.widen]),
    ...set(
      part,
      add64(
        mul64(get(ppm), get(millions)),
        both(op.shiftRight64)(mul64(get(ppm), get(fraction)), number64(DIGITS)),
      ),
    ),
    ...set(at, doubles(get(flow), load(add(get(parents), get(edge))))),
    ...store64(get(at), add64(load64(get(at)), get(part))),
    ...set(rest, sub64(get(rest), get(part))),
    ...count(edge, number(4)),
  ];
  const passRest = [
    ...store64(holds, number64(0)),
    ...set(at, doubles(get(flow), load(add(get(parents), get(edge))))),
    ...store64(get(at), add64(load64(get(at)), get(rest))),
  ];
  const body = [
    ...set(rest, load64(holds)),
    ...when([...get(rest), ...op.isZero64], op.return),
    ...(keepsReceived ? store64(doubles(field(HEADER.received), get(source)), get(rest)) : []),
    // edges are counted in bytes
    ...set(edge, shift(load(row), number(2))),
    ...set(end, shift(load(row, 4), number(2))),
    ...when(both(op.equal)(get(edge), get(end)), op.return),
    ...set(keeps, load(words(field(HEADER.own), get(source)))),
    ...when([...get(keeps), ...op.isZero], count(end, number(-4))),
    ...set(flow, field(HEADER.flow)),
    ...set(parents, field(HEADER.parents)),
    ...set(weights, field(HEADER.weights)),
    ...set(millions, div64(get(rest), number64(PPM))),
    ...set(part, sub64(get(rest), mul64(get(millions), number64(PPM)))),
    ...set(fraction, both(op.shiftLeft64)(get(part), number64(DIGITS))),
    ...set(fraction, add64(div64(get(fraction), number64(PPM)), number64(1))),
    ...until(edge, end, pass),
    ...get(keeps),
    ...op.if,
    ...store64(holds, get(rest)),
    ...op.else,
    ...passRest,
    ...op.end,
  ];
  return { name: 'divide', parameters: [i32], results: [], locals: locals(7, 5), body };
}

const DIVIDE = 0;
const divide = (source: Code): Code => [...source, ...op.call(DIVIDE)];

function inOrderFunction(): WasmFunction {
  const [first, left, step] = [0, 1, 2];
  const body = [
    ...op.block,
    ...op.loop,
    ...[...get(left), ...op.isZero, ...op.branchIf(1)],
    ...divide(get(first)),
    ...count(first, get(step)),
    ...count(left, number(-1)),
    ...[...op.branch(0), ...op.end, ...op.end],
  ];
  return { name: 'inOrder', parameters: [i32, i32, i32], results: [], locals: [], body };
}

/** How many sources are fetched at once. */
const AHEAD = 16;
/** Locals of {@link overParents} behind its parameters. */
const OVER_PARENTS = 9;

/** The parents of each queued source, one after the other, at the address `at` of their count of users. */
function overParents(before: (source: Code) => Code, each: (at: number) => Code): Code {
  const [from, to, edge, end, parents, pending, queue, at] = [0, 1, 2, 3, 4, 5, 6, 7];
  const [ahead, stop, sum] = [8, 9, 10];
  const source = load(words(get(queue), get(from)));
  const row = words(field(HEADER.rows), source);
  // rows of queued sources lie anywhere: a few are read at once, so that the processor waits for memory once for all
  const next = load(words(get(queue), get(ahead)));
  const nextRow = words(field(HEADER.rows), next);
  const touch = (value: Code): Code => count(sum, value);
  const touchRow = (base: Code): Code => [
    ...touch(load(words(base, load(nextRow)))),
    ...touch(load(words(base, load(nextRow, 4)))),
  ];
  const fetch = [
    ...set(ahead, get(from)),
    ...set(stop, add(get(from), number(AHEAD))),
    ...when(both(op.lessThan)(get(to), get(stop)), set(stop, get(to))),
    ...until(ahead, stop, [
      ...touchRow(get(parents)),
      ...touchRow(field(HEADER.weights)),
      ...count(ahead, number(1)),
    ]),
    // what is stored is not optimised away
    ...store(number(0), get(sum), HEADER.touched),
  ];
  const visit = [
    ...set(at, words(get(pending), load(add(get(parents), get(edge))))),
    ...each(at),
    ...count(edge, number(4)),
  ];
  return [
    ...set(parents, field(HEADER.parents)),
    ...set(pending, field(HEADER.pending)),
    ...set(queue, field(HEADER.queue)),
    ...set(ahead, get(from)),
    ...until(from, to, [
      ...when(both(op.equal)(get(from), get(ahead)), fetch),
      ...before(source),
      ...set(edge, shift(load(row), number(2))),
      ...set(end, shift(load(row, 4), number(2))),
      ...until(edge, end, visit),
      ...count(from, number(1)),
    ]),
  ];
}

/** Puts the source whose count of users is at the address in local `at` into the queue. */
function enqueue(at: number): Code {
  const queued = field(HEADER.queued);
  const source = both(op.shiftRight)(both(op.sub)(get(at), field(HEADER.pending)), number(2));
  return [
    ...store(words(field(HEADER.queue), queued), source),
    ...store(number(0), add(queued, number(1)), HEADER.queued),
  ];
}

function reachFunction(): WasmFunction {
  const body = overParents(
    () => [],
    (at) => [
      ...when([...load(get(at)), ...op.isZero], enqueue(at)),
      ...store(get(at), add(load(get(at)), number(1))),
    ],
  );
  return { name: 'reach', parameters: [i32, i32], results: [], locals: locals(OVER_PARENTS), body };
}

function readyFunction(): WasmFunction {
  const left = 2 + OVER_PARENTS;
  const body = overParents(divide, (at) => [
    ...set(left, add(load(get(at)), number(-1))),
    ...store(get(at), get(left)),
    ...when([...get(left), ...op.isZero], enqueue(at)),
  ]);
  return {
    name: 'ready',
    parameters: [i32, i32],
    results: [],
    locals: locals(OVER_PARENTS + 1),
    body,
  };
}

function listedFunction(): WasmFunction {
  const [from, to] = [0, 1];
  const body = until(from, to, [
    ...divide(load(words(field(HEADER.queue), get(from)))),
    ...count(from, number(1)),
  ]);
  return { name: 'listed', parameters: [i32, i32], results: [], locals: [], body };
}

/**
 * The module of {@link KernelFunctions}: 64-bit integers, which JavaScript has in no machine word of its own.
 * @param keepsReceived whether it writes down what came into each source before it is passed on
 */
export function kernelModule(keepsReceived: boolean): Uint8Array {
  return encodeModule([
    divideFunction(keepsReceived),
    inOrderFunction(),
    reachFunction(),
    readyFunction(),
    listedFunction(),
  ]);
}
