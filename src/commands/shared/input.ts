import { createReadStream } from 'node:fs';
import { BitmodelError, EXIT, messageOf } from '../../base/index.js';

/** What has come from stdin beyond what was taken. */
let pending: Buffer = Buffer.alloc(0);
let ended = false;

/** Longest line taken from stdin, in bytes. */
const LONGEST_LINE = 4096;
/** Most bytes taken from stdin unless stated: a transaction of 8 MB in hex, and what it spends. */
const LARGEST = 1 << 26;
const NEWLINE = 0x0a;

function noInput(what: string, next: string): BitmodelError {
  return new BitmodelError('NO_INPUT', `There is no ${what} on stdin.`, {
    next,
    exitCode: EXIT.usage,
  });
}

function tooLarge(path: string, limit: number): BitmodelError {
  return new BitmodelError('INPUT_TOO_LARGE', `${path} is larger than ${limit} bytes.`, {
    exitCode: EXIT.usage,
  });
}

async function moreInput(): Promise<boolean> {
  if (ended) return false;
  for await (const chunk of process.stdin.iterator({ destroyOnReturn: false })) {
    pending = Buffer.concat([pending, chunk as Buffer]);
    return true;
  }
  ended = true;
  return false;
}

/**
 * The next line of a piped stdin, so that words, a private key and a passphrase can be given one after the other.
 * @param what names it in the error
 * @throws BitmodelError `NO_INPUT` when stdin is a terminal, has ended, or the line is longer than 4,096 bytes
 */
export async function readStdinLine(what: string, next: string): Promise<string> {
  if (process.stdin.isTTY) throw noInput(what, next);
  while (!pending.includes(NEWLINE) && pending.length <= LONGEST_LINE && (await moreInput()));
  const end = pending.indexOf(NEWLINE);
  const line = end < 0 ? pending : pending.subarray(0, end);
  if (line.length > LONGEST_LINE || line.length === 0) throw noInput(what, next);
  pending = end < 0 ? Buffer.alloc(0) : pending.subarray(end + 1);
  return line.toString('utf8').replace(/\r$/, '');
}

/** All that is left of stdin, and an empty buffer for a terminal. */
async function drainStdin(limit: number): Promise<Buffer> {
  if (process.stdin.isTTY) return Buffer.alloc(0);
  const chunks = [pending];
  let length = pending.length;
  pending = Buffer.alloc(0);
  while (await moreInput()) {
    chunks.push(pending);
    length += pending.length;
    pending = Buffer.alloc(0);
    if (length > limit) throw tooLarge('stdin', limit);
  }
  if (length > limit) throw tooLarge('stdin', limit);
  return Buffer.concat(chunks, length);
}

/**
 * All of a piped stdin.
 * @param limit most bytes taken
 * @throws BitmodelError `NO_INPUT` when stdin is a terminal or holds nothing but spaces; `INPUT_TOO_LARGE`
 */
export async function readStdin(what: string, next: string, limit = LARGEST): Promise<string> {
  const text = (await drainStdin(limit)).toString('utf8');
  if (text.trim() === '') throw noInput(what, next);
  return text;
}

/**
 * The bytes of a file, or of stdin for `-`, given up as soon as they are too many.
 * @param limit most bytes taken
 * @throws BitmodelError `NO_SUCH_FILE` (exit 3), `INPUT_TOO_LARGE`, `NO_INPUT` when `-` is a terminal, `CANNOT_READ`
 */
export async function readBytes(path: string, limit: number): Promise<Uint8Array> {
  if (path === '-') {
    if (process.stdin.isTTY) throw noInput('input', 'Name a file, or pipe one in');
    return new Uint8Array(await drainStdin(limit));
  }
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of createReadStream(path)) {
      const bytes = chunk as Buffer;
      length += bytes.length;
      if (length > limit) throw tooLarge(path, limit);
      chunks.push(bytes);
    }
  } catch (thrown) {
    if (thrown instanceof BitmodelError) throw thrown;
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new BitmodelError('NO_SUCH_FILE', `There is no file ${path}.`, {
        next: 'Check the path',
        exitCode: EXIT.notFound,
        cause: thrown,
      });
    }
    const isFolder = (thrown as NodeJS.ErrnoException).code === 'EISDIR';
    const why = isFolder ? 'it is a folder' : messageOf(thrown);
    throw new BitmodelError('CANNOT_READ', `${path} can't be read: ${why}.`, {
      next: isFolder ? 'Name a file in it' : 'Check the path and who may read it',
      cause: thrown,
    });
  }
  return new Uint8Array(Buffer.concat(chunks, length));
}

/** As {@link readBytes}, as text. */
export async function readInput(path: string, limit: number): Promise<string> {
  return Buffer.from(await readBytes(path, limit)).toString('utf8');
}

/** All of a piped stdin as one text, without the line break at its end. @throws as {@link readBytes} */
export async function readPipedText(): Promise<string> {
  return (await readInput('-', LARGEST)).replace(/\r?\n$/, '');
}
