import { type SaxesAttributePlain, SaxesParser, type SaxesTagPlain } from 'saxes';
import { BitmodelError, messageOf } from '../../base/index.js';
import { GraphBuilder } from './GraphBuilder.js';
import { type ContributionGraph, graphError, quoted, STANDINGS } from './graph.js';
import { readFraction, readPpm } from './weight.js';

/** Characters without the end of a tag or text, after which the input is given up. */
const LONGEST_PART = 1 << 20;
/** Deepest nesting, most attributes of a tag and most keys: GraphML that means something here has a tenth of it. */
const MAXIMUM_DEPTH = 64;
const MAXIMUM_ATTRIBUTES = 64;
const MAXIMUM_KEYS = 1000;
/** Longest text of a datum that is looked at. */
const MAXIMUM_DATUM = 4096;

/** What is read of nodes and edges, by the name of its attribute; whatever else they have means nothing here. */
const MEANINGS: Readonly<Record<string, readonly string[]>> = {
  node: ['owner', 'kind', 'name'],
  edge: ['ppm', 'weight', 'standing'],
};

interface Key {
  /** `node`, `edge` or `all`. */
  readonly of: string;
  readonly meaning: string;
  fallback?: string;
}

/** The node or edge being read. */
interface Item {
  readonly element: 'node' | 'edge';
  readonly attributes: Readonly<Record<string, string>>;
  readonly line: number;
  readonly data: Map<string, string>;
}

/** The name of an element without its prefix. */
function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

/**
 * Reads a graph from GraphML that comes in pieces: an edge's source used its target, and passes it what `ppm` or
 * `weight` says. A document type, and with it every entity of its own, is refused; nothing outside is looked at.
 */
export class GraphmlReader {
  readonly #builder = new GraphBuilder({ undeclared: true, place: 'line' });
  readonly #parser = new SaxesParser({ xmlns: false, fragment: false });
  readonly #path: string[] = [];
  readonly #keys = new Map<string, Key>();
  #key: Key | undefined;
  #item: Item | undefined;
  /** What the datum being read means, and its text so far. */
  #meaning: string | undefined;
  #text = '';
  #attributes = 0;
  #graphs = 0;
  #silent = 0;

  constructor() {
    const parser = this.#parser;
    const heard = (): void => {
      this.#silent = 0;
    };
    parser.on('error', (error) => {
      throw this.#syntaxError(messageOf(error).replace(/^\d+:\d+: /, ''));
    });
    parser.on('xmldecl', ({ encoding }) => {
      if (encoding === undefined || /^(utf-?8|us-ascii)$/i.test(encoding)) return;
      throw this.#wrong(`is in the encoding ${quoted(encoding)}`, 'Save it as UTF-8');
    });
    parser.on('doctype', () => {
      throw this.#wrong(
        'has a document type, which could define entities',
        'Take out <!DOCTYPE …>',
      );
    });
    parser.on('comment', heard);
    parser.on('processinginstruction', heard);
    parser.on('opentagstart', () => {
      heard();
      this.#attributes = 0;
    });
    parser.on('attribute', (attribute: SaxesAttributePlain) => {
      heard();
      if (++this.#attributes > MAXIMUM_ATTRIBUTES) {
        throw this.#wrong(
          `has a tag of more than ${MAXIMUM_ATTRIBUTES} attributes, ${quoted(attribute.name)} among them`,
          'Take them out',
        );
      }
    });
    parser.on('opentag', (tag: SaxesTagPlain) => this.#open(tag));
    parser.on('closetag', (tag: SaxesTagPlain) => this.#close(localName(tag.name)));
    parser.on('text', (text) => this.#takeText(text));
    parser.on('cdata', (text) => this.#takeText(text));
  }

  /** Takes the next characters, at most 65,536 at once. @throws BitmodelError `BAD_GRAPH` naming the line */
  write(text: string): void {
    this.#silent += text.length;
    this.#run(() => this.#parser.write(text));
    if (this.#silent > LONGEST_PART) {
      throw this.#wrong(`has a part of more than ${LONGEST_PART} characters`, 'Take it out');
    }
  }

  /** The graph, once all was written. @throws BitmodelError `BAD_GRAPH` */
  end(): ContributionGraph {
    this.#run(() => this.#parser.close());
    if (this.#builder.count === 0) {
      throw graphError('The GraphML has no nodes.', 'Write the sources as <node id="…"/>');
    }
    return this.#builder.build();
  }

  #run(body: () => unknown): void {
    try {
      body();
    } catch (thrown) {
      if (thrown instanceof BitmodelError) throw thrown;
      throw this.#syntaxError(messageOf(thrown));
    }
  }

  #syntaxError(why: string): Error {
    return graphError(
      `The graph is not valid XML: ${why.replace(/\.+$/, '').slice(0, 200)}, in line ${this.#parser.line}.`,
      'Mend the file',
    );
  }

  #wrong(what: string, next: string): Error {
    return graphError(`The GraphML ${what}, in line ${this.#parser.line}.`, next);
  }

  #open({ name, attributes }: SaxesTagPlain): void {
    const element = localName(name);
    const inside = this.#path.at(-1);
    if (this.#path.length === 0 && element !== 'graphml') {
      throw this.#wrong(`begins with <${element.slice(0, 60)}>`, 'Begin it with <graphml>');
    }
    this.#path.push(element);
    if (this.#path.length > MAXIMUM_DEPTH) throw this.#wrong('nests too deep', 'Flatten it');
    if (inside === 'graphml' && element === 'key') this.#openKey(attributes);
    else if (element === 'graph') this.#openGraph(attributes, inside);
    else if (inside === 'graph') this.#openItem(element, attributes);
    else if (element === 'data' && (inside === 'node' || inside === 'edge')) {
      this.#openDatum(attributes);
    } else if (element === 'default' && inside === 'key') {
      this.#meaning = this.#key?.meaning;
      this.#text = '';
    }
  }

  #openKey(attributes: Readonly<Record<string, string>>): void {
    const meaning = (attributes['attr.name'] ?? '').toLowerCase();
    const of = attributes.for ?? 'all';
    const { id } = attributes;
    const isKnown = Object.entries(MEANINGS).some(
      ([element, meanings]) => (of === 'all' || of === element) && meanings.includes(meaning),
    );
    if (id === undefined || !isKnown) return;
    if (this.#keys.has(id) || this.#keys.size >= MAXIMUM_KEYS) {
      throw this.#wrong(`has the key ${quoted(id)} twice, or too many keys`, 'Keep one of each');
    }
    this.#key = { of, meaning };
    this.#keys.set(id, this.#key);
  }

  #openGraph({ edgedefault }: Readonly<Record<string, string>>, inside: string | undefined): void {
    if (inside !== 'graphml' || ++this.#graphs > 1) {
      throw this.#wrong('has more than one graph', 'Keep one graph in a file');
    }
    if (edgedefault === 'directed') return;
    throw this.#wrong(
      'does not say that its edges are directed, so that nobody knows who pays whom',
      'Write <graph edgedefault="directed">, with edges from who used to what was used',
    );
  }

  #openItem(element: string, attributes: Readonly<Record<string, string>>): void {
    if (element === 'hyperedge') {
      throw this.#wrong('has an edge of more than two ends', 'Write it as edges of two');
    }
    if (element !== 'node' && element !== 'edge') return;
    if (attributes.directed === 'false') {
      throw this.#wrong('has an edge without a direction', 'Take out directed="false"');
    }
    this.#item = { element, attributes, line: this.#parser.line, data: new Map() };
  }

  #openDatum({ key: id }: Readonly<Record<string, string>>): void {
    const key = this.#keys.get(id ?? '');
    const { element, data } = this.#item!;
    if (!key || (key.of !== 'all' && key.of !== element)) return;
    if (!MEANINGS[element]!.includes(key.meaning)) return;
    if (data.has(key.meaning)) {
      throw this.#wrong(`gives the ${key.meaning} of one ${element} twice`, 'Take one of them out');
    }
    this.#meaning = key.meaning;
    this.#text = '';
  }

  #takeText(text: string): void {
    this.#silent = 0;
    if (this.#meaning === undefined) return;
    this.#text += text;
    if (this.#text.length > MAXIMUM_DATUM) {
      throw this.#wrong(
        `has a ${this.#meaning} of more than ${MAXIMUM_DATUM} characters`,
        'Shorten it',
      );
    }
  }

  #close(element: string): void {
    this.#path.pop();
    if (element === 'data' && this.#meaning !== undefined) {
      this.#item!.data.set(this.#meaning, this.#text);
      this.#meaning = undefined;
    } else if (element === 'default' && this.#meaning !== undefined) {
      this.#key!.fallback = this.#text;
      this.#meaning = undefined;
    } else if (element === 'key') {
      this.#key = undefined;
    } else if (this.#path.at(-1) === 'graph' && this.#item?.element === element) {
      this.#addItem(this.#item);
      this.#item = undefined;
    }
  }

  #addItem({ element, attributes, line, data }: Item): void {
    for (const { of, meaning, fallback } of this.#keys.values()) {
      const fits = (of === 'all' || of === element) && MEANINGS[element]!.includes(meaning);
      if (fits && fallback !== undefined && !data.has(meaning)) data.set(meaning, fallback);
    }
    if (element === 'node') {
      const label = (name: string): string | undefined => data.get(name) || undefined;
      const labels = { owner: label('owner'), kind: label('kind'), name: label('name') };
      this.#builder.declare(attributes.id ?? '', labels, line);
    } else {
      this.#addEdge(attributes, line, data);
    }
  }

  #addEdge(
    { source = '', target = '' }: Readonly<Record<string, string>>,
    line: number,
    data: ReadonlyMap<string, string>,
  ): void {
    const child = this.#builder.number(source, `The source of the edge in line ${line}`);
    const parent = this.#builder.number(target, `The target of the edge in line ${line}`);
    const ppm = data.get('ppm');
    const weight = data.get('weight');
    if ((ppm === undefined) === (weight === undefined)) {
      throw graphError(
        `The edge from ${quoted(source)} to ${quoted(target)} in line ${line} has ${ppm === undefined ? 'no weight' : 'both ppm and a weight'}.`,
        'Give every edge one datum called ppm (150000) or weight (0.15)',
      );
    }
    const where = `in line ${line}`;
    const share =
      ppm === undefined
        ? readFraction(weight!, source, target, where)
        : readPpm(ppm.trim(), source, target, where);
    const text = data.get('standing')?.trim() ?? '';
    const standing = (STANDINGS as readonly string[]).indexOf(text) + 1;
    if (text !== '' && standing === 0) {
      throw graphError(
        `The standing ${quoted(text)} ${where} is none of ${STANDINGS.join(', ')}.`,
        'Write one of them, or leave it out',
      );
    }
    this.#builder.edge(child, parent, share, standing, line);
  }
}
