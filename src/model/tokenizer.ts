import { join } from 'node:path';
import { Tokenizer as HubTokenizer } from '@huggingface/tokenizers';
import { BitmodelError, EXIT, messageOf, oneLine } from '../base/index.js';
import { bundleTemplate, specialTokensOf } from './chat/bundleTemplate.js';
import { ChatTemplate } from './chat/ChatTemplate.js';
import { readBundleJson } from './config.js';
import type { ChatMessage, Tokenizer } from './types.js';
import { withinTime } from './withinTime.js';

type Json = Record<string, unknown>;

/** Ids beyond this are no vocabulary's; the largest of the field have 300,000. */
const LARGEST_ID = 1 << 24;
/** What a tokenizer may take, since its regular expressions are of whoever made it. */
const ENCODE_MS = 3000;
/** More for a long text. */
const CHARACTERS_PER_MS = 20;
const DECODE_MS = 1000;
const BUILD_MS = 30_000;
/** Of the library's words in an error. */
const MOST_WORDS = 200;

class BundleTokenizer implements Tokenizer {
  readonly size: number;
  readonly #inner: HubTokenizer;
  readonly #config: Json;
  readonly #template: ChatTemplate | undefined;
  /** Whether decoding runs regular expressions of the bundle; a clock for every token is not for nothing. */
  readonly #decodesByRegex: boolean;

  constructor(
    inner: HubTokenizer,
    config: Json,
    template: string | undefined,
    decodesByRegex: boolean,
  ) {
    this.#inner = inner;
    this.#config = config;
    this.#template = template === undefined ? undefined : new ChatTemplate(template);
    this.#decodesByRegex = decodesByRegex;
    let largest = -1;
    for (const id of inner.get_vocab(false).values()) if (id > largest) largest = id;
    this.size = largest + 1;
  }

  get hasChatTemplate(): boolean {
    return this.#template !== undefined;
  }

  encode(text: string, options: { readonly addSpecialTokens?: boolean } = {}): number[] {
    return orBad('The tokenizer', () => {
      const { ids } = withinTime(ENCODE_MS + Math.ceil(text.length / CHARACTERS_PER_MS), () =>
        this.#inner.encode(text, { add_special_tokens: options.addSpecialTokens ?? true }),
      );
      const numbers: number[] = ids.map(Number);
      if (numbers.every((id) => Number.isSafeInteger(id) && id >= 0)) return numbers;
      throw new Error('it has no id for a part of the text');
    });
  }

  decode(ids: readonly number[]): string {
    const known = ids.filter((id) => this.#inner.id_to_token(id) !== undefined);
    if (known.length === 0) return '';
    const decode = (): string =>
      this.#inner.decode(known, {
        skip_special_tokens: false,
        clean_up_tokenization_spaces: false,
      });
    return orBad('The tokenizer', () =>
      this.#decodesByRegex ? withinTime(DECODE_MS, decode) : decode(),
    );
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
  const template = bundleTemplate(dir, config);
  return orBad(join(dir, 'tokenizer.json'), () => {
    checkIds(json);
    const settings = { ...config, clean_up_tokenization_spaces: false };
    const inner = withinTime(BUILD_MS, () => new HubTokenizer(json, settings));
    return new BundleTokenizer(
      inner,
      config,
      template,
      /"Regex":/.test(JSON.stringify(json.decoder ?? null)),
    );
  });
}

/** The library makes arrays by ids, so one that is none, or is far off, is refused before it sees it. */
function checkIds(json: Json): void {
  const vocabulary: unknown = (json.model as Json | null | undefined)?.vocab;
  const plain =
    typeof vocabulary === 'object' && vocabulary !== null && !Array.isArray(vocabulary)
      ? Object.values(vocabulary)
      : [];
  const added = Array.isArray(json.added_tokens)
    ? json.added_tokens.map((token: Json | null) => token?.id)
    : [];
  const bad = [...plain, ...added].find(
    (id) => !Number.isInteger(id) || (id as number) < 0 || (id as number) > LARGEST_ID,
  );
  if (bad !== undefined) throw new Error(`its vocabulary has the id ${String(bad)}`);
}

/** Words an error of the library, or of what it was given. */
function orBad<T>(what: string, run: () => T): T {
  try {
    return run();
  } catch (thrown) {
    if (thrown instanceof BitmodelError) throw thrown;
    const why = oneLine(messageOf(thrown)).slice(0, MOST_WORDS).replace(/\.$/, '');
    throw new BitmodelError('BAD_TOKENIZER', `${what} can't be used: ${why}.`, {
      next: "Fetch the model's tokenizer files again",
      cause: thrown,
    });
  }
}
