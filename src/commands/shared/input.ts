import { createReadStream } from 'node:fs';
import { BitmodelError, EXIT, messageOf } from '../../base/index.js';

/** The whole text of a file, or of stdin for `-`. @throws as {@link readBytes} */
export async function readInput(path: string, limit: number): Promise<string> {
  return Buffer.from(await readBytes(path, limit)).toString('utf8');
}

/**
 * All bytes of a file, or of stdin for `-`, read as a stream and given up as soon as they are too many.
 * @param limit most bytes taken
 * @throws BitmodelError `NO_SUCH_FILE` (exit 3), `INPUT_TOO_LARGE`, `NO_INPUT` when `-` is a terminal, `CANNOT_READ`
 */
export async function readBytes(path: string, limit: number): Promise<Uint8Array> {
  if (path === '-' && process.stdin.isTTY) {
    throw new BitmodelError('NO_INPUT', 'Nothing is piped into this command.', {
      next: 'Name a file, or pipe one in',
      exitCode: EXIT.usage,
    });
  }
  const stream = path === '-' ? process.stdin : createReadStream(path);
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of stream) {
      const bytes = chunk as Buffer;
      length += bytes.length;
      if (length > limit) {
        throw new BitmodelError('INPUT_TOO_LARGE', `${path} is larger than ${limit} bytes.`);
      }
      chunks.push(bytes);
    }
  } catch (thrown) {
    if (thrown instanceof BitmodelError) throw thrown;
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new BitmodelError('NO_SUCH_FILE', `There is no file ${path}.`, {
        exitCode: EXIT.notFound,
        cause: thrown,
      });
    }
    throw new BitmodelError('CANNOT_READ', `${path} can't be read: ${messageOf(thrown)}.`, {
      cause: thrown,
    });
  }
  return Buffer.concat(chunks, length);
}
