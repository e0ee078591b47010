import { BitmodelError, EXIT } from '../../base/index.js';

/** What may follow the colon of `name:tag`. */
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;
/** Digits of an id that name a model, if no other id begins with them. */
const SHORTEST_PREFIX = 4;
/** Most models that an error lists. */
const MOST_LISTED = 5;

/** What a model can be asked for by. */
export interface Named {
  /** Model id, hex. */
  readonly id: string;
  /** `name` or `name:tag`. */
  readonly name: string;
  readonly dir: string;
  /** How it came here, where that is known. */
  readonly origin?: string | undefined;
}

/** Whether whoever made the model gave it its name, rather than who has it here. */
const isNamedElsewhere = ({ origin }: Named): boolean =>
  origin === 'pulled' || origin === 'unpacked';

/** A name without its tag. */
export function untagged(name: string): string {
  return name.replace(/:[^:]*$/, '');
}

/** A name with a tag, in place of the one that it has. @throws BitmodelError `BAD_TAG` */
export function withTag(name: string, tag: string): string {
  if (TAG.test(tag)) return `${untagged(name)}:${tag}`;
  throw new BitmodelError('BAD_TAG', `"${tag}" can't be a tag.`, {
    next: 'Use letters, digits, dots, dashes and underscores, at most 64, such as v2',
    exitCode: EXIT.usage,
  });
}

/**
 * Models that a text may mean: one with just this id or this name; else those of this name with any tag; else those whose id
 * begins so. Names on the chain are read in the same order. A name that somebody else gave does not win over a tagged one, or a
 * stranger's model could take the place of another by what it is called.
 */
function candidates<T extends Named>(models: readonly T[], text: string): readonly T[] {
  const lower = text.toLowerCase();
  const isPrefix = lower.length >= SHORTEST_PREFIX && /^[0-9a-f]+$/.test(lower);
  const isTaken = models.some((model) => model.name === text && isNamedElsewhere(model));
  const rules: readonly ((model: T) => boolean)[] = [
    ({ id }) => id === lower,
    ({ name }) => name === text && !isTaken,
    ({ name }) => name === text || untagged(name) === text,
    ({ id }) => isPrefix && id.startsWith(lower),
  ];
  for (const rule of rules) {
    const found = models.filter(rule);
    if (found.length > 0) return found;
  }
  return [];
}

/**
 * The model that a text means: its id, the beginning of it, `name:tag` or `name`.
 * @param isThere whether a model still lies where it was noted; one that is gone is meant only if no other can be
 * @param bestOf which of several folders of one model is meant
 * @returns undefined when none does
 * @throws BitmodelError `AMBIGUOUS_NAME` listing those that it may mean
 */
export function pickModel<T extends Named>(
  models: readonly T[],
  text: string,
  isThere: (model: T) => boolean,
  bestOf: (folders: readonly T[]) => T,
): T | undefined {
  const all = candidates(models, text);
  const there = all.filter(isThere);
  const found = there.length > 0 ? there : all.slice(-1);
  if (found.length <= 1) return found[0];
  if (found.every(({ id }) => id === found[0]!.id)) return bestOf(found);
  const shown = found.slice(0, MOST_LISTED).map(({ id, name, dir }) => `${name} ${id} in ${dir}`);
  const more = found.length > MOST_LISTED ? '; …' : '';
  throw new BitmodelError(
    'AMBIGUOUS_NAME',
    `${found.length} models answer to "${text}": ${shown.join('; ')}${more}.`,
    { next: 'Name the one that you mean by its id', exitCode: EXIT.usage },
  );
}
