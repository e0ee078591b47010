import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { BitmodelError, EXIT, writeFileAtomic } from '../../base/index.js';

const registrySchema = z.object({
  v: z.literal(1),
  models: z.array(z.object({ id: z.string(), name: z.string(), dir: z.string() })),
});

/** Where a packed model lies on this machine. */
export interface RegisteredModel {
  /** Model id, hex. */
  readonly id: string;
  readonly name: string;
  readonly dir: string;
}

/** The packed models of this user: ids and names to folders, kept in `models.json` in the data folder. */
export class ModelRegistry {
  readonly #path: string;

  constructor(datadir: string) {
    this.#path = join(datadir, 'models.json');
  }

  /**
   * All models, as they were packed.
   * @throws BitmodelError `BAD_REGISTRY`
   */
  list(): RegisteredModel[] {
    if (!existsSync(this.#path)) return [];
    try {
      return registrySchema.parse(JSON.parse(readFileSync(this.#path, 'utf8'))).models;
    } catch (thrown) {
      throw new BitmodelError(
        'BAD_REGISTRY',
        `The list of models in ${this.#path} can't be read.`,
        {
          next: `Remove ${this.#path} and pack the models again`,
          cause: thrown,
        },
      );
    }
  }

  /** Notes where a model lies; whatever was noted for the same folder or id is replaced. */
  register(id: string, dir: string, name: string): void {
    const path = resolve(dir);
    const others = this.list().filter((model) => model.dir !== path && model.id !== id);
    const models = [...others, { id, name, dir: path }];
    writeFileAtomic(this.#path, `${JSON.stringify({ v: 1, models }, undefined, 2)}\n`);
  }

  /**
   * The folder of a model.
   * @param model its folder, its id, or the name it was packed under (the latest one of that name)
   * @throws BitmodelError `UNKNOWN_MODEL` or `MODEL_GONE`, exit code 3; `NOT_A_FOLDER`
   */
  resolve(model: string): string {
    const found = statSync(model, { throwIfNoEntry: false });
    if (found?.isDirectory()) return resolve(model);
    const entry = this.list().findLast(
      ({ id, name }) => id === model.toLowerCase() || name === model,
    );
    if (entry !== undefined) {
      if (existsSync(entry.dir)) return entry.dir;
      throw new BitmodelError(
        'MODEL_GONE',
        `The folder of model ${entry.name}, ${entry.dir}, is gone.`,
        {
          next: 'Pack it again where it lies now: bitmodel model pack DIR',
          exitCode: EXIT.notFound,
        },
      );
    }
    if (found) {
      throw new BitmodelError('NOT_A_FOLDER', `${model} is not a folder.`, {
        next: 'Name the folder that holds config.json and the ONNX file',
        exitCode: EXIT.usage,
      });
    }
    throw new BitmodelError('UNKNOWN_MODEL', `No model "${model}" is known here.`, {
      next: 'See those that are with: bitmodel model list; fetch a published one: bitmodel model pull ID; or pack one: bitmodel model pack DIR',
      exitCode: EXIT.notFound,
    });
  }
}
