import { isUtf8 } from 'node:buffer';
import { StringDecoder } from 'node:string_decoder';
import { GraphmlReader } from './GraphmlReader.js';
import { type ContributionGraph, graphError, quoted } from './graph.js';
import { readCsv } from './graphCsv.js';
import { JsonGraphReader } from './JsonGraphReader.js';

/** Formats that graphs are read from. JSON stands for JSON lines, too. */
export const GRAPH_FORMATS = ['json', 'csv', 'graphml'] as const;
/** One of {@link GRAPH_FORMATS}. */
export type GraphFormat = (typeof GRAPH_FORMATS)[number];

/** How a graph is read. */
export interface ReadGraphOptions {
  /** Taken from the name's extension unless stated, else from how the input begins. */
  readonly format?: GraphFormat | undefined;
  /** Name of the file. */
  readonly name?: string | undefined;
  /** Of a list of edges without weights: parts per million that each source passes its parents together, in equal parts. */
  readonly sharePpm?: number | undefined;
  /** Ends the reading. */
  readonly signal?: AbortSignal | undefined;
}

/** Bytes that the readers take at once, so that none gathers more than a little beyond its bounds. */
const PIECE = 1 << 16;

const EXTENSIONS: Readonly<Record<string, GraphFormat>> = {
  json: 'json',
  jsonl: 'json',
  ndjson: 'json',
  csv: 'csv',
  graphml: 'graphml',
  xml: 'graphml',
};

/** The format that a file's name tells, if it does. */
export function formatOfName(name: string): GraphFormat | undefined {
  const extension = /\.([A-Za-z]+)$/.exec(name)?.[1]?.toLowerCase();
  return extension === undefined ? undefined : EXTENSIONS[extension];
}

/** The format that the first bytes tell. */
function sniff(first: Uint8Array): GraphFormat {
  const text = Buffer.from(first.subarray(0, 4096))
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .trimStart();
  if (text.startsWith('{')) return 'json';
  if (text.startsWith('<')) return 'graphml';
  if (/^["\w ]+,/.test(text)) return 'csv';
  throw graphError(
    text === ''
      ? 'The graph is empty.'
      : 'The graph is neither JSON nor GraphML nor a list of edges.',
    'Write it in one of these formats, or name the format with --format',
  );
}

/** @throws BitmodelError `BAD_GRAPH` for what is plainly not text in UTF-8 */
function assertText(first: Uint8Array): void {
  const [a, b] = first;
  const isUtf16 = (a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff) || a === 0 || b === 0;
  if (isUtf16) throw graphError('The graph is in UTF-16, or no text at all.', 'Save it as UTF-8');
  if (a === 0x1f && b === 0x8b) {
    throw graphError('The graph is compressed by gzip.', 'Unpack it: gunzip -c FILE | … -');
  }
}

/** Checks that bytes which come in pieces are UTF-8. */
class Utf8Check {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  /** Whether a character may go on in the next piece. */
  #isOpen = false;
  #offset = 0;

  /** @throws BitmodelError `BAD_GRAPH` that names the bytes */
  take(piece: Uint8Array): void {
    if (this.#isOpen || !isUtf8(piece)) {
      this.#decode(piece);
      this.#isOpen = (piece.at(-1) ?? 0) >= 0x80;
    }
    this.#offset += piece.length;
  }

  /** @throws as {@link take}, where the last character is not whole */
  end(): void {
    if (this.#isOpen) this.#decode();
  }

  #decode(piece?: Uint8Array): void {
    try {
      this.#decoder.decode(piece, { stream: piece !== undefined });
    } catch {
      throw graphError(
        `The graph is not in UTF-8: what stands in bytes ${this.#offset + 1} to ${this.#offset + (piece?.length ?? 0)} is none.`,
        'Save it as UTF-8',
      );
    }
  }
}

/** The input in pieces of at most 64 KiB, checked to be UTF-8. */
async function* piecesOf(
  input: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const check = new Utf8Check();
  let isFirst = true;
  for await (const chunk of input) {
    for (let at = 0; at < chunk.length; at += PIECE) {
      signal?.throwIfAborted();
      const piece = chunk.subarray(at, at + PIECE);
      if (isFirst) assertText(piece);
      isFirst = false;
      check.take(piece);
      yield piece;
    }
  }
  check.end();
}

/** Bytes by which a format is known. */
const BEGINNING = 512;

/** The input, with its beginning in one chunk, however little came at once. */
async function* withBeginning(
  input: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let gathered: Uint8Array[] | undefined = [];
  let length = 0;
  for await (const chunk of input) {
    if (gathered === undefined) {
      yield chunk;
      continue;
    }
    gathered.push(chunk);
    length += chunk.length;
    if (length < BEGINNING) continue;
    yield Buffer.concat(gathered);
    gathered = undefined;
  }
  if (gathered !== undefined) yield Buffer.concat(gathered);
}

/** What was taken from the front of a stream, and the rest of it. */
async function* joined(
  first: Uint8Array,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

async function readAs(
  format: GraphFormat,
  pieces: AsyncIterable<Uint8Array>,
  sharePpm: number | undefined,
): Promise<ContributionGraph> {
  if (format === 'csv') return readCsv(pieces, sharePpm);
  if (sharePpm !== undefined) {
    throw graphError('Only a list of edges can go without weights.', 'Leave out --share');
  }
  if (format === 'json') {
    const reader = new JsonGraphReader();
    for await (const piece of pieces) reader.write(piece);
    return reader.end();
  }
  const reader = new GraphmlReader();
  const decoder = new StringDecoder('utf8');
  for await (const piece of pieces) reader.write(decoder.write(piece));
  return reader.end();
}

/**
 * Reads a graph from bytes of any number, a stream of a file or of stdin: it is never in memory as text.
 * @throws BitmodelError `BAD_GRAPH` (exit 2) that names the line or byte and what is wrong there
 */
export async function readGraph(
  input: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  { format, name, sharePpm, signal }: ReadGraphOptions = {},
): Promise<ContributionGraph> {
  const pieces = piecesOf(withBeginning(input), signal);
  try {
    const first = await pieces.next();
    if (first.done === true) throw graphError('The graph is empty.', 'Check where it comes from');
    const chosen = format ?? formatOfName(name ?? '') ?? sniff(first.value);
    return await readAs(chosen, joined(first.value, pieces), sharePpm);
  } finally {
    await pieces.return(undefined);
  }
}

/** The format of this name. @throws BitmodelError `BAD_GRAPH` */
export function parseGraphFormat(text: string): GraphFormat {
  const format = GRAPH_FORMATS.find((each) => each === text);
  if (format !== undefined) return format;
  throw graphError(
    `Graphs are not read from a format ${quoted(text)}.`,
    `Pass one of ${GRAPH_FORMATS.join(', ')}`,
  );
}
