import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import {
  BitmodelError,
  EXIT,
  fromHex,
  makeFolder,
  toHex,
  writeFileAtomic,
} from '../../base/index.js';

/** A test set and the salt that it was committed with: known to the creator alone until it is shown. */
export interface TestSetSecret {
  /** 32 bytes. */
  readonly salt: Uint8Array;
  readonly testSet: string;
}

const schema = z.strictObject({
  v: z.literal(1),
  salt: z.string().regex(/^[0-9a-f]{64}$/),
  testSet: z.string(),
});

/** A test set with a fresh salt. */
export function saltTestSet(testSet: string): TestSetSecret {
  return { salt: new Uint8Array(randomBytes(32)), testSet };
}

const pathOf = (folder: string, id: string): string => join(folder, `${id}.json`);

/**
 * Keeps a test set for the day when it is shown, in a file that nobody else can read: before the task is pinned, since
 * without it nothing can ever be judged.
 * @param folder of the creator's tasks on this network
 * @param id of the task, 64 hex digits
 */
export function keepTestSet(folder: string, id: string, { salt, testSet }: TestSetSecret): void {
  makeFolder(folder);
  const text = JSON.stringify({ v: 1, salt: toHex(salt), testSet });
  writeFileAtomic(pathOf(folder, id), text, { mode: 0o600 });
}

/** A test set that was kept. @throws BitmodelError `NO_TEST_SET` (exit 3), `BAD_TEST_SET_FILE` */
export function keptTestSet(folder: string, id: string): TestSetSecret {
  const path = pathOf(folder, id);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (thrown) {
    throw new BitmodelError('NO_TEST_SET', `The test set of this task is not in ${path}.`, {
      next: 'Show it from the machine and data folder that made the task',
      exitCode: EXIT.notFound,
      cause: thrown,
    });
  }
  try {
    const { salt, testSet } = schema.parse(JSON.parse(text));
    return { salt: fromHex(salt), testSet };
  } catch {
    // what was parsed is a secret: no error repeats it
    throw new BitmodelError('BAD_TEST_SET_FILE', `${path} holds no test set.`, {
      next: 'Bring it back from a copy of the data folder',
    });
  }
}
