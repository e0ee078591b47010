import { LanguageModel } from '../LanguageModel.js';
import type { OpenOptions } from '../types.js';
import type { OpenShare } from './keys.js';
import { unlockInMemory } from './unlock.js';

/**
 * Opens a protected model with its two shares. Its weights are unlocked in memory alone: nothing of them is written, not even
 * to a temporary file.
 * @throws BitmodelError as `unlockInMemory` and `LanguageModel.open`
 */
export async function openProtected(
  dir: string,
  shares: readonly OpenShare[],
  options: Omit<OpenOptions, 'graph' | 'external'> = {},
): Promise<LanguageModel> {
  const { file, graph, external } = await unlockInMemory(dir, shares, options.file);
  return LanguageModel.open(dir, { ...options, file, graph, external });
}
