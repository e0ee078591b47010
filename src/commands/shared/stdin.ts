import { BitmodelError, EXIT } from '../../base/index.js';

/** What has come from stdin beyond the last line taken. */
let pending = '';
let ended = false;

function noInput(what: string, next: string): BitmodelError {
  return new BitmodelError('NO_INPUT', `There is no ${what} on stdin.`, {
    next,
    exitCode: EXIT.usage,
  });
}

async function moreInput(): Promise<boolean> {
  if (ended) return false;
  process.stdin.setEncoding('utf8');
  for await (const chunk of process.stdin.iterator({ destroyOnReturn: false })) {
    pending += chunk as string;
    return true;
  }
  ended = true;
  return false;
}

/**
 * The next line of a piped stdin, so that words, a private key and a passphrase can be given one after the other.
 * @param what names it in the error
 * @throws BitmodelError `NO_INPUT` when stdin is a terminal, has ended, or the line is longer than 4,096 characters
 */
export async function readStdinLine(what: string, next: string): Promise<string> {
  if (process.stdin.isTTY) throw noInput(what, next);
  while (!pending.includes('\n') && pending.length <= 4096 && (await moreInput()));
  const end = pending.indexOf('\n');
  const line = end < 0 ? pending : pending.slice(0, end);
  if (line.length > 4096 || line === '') throw noInput(what, next);
  pending = end < 0 ? '' : pending.slice(end + 1);
  return line.replace(/\r$/, '');
}

/**
 * All of a piped stdin.
 * @param limit most characters taken
 * @throws BitmodelError `NO_INPUT` when stdin is a terminal or empty; `INPUT_TOO_LONG`
 */
export async function readStdin(what: string, next: string, limit = 1 << 26): Promise<string> {
  if (process.stdin.isTTY) throw noInput(what, next);
  while (await moreInput()) {
    if (pending.length > limit) {
      throw new BitmodelError(
        'INPUT_TOO_LONG',
        `There are more than ${limit} characters on stdin.`,
        {
          exitCode: EXIT.usage,
        },
      );
    }
  }
  const text = pending;
  pending = '';
  if (text.trim() === '') throw noInput(what, next);
  return text;
}
