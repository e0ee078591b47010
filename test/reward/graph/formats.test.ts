import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import {
  type ContributionGraph,
  GRAPH_FORMATS,
  GraphBuilder,
  type GraphFormat,
  parseGraphFormat,
  readGraph,
  writeGraph,
} from '#src/reward/index.js';
import { cases, timeLimit } from '../../long.js';
import { graphArbitrary, inPieces, plain } from './anyGraph.js';

const textOf = (graph: ContributionGraph, format: GraphFormat): string =>
  [...writeGraph(graph, format)].join('');
const read = (text: string, format?: GraphFormat): Promise<ContributionGraph> =>
  readGraph([Buffer.from(text)], { format });

async function refusal(input: string | Uint8Array[], format?: GraphFormat): Promise<string> {
  try {
    await readGraph(typeof input === 'string' ? [Buffer.from(input)] : input, { format });
  } catch (thrown) {
    if (!(thrown instanceof BitmodelError)) throw thrown;
    expect(thrown.next).toBeTruthy();
    return `${thrown.code}: ${thrown.message}`;
  }
  return 'accepted';
}

const XML = '<graphml><key id="w" for="edge" attr.name="weight"/><graph edgedefault="directed">';
const graphml = (inside: string): string => `${XML}${inside}</graph></graphml>`;
const weighted = (weight: string): string =>
  graphml(`<edge source="a" target="b"><data key="w">${weight}</data></edge>`);
const edges = (graph: ContributionGraph): [string, string, number][] =>
  graph.ids.flatMap((id, i) =>
    Array.from(graph.parents.subarray(graph.rows[i], graph.rows[i + 1]), (parent, at) => {
      return [id, graph.ids[parent]!, graph.weights[graph.rows[i]! + at]!] as [
        string,
        string,
        number,
      ];
    }),
  );

describe.each(GRAPH_FORMATS)('a graph written as %s', (format) => {
  it(
    'reads back as the same graph, in pieces of any size, its format known from how it begins',
    async () => {
      const pieces = fc.integer({ min: 1, max: 70 });
      await fc.assert(
        fc.asyncProperty(graphArbitrary, pieces, async (graph, size) => {
          const text = textOf(graph, format);
          expect(plain(await readGraph(inPieces(text, size)))).toEqual(plain(graph));
          expect(textOf(await read(text, format), format)).toBe(text);
        }),
        { numRuns: cases(150, 20_000) },
      );
    },
    timeLimit(20_000),
  );

  it('is refused wherever it ends in the middle, or is a smaller list of edges', async () => {
    const builder = new GraphBuilder();
    const ids = ['ä', 'b"', 'c,d'].map((id) => builder.declare(id, { owner: 'x', name: 'é' }));
    builder.edge(ids[0]!, ids[1]!, 150_000, 2);
    builder.edge(ids[1]!, ids[2]!, 1);
    const bytes = Buffer.from(textOf(builder.build(), format).trimEnd());
    for (let end = 0; end < bytes.length; end++) {
      const said = await refusal([bytes.subarray(0, end)], format);
      if (format === 'csv' && said === 'accepted') continue;
      expect(said).toMatch(/^BAD_GRAPH: .*\.$/);
    }
  });

  it(
    'is refused for what can only be garbage, by our own error, whatever the bytes',
    async () => {
      const valid = Buffer.from(
        format === 'json'
          ? '{"v":1,"sources":[{"id":"a","owner":"x","parents":[{"id":"b","ppm":150000}]},{"id":"b"}]}'
          : format === 'csv'
            ? 'source,parent,weight,owner\na,b,15%,x\n"b ""c""",d,0.5,\n'
            : weighted('0.5'),
      );
      const mutated = fc
        .array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 })
        .map((changes) => {
          const bytes = Buffer.from(valid);
          for (const [at, value] of changes) bytes[at] = value;
          return bytes;
        });
      const bytes = fc.oneof(
        fc.uint8Array({ maxLength: 64 }).map((random) => Buffer.from(random)),
        mutated,
        fc.tuple(mutated, fc.nat(valid.length)).map(([all, end]) => all.subarray(0, end)),
      );
      await fc.assert(
        fc.asyncProperty(bytes, async (input) => {
          expect(await refusal([input], format)).toMatch(/^BAD_GRAPH|^accepted/);
        }),
        { numRuns: cases(20_000, 1_000_000) },
      );
    },
    timeLimit(240_000),
  );
});

describe('a list of edges', () => {
  it('takes weights as fractions, percent and parts per million, exactly', async () => {
    const text =
      'source,parent,weight\na,b,0.15\na,c,15%\na,d,150000ppm\nb,c,1e-6\nc,d,0.0001 %\nd,e,1\n';
    expect(edges(await read(text))).toEqual([
      ['a', 'b', 150_000],
      ['a', 'c', 150_000],
      ['a', 'd', 150_000],
      ['b', 'c', 1],
      ['c', 'd', 1],
      ['d', 'e', 1_000_000],
    ]);
  });

  it('takes quotes, CRLF, a byte order mark, empty lines and columns in any order', async () => {
    const text =
      '\ufeffPPM,parent,"source",owner\r\n\r\n5,"b,""2""",a,ann\r\n7,c,a,\r\n,,d,"dan, 2"\r\n';
    const graph = await read(text);
    expect(edges(graph)).toEqual([
      ['a', 'b,"2"', 5],
      ['a', 'c', 7],
    ]);
    expect([graph.owners[0], graph.owners[graph.numberOf.get('d')!]]).toEqual(['ann', 'dan, 2']);
  });

  it('takes lines that end in CRLF here and in LF or CR there, as where files were joined', async () => {
    const graph = await read('source,parent,ppm\r\na,b,5\nb,c,7\rc,d,9\r\n');
    expect(edges(graph)).toEqual([
      ['a', 'b', 5],
      ['b', 'c', 7],
      ['c', 'd', 9],
    ]);
  });

  it.each<[string, RegExp, string]>([
    ['a weight that is no number', /in line 3 is not a number/, 'a,b,1\na,c,x'],
    ['a weight below zero', /"-1" .*in line 2 is negative/, 'a,b,-1'],
    ['a weight above one', /is above one/, 'a,b,1000001'],
    ['a weight of a number too large for any float', /is above one/, `a,b,${'9'.repeat(30)}`],
    ['a part of a millionth', /is finer than one part per million/, 'a,b,0.5'],
    ['no weight', /is not a number/, 'a,b,'],
    ['infinity', /is not a number/, 'a,b,Infinity'],
    ['hexadecimal', /is not a number/, 'a,b,0x10'],
    ['weights above one together', /"a" gives away 1000001 .*in line 3/, 'a,b,1000000\na,c,1'],
    ['an edge twice', /"a" names the parent "b" twice, in lines 2 and 4/, 'a,b,1\nc,b,1\na,b,2'],
    ['an edge twice, once unpaid', /twice, in lines 2 and 3/, 'a,b,0\na,b,2'],
    ['an id with a line break', /source in line 2 "a\\nb" holds a line break/, '"a\nb",c,1'],
    [
      'an id of 257 characters',
      /parent in line 2 must be a text of 1 to 256/,
      `a,${'b'.repeat(257)},1`,
    ],
    ['no source', /source in line 2 must be/, ',b,1'],
    ['a weight for nobody', /Line 2 .* has a weight and no parent/, 'a,,1'],
    ['a line with a field too many', /Line 3 .*has 4 fields/, 'a,b,1\na,c,1,2'],
    [
      'a wrong line behind an empty one, of three kinds of ends',
      /Line 4 .*has 2 fields/,
      'a,b,1\r\n\rd,e',
    ],
    ['quotes within a text', /not valid CSV: quotes stand where none may be/, 'a,b"c,1'],
    ['quotes that never close', /ends within quotes/, 'a,"b,1'],
    ['nothing but its head', /list of edges is empty/, ''],
  ])('refuses %s', async (_, message, lines) => {
    const said = await refusal(`source,parent,ppm\n${lines}`, 'csv');
    expect(said).toMatch(message);
  });

  it.each<[string, RegExp]>([
    ['source,parent', /no column of weights/],
    ['source,ppm', /no columns source and parent/],
    ['source,parent,ppm,weight', /both a column ppm and a column weight/],
    ['source,parent,ppm,ppm', /"ppm" that was there already/],
    ['source,parent,wieght', /"wieght" that means nothing/],
    ['source;parent;ppm', /"source;parent;ppm" that means nothing/],
  ])('refuses the head %s', async (head, message) => {
    expect(await refusal(`${head}\n`, 'csv')).toMatch(message);
  });

  it.each([
    ['in its second line', 0],
    ['far behind', 20_000],
  ])('names the line of a mistake %s, however many lines follow', async (_, before) => {
    const good = (tag: string, count: number): string =>
      Array.from({ length: count }, (_, i) => `${tag}${i},b,1\n`).join('');
    const text = `source,parent,ppm\n${good('c', before)}a,b,x\n${good('d', 20_000)}`;
    expect(await refusal(text, 'csv')).toMatch(`in line ${before + 2} is not a number`);
  });

  it('refuses a source whose lines call its owner by two names', async () => {
    const text = 'source,parent,ppm,owner\na,b,1,ann\na,c,1,ben\n';
    expect(await refusal(text)).toMatch(/owner of "a" is "ann", and then "ben", in line 3/);
  });

  it('goes without weights where it is said what each source passes on, in equal parts', async () => {
    const input = [Buffer.from('source,parent\na,b\na,c\na,d\nb,c\n')];
    const graph = await readGraph(input, { sharePpm: 500_000 });
    expect(edges(graph)).toEqual([
      ['a', 'b', 166_666],
      ['a', 'c', 166_666],
      ['a', 'd', 166_666],
      ['b', 'c', 500_000],
    ]);
    expect([...graph.own]).toEqual([500_002, 500_000, 1_000_000, 1_000_000]);
    const weights = [Buffer.from('source,parent,ppm\na,b,1\n')];
    await expect(readGraph(weights, { sharePpm: 1 })).rejects.toThrow(/weights of its own/);
    await expect(readGraph([Buffer.from('{}')], { sharePpm: 1 })).rejects.toThrow(/Only a list/);
  });

  it('reads fractions of thirty digits exactly: neither rounded up nor down', async () => {
    const exact = '0.150000000000000000000000000000';
    expect(edges(await read(`source,parent,weight\na,b,${exact}\n`))).toEqual([
      ['a', 'b', 150_000],
    ]);
    for (const digits of ['0.150000000000000000000000000001', '0.149999999999999999999999999999']) {
      expect(await refusal(`source,parent,weight\na,b,${digits}\n`)).toMatch(/finer than one part/);
    }
    const above = '1.000000000000000000000000000001';
    expect(await refusal(`source,parent,weight\na,b,${above}\n`)).toMatch(/above one|finer/);
  });
});

describe('GraphML', () => {
  it('is read as other programs write it: prefixes, defaults, labels, what means nothing here', async () => {
    const text = `<?xml version='1.0' encoding='utf-8'?>
<!-- by another program --><g:graphml xmlns:g="http://graphml.graphdrawing.org/xmlns">
<g:key id="d0" for="edge" attr.name="weight" attr.type="double"><g:default>0.25</g:default></g:key>
<g:key id="d1" for="node" attr.name="kind" attr.type="string"/><g:key id="d2" for="node" attr.name="size"/>
<g:graph edgedefault="directed"><g:desc>x</g:desc>
<g:node id="n &amp; 1"><g:data key="d1">data<![CDATA[set]]></g:data><g:data key="d2">7</g:data></g:node>
<g:edge source="n &amp; 1" target="&#x41;"><g:data key="d0">1e-06</g:data></g:edge>
<g:edge source="A" target="n &amp; 1"/></g:graph></g:graphml>`;
    const graph = await read(text);
    expect(edges(graph)).toEqual([
      ['A', 'n & 1', 250_000],
      ['n & 1', 'A', 1],
    ]);
    expect(graph.kinds).toEqual([undefined, 'dataset']);
  });

  it.each<[string, RegExp, string]>([
    [
      'entities of its own',
      /has a document type/,
      `<!DOCTYPE g [<!ENTITY a "b">]>${weighted('1')}`,
    ],
    [
      'a file from outside',
      /has a document type/,
      `<!DOCTYPE g SYSTEM "file:///etc/passwd">${XML}`,
    ],
    [
      "an entity that is not XML's own",
      /not valid XML: undefined entity/,
      graphml('<node id="&x;"/>'),
    ],
    [
      'edges without a direction',
      /directed/,
      '<graphml><graph edgedefault="undirected"></graph></graphml>',
    ],
    [
      'an edge without a direction',
      /without a direction/,
      graphml('<edge directed="false" source="a" target="b"/>'),
    ],
    [
      'an edge without a weight',
      /from "a" to "b" in line 1 has no weight/,
      graphml('<edge source="a" target="b"/>'),
    ],
    ['an edge of three ends', /more than two ends/, graphml('<hyperedge/>')],
    [
      'a graph in a node',
      /more than one graph/,
      graphml('<node id="a"><graph edgedefault="directed"/></node>'),
    ],
    [
      'a node twice',
      /"a" is declared twice, in lines 1 and 2/,
      graphml('<node id="a"/>\n<node id="a"/>'),
    ],
    ['a node without an id', /source id must be/, graphml('<node/>')],
    ['another document', /begins with <svg>/, '<svg></svg>'],
    ['no nodes', /has no nodes/, graphml('')],
    ['a weight that is no number', /is not a number/, weighted('NaN')],
    [
      'another encoding',
      /in the encoding "ISO-8859-1"/,
      `<?xml version="1.0" encoding="ISO-8859-1"?>${weighted('1')}`,
    ],
    ['tags that do not match', /not valid XML/, '<graphml><key></graphml>'],
    ['a hundred tags in each other', /nests too deep/, XML + '<a>'.repeat(100)],
    [
      'a hundred attributes',
      /more than 64 attributes/,
      `<graphml ${Array.from({ length: 100 }, (_, i) => `a${i}=""`).join(' ')}>`,
    ],
  ])('is refused with %s', async (_, message, text) => {
    expect(await refusal(text, 'graphml')).toMatch(message);
  });
});

describe('JSON', () => {
  it('is read line by line, too', async () => {
    const graph = await read('{"id":"a","parents":[{"id":"b","ppm":5}]}\n{"owner":"x","id":"b"}\n');
    expect(edges(graph)).toEqual([['a', 'b', 5]]);
    expect(graph.owners).toEqual([undefined, 'x']);
  });

  it.each<[string, RegExp, string]>([
    [
      'a field twice',
      /Source 1 has the field "id" twice .*byte 29/,
      '{"v":1,"sources":[{"id":"a","id":"b"}]}',
    ],
    [
      'a weight finer than any float',
      /finer than one part/,
      `{"id":"a","parents":[{"id":"a","ppm":1.${'0'.repeat(29)}1}]}`,
    ],
    [
      'a standing that does not exist',
      /standing of a parent of "a" is none/,
      '{"id":"a","parents":[{"id":"a","ppm":1,"standing":"so"}]}',
    ],
    [
      'something behind its end',
      /something follows its end, at byte 35/,
      '{"v":1,"sources":[{"id":"a"}]}    {"v":1}',
    ],
    [
      'a word in the place of a value',
      /not valid JSON: "x" stands where it means nothing, at byte 38/,
      '{"id":"a","parents":[{"id":"b","ppm":x}]}',
    ],
    ['a byte order mark in an id', /byte order mark/, '{"v":1,"sources":[{"id":"\\uFEFFa"}]}'],
    [
      'a comma too many',
      /not valid JSON: the name of a field is missing/,
      '{"v":1,"sources":[{"id":"a",}]}',
    ],
  ])('is refused with %s', async (_, message, text) => {
    expect(await refusal(text, 'json')).toMatch(message);
  });
});

describe('reading a graph', () => {
  it.each<[string, RegExp, Uint8Array]>([
    ['UTF-16', /UTF-16/, Buffer.from('\ufeffsource,parent,ppm\n', 'utf16le')],
    ['Latin 1', /not in UTF-8/, Buffer.from('source,parent,ppm\né,b,1\n', 'latin1')],
    ['gzip', /compressed/, Buffer.from([0x1f, 0x8b, 8, 0])],
    ['nothing', /is empty/, Buffer.from('')],
    ['spaces', /is empty/, Buffer.from(' \n')],
    ['a picture', /neither JSON nor GraphML/, Buffer.from('BM,')],
  ])('refuses %s', async (_, message, bytes) => {
    if (_ === 'a picture') expect(await refusal([Buffer.from('%PDF-1.7')])).toMatch(message);
    else expect(await refusal([bytes])).toMatch(message);
  });

  it('takes the format from the name before it looks at the text, and from the option before both', async () => {
    const csv = [Buffer.from('source,parent,ppm\na,b,1\n')];
    expect((await readGraph(csv, { name: 'x.CSV' })).ids).toEqual(['a', 'b']);
    await expect(readGraph(csv, { name: 'x.json' })).rejects.toThrow(/not valid JSON/);
    expect((await readGraph(csv, { name: 'x.json', format: 'csv' })).ids).toEqual(['a', 'b']);
    expect(() => parseGraphFormat('dot')).toThrow(/not read from a format "dot"/);
  });

  it.each<[GraphFormat, string]>([
    ['json', '{"v":1,"sources":[{"id":"'],
    ['csv', 'source,parent,ppm\n'],
    ['csv', 'source,parent,ppm\n"'],
    ['graphml', `${XML}<node id="`],
    ['graphml', `${XML}<!--`],
    ['graphml', '<!DOCTYPE '],
    ['graphml', XML],
  ])('gives up a text without an end: %s %s', async (format, begin) => {
    let given = 0;
    function* endless(): Generator<Uint8Array> {
      yield Buffer.from(begin);
      const piece = Buffer.alloc(1 << 16, 'x');
      for (; given < 1000; given++) yield piece;
    }
    await expect(readGraph(endless(), { format })).rejects.toThrow(/more than|1 to 256/);
    expect(given).toBeLessThan(40);
  });

  it('ends when it is told to', async () => {
    const abort = new AbortController();
    function* input(): Generator<Uint8Array> {
      yield Buffer.from('source,parent,ppm\na,b,1\n');
      abort.abort();
      yield Buffer.from('b,c,1\n');
    }
    await expect(readGraph(input(), { signal: abort.signal })).rejects.toThrow(/abort/i);
  });

  it('reads a chain of 100,000 and 100,000 parents of one source', async () => {
    function* lines(): Generator<Uint8Array> {
      yield Buffer.from('source,parent,ppm\n');
      for (let i = 0; i < 100_000; i++)
        yield Buffer.from(`c${i},c${i + 1},1000000\nhub,p${i},10\n`);
    }
    const graph = await readGraph(lines());
    expect([graph.ids.length, graph.parents.length]).toEqual([200_002, 200_000]);
    expect(graph.own[graph.numberOf.get('hub')!]).toBe(0);
  });
});
