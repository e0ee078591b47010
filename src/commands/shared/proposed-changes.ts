import { atLine } from '../../base/index.js';
import {
  type GraphChange,
  type ProposedChange,
  parseChange,
  type Scheme,
} from '../../reward/index.js';
import { graphSource } from './graph-names.js';
import type { SourceGraph } from './graph-source.js';
import { linesOf } from './payout-changes.js';
import type { Settings } from './settings.js';

/** A change with names as ids of the graph. */
function withIds(of: SourceGraph, change: GraphChange, settings: Settings): GraphChange {
  const idOf = (text: string): string => of.graph.ids[graphSource(of, text, settings)]!;
  if (change.kind === 'paid') return change;
  const source = idOf(change.source);
  if (change.kind === 'removed') return { kind: 'removed', source };
  const parents = change.parents.map((parent) => ({ ...parent, id: idOf(parent.id) }));
  return { kind: 'parents', source, parents };
}

/**
 * The graph's own weights with the changes that a file proposes, one JSON object a line as `reward payout --changes` takes
 * them; sources by id or name. It is called `changes:FILE`.
 * @throws BitmodelError of the first line that is refused, its message led by the line
 */
export async function proposedScheme(
  of: SourceGraph,
  path: string,
  settings: Settings,
): Promise<Scheme> {
  const changes: ProposedChange[] = [];
  for await (const [text, line] of linesOf(path)) {
    try {
      changes.push({ change: withIds(of, parseChange(text), settings), line });
    } catch (thrown) {
      throw atLine(line, thrown);
    }
  }
  return { name: `changes:${path}`, rule: 'changed', changes };
}
