import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Bundle, holdsBundle, MANIFEST, readBundle } from '../bundle/manifest.js';
import { STATE } from './PartialBundle.js';

/**
 * The description of a packed model that is all in a folder, as far as names and sizes show; whether its bytes are right is
 * for `checkModel`.
 * @returns undefined where the folder holds no such model, another one, or a download that has not ended
 * @throws BitmodelError as `readBundle` when its description is broken
 */
export function wholeBundle(dir: string, id: string): Bundle | undefined {
  if (!existsSync(join(dir, MANIFEST)) || existsSync(join(dir, STATE))) return undefined;
  const bundle = readBundle(dir);
  return holdsBundle(dir, bundle, id) ? bundle : undefined;
}
