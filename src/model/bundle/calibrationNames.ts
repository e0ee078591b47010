import { readdir } from 'node:fs/promises';

/** How the name of a calibration beside a model ends. */
export const CALIBRATION_SUFFIX = '.calibration.json';

/** Names of the files beside a model that go with it when it is handed on, though they are no part of it. */
export async function calibrationNames(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(CALIBRATION_SUFFIX))
    .map(({ name }) => name)
    .sort();
}
