import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Template } from '@huggingface/jinja';
import { Tokenizer as HubTokenizer } from '@huggingface/tokenizers';
import { BitmodelError, EXIT, messageOf } from '../base/index.js';
import { readBundleJson } from './config.js';
import type { ChatMessage, Tokenizer } from './types.js';

type Json = Record<string, unknown>;

/** A special token is written as its text, or as an object around it. */
function tokenText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  const content = (value as Json | null | undefined)?.content;
  return typeof content === 'string' ? content : undefined;
}

/** The template itself: a file beside the others, one text, or several named ones. */
function chatTemplateOf(dir: string, config: Json): string | undefined {
  const file = join(dir, 'chat_template.jinja');
  if (existsSync(file)) return readFileSync(file, 'utf8');
  const template = config.chat_template;
  if (typeof template === 'string') return template;
  if (!Array.isArray(template)) return undefined;
  const named = template as { name?: unknown; template?: unknown }[];
  const chosen = named.find((entry) => entry.name === 'default') ?? named[0];
  return typeof chosen?.template === 'string' ? chosen.template : undefined;
}

class BundleTokenizer implements Tokenizer {
  readonly size: number;
  readonly #inner: HubTokenizer;
  readonly #config: Json;
  readonly #template: string | undefined;

  constructor(inner: HubTokenizer, config: Json, template: string | undefined) {
    this.#inner = inner;
    this.#config = config;
    this.#template = template;
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

  applyChatTemplate(messages: readonly ChatMessage[]): number[] {
    if (this.#template === undefined) {
      throw new BitmodelError('NO_CHAT_TEMPLATE', 'The model brings no chat template.', {
        next: 'Give the prompt as plain text',
        exitCode: EXIT.usage,
      });
    }
    let text: string;
    try {
      text = new Template(this.#template).render({
        messages: messages.map(({ role, content }) => ({ role, content })),
        add_generation_prompt: true,
        bos_token: tokenText(this.#config.bos_token) ?? '',
        eos_token: tokenText(this.#config.eos_token) ?? '',
        pad_token: tokenText(this.#config.pad_token) ?? '',
        unk_token: tokenText(this.#config.unk_token) ?? '',
      });
    } catch (thrown) {
      throw new BitmodelError(
        'BAD_CHAT_TEMPLATE',
        `The model's chat template can't be used: ${messageOf(thrown)}.`,
        { next: 'Pass --raw to give the prompt as plain text', cause: thrown },
      );
    }
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
    return new BundleTokenizer(inner, config, chatTemplateOf(dir, config));
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
