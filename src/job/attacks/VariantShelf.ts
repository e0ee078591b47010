import { LanguageModel } from '../../model/index.js';
import { type AttackModel, MOST_KEPT } from '../../rastic/index.js';

/**
 * Models made of changed graphs, each opened once for many runs. Large ones are not kept: each costs its whole memory.
 */
export class VariantShelf {
  readonly #options: { readonly dir: string; readonly file: string; readonly threads?: number };
  readonly #open = new Map<Uint8Array, LanguageModel>();

  constructor(options: { dir: string; file: string; threads?: number }) {
    this.#options = options;
  }

  /** As an attack's `openVariant`. */
  async open(graph: Uint8Array): Promise<AttackModel> {
    const known = this.#open.get(graph);
    const { dir, ...options } = this.#options;
    const model = known ?? (await LanguageModel.open(dir, { ...options, graph }));
    if (graph.length > MOST_KEPT) return model;
    this.#open.set(graph, model);
    return {
      info: model.info,
      tokenizer: model.tokenizer,
      prefill: (ids, options) => model.prefill(ids, options),
      generate: (request, listeners) => model.generate(request, listeners),
      session: () => model.session(),
      close: async () => {},
    };
  }

  /** Closes all that are kept. */
  async close(): Promise<void> {
    const models = [...this.#open.values()];
    this.#open.clear();
    for (const model of models) await model.close();
  }
}
