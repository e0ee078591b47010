import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { SaxesParser } from 'saxes';
import { describe, expect, it } from 'vitest';
import { buildGraph, type ContributionGraph } from '#src/reward/index.js';
import { analyse } from '#src/reward/network/analyse.js';
import { analysisPage } from '#src/reward/network/analysisPage.js';
import { mandala } from '#src/reward/network/mandala.js';
import { byLevel } from '#src/reward/simulation/age.js';
import { simulate } from '#src/reward/simulation/simulate.js';
import { simulationPage } from '#src/reward/simulation/simulationPage.js';
import { cases } from '../../long.js';
import { labelArbitrary } from '../graph/anyGraph.js';

interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  text: string;
}

/** The elements of a page, each with the text in it; the page must be well-formed. */
function elements(page: string): Element[] {
  const found: Element[] = [];
  const open: Element[] = [];
  const parser = new SaxesParser();
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ name, attributes }) => {
    const element = { name, attributes, text: '' };
    found.push(element);
    open.push(element);
  });
  parser.on('text', (text) => {
    for (const element of open) element.text += text;
  });
  parser.on('closetag', () => {
    open.pop();
  });
  parser.write(page).close();
  return found;
}

/** All that our pages are made of: nothing that loads, runs, links or submits. */
const TAGS = new Set(
  (
    'html head meta title style body header main section h1 h2 h3 p b ul li dl dt dd code bdi span div ' +
    'figure figcaption svg desc g path rect circle polyline text table caption thead tbody tr th td'
  ).split(' '),
);
const ATTRIBUTES = new Set(
  (
    'lang charset http-equiv content name class id scope role tabindex aria-label aria-labelledby aria-hidden ' +
    'viewBox d x y dy cx cy r width height fill fill-opacity stroke stroke-width stroke-dasharray points ' +
    'text-anchor transform'
  ).split(' '),
);

/** Holds a page against what every page must be, whatever stands in its texts. */
function assertPage(page: string): Element[] {
  const all = elements(page);
  const names = new Set(all.map(({ name }) => name));
  const attributes = new Set(all.flatMap((element) => Object.keys(element.attributes)));
  expect([...names].filter((name) => !TAGS.has(name))).toEqual([]);
  expect([...attributes].filter((name) => !ATTRIBUTES.has(name))).toEqual([]);
  const one = (name: string): Element => {
    const named = all.filter((element) => element.name === name);
    expect(named).toHaveLength(name === 'title' ? named.length : 1);
    return named[0]!;
  };
  const hash = createHash('sha256').update(one('style').text).digest('base64');
  const policy = all.find((element) => element.attributes['http-equiv'] !== undefined)!;
  expect(policy.attributes).toEqual({
    'http-equiv': 'Content-Security-Policy',
    content: `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`,
  });
  // ways by which a style could fetch something
  expect(one('style').text).not.toMatch(/url\(|@import|<|&/);
  const ids = all.flatMap((element) => element.attributes.id ?? []);
  expect(new Set(ids).size).toBe(ids.length);
  for (const picture of all.filter((element) => element.attributes.role === 'img')) {
    for (const id of picture.attributes['aria-labelledby']!.split(' ')) {
      const label = all.find((element) => element.attributes.id === id);
      expect(['title', 'desc']).toContain(label?.name);
      expect(label?.text).not.toBe('');
    }
  }
  const count = (name: string): number => all.filter((element) => element.name === name).length;
  expect(count('caption')).toBe(count('table'));
  const heads = all.filter(({ name }) => name === 'th');
  expect(heads.every((head) => ['row', 'col'].includes(head.attributes.scope!))).toBe(true);
  return all;
}

const EVIL = [
  '</script><img src=x onerror=alert(1)>',
  '</style><svg onload="alert(2)">',
  `"'><iframe src=//evil.example>`,
  '&lt;script&gt;alert(3)</bdi></td>',
  '<!--',
  ']]>',
  '`{{alert(4)}}`',
  '\u202ereversed',
];

/** A line of sources, each with one of these texts for id, name, kind and owner. */
function graphOfTexts(texts: readonly string[]): ContributionGraph {
  const ids = [...new Set(texts)];
  return buildGraph(
    ids.map((id, i) => ({
      id,
      name: id,
      kind: id,
      owner: id,
      parents: i + 1 < ids.length ? [{ id: ids[i + 1]!, ppm: 300_000 }] : [],
    })),
  );
}

function pagesOf(graph: ContributionGraph, text: string): [analysis: string, simulation: string] {
  const facts = [[text, text]] as const;
  const market = {
    jobs: 20,
    prices: { least: 1n, most: 9n, spread: 'uniform' },
    popularity: 'zipf',
  } as const;
  const schemes = [
    { name: 'declared', rule: 'declared' },
    { name: text, rule: 'equal', sharePpm: 100_000 },
  ] as const;
  const world = { graph, byAge: byLevel(graph) };
  return [
    analysisPage(analyse(graph, { rounds: 0 }), text, facts),
    simulationPage(simulate(world, { market, schemes, seed: '0' }), text, facts),
  ];
}

describe('the page of a network', () => {
  const graph = mandala(6, 500_000);
  const analysis = analyse(graph, { rounds: 10 });
  const page = analysisPage(analysis, 'A Mandala network', [
    ['command', 'bitmodel reward analyse'],
  ]);
  const all = assertPage(page);
  const textsOf = (name: string): string[] =>
    all.filter((element) => element.name === name).map(({ text }) => text);

  it('is the same each time', () => {
    const facts = [['command', 'bitmodel reward analyse']] as const;
    expect(analysisPage(analyse(graph, { rounds: 10 }), 'A Mandala network', facts)).toBe(page);
  });

  it('has every part, and its figures beside those of the closed forms', () => {
    expect(textsOf('h2')).toEqual([
      'Figures',
      'How uses are spread',
      'What most stand on',
      'Who earns what',
      'Beside a Mandala network',
      'How this was computed',
    ]);
    const rows = textsOf('tr');
    expect(rows).toContainEqual(expect.stringMatching(/^sources.*189189$/));
    expect(rows).toContainEqual(expect.stringMatching(/^edges.*963963$/));
    expect(rows).toContainEqual(expect.stringMatching(/^depth.*1212$/));
    expect(textsOf('figcaption')).toHaveLength(4);
    expect(textsOf('dd')).toEqual(['bitmodel reward analyse']);
    expect(textsOf('li').join()).toContain('A power law is ruled out');
  });

  it('counts sources by their edges as the analysis does', () => {
    const row = textsOf('tr').find((text) => text.startsWith('32 or more'));
    const most = analysis.inDegree.histogram.filter(([value]) => value >= 32);
    expect(row).toBe(`32 or more${most.reduce((sum, [, count]) => sum + count, 0)}0`);
  });

  it('says why where there is no fit and nothing can be paid', () => {
    const trapped = buildGraph([
      { id: 'a', parents: [{ id: 'b', ppm: 1_000_000 }] },
      { id: 'b', parents: [{ id: 'a', ppm: 1_000_000 }] },
    ]);
    const text = assertPage(analysisPage(analyse(trapped), 'x', []))
      .filter(({ name }) => name === 'p')
      .map((element) => element.text)
      .join();
    expect(text).toContain('no power law fitted');
    expect(text).toContain('could never leave');
    const empty = analysisPage(analyse(buildGraph([])), 'x', []);
    assertPage(empty);
    expect(empty).not.toMatch(/NaN|Infinity|undefined|\[object/);
  });
});

describe('whatever names others gave', () => {
  it.each(EVIL)('no page holds more than the text of %s', (text) => {
    for (const page of pagesOf(graphOfTexts(EVIL), text)) {
      const all = assertPage(page);
      expect(page).not.toMatch(/NaN|Infinity|undefined|\[object/);
      expect(all.find(({ name }) => name === 'h1')!.text).toBe(text);
      expect(all.filter(({ name }) => name === 'bdi').map((element) => element.text)).toEqual(
        expect.arrayContaining([text]),
      );
    }
  });

  it('pages are well-formed', () => {
    fc.assert(
      fc.property(
        fc.array(labelArbitrary, { minLength: 1, maxLength: 6 }),
        fc.string(),
        (texts, title) => {
          for (const page of pagesOf(graphOfTexts(texts), title || 'x')) assertPage(page);
        },
      ),
      { numRuns: cases(25, 2000) },
    );
  });
});
