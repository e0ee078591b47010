import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A folder of its own, that goes away with the test. */
export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), 'bitmodel-bundle-'));

  /** Writes a file, and the folders that it lies in. */
  put(path: string, bytes: Uint8Array | string): string {
    const full = join(this.path, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, bytes);
    return full;
  }

  at(path: string): string {
    return join(this.path, path);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/**
 * Does something without root's right to read and write everything; anyone else has none to lose.
 * @param work what is to be done; the rights are back once it settles
 */
export async function withoutRights<T>(work: () => Promise<T> | T): Promise<T> {
  if (process.getuid?.() !== 0) return work();
  const NOBODY = 65_534;
  process.seteuid!(NOBODY);
  try {
    return await work();
  } finally {
    process.seteuid!(0);
  }
}
