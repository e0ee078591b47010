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
/** Bytes read from a file at once. */
const CHUNK = 1 << 18;

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

function cannotRead(path: string, thrown: unknown): BitmodelError {
  if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') {
    return new BitmodelError('NO_SUCH_FILE', `There is no file ${path}.`, {
      next: 'Check the path',
      exitCode: EXIT.notFound,
      cause: thrown,
    });
  }
  const isFolder = (thrown as NodeJS.ErrnoException).code === 'EISDIR';
  const why = isFolder ? 'it is a folder' : messageOf(thrown);
  return new BitmodelError('CANNOT_READ', `${path} can't be read: ${why}.`, {
    next: isFolder ? 'Name a file in it' : 'Check the path and who may read it',
    cause: thrown,
  });
}

/** The bytes of a file as they are read. */
async function* fileChunks(path: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: CHUNK })) {
      yield chunk as Buffer;
    }
  } catch (thrown) {
    throw cannotRead(path, thrown);
  }
}

/** All that comes from stdin. */
async function* stdinChunks(): AsyncGenerator<Uint8Array> {
  do {
    const chunk = pending;
    pending = Buffer.alloc(0);
    if (chunk.length > 0) yield chunk;
  } while (await moreInput());
}

/**
 * The bytes of a file, or of stdin for `-`, of any number, as they come.
 * @throws BitmodelError `NO_SUCH_FILE` (exit 3), `NO_INPUT` when `-` is a terminal, `CANNOT_READ`
 */
export function readChunks(path: string): AsyncGenerator<Uint8Array> {
  if (path !== '-') return fileChunks(path);
  if (process.stdin.isTTY) throw noInput('input', 'Name a file, or pipe one in');
  return stdinChunks();
}

/**
 * The bytes of a file, or of stdin for `-`, given up as soon as they are too many.
 * @param limit most bytes taken
 * @throws BitmodelError `NO_SUCH_FILE` (exit 3), `INPUT_TOO_LARGE`, `NO_INPUT` when `-` is a terminal, `CANNOT_READ`
 */
export async function readBytes(path: string, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of readChunks(path)) {
    length += chunk.length;
    if (length > limit) throw tooLarge(path === '-' ? 'stdin' : path, limit);
    chunks.push(chunk);
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
