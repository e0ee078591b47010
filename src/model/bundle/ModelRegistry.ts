import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { z } from 'zod';
import { BitmodelError, EXIT, writeFileAtomic } from '../../base/index.js';
import { holdsBundle, readBundle } from './manifest.js';
import { pickModel } from './modelNames.js';
import { TORRENT } from './pack.js';

const originSchema = z.enum(['packed', 'pulled', 'imported', 'unpacked']);

const registrySchema = z.object({
  v: z.literal(1),
  models: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      dir: z.string(),
      origin: originSchema.optional(),
      record: z.string().optional(),
    }),
  ),
});

/** How a model came to this machine. */
export type ModelOrigin = z.infer<typeof originSchema>;

/** Where a packed model lies on this machine. */
export interface RegisteredModel {
  /** Model id, hex. */
  readonly id: string;
  /** `name` or `name:tag`. */
  readonly name: string;
  readonly dir: string;
  /** Not known of models that were noted by an older version. */
  readonly origin?: ModelOrigin | undefined;
  /** Folder of `bitmodel.json` and the torrent, when they do not lie beside the files. */
  readonly record?: string | undefined;
}

/** The packed models of this user: ids and names to folders, kept in `models.json` in the data folder. */
export class ModelRegistry {
  readonly #path: string;
  /** Where `pull` puts what it fetches. */
  readonly #models: string;

  constructor(datadir: string) {
    this.#path = join(datadir, 'models.json');
    this.#models = join(datadir, 'models');
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

  /**
   * Notes where a model lies. What was noted for the same folder is replaced, and so is a folder of the same id that is gone:
   * the model was moved. A copy of it that is still there keeps its name.
   * @param about how it came, and where its record lies
   */
  register(
    id: string,
    dir: string,
    name: string,
    about: Pick<RegisteredModel, 'origin' | 'record'> = {},
  ): void {
    const path = resolve(dir);
    const others = this.list().filter(
      (model) => model.dir !== path && (model.id !== id || existsSync(model.dir)),
    );
    this.#write([...others, { id, name, dir: path, ...about }]);
  }

  /** Takes a model off the list; its files stay. @returns whether it was there */
  forget({ id, dir }: Pick<RegisteredModel, 'id' | 'dir'>): boolean {
    const models = this.list();
    const others = models.filter((model) => model.id !== id || model.dir !== dir);
    if (others.length === models.length) return false;
    this.#write(others);
    return true;
  }

  /** Whether a folder is one of those that this program made for models in its data folder, so is its own to delete. */
  isOwn(dir: string): boolean {
    if (!existsSync(this.#models)) return false;
    const real = existsSync(dir) ? realpathSync(dir) : resolve(dir);
    const inside = relative(realpathSync(this.#models), real);
    return inside !== '' && !inside.includes(sep) && inside !== '..';
  }

  /**
   * One entry for each id: of several folders the first that holds the model, as far as names and sizes show.
   * @throws BitmodelError `BAD_REGISTRY`
   */
  listIds(): RegisteredModel[] {
    const byId = new Map<string, RegisteredModel[]>();
    for (const entry of this.list()) byId.set(entry.id, [...(byId.get(entry.id) ?? []), entry]);
    return [...byId.values()].map(bestOf);
  }

  /**
   * The entry that a text means: the folder of a model, its id or the beginning of it, `name:tag` or `name`; of several folders
   * of one id the first that holds the model.
   * @returns undefined when nothing is noted
   * @throws BitmodelError `AMBIGUOUS_NAME`, `BAD_REGISTRY`
   */
  find(model: string): RegisteredModel | undefined {
    const models = this.list();
    const path = resolve(model);
    // a name wins over a folder that is gone, a folder that is there over a name
    const here = existsSync(path) ? models.find(({ dir }) => dir === path) : undefined;
    return (
      here ??
      pickModel(models, model, ({ dir }) => existsSync(dir), bestOf) ??
      models.find(({ dir }) => dir === path)
    );
  }

  /**
   * The folder of a model.
   * @param model its folder, its id or the beginning of it, `name:tag`, or `name`
   * @throws BitmodelError `UNKNOWN_MODEL` or `MODEL_GONE`, exit code 3; `AMBIGUOUS_NAME`; `NOT_A_FOLDER`
   */
  resolve(model: string): string {
    const found = statSync(model, { throwIfNoEntry: false });
    if (found?.isDirectory()) return resolve(model);
    const entry = this.find(model);
    if (entry !== undefined) {
      if (existsSync(entry.dir)) return entry.dir;
      throw new BitmodelError(
        'MODEL_GONE',
        `The folder of model ${entry.name}, ${entry.dir}, is gone.`,
        {
          next: `Pack it again where it lies now: bitmodel model pack DIR; or forget it: bitmodel model rm ${entry.dir}`,
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
    throw unknownModel(model);
  }

  #write(models: readonly RegisteredModel[]): void {
    writeFileAtomic(this.#path, `${JSON.stringify({ v: 1, models }, undefined, 2)}\n`);
  }
}

/** Of entries of one id the one to be used: its folder holds the model, best with a torrent to share it by, or at least is there. */
function bestOf(entries: readonly RegisteredModel[]): RegisteredModel {
  const there = entries.filter(({ dir }) => existsSync(dir));
  const isWhole = ({ id, dir, record }: RegisteredModel): boolean => {
    try {
      return holdsBundle(dir, readBundle(record ?? dir), id);
    } catch (thrown) {
      // a folder that can't be looked into is none to be used; the others are not less so for it
      if (thrown instanceof BitmodelError || (thrown as NodeJS.ErrnoException).syscall)
        return false;
      throw thrown;
    }
  };
  if (there.length <= 1) return there[0] ?? entries.at(-1)!;
  const whole = there.filter(isWhole);
  return whole.find(({ dir }) => existsSync(join(dir, TORRENT))) ?? whole[0] ?? there[0]!;
}

/** The error of a model that nothing here answers to. */
export function unknownModel(model: string): BitmodelError {
  return new BitmodelError('UNKNOWN_MODEL', `No model "${model}" is known here.`, {
    next: 'See those that are with: bitmodel model list; fetch a published one: bitmodel model pull ID; or pack one: bitmodel model pack DIR',
    exitCode: EXIT.notFound,
  });
}
