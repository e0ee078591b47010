import { statSync } from 'node:fs';
import { toHex } from '../../base/index.js';
import {
  isProtected,
  LanguageModel,
  type OpenOptions,
  type OpenShare,
  openProtected,
  parseShare,
  readProtection,
} from '../../model/index.js';
import { readInput } from './input.js';
import type { Terminal } from './terminal.js';
import { warnings } from './warnings.js';

export { SHARE_OPTION } from './share-option.js';

/** Most bytes of a file with shares. */
const SHARE_LIMIT = 4096;

/**
 * Reads shares, one a line, from files.
 * @throws BitmodelError `BAD_SHARE`, and as `readInput`
 */
export async function readShares(files: readonly string[] | undefined): Promise<OpenShare[]> {
  const shares: OpenShare[] = [];
  for (const file of files ?? []) {
    const status = file === '-' ? undefined : statSync(file, { throwIfNoEntry: false });
    if (status?.isFile() && process.platform !== 'win32' && status.mode & 0o077) {
      warnings.add(`others can read ${file}; take that away with: chmod 600 ${file}`);
    }
    const lines = (await readInput(file, SHARE_LIMIT)).split('\n').filter((line) => line.trim());
    // an empty file is a share that was not copied
    shares.push(...(lines.length > 0 ? lines : ['']).map(parseShare));
  }
  return shares;
}

/**
 * Opens a model; a protected one with those of the shares that are its own, in memory alone.
 * @throws BitmodelError `SHARES_MISSING`, and as `openProtected` and `LanguageModel.open`
 */
export async function openWithShares(
  folder: string,
  options: OpenOptions,
  shares: readonly OpenShare[],
): Promise<LanguageModel> {
  if (!isProtected(folder)) return LanguageModel.open(folder, options);
  const { label } = readProtection(folder).body;
  return openProtected(
    folder,
    // shares of several models may be given at once; when there is only this one, a wrong share is named as such
    shares.length <= 2 ? shares : shares.filter((share) => toHex(share.label) === label),
    options,
  );
}

/** As {@link openWithShares}, for one's own eyes: a shuffled model runs without shares, too, but answers nonsense. */
export async function openToRun(
  folder: string,
  options: OpenOptions,
  shares: readonly OpenShare[],
  terminal: Terminal,
): Promise<LanguageModel> {
  const asItIs =
    shares.length === 0 && isProtected(folder) && readProtection(folder).body.mode === 'shuffle';
  if (!asItIs) return openWithShares(folder, options, shares);
  terminal.warn(
    'this model is protected: without its two shares (--share FILE) it answers nonsense',
  );
  return LanguageModel.open(folder, options);
}
