import { BitmodelError, EXIT } from '../../base/index.js';
import { quoted } from '../graph/graph.js';
import type { ModelDeclaration } from './declaration.js';
import type { Published, Registry } from './registry.js';

/** A model as it was published. */
export type PublishedModel = Published<ModelDeclaration>;

/** All models of a registry, those published first before the others. */
export function publishedModels(registry: Registry): PublishedModel[] {
  const all = [...registry.byId.values()];
  return all.filter((source): source is PublishedModel => source.kind === 'model');
}

/** The sources that a name stands for, of those given; see {@link sourceByName}. */
function called<T extends Published>(sources: readonly T[], text: string): readonly T[] {
  const [, owner, name] = /^(?:([0-9A-Za-z]{26,64})\/)?(.+)$/s.exec(text) ?? [];
  const owned = sources.filter(
    ({ pin }) => owner === undefined || owner.toLowerCase() === pin.metaId || owner === pin.owner,
  );
  const exact = owned.filter((source) => source.name === name);
  return exact.length > 0 ? exact : owned.filter((source) => untagged(source.name) === name);
}

function ambiguous(found: readonly Published[], text: string, what: string): BitmodelError {
  const ids = found.slice(0, 5).map(({ id }) => id);
  return new BitmodelError(
    'AMBIGUOUS_NAME',
    `${found.length} ${what} are called ${quoted(text)}: ${ids.join(', ')}${found.length > 5 ? ', …' : ''}.`,
    { next: 'Name the one that you mean by its id', exitCode: EXIT.usage },
  );
}

/**
 * The model that a name stands for: `name[:tag]`, or `owner/name[:tag]` with the owner's MetaID or address (DESIGN 7). A name
 * without a tag also stands for the only model of that name with one. Names are nobody's own: where several models answer to
 * one, none is chosen.
 * @throws BitmodelError `UNKNOWN_MODEL` (exit 3), `AMBIGUOUS_NAME` naming the ids
 */
export function modelByName(registry: Registry, text: string): PublishedModel {
  const found = called(publishedModels(registry), text);
  if (found.length > 1) throw ambiguous(found, text, 'models');
  if (found[0] !== undefined) return found[0];
  throw new BitmodelError('UNKNOWN_MODEL', `No model ${quoted(text)} is published.`, {
    next: 'See those that are with: bitmodel model list --network',
    exitCode: EXIT.notFound,
  });
}

/**
 * The source that a text stands for: its id, the first eight or more digits of it, or a name as {@link modelByName} reads it.
 * @param kind only sources of this kind
 * @throws BitmodelError `UNKNOWN_SOURCE` (exit 3), `AMBIGUOUS_NAME` naming the ids
 */
export function sourceByName(
  registry: Registry,
  text: string,
  kind?: Published['kind'],
): Published {
  const known = registry.byId.get(text.toLowerCase());
  if (known && (kind === undefined || known.kind === kind)) return known;
  const all = [...registry.byId.values()].filter(
    (each) => kind === undefined || each.kind === kind,
  );
  const isPrefix = /^[0-9a-f]{8,63}$/i.test(text);
  const begins = isPrefix ? all.filter(({ id }) => id.startsWith(text.toLowerCase())) : [];
  const found = begins.length > 0 ? begins : called(all, text);
  if (found.length > 1) throw ambiguous(found, text, 'sources');
  if (found[0] !== undefined) return found[0];
  throw unknownName(registry, text, kind);
}

/** Why a name stands for nothing: as another kind it may. */
function unknownName(
  registry: Registry,
  text: string,
  kind: Published['kind'] | undefined,
): BitmodelError {
  const other = kind && called([...registry.byId.values()], text)[0]?.kind;
  const message = `No ${kind ?? 'source'} ${quoted(text)} is published yet${other ? `, only a ${other}` : ''}.`;
  return new BitmodelError('UNKNOWN_SOURCE', message, {
    next: other
      ? `Write ${other}:${text}`
      : 'See those that are with: bitmodel source list; what was just sent counts once it is in a block',
    exitCode: EXIT.notFound,
  });
}

function untagged(name: string): string {
  return name.replace(/:[^:]*$/, '');
}
