import { statSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../base/index.js';
import { ModelRegistry } from '../bundle/ModelRegistry.js';
import { TORRENT } from '../bundle/pack.js';
import { ServedBundle } from './ServedBundle.js';

/** How long the list of models is taken as it was read. */
const FRESH_MS = 1_000;

interface Entry {
  readonly dir: string;
  /** When the torrent was written, so that packing anew is seen. */
  readonly packedAt: number;
  readonly bundle: Promise<ServedBundle | undefined>;
}

/** The models of a data folder that others may fetch: all that are registered there and are what was packed. */
export class ServedModels {
  readonly #registry: ModelRegistry;
  readonly #onWarning: (message: string) => void;
  readonly #entries = new Map<string, Entry>();
  #readAt = Number.NEGATIVE_INFINITY;

  /** @param onWarning told once of a model that can't be shared, and why */
  constructor(datadir: string, onWarning: (message: string) => void) {
    this.#registry = new ModelRegistry(datadir);
    this.#onWarning = onWarning;
  }

  /** Ids of the models that can be shared. */
  async ids(): Promise<string[]> {
    this.#refresh();
    const entries = [...this.#entries];
    const open = await Promise.all(entries.map(([, { bundle }]) => bundle));
    return entries.filter((_, i) => open[i] !== undefined).map(([id]) => id);
  }

  /** A model by its id (hex); undefined when it is not shared here. */
  async find(id: string): Promise<ServedBundle | undefined> {
    this.#refresh();
    return this.#entries.get(id)?.bundle;
  }

  /** Looks at the list again at the next question. */
  forget(): void {
    this.#readAt = Number.NEGATIVE_INFINITY;
  }

  async close(): Promise<void> {
    const open = [...this.#entries.values()];
    this.#entries.clear();
    this.#readAt = Number.POSITIVE_INFINITY;
    await Promise.all(open.map(async ({ bundle }) => (await bundle)?.close()));
  }

  #refresh(): void {
    const now = performance.now();
    if (now - this.#readAt < FRESH_MS) return;
    this.#readAt = now;
    const models = this.#registry.listIds();
    const ids = new Set(models.map(({ id }) => id));
    for (const id of this.#entries.keys()) if (!ids.has(id)) this.#drop(id);
    for (const { id, dir } of models) this.#look(id, dir);
  }

  #look(id: string, dir: string): void {
    const packedAt = statSync(join(dir, TORRENT), { throwIfNoEntry: false })?.mtimeMs ?? 0;
    const known = this.#entries.get(id);
    if (known?.dir === dir && known.packedAt === packedAt) return;
    this.#drop(id);
    this.#entries.set(id, { dir, packedAt, bundle: this.#open(id, dir) });
  }

  async #open(id: string, dir: string): Promise<ServedBundle | undefined> {
    try {
      const bundle = await ServedBundle.open(dir);
      if (bundle.info.id === id) return bundle;
      this.#onWarning(`${dir} is not shared: it holds another model than it was packed as`);
      await bundle.close();
    } catch (thrown) {
      this.#onWarning(`${dir} is not shared: ${messageOf(thrown)}`);
    }
    return undefined;
  }

  #drop(id: string): void {
    const entry = this.#entries.get(id);
    this.#entries.delete(id);
    // a read under way ends first
    void entry?.bundle.then((bundle) => bundle?.close());
  }
}
