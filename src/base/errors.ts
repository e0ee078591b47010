/** What a person needs beside the message: the next step, and the error underneath. */
export interface BitmodelErrorOptions {
  /** The command or action that mends it, as one phrase. */
  readonly next?: string;
  readonly cause?: unknown;
  /** Process exit code when this reaches the command line (DESIGN 10); 1 unless stated. */
  readonly exitCode?: ExitCode;
}

/** Exit codes of the command line (DESIGN 10). */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  notAllowed: 4,
  unreachable: 5,
  invalid: 10,
  abstained: 11,
  interrupted: 130,
} as const;

/** One of {@link EXIT}. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/**
 * The one error class of the project: a stable `UPPER_SNAKE` code for programs, one sentence for people,
 * and the next step. Nothing in the project throws anything else on purpose.
 */
export class BitmodelError extends Error {
  override readonly name = 'BitmodelError';
  readonly code: string;
  readonly next: string | undefined;
  readonly exitCode: ExitCode;

  constructor(code: string, message: string, options: BitmodelErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.next = options.next;
    this.exitCode = options.exitCode ?? EXIT.failed;
  }
}

/** Whether somebody could not be reached, or their answer could not: nobody knows what they did, and later it may do. */
export function isUnreachable(thrown: unknown): boolean {
  return thrown instanceof BitmodelError && thrown.exitCode === EXIT.unreachable;
}

/** What was thrown about one line of a file, its message led by the number of the line, from 1. */
export function atLine(line: number, thrown: unknown): unknown {
  if (!(thrown instanceof BitmodelError)) return thrown;
  const { code, message, next, exitCode } = thrown;
  return new BitmodelError(code, `Line ${line}: ${message}`, {
    ...(next === undefined ? {} : { next }),
    exitCode,
    cause: thrown,
  });
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
