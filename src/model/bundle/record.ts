import { randomUUID } from 'node:crypto';
import { closeSync, openSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { BitmodelError, EXIT, makeFolder } from '../../base/index.js';

/**
 * Finds out whether a folder takes new files before minutes are spent on reading. A real file is made, since permissions alone
 * say nothing about read-only disks, shares and quotas.
 * @throws BitmodelError `READ_ONLY_FOLDER`
 */
export function assertRecordable(dir: string): void {
  // a name with a dot is no part of a bundle, should it be left behind
  const probe = join(dir, `.${randomUUID()}.tmp`);
  try {
    makeFolder(dir);
    closeSync(openSync(probe, 'wx'));
    unlinkSync(probe);
  } catch (thrown) {
    // a full disk is told when the files themselves are written
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT') return;
    throw new BitmodelError('READ_ONLY_FOLDER', `${dir} can't be written to.`, {
      next: 'Have the record written elsewhere: bitmodel model pack DIR --record FOLDER',
      exitCode: EXIT.notAllowed,
      cause: thrown,
    });
  }
}
