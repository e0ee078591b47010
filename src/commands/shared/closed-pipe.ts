let listener: (() => void) | undefined;

/**
 * Says what happens when the reader of standard output is gone (`head`, `less`), in the place of ending at once: a process that
 * ends while a thread is in native code is aborted by it.
 * @param then nothing, to end at once again
 */
export function onClosedPipe(then: (() => void) | undefined): void {
  listener = then;
}

/** Standard output can't be written to any more, which is no error. */
export function pipeClosed(): void {
  if (listener) listener();
  else process.exit(0);
}

/** Standard output can't be written, such as a file on a full disk: nothing more is of use, and all that is said is this. */
export function outputLost(error: Error): void {
  const text = `error: The output can't be written: ${error.message}. [WRITE_FAILED]\n  next: Free some space, or write elsewhere\n`;
  process.stderr.write(text, () => process.exit(1));
}
