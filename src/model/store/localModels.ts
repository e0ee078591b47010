import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { BitmodelError, EXIT, messageOf } from '../../base/index.js';
import {
  type ModelOrigin,
  ModelRegistry,
  type RegisteredModel,
  unknownModel,
} from '../bundle/ModelRegistry.js';
import { type Bundle, MANIFEST, readBundle } from '../bundle/manifest.js';
import { pickModel } from '../bundle/modelNames.js';
import { PartialBundle, STATE } from './PartialBundle.js';
import { wholeBundle } from './wholeBundle.js';

/** A model of this machine, as far as names and sizes show. */
export interface LocalModel {
  /** Model id, hex. */
  readonly id: string;
  /** `name` or `name:tag`; the beginning of the id where nobody named it. */
  readonly name: string;
  readonly dir: string;
  readonly origin?: ModelOrigin | undefined;
  /** Bytes, where its description can be read. */
  readonly size?: number | undefined;
  readonly licence?: string | undefined;
  /**
   * `whole`; `changed`: not all files of the id are there; `gone`: its folder is not; `unfinished`: a download that has not
   * ended; `forgotten`: it lies in the data folder, but is on no list.
   */
  readonly state: 'whole' | 'changed' | 'gone' | 'unfinished' | 'forgotten';
  /** Whether it lies in the data folder, where `pull` put it, so that `model rm --files` may delete it. */
  readonly isOwn: boolean;
}

const ID = /^[0-9a-f]{64}$/;

/** Something is read that may be broken; the list of models is no place to fail for one of them. */
function attempt<T>(read: () => T | undefined): T | undefined {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof BitmodelError) return undefined;
    throw thrown;
  }
}

function stateOf({ id, dir, record }: RegisteredModel): LocalModel['state'] {
  if (!existsSync(dir)) return 'gone';
  if (existsSync(join(dir, STATE))) return 'unfinished';
  // what lies beside the files is all that a glance can tell
  if (record !== undefined) return 'whole';
  return attempt(() => wholeBundle(dir, id)) ? 'whole' : 'changed';
}

function described(bundle: Bundle | undefined): Pick<LocalModel, 'size' | 'licence'> {
  return { size: bundle?.size, licence: bundle?.licence };
}

function unlisted(models: string, known: ReadonlySet<string>): LocalModel[] {
  if (!existsSync(models)) return [];
  const found: LocalModel[] = [];
  for (const id of readdirSync(models).filter((name) => ID.test(name))) {
    const dir = join(models, id);
    if (known.has(dir)) continue;
    const bundle = existsSync(join(dir, MANIFEST)) ? attempt(() => readBundle(dir)) : undefined;
    const begun = attempt(() => PartialBundle.savedInfo(dir));
    if (begun === undefined && bundle === undefined) continue;
    found.push({
      id,
      name: bundle?.name ?? id.slice(0, 12),
      dir,
      origin: 'pulled',
      ...described(bundle),
      ...(begun && { size: begun.size }),
      state: begun ? 'unfinished' : 'forgotten',
      isOwn: true,
    });
  }
  return found;
}

/**
 * The models of a data folder: all that are on its list, and what lies in its own folder beside.
 * @throws BitmodelError `BAD_REGISTRY`
 */
export function localModels(datadir: string): LocalModel[] {
  const registry = new ModelRegistry(datadir);
  const listed = registry.list();
  const models = listed.map((entry): LocalModel => {
    const { id, name, dir, origin, record } = entry;
    const bundle = attempt(() => readBundle(record ?? dir));
    const about = described(bundle?.id === id ? bundle : undefined);
    return { id, name, dir, origin, ...about, state: stateOf(entry), isOwn: registry.isOwn(dir) };
  });
  return [...models, ...unlisted(join(datadir, 'models'), new Set(listed.map(({ dir }) => dir)))];
}

/**
 * The model of this machine that a text means.
 * @param text its folder, its id or the beginning of it, `name:tag` or `name`; it may be gone, unfinished or forgotten
 * @throws BitmodelError `UNKNOWN_MODEL` (exit code 3), `AMBIGUOUS_NAME`, `BAD_REGISTRY`
 */
export function findLocalModel(datadir: string, text: string): LocalModel {
  const entry = new ModelRegistry(datadir).find(text);
  const models = localModels(datadir);
  const found = entry
    ? models.find(({ id, dir }) => id === entry.id && dir === entry.dir)
    : pickModel(
        models,
        text,
        () => true,
        (folders) => folders[0]!,
      );
  if (found) return found;
  throw unknownModel(text);
}

/**
 * Takes a model off the list, and deletes its files where that is asked for and they are this program's own.
 * @throws BitmodelError `NOT_OURS` where files are to be deleted that a person put where they are; `DELETE_FAILED`
 */
export function removeModel(datadir: string, model: LocalModel, deleteFiles: boolean): void {
  const { dir, name, isOwn, state } = model;
  if (deleteFiles && state !== 'gone' && !isOwn) {
    throw new BitmodelError('NOT_OURS', `${dir} is a folder of your own; it is not deleted.`, {
      next: `Forget the model with: bitmodel model rm ${name}; delete the folder yourself if you mean to`,
      exitCode: EXIT.notAllowed,
    });
  }
  new ModelRegistry(datadir).forget(model);
  if (!deleteFiles || state === 'gone') return;
  try {
    rmSync(dir, { recursive: true, force: true });
  } catch (thrown) {
    throw new BitmodelError('DELETE_FAILED', `${dir} can't be deleted: ${messageOf(thrown)}.`, {
      next: `Mend its permissions and try again: bitmodel model rm ${model.id} --files`,
      cause: thrown,
    });
  }
}
