import { type ChildProcess, fork } from 'node:child_process';
import { EventEmitter } from 'node:events';
import type { WorkerOptions, WorkerRequest } from './protocol.js';
import { disableTelemetry } from './telemetry.js';

/** What a channel needs of the thread of a model, wherever it runs. */
export interface ModelThread extends EventEmitter {
  postMessage(request: WorkerRequest): void;
  /** Ends it at once. A thread that is in native code goes on until that returns; a process does not. */
  terminate(): Promise<unknown>;
}

/** The environment without what is this program's own: a foreign model's process needs no secrets. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const plain = Object.entries(process.env).filter(([name]) => !name.startsWith('BITMODEL_'));
  return disableTelemetry(Object.fromEntries(plain));
}

/** The thread of a model in a process of its own; see `isolated.ts`. It ends with this process, whatever it is doing. */
export class IsolatedWorker extends EventEmitter implements ModelThread {
  readonly #child: ChildProcess;

  constructor(options: WorkerOptions) {
    super();
    this.#child = fork(new URL('../isolated.js', import.meta.url), {
      serialization: 'advanced',
      execArgv: [],
      env: plainEnvironment(),
      // what native code says when it ends the process is said by our own error
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    this.#child.on('message', (reply: { type: string; why?: string }) => {
      if (reply.type === 'died') this.emit('error', new Error(reply.why));
      else this.emit('message', reply);
    });
    this.#child.on('error', (error) => this.emit('error', error));
    this.#child.on('exit', (code, signal) => this.emit('exit', signal ?? code));
    this.#send(options);
  }

  postMessage(request: WorkerRequest): void {
    this.#send(request);
  }

  terminate(): Promise<unknown> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return Promise.resolve();
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    return ended;
  }

  #send(message: object): void {
    // it may have ended a moment ago, which its exit tells
    if (this.#child.connected) this.#child.send(message, () => {});
  }
}
