import { join } from 'node:path';
import { Tokenizer as HubTokenizer } from '@huggingface/tokenizers';
import { BitmodelError, EXIT, messageOf } from '../base/index.js';
import { bundleTemplate, specialTokensOf } from './chat/bundleTemplate.js';
import { ChatTemplate } from './chat/ChatTemplate.js';
import { readBundleJson } from './config.js';
import type { ChatMessage, Tokenizer } from './types.js';

type Json = Record<string, unknown>;

class BundleTokenizer implements Tokenizer {
  readonly size: number;
  readonly #inner: HubTokenizer;
  readonly #config: Json;
  readonly #template: ChatTemplate | undefined;

  constructor(inner: HubTokenizer, config: Json, template: string | undefined) {
    this.#inner = inner;
    this.#config = config;
    this.#template = template === undefined ? undefined : new ChatTemplate(template);
    let largest = -1;
    for (const id of inner.get_vocab(false).values()) if (id > largest) largest = id;
    this.size = largest + 1;
  }

  get hasChatTemplate(): boolean {
    return this.#template !== undefined;
  }

  encode(text: string, options: { readonly addSpecialTokens?: boolean } = {}): number[] {
    const { ids } = this.#inner.encode(text, {
      add_special_tokens: options.addSpecialTokens ?? true,
    });
    return ids.map(Number);
  }

  decode(ids: readonly number[]): string {
    const known = ids.filter((id) => this.#inner.id_to_token(id) !== undefined);
    if (known.length === 0) return '';
    return this.#inner.decode(known, {
      skip_special_tokens: false,
      clean_up_tokenization_spaces: false,
    });
  }

  token(id: number): string | undefined {
    return this.#inner.id_to_token(id);
  }

  applyChatTemplate(
    messages: readonly ChatMessage[],
    options: { readonly addGenerationPrompt?: boolean } = {},
  ): number[] {
    if (this.#template === undefined) {
      throw new BitmodelError('NO_CHAT_TEMPLATE', 'The model brings no chat template.', {
        next: 'Give the prompt as plain text',
        exitCode: EXIT.usage,
      });
    }
    const { addGenerationPrompt } = options;
    const text = this.#template.render(messages, {
      specialTokens: specialTokensOf(this.#config),
      ...(addGenerationPrompt === undefined ? {} : { addGenerationPrompt }),
    });
    // the template writes the special tokens out itself
    return this.encode(text, { addSpecialTokens: false });
  }
}

/**
 * Loads the tokenizer of a bundle: `tokenizer.json`, and `tokenizer_config.json` and `chat_template.jinja` where there are any.
 * @throws BitmodelError `TOKENIZER_MISSING`, `BAD_TOKENIZER`, `BAD_MODEL_CONFIG`
 */
export function loadTokenizer(dir: string): Tokenizer {
  const json = readBundleJson(dir, 'tokenizer.json');
  if (json === undefined) {
    throw new BitmodelError('TOKENIZER_MISSING', `There is no tokenizer.json in ${dir}.`, {
      next: "Fetch the model's tokenizer files into the folder",
      exitCode: EXIT.notFound,
    });
  }
  const config = readBundleJson(dir, 'tokenizer_config.json') ?? {};
  try {
    const inner = new HubTokenizer(json, { ...config, clean_up_tokenization_spaces: false });
    return new BundleTokenizer(inner, config, bundleTemplate(dir, config));
  } catch (thrown) {
    const why = messageOf(thrown).split('\n')[0];
    throw new BitmodelError(
      'BAD_TOKENIZER',
      `${join(dir, 'tokenizer.json')} can't be used: ${why}.`,
      {
        next: "Fetch the model's tokenizer files again",
        cause: thrown,
      },
    );
  }
}
