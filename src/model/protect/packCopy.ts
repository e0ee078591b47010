import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { MANIFEST, readBundle } from '../bundle/manifest.js';
import { untagged, withTag } from '../bundle/modelNames.js';
import { type HashProgress, type PackedModel, packModel } from '../bundle/pack.js';

/** Longest beginning of the tag that a copy's tag keeps. */
const MOST_KEPT = 54;

/** The name of a protected copy, which lies beside the model of this name. */
function copyName(name: string): string {
  const tag = name.slice(untagged(name).length + 1);
  return withTag(name, tag === '' ? 'protected' : `${tag.slice(0, MOST_KEPT)}-protected`);
}

/**
 * Packs a protected copy of a model that was packed: with its licence and what it was built on, and its name with a tag.
 * @param record folder of the model's `bitmodel.json`
 * @returns undefined where the model was not packed
 * @throws BitmodelError `BAD_MANIFEST`, and as `packModel`
 */
export async function packCopy(
  record: string,
  copy: string,
  options: HashProgress = {},
): Promise<PackedModel | undefined> {
  if (!existsSync(join(record, MANIFEST))) return undefined;
  const { name, licence, parents } = readBundle(record);
  return packModel(copy, {
    ...options,
    name: copyName(name),
    ...(licence === undefined ? {} : { licence }),
    parents,
  });
}
