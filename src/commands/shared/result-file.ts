import { extname } from 'node:path';
import { BitmodelError, EXIT } from '../../base/index.js';
import { demandWritable, writeNamedFile } from './output.js';
import type { Terminal } from './terminal.js';

/** Each form in which a result can be written, by the ending of a file's name. */
export interface ResultForms {
  /** A page of its own. */
  readonly html: () => string;
  readonly svg: () => string;
  readonly json: () => object;
}

/** Files that a result is to be written to, as two options name them. */
export interface ResultFiles {
  /** Its ending tells the form. */
  readonly output?: string;
  readonly svg?: string;
}

function formOf(path: string): keyof ResultForms {
  const ending = extname(path).slice(1).toLowerCase();
  if (ending === 'html' || ending === 'svg' || ending === 'json') return ending;
  throw new BitmodelError(
    'BAD_OPTION',
    `The name ${path} does not tell one of the forms html, svg, json.`,
    {
      next: 'Name a file that ends so, such as page.html',
      exitCode: EXIT.usage,
    },
  );
}

/**
 * Checks, before anything is computed, that the files can be written.
 * @throws BitmodelError `BAD_OPTION` for an ending that tells no form; `NO_SUCH_FOLDER`, `NOT_WRITABLE`
 */
export function demandResultFiles({ output, svg }: ResultFiles): void {
  if (output !== undefined) formOf(output);
  for (const path of [output, svg]) if (path !== undefined) demandWritable(path);
}

/** Writes the files that were asked for. @throws BitmodelError as {@link demandResultFiles} */
export function writeResultFiles(
  { output, svg }: ResultFiles,
  forms: ResultForms,
  terminal: Pick<Terminal, 'note'>,
): void {
  if (svg !== undefined) writeNamedFile(svg, forms.svg(), terminal);
  if (output === undefined) return;
  const form = formOf(output);
  const text = form === 'json' ? `${JSON.stringify(forms.json(), undefined, 1)}\n` : forms[form]();
  writeNamedFile(output, text, terminal);
}
