import { basename } from 'node:path';
import { BitmodelError, EXIT, oneLine } from '../../base/index.js';
import { type JobModel, jobModel, publicKeySchema } from '../../job/index.js';
import { ModelRegistry, modelId, type OpenOptions } from '../../model/index.js';
import type { Settings } from './settings.js';
import { openWithShares, readShares } from './shares.js';

export { parseThreads } from './number-options.js';

/**
 * Public keys separated by commas, in lower case.
 * @throws BitmodelError `BAD_KEY` naming the first that is none
 */
export function parsePublicKeys(text: string): string[] {
  const keys = text.split(',').map((key) => key.trim().toLowerCase());
  const bad = keys.find((key) => !publicKeySchema.safeParse(key).success);
  if (bad === undefined) return keys;
  throw new BitmodelError('BAD_KEY', `"${bad.slice(0, 70)}" is not a compressed public key.`, {
    next: 'Give the 66 hexadecimal digits that `bitmodel verifier` prints, separated by commas',
    exitCode: EXIT.usage,
  });
}

/** Folder and id of what a person calls a model: a folder, an id, or a name. The id is computed from the contents. */
export async function locateModel(
  model: string,
  settings: Settings,
): Promise<{ readonly folder: string; readonly id: string }> {
  const folder = new ModelRegistry(settings.datadir).resolve(model);
  return { folder, id: await modelId(folder) };
}

/**
 * Opens models for jobs; those already open are closed when one fails.
 * @throws BitmodelError `UNKNOWN_MODEL`, `NO_MODEL` when none is named, and what opening throws
 */
export async function openJobModels(
  models: readonly string[] | undefined,
  settings: Settings,
  {
    share,
    ...options
  }: Pick<OpenOptions, 'file' | 'threads' | 'batch'> & { readonly share?: string[] } = {},
): Promise<JobModel[]> {
  if (models === undefined || models.length === 0) {
    throw new BitmodelError('NO_MODEL', 'No model is named.', {
      next: 'Pass --model DIR (a folder, an id, or a name that `bitmodel model list` shows)',
      exitCode: EXIT.usage,
    });
  }
  const shares = await readShares(share);
  const open: JobModel[] = [];
  try {
    for (const model of models) {
      const { folder, id } = await locateModel(model, settings);
      // what a stranger's graph does to ONNX Runtime must not end what serves others
      const isolated = { ...options, isolate: true };
      open.push(jobModel(id, await openWithShares(folder, isolated, shares)));
    }
    return open;
  } catch (thrown) {
    await closeModels(open);
    throw thrown;
  }
}

/** What a worker or verifier serves, for programs and, a line each, for people. */
export function servedModels(models: readonly JobModel[]): {
  readonly list: readonly {
    readonly model: string;
    readonly file: string;
    readonly class: string;
  }[];
  readonly text: string;
} {
  const list = models.map(({ id, model: { info } }) => ({
    model: id,
    file: info.file,
    class: info.numericClass,
  }));
  const lines = models.map(
    ({ id, model: { info } }) =>
      `for ${oneLine(basename(info.dir))}, ${id.slice(0, 16)}…, ${info.file} (${info.numericClass})`,
  );
  return { list, text: lines.join('\n') };
}

/** Closes models that were opened. */
export async function closeModels(models: readonly JobModel[]): Promise<void> {
  for (const { model } of models) await model.close();
}
