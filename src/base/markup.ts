/** Text that is HTML or SVG already: made by {@link markup}, or written by us. */
export class Markup {
  readonly #text: string;

  /** @param text well-formed, with nothing from outside in it */
  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

/** What may stand in a gap of {@link markup}; lists are put one behind the other, nothing gives nothing. */
export type MarkupValue = string | number | bigint | Markup | undefined | readonly MarkupValue[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Characters that neither HTML nor XML may hold, escaped or not. */
const FORBIDDEN = /(?![\t\n\r])\p{Cc}|[\ufffe\uffff]|\p{Cs}/gu;

function escapeText(text: string): string {
  return text.replace(FORBIDDEN, '\ufffd').replace(/[&<>"']/g, (sign) => ENTITIES[sign]!);
}

function render(value: MarkupValue): string {
  if (value === undefined) return '';
  if (value instanceof Markup) return value.toString();
  if (Array.isArray(value)) return value.map(render).join('');
  return escapeText(String(value));
}

/**
 * A template tag for HTML and SVG: whatever is filled in is text, in which nothing is markup, unless it came from this tag
 * itself. It is safe between tags and in quoted attributes; not in a script, a style or an address.
 */
export function markup(parts: TemplateStringsArray, ...values: MarkupValue[]): Markup {
  return new Markup(
    parts.map((part, at) => (at === 0 ? part : render(values[at - 1]) + part)).join(''),
  );
}
