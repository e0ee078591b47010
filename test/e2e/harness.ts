import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** The launcher that people run. */
export const BINARY = resolve(import.meta.dirname, '../../bin/bitmodel.js');

/** When any of the compiler's files, or of those the launcher runs, was last written. */
function writtenAt(folder: string): number {
  const dist = resolve(import.meta.dirname, '../../dist');
  const names = readdirSync(join(dist, folder), { recursive: folder === '', encoding: 'utf8' });
  const files = names.filter((name) => name.endsWith('.js') && !name.startsWith('bundle/'));
  return Math.max(...files.map((name) => statSync(join(dist, folder, name)).mtimeMs));
}

// the compiler alone leaves the binary as it was
if (writtenAt('') > writtenAt('bundle'))
  throw new Error('dist/bundle is older than dist: npm run build');

export interface Finished {
  /** Exit code, or null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** What is piped into it; nothing unless stated. */
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Send it a signal as soon as it says this on stderr; SIGKILL unless stated. */
  readonly killAt?: string;
  readonly signal?: NodeJS.Signals;
  /** Told all that it has said on stderr so far, each time it says more. */
  readonly onStderr?: (text: string) => void;
}

/** A process of the real binary that goes on until it is stopped. */
export interface Running {
  readonly child: ChildProcess;
  /** The first line on its stdout. */
  readonly line: string;
  /** All that it has said on stderr so far. */
  stderr(): string;
  /** Exit code, once it has ended by itself or by a signal (null). */
  readonly ended: Promise<number | null>;
  /** Sends the signal (SIGINT unless stated) and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** A data folder of its own, and the real binary in processes of their own on it. */
export class Place {
  readonly folder = mkdtempSync(join(tmpdir(), 'bitmodel-e2e-'));
  /** A file whose first line is the passphrase of every key made here. */
  readonly passphraseFile = join(this.folder, 'passphrase');
  readonly passphrase = 'correct horse battery';
  readonly #children = new Set<ChildProcess>();
  /** What was to go on and ended without being stopped, with its last words: it is why others fail. */
  readonly #lost: string[] = [];

  constructor() {
    writeFileSync(this.passphraseFile, `${this.passphrase}\n`, { mode: 0o600 });
  }

  /** Runs a command to its end. */
  async run(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
    const child = this.#spawn(args, options.env);
    let stdout = '';
    let stderr = '';
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    const { killAt, signal = 'SIGKILL' } = options;
    let killed = killAt === undefined;
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      options.onStderr?.(stderr);
      if (killed || !stderr.includes(killAt!)) return;
      killed = true;
      child.kill(signal);
    });
    // the command may end without reading what it is given
    child.stdin!.on('error', () => undefined).end(options.stdin ?? '');
    const code = await new Promise<number | null>((done) => child.once('close', done));
    return { code, stdout, stderr };
  }

  /** Runs a command that must succeed, and gives its stdout without the last line break. */
  async ok(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, options);
    if (code !== 0)
      throw new Error(
        `bitmodel ${args.join(' ')} ended with ${code}: ${[stderr, ...this.#lost].join('\n')}`,
      );
    return stdout.trimEnd();
  }

  /** As {@link ok}, with `--json`, parsed. */
  async json<T = Record<string, unknown>>(
    args: readonly string[],
    options?: RunOptions,
  ): Promise<T> {
    return JSON.parse(await this.ok([...args, '--json'], options)) as T;
  }

  /** Starts a command that goes on, and waits for its first line. */
  async start(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Running> {
    const child = this.#spawn(args, env);
    let stderr = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    // closed, not only ended: what it said last has been read by then
    let stopped = false;
    const ended = new Promise<number | null>((done) => {
      child.once('close', (code, signal) => {
        if (!stopped) this.#lost.push(`${args[0]} was lost (${code ?? signal}): ${stderr}`);
        done(code);
      });
    });
    const line = await new Promise<string>((done, fail) => {
      let stdout = '';
      child.stdout!.setEncoding('utf8').on('data', (text: string) => {
        stdout += text;
        const end = stdout.indexOf('\n');
        if (end >= 0) done(stdout.slice(0, end));
      });
      child.once('close', (code) => fail(new Error(`${args[0]} ended with ${code}: ${stderr}`)));
    });
    const stop = (signal: NodeJS.Signals = 'SIGINT'): Promise<number | null> => {
      stopped = true;
      child.kill(signal);
      return ended;
    };
    return { child, line, stderr: () => stderr, ended, stop };
  }

  /** Starts a regtest node on a free port, mining; the other commands find it by the data folder. */
  startNode(...args: string[]): Promise<Running> {
    return this.start(['node', '--regtest', '--mine', '--rpc-port', '0', ...args]);
  }

  /** Ends everything started here and removes the folder. */
  close(): void {
    for (const child of this.#children) child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #spawn(args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
    const settings = { BITMODEL_DATADIR: this.folder, BITMODEL_NETWORK: 'regtest' };
    const child = spawn(process.execPath, [BINARY, ...args], {
      env: { ...process.env, ...settings, ...env },
    });
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }
}
