import stringWidth from 'string-width';
import { Markup, markup, oneLine } from '../../base/index.js';
import { type ContributionGraph, type Standing, standingOf } from '../graph/graph.js';
import { partOf } from './chosenPart.js';
import {
  edgeMarkup,
  LabelPlaces,
  labelMarkup,
  type Point,
  round,
  shortShare,
} from './edgeMarkup.js';
import { kindColour, kindSign } from './kindSigns.js';
import { type Layers, layersOf } from './layers.js';
import { placesOf } from './places.js';

/** Most sources and edges in a drawing; of larger graphs the best connected and the largest are drawn. */
const MAXIMUM_SOURCES = 500;
const MAXIMUM_EDGES = 3000;
/** Pixels. */
const BOX = { width: 196, height: 42 };
const GAP = { across: 118, down: 16 };
/** Room that an edge takes as it passes a layer. */
const PASSAGE = 18;
const MARGIN = 24;
/** Below the boxes: a line of the legend, and the summary. */
const FOOT = 64;
const LEGEND_LINE = 24;
/** Columns of text in a box. */
const NAME_COLUMNS = 19;
const DETAIL_COLUMNS = 27;

const STYLE = new Markup(`
svg{font-family:ui-sans-serif,system-ui,"DejaVu Sans",sans-serif}
.paper{fill:#ffffff}.box{fill:#f6f7f9;stroke:#8a8f98;stroke-width:1}
.name{font-size:13px;font-weight:600;fill:#16191d}.detail{font-size:10.5px;fill:#4c525b}
.share{font-size:10.5px;fill:#16191d;text-anchor:middle}.note{font-size:12px;fill:#4c525b}
.edge{fill:none;stroke:#6b7280;stroke-opacity:.75}.head{fill:#6b7280}
.unconfirmed{stroke-dasharray:7 4}.disputed{stroke:#c2410c;stroke-dasharray:1.5 4;stroke-linecap:round}
.back{stroke-opacity:.55}
@media (prefers-color-scheme:dark){.paper{fill:#14171c}.box{fill:#1f242c;stroke:#6d7580}
.name,.share{fill:#eef1f5}.detail,.note{fill:#b4bcc8}.edge{stroke:#9aa4b2}.head{fill:#9aa4b2}
.disputed{stroke:#fb923c}}
`);

const GRAPHEMES = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** A text as a box has room for it, with what could act on the line replaced. */
function fitted(text: string, columns: number): string {
  const line = oneLine(text);
  if (stringWidth(line) <= columns) return line;
  let kept = '';
  for (const { segment } of GRAPHEMES.segment(line)) {
    if (stringWidth(kept + segment) > columns - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** Without the smallest edges, where there are too many to be told apart. */
function drawable(graph: ContributionGraph): Layers {
  const layout = layersOf(graph);
  if (layout.routes.length <= MAXIMUM_EDGES) return layout;
  const { weights } = graph;
  const routes = [...layout.routes].sort(
    (a, b) => weights[b.edge]! - weights[a.edge]! || a.edge - b.edge,
  );
  const kept = routes.slice(0, MAXIMUM_EDGES);
  const used = new Set(kept.flatMap(({ nodes }) => nodes));
  const isKept = (node: number): boolean => node < graph.ids.length || used.has(node);
  return { ...layout, routes: kept, layers: layout.layers.map((layer) => layer.filter(isKept)) };
}

/** What a graph is drawn from. */
interface Scene {
  readonly graph: ContributionGraph;
  readonly whole: ContributionGraph;
  readonly layout: Layers;
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly width: number;
  readonly height: number;
}

function sceneOf(graph: ContributionGraph, whole: ContributionGraph): Scene {
  const layout = drawable(graph);
  const isSource = (node: number): boolean => node < graph.ids.length;
  const places = placesOf(layout, (node) => (isSource(node) ? BOX.height + GAP.down : PASSAGE));
  const x = new Float64Array(layout.nodes);
  for (const [at, layer] of layout.layers.entries()) {
    for (const node of layer) x[node] = MARGIN + at * (BOX.width + GAP.across);
  }
  const y = places.map((place) => place + MARGIN + BOX.height / 2);
  return {
    graph,
    whole,
    layout,
    x,
    y,
    width: Math.max(2 * MARGIN + layout.layers.length * (BOX.width + GAP.across) - GAP.across, 640),
    height: Math.max(...y) + BOX.height / 2 + MARGIN + FOOT,
  };
}

/** The points that an edge goes through: out of the box of one source, into that of another. */
function pointsOf({ graph, x, y }: Scene, nodes: readonly number[]): Point[] {
  return nodes.flatMap((node, at): Point[] => {
    const left = { x: x[node]!, y: y[node]! };
    const right = { x: left.x + BOX.width, y: left.y };
    if (at === 0) return [right];
    if (at === nodes.length - 1) return [{ x: left.x - 1, y: left.y }];
    return node < graph.ids.length ? [] : [left, right];
  });
}

function titleOf(graph: ContributionGraph, source: number): string {
  const { [source]: name } = graph.names;
  return oneLine(name === undefined ? graph.ids[source]! : `${name} (${graph.ids[source]})`);
}

function edgesMarkup(scene: Scene): Markup[] {
  const { graph, layout } = scene;
  const labels = new LabelPlaces();
  const shares: Markup[] = [];
  const curves = layout.routes.map((route) => {
    const points = pointsOf(scene, route.nodes);
    const ends = [route.nodes[0]!, route.nodes.at(-1)!];
    const [child, parent] = route.isBack ? ends.toReversed() : ends;
    const label = labels.find(points[0]!, points[1]!, shortShare(graph.weights[route.edge]!));
    if (label) shares.push(labelMarkup(label));
    return edgeMarkup(graph, route, points, [titleOf(graph, child!), titleOf(graph, parent!)]);
  });
  return [...curves, ...shares];
}

/** What a source keeps, in the whole graph: a part of it looks as if more were kept. */
function keptBy({ graph, whole }: Scene, source: number): number {
  return whole.own[whole.numberOf.get(graph.ids[source]!)!]!;
}

function boxMarkup(scene: Scene, source: number): Markup {
  const { graph, x, y } = scene;
  const [left, top] = [round(x[source]!), round(y[source]! - BOX.height / 2)];
  const { [source]: kind } = graph.kinds;
  const { [source]: owner } = graph.owners;
  const keeps = `keeps ${shortShare(keptBy(scene, source))}`;
  const detail = [kind, keeps, owner].filter((text) => text !== undefined).join(' · ');
  const loops = selfShare(graph, source);
  const title = [titleOf(graph, source), detail, loops ? `pays itself ${loops / 10_000} %` : '']
    .filter((text) => text !== '')
    .join('; ');
  return markup`<g><title>${oneLine(title)}</title><rect class="box" x="${left}" y="${top}" width="${BOX.width}" height="${BOX.height}" rx="6"/><rect x="${left}" y="${top + 6}" width="4" height="${BOX.height - 12}" fill="${kindColour(kind)}"/>${kindSign(kind, left + 18, top + BOX.height / 2)}<text class="name" x="${left + 33}" y="${top + 18}">${fitted(graph.names[source] ?? graph.ids[source]!, loops ? NAME_COLUMNS - 2 : NAME_COLUMNS)}${loops ? ' ↺' : ''}</text><text class="detail" x="${left + 33}" y="${top + 33}">${fitted(detail, DETAIL_COLUMNS)}</text></g>\n`;
}

/** What a source passes to itself, in parts per million. */
function selfShare(graph: ContributionGraph, source: number): number {
  for (let e = graph.rows[source]!; e < graph.rows[source + 1]!; e++) {
    if (graph.parents[e] === source) return graph.weights[e]!;
  }
  return 0;
}

/** What stands below the boxes, and how much higher than one line of a legend it is. */
interface Foot {
  readonly markup: Markup;
  readonly more: number;
}

/** Which kinds and claims the drawing has, in as many lines as they take, and what is left out of it. */
function footOf({ graph, whole, layout, width, height }: Scene): Foot {
  const kinds = [...new Set(graph.kinds.map((kind) => kind ?? 'other'))].sort().slice(0, 12);
  const standings = new Set<Standing | undefined>();
  for (const { edge } of layout.routes) standings.add(standingOf(graph, edge));
  let x = MARGIN;
  const top = height - FOOT + 18;
  let y = top;
  const place = (room: number): void => {
    if (x === MARGIN || x + room <= width - MARGIN) return;
    x = MARGIN;
    y += LEGEND_LINE;
  };
  const kindSigns = kinds.map((kind) => {
    const text = fitted(kind, 16);
    const room = 40 + stringWidth(text) * 7;
    place(room);
    const sign = markup`${kindSign(kind, x + 8, y)}<text class="note" x="${x + 21}" y="${y + 4}">${text}</text>`;
    x += room;
    return sign;
  });
  const lines = [...standings].map((standing) => {
    if (standing === undefined) return undefined;
    place(130);
    const sign = markup`<path class="edge ${standing}" stroke-width="2" d="M${x} ${y}h30"/><text class="note" x="${x + 36}" y="${y + 4}">${standing}</text>`;
    x += 130;
    return sign;
  });
  const count = (shown: number, all: number, what: string): string =>
    shown < all ? `${shown} of ${all} ${what}` : `${all} ${what}`;
  const edges =
    layout.routes.length + [...graph.ids.keys()].filter((i) => selfShare(graph, i)).length;
  const summary = `${count(graph.ids.length, whole.ids.length, 'sources')}, ${count(edges, whole.parents.length, 'shares')}: money goes along the arrows`;
  return {
    markup: markup`${kindSigns}${lines}<text class="note" x="${MARGIN}" y="${y + 30}">${summary}</text>`,
    more: y - top,
  };
}

/** How a graph is drawn. */
export interface GraphSvgOptions {
  /** Only this source and what it stands on. */
  readonly root?: number | undefined;
  /** Steps from the root. */
  readonly depth?: number | undefined;
}

/**
 * A graph as an SVG picture: layers from left to right, users before what they use, with names, kinds and shares; claims
 * that are not confirmed are dashed, disputed ones dotted. Of more than 500 sources the best connected are drawn. Whatever
 * is in the graph is text in it, nothing else.
 */
export function graphSvg(whole: ContributionGraph, options: GraphSvgOptions = {}): string {
  const graph = partOf(whole, { ...options, sources: MAXIMUM_SOURCES });
  const scene = sceneOf(graph, whole);
  const width = Math.ceil(scene.width);
  const foot = footOf(scene);
  const height = Math.ceil(scene.height + foot.more);
  return markup`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>Contribution graph</title><style>${STYLE}</style>
<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto-start-reverse"><path class="head" d="M0 0L8 4L0 8Z"/></marker></defs>
<rect class="paper" width="100%" height="100%"/>
${edgesMarkup(scene)}${[...graph.ids.keys()].map((source) => boxMarkup(scene, source))}${foot.markup}
</svg>
`.toString();
}
