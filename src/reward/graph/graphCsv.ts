import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CsvError, parse } from 'csv-parse';
import { GraphBuilder } from './GraphBuilder.js';
import { type ContributionGraph, graphError, quoted, STANDINGS, standingOf } from './graph.js';
import { plainPpm, readFraction, readPpm } from './weight.js';

/** Columns that a list of edges may have; `source` and `parent` must be there, and `ppm` or `weight`. */
const COLUMNS = ['source', 'parent', 'ppm', 'weight', 'standing', 'owner', 'kind', 'name'] as const;
type Column = (typeof COLUMNS)[number];

const NEXT = 'Begin the file with a line source,parent,ppm (or weight in place of ppm)';
/** Longest line, in bytes: eight texts of 256 characters take far less. */
const LONGEST_LINE = 1 << 16;
const LABELS = ['owner', 'kind', 'name'] as const;

/** Where each column stands. */
function readHead(
  fields: readonly string[],
  share: number | undefined,
): ReadonlyMap<Column, number> {
  const places = new Map<Column, number>();
  fields.forEach((field, place) => {
    const name = field.trim().toLowerCase();
    const column = COLUMNS.find((each) => each === name);
    if (column === undefined || places.has(column)) {
      throw graphError(
        `The first line of the list of edges has a column ${quoted(field)} that ${column ? 'was there already' : 'means nothing here'}.`,
        `${NEXT}; the columns are ${COLUMNS.join(', ')}, separated by commas`,
      );
    }
    places.set(column, place);
  });
  if (!places.has('source') || !places.has('parent')) {
    throw graphError('The list of edges has no columns source and parent.', NEXT);
  }
  if (places.has('ppm') && places.has('weight')) {
    throw graphError('The list of edges has both a column ppm and a column weight.', NEXT);
  }
  const hasWeights = places.has('ppm') || places.has('weight');
  if (!hasWeights && share === undefined) {
    throw graphError(
      'The list of edges has no column of weights.',
      `${NEXT}, or say with --share 50% what each source passes its parents in equal parts`,
    );
  }
  if (hasWeights && share !== undefined) {
    throw graphError('The list of edges has weights of its own.', 'Leave out --share');
  }
  return places;
}

/** Where a column stands; -1 for one that is not there. */
type Places = Readonly<Record<Column, number>>;

/** Reads the lines of a list of edges. */
class EdgeLines {
  readonly #builder: GraphBuilder;
  readonly #share: number | undefined;
  #places: Places | undefined;
  #width = 0;
  #line = 0;

  constructor(sharePpm: number | undefined) {
    this.#share = sharePpm;
    this.#builder = new GraphBuilder({ undeclared: true, place: 'line', sharePpm });
  }

  take(fields: readonly string[]): void {
    // a record is a line, since no field may hold a line break
    this.#line++;
    if (fields.length === 1 && fields[0] === '') return; // an empty line
    if (this.#places === undefined) {
      const places = readHead(fields, this.#share);
      const placeOf = (column: Column) => [column, places.get(column) ?? -1] as const;
      this.#places = Object.fromEntries(COLUMNS.map(placeOf)) as Places;
      this.#width = fields.length;
    } else {
      this.#takeEdge(fields, this.#places);
    }
  }

  #wrong(what: string, next: string): Error {
    return graphError(`Line ${this.#line} of the list of edges ${what}.`, next);
  }

  #takeEdge(fields: readonly string[], places: Places): void {
    if (fields.length !== this.#width) {
      throw this.#wrong(
        `has ${fields.length} fields, where its first has ${this.#width}`,
        'Give every line as many; put a text that holds a comma in quotes',
      );
    }
    const source = fields[places.source]!;
    const parent = fields[places.parent]!;
    const weightAt = places.ppm < 0 ? places.weight : places.ppm;
    const weight = weightAt < 0 ? '' : fields[weightAt]!;
    const child = this.#builder.find(source) ?? this.#add(source, 'source');
    for (const label of LABELS) {
      const text = places[label] < 0 ? '' : fields[places[label]]!;
      if (text !== '') this.#builder.label(child, { [label]: text }, this.#line);
    }
    const standing = places.standing < 0 ? 0 : this.#standing(fields[places.standing]!);
    if (parent === '') {
      // such a line is there for a source that stands on nothing
      if (weight === '' && standing === 0) return;
      throw this.#wrong('has a weight and no parent', 'Name the parent, or leave both empty');
    }
    const number = this.#builder.find(parent) ?? this.#add(parent, 'parent');
    const ppm = this.#weight(weight, places.ppm >= 0, source, parent);
    this.#builder.edge(child, number, ppm, standing, this.#line);
  }

  #add(id: string, what: string): number {
    return this.#builder.number(id, `The ${what} in line ${this.#line}`);
  }

  #weight(text: string, isPpm: boolean, source: string, parent: string): number {
    if (this.#share !== undefined) return 0;
    const plain = isPpm ? plainPpm(text) : undefined;
    if (plain !== undefined) return plain;
    const read = isPpm ? readPpm : readFraction;
    return read(text, source, parent, `in line ${this.#line}`);
  }

  #standing(text: string): number {
    if (text === '') return 0;
    const standing = (STANDINGS as readonly string[]).indexOf(text) + 1;
    if (standing > 0) return standing;
    throw this.#wrong(
      `has the standing ${quoted(text)}, which is none of ${STANDINGS.join(', ')}`,
      'Write one of them, or leave it empty',
    );
  }

  end(): ContributionGraph {
    if (this.#builder.count === 0) throw graphError('The list of edges is empty.', NEXT);
    return this.#builder.build();
  }
}

function csvError(error: CsvError): Error {
  const line = typeof error.lines === 'number' ? `, in line ${error.lines}` : '';
  const why =
    error.code === 'CSV_MAX_RECORD_SIZE'
      ? `a line has more than ${LONGEST_LINE} bytes`
      : error.code === 'CSV_QUOTE_NOT_CLOSED'
        ? 'it ends within quotes'
        : 'quotes stand where none may be';
  return graphError(`The list of edges is not valid CSV: ${why}${line}.`, 'Mend the file');
}

/**
 * The graph in a list of edges, RFC 4180: a head, then in each line a source, a parent and the weight. A parent needs no
 * line of its own. Owner, kind and name in a line are those of its source.
 * @param pieces bytes of UTF-8
 * @param sharePpm what each source passes its parents together, in a list without weights
 * @throws BitmodelError `BAD_GRAPH` that says what is wrong in which line
 */
export async function readCsv(
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  sharePpm?: number,
): Promise<ContributionGraph> {
  const lines = new EdgeLines(sharePpm);
  const parser = parse({
    bom: true,
    relax_column_count: true,
    max_record_size: LONGEST_LINE,
    // lines may end in one way here and in another there, as where two files were joined
    record_delimiter: ['\r\n', '\n', '\r'],
  });
  // what is wrong with a line ends the parser, and the pipeline would tell of that end alone
  let wrong: unknown;
  try {
    await pipeline(Readable.from(pieces), parser, async (records: AsyncIterable<string[]>) => {
      try {
        for await (const record of records) lines.take(record);
      } catch (thrown) {
        wrong = thrown;
        throw thrown;
      }
    });
  } catch (thrown) {
    const first = wrong ?? thrown;
    throw first instanceof CsvError ? csvError(first) : first;
  }
  return lines.end();
}

/** A field of a line: in quotes where it holds what would end it. */
function field(text: string | undefined): string {
  if (text === undefined) return '';
  return /[",]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The list of edges of a graph in pieces; see {@link readCsv}. */
export function* csvPieces(graph: ContributionGraph): Generator<string> {
  yield 'source,parent,ppm,standing,owner,kind,name\n';
  for (let i = 0; i < graph.ids.length; i++) {
    const id = field(graph.ids[i]);
    const labels = [graph.owners[i], graph.kinds[i], graph.names[i]].map(field).join(',');
    const begin = graph.rows[i]!;
    const end = graph.rows[i + 1]!;
    if (begin === end) yield `${id},,,,${labels}\n`;
    for (let e = begin; e < end; e++) {
      const parent = field(graph.ids[graph.parents[e]!]);
      const standing = standingOf(graph, e) ?? '';
      yield `${id},${parent},${graph.weights[e]},${standing},${e === begin ? labels : ',,'}\n`;
    }
  }
}
