import { BitmodelError, EXIT } from '../base/index.js';
import type { ModelDeclaration } from './declaration.js';
import { quoted } from './graph.js';
import type { Published, Registry } from './registry.js';

/** A model as it was published. */
export type PublishedModel = Published<ModelDeclaration>;

/** All models of a registry, those published first before the others. */
export function publishedModels(registry: Registry): PublishedModel[] {
  const all = [...registry.byId.values()];
  return all.filter((source): source is PublishedModel => source.kind === 'model');
}

/**
 * The model that a name stands for: `name[:tag]`, or `owner/name[:tag]` with the owner's MetaID or address (DESIGN 7). A name
 * without a tag also stands for the only model of that name with one. Names are nobody's own: where several models answer to
 * one, none is chosen.
 * @throws BitmodelError `UNKNOWN_MODEL` (exit 3), `AMBIGUOUS_NAME` naming the ids
 */
export function modelByName(registry: Registry, text: string): PublishedModel {
  const [, owner, name] = /^(?:([0-9A-Za-z]{26,64})\/)?(.+)$/s.exec(text) ?? [];
  const owned = publishedModels(registry).filter(
    ({ pin }) => owner === undefined || owner.toLowerCase() === pin.metaId || owner === pin.owner,
  );
  const exact = owned.filter((model) => model.name === name);
  const found = exact.length > 0 ? exact : owned.filter((model) => untagged(model.name) === name);
  const [model, ...others] = found;
  if (model === undefined) {
    throw new BitmodelError('UNKNOWN_MODEL', `No model ${quoted(text)} is published.`, {
      next: 'See those that are with: bitmodel model list --network',
      exitCode: EXIT.notFound,
    });
  }
  if (others.length === 0) return model;
  const ids = found.slice(0, 5).map(({ id }) => id);
  throw new BitmodelError(
    'AMBIGUOUS_NAME',
    `${found.length} models are called ${quoted(text)}: ${ids.join(', ')}${found.length > 5 ? ', …' : ''}.`,
    { next: 'Name the one that you mean by its id', exitCode: EXIT.usage },
  );
}

function untagged(name: string): string {
  return name.replace(/:[^:]*$/, '');
}
