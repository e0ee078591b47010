import { BitmodelError, EXIT } from '../../base/index.js';
import { type ContributionGraph, soleUnusedSource } from '../../reward/index.js';
import type { SourceGraph } from './graph-source.js';
import type { Settings } from './settings.js';
import { isKind, sourceNamed } from './source-names.js';

/** A text of which an id of the chain may begin. */
const PREFIX = /^[0-9a-f]{8,63}$/i;

/** The sources of a file's graph that a text may mean, which is none of their ids. */
function called(graph: ContributionGraph, text: string): readonly number[] {
  const begins = text.toLowerCase();
  const found = PREFIX.test(text)
    ? [...graph.ids.keys()].filter((source) => graph.ids[source]!.startsWith(begins))
    : [];
  if (found.length > 0) return found;
  const named = (name: string, kind?: string): number[] =>
    graph.names.flatMap((each, source) =>
      each === name && (kind === undefined || graph.kinds[source] === kind) ? [source] : [],
    );
  const whole = named(text);
  const [, kind, name] = /^([a-z]+):(.+)$/s.exec(text) ?? [];
  if (whole.length > 0 || kind === undefined || !isKind(kind)) return whole;
  const own = graph.numberOf.get(name!);
  return own !== undefined && graph.kinds[own] === kind ? [own] : named(name!, kind);
}

function ofFile(graph: ContributionGraph, text: string): number {
  const found = called(graph, text);
  if (found.length === 1) return found[0]!;
  const shown = JSON.stringify(text.slice(0, 80));
  if (found.length === 0) {
    throw new BitmodelError('UNKNOWN_SOURCE', `The graph has no source ${shown}.`, {
      next: 'Name one by its id or name; see them with: bitmodel reward graph FILE',
      exitCode: EXIT.notFound,
    });
  }
  const ids = found.slice(0, 5).map((source) => graph.ids[source]);
  const more = found.length > ids.length ? ', …' : '';
  throw new BitmodelError(
    'AMBIGUOUS_NAME',
    `${found.length} sources of the graph are called ${shown}: ${ids.join(', ')}${more}.`,
    { next: 'Name the one that you mean by its id', exitCode: EXIT.usage },
  );
}

/**
 * The source of a graph that a text means, as its number: an id comes before everything. On the chain's graph it is else
 * what the text means wherever a source is named ({@link sourceNamed}), in what that declares now; in a file's the one source
 * with this name, or whose id begins with these eight or more digits. `KIND:` may stand before a name.
 * @throws BitmodelError `UNKNOWN_SOURCE` (exit 3), `AMBIGUOUS_NAME`, and as `sourceNamed`
 */
export function graphSource(
  { graph, chain }: SourceGraph,
  text: string,
  settings: Settings,
): number {
  const exact = graph.numberOf.get(text) ?? graph.numberOf.get(text.toLowerCase());
  if (exact !== undefined) return exact;
  if (!chain) return ofFile(graph, text);
  return graph.numberOf.get(sourceNamed(chain.registry, text, settings).id)!;
}

/** The id of the source that was paid for: the one that is named, else the only one that no other uses. */
export function paidSource(
  source: SourceGraph,
  named: string | undefined,
  settings: Settings,
): string {
  const { graph } = source;
  return named === undefined
    ? soleUnusedSource(graph)
    : graph.ids[graphSource(source, named, settings)]!;
}

/**
 * A demand with its names as ids of the graph.
 * @param amounts base units by id or name
 * @throws BitmodelError `SAME_SOURCE` where two of them mean one source, and as {@link graphSource}
 */
export function namedDemand(
  source: SourceGraph,
  amounts: ReadonlyMap<string, bigint>,
  settings: Settings,
): Map<string, bigint> {
  const byId = new Map<string, bigint>();
  for (const [text, units] of amounts) {
    const id = source.graph.ids[graphSource(source, text, settings)]!;
    if (byId.has(id)) {
      throw new BitmodelError('SAME_SOURCE', `Two of the amounts are for the source ${id}.`, {
        next: 'Write one amount for each source',
        exitCode: EXIT.usage,
      });
    }
    byId.set(id, units);
  }
  return byId;
}
