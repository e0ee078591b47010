import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readBundleJson } from '../config.js';

type Json = Readonly<Record<string, unknown>>;

/** Beyond this a template is not even read: it would be refused. */
const MOST_BYTES = 1 << 20;

/** Keys of the special tokens that the transformers library hands to templates. */
const SPECIAL_TOKENS = [
  'bos_token',
  'eos_token',
  'unk_token',
  'sep_token',
  'pad_token',
  'cls_token',
  'mask_token',
];

/** A special token is written as its text, or as an object around it. */
function tokenText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  const content = (value as Json | null | undefined)?.content;
  return typeof content === 'string' ? content : undefined;
}

/** Texts of the special tokens that the bundle's tokenizer has. */
export function specialTokensOf(config: Json): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of SPECIAL_TOKENS) {
    const text = tokenText(config[name]);
    if (text !== undefined) found[name] = text;
  }
  return found;
}

function templateIn(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return undefined;
  const named = value as { name?: unknown; template?: unknown }[];
  const chosen = named.find((entry) => entry?.name === 'default') ?? named[0];
  return typeof chosen?.template === 'string' ? chosen.template : undefined;
}

/**
 * The chat template of a bundle: `chat_template.jinja`, else what `tokenizer_config.json` holds (one text, or several with
 * names, of which `default` is taken, else the first), else `chat_template.json` (models that also see).
 */
export function bundleTemplate(dir: string, config: Json): string | undefined {
  const file = join(dir, 'chat_template.jinja');
  const found = statSync(file, { throwIfNoEntry: false });
  // a pipe would be waited for
  if (found?.isFile() && found.size <= MOST_BYTES) return readFileSync(file, 'utf8');
  return (
    templateIn(config.chat_template) ??
    templateIn(readBundleJson(dir, 'chat_template.json')?.chat_template)
  );
}
