import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { BitmodelError, EXIT } from '../../base/index.js';
import { ModelRegistry, readBundle } from '../../model/index.js';
import {
  type ParentShare,
  type Published,
  type Registry,
  SOURCE_KINDS,
  sourceByName,
} from '../../reward/index.js';
import { parsePart } from './parents.js';
import type { Settings } from './settings.js';

type Kind = Published['kind'];

/** Everything that a source may be. */
export const KINDS: readonly Kind[] = ['model', ...SOURCE_KINDS];

/** A kind as it is written before an id or a name, or with `--kind`. */
export function isKind(text: string): text is Kind {
  return (KINDS as readonly string[]).includes(text);
}

/** The id of a model that this machine has under a name, or in a folder. */
function localId(text: string, { datadir }: Settings): string | undefined {
  const isFolder = statSync(text, { throwIfNoEntry: false })?.isDirectory() ?? false;
  if (isFolder && existsSync(join(text, 'bitmodel.json'))) return readBundle(text).id;
  return new ModelRegistry(datadir).find(text)?.id;
}

/**
 * The published source that a text means: `[KIND:]ID`, the first digits of an id, the folder or name of a model here, or a
 * published name, `[KIND:][OWNER/]NAME[:TAG]`.
 * @throws BitmodelError `UNKNOWN_SOURCE` (exit 3), `AMBIGUOUS_NAME`, `WRONG_KIND` where the chain says that it is another kind
 */
export function sourceNamed(registry: Registry, text: string, settings: Settings): Published {
  const [, word, rest] = /^([a-z]+):(.+)$/s.exec(text) ?? [];
  const kind = word !== undefined && isKind(word) ? word : undefined;
  const name = kind === undefined ? text : rest!;
  const isId = /^[0-9a-f]{64}$/i.test(name);
  const local = isId || (kind ?? 'model') !== 'model' ? undefined : localId(name, settings);
  const found = sourceByName(registry, local ?? name, isId ? undefined : kind);
  if (kind === undefined || found.kind === kind) return found;
  throw new BitmodelError(
    'WRONG_KIND',
    `${found.name} was published as ${found.kind}, not as ${kind}.`,
    { next: `Write ${found.kind}:${found.id}`, exitCode: EXIT.usage },
  );
}

/**
 * A parent and its weight: `[KIND:]ID=15%` or `NAME=150000ppm`.
 * @throws BitmodelError `BAD_PARENT`, `BAD_WEIGHT` (exit 2), and as {@link sourceNamed}
 */
export function usedNamed(registry: Registry, text: string, settings: Settings): ParentShare {
  const at = text.lastIndexOf('=');
  const [name, weight] = [text.slice(0, at), text.slice(at + 1)];
  if (at < 1 || weight === '') {
    throw new BitmodelError('BAD_PARENT', `"${text.slice(0, 100)}" names no source and weight.`, {
      next: 'Write what was used as its id or name, "=", and its weight: --uses dataset:ID=15%',
      exitCode: EXIT.usage,
    });
  }
  const ppm = parsePart(weight);
  return { id: sourceNamed(registry, name, settings).id, ppm };
}
