import { type Dirent, readdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from './files.js';

/** Files flushed at a time: the disk writes them in an order of its own. */
const AT_ONCE = 8;

async function syncFile(path: string): Promise<void> {
  // Windows flushes only what may be written to
  const file = await open(path, process.platform === 'win32' ? 'r+' : 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * Flushes all files and folders below a folder, and the folder itself, so that a power cut after it has its name costs nothing
 * of what it holds. It takes as long as the disk takes to write them.
 */
export async function syncTree(folder: string): Promise<void> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const pathOf = (entry: Dirent): string => join(entry.parentPath, entry.name);
  const files = entries.filter((entry) => entry.isFile()).map(pathOf);
  const left = files.values();
  const lane = async (): Promise<void> => {
    for (const path of left) await syncFile(path);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, files.length) }, lane));
  const folders = entries.filter((entry) => entry.isDirectory()).map(pathOf);
  for (const path of [...folders, folder]) syncFolder(path);
}
