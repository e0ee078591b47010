import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { BINARY, type Finished } from './harness.js';

/** Whether util-linux's `script` is here, which gives a command a terminal of its own. */
export function hasPseudoTerminal(): boolean {
  const { status, stdout } = spawnSync('script', ['--version'], { encoding: 'utf8' });
  return status === 0 && stdout.includes('util-linux');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * Runs the real binary on a terminal, where somebody types.
 * @param typing what is typed once the terminal shows a text, in this order
 * @returns what the terminal showed, as `stdout`
 */
export async function runOnTerminal(
  args: readonly string[],
  typing: readonly (readonly [seen: string, typed: string])[],
  env: Readonly<Record<string, string>>,
): Promise<Finished> {
  const command = [process.execPath, BINARY, ...args].map(quoted).join(' ');
  // a person's terminal, wherever the test itself runs: Node takes CI's for one without colours
  const { CI, NO_COLOR, FORCE_COLOR, ...own } = process.env;
  const child: ChildProcess = spawn('script', ['-q', '-e', '-c', command, '/dev/null'], {
    env: { ...own, ...env, TERM: 'xterm' },
  });
  let stdout = '';
  let from = 0;
  const waiting = [...typing];
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    // one reading may hold several texts that are waited for
    for (;;) {
      const next = waiting[0];
      const at = next ? stdout.indexOf(next[0], from) : -1;
      if (!next || at < 0) return;
      from = at + next[0].length;
      waiting.shift();
      // the question is drawn before its answer is listened for
      setTimeout(() => child.stdin!.write(next[1]), 100);
    }
  });
  const code = await new Promise<number | null>((done) => child.once('close', done));
  return { code, stdout, stderr: '' };
}
