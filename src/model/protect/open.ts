import { LanguageModel } from '../LanguageModel.js';
import type { ExternalData, OpenOptions } from '../types.js';
import type { OpenShare } from './keys.js';
import { unlockInMemory } from './unlock.js';

/**
 * Opens a protected model with its two shares. Its weights are unlocked in memory alone: nothing of them is written, not even
 * to a temporary file. Only where the model runs are they kept; what has to load them again unlocks them again, for which the
 * shares are.
 * @throws BitmodelError as `unlockInMemory` and `LanguageModel.open`
 */
export async function openProtected(
  dir: string,
  shares: readonly OpenShare[],
  options: Omit<OpenOptions, 'graph' | 'external'> = {},
): Promise<LanguageModel> {
  const { file, graph, external: first } = await unlockInMemory(dir, shares, options.file);
  let unlocked: readonly ExternalData[] | undefined = first;
  const external = async (): Promise<readonly ExternalData[]> => {
    const given = unlocked ?? (await unlockInMemory(dir, shares, file)).external;
    unlocked = undefined;
    return given;
  };
  return LanguageModel.open(dir, { ...options, file, graph, external });
}
