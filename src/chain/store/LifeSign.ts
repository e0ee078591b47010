import { closeSync, openSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';

const NAME = 'lock.sock';

/** Longest name of a Unix socket on Linux, in bytes. */
const MAX_SOCKET_PATH = 107;

/** What connecting fails with where nobody listens. */
const NOBODY = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTSOCK']);

/**
 * A name for the socket in a folder. One that is too long is reached through a handle of the folder.
 * @returns undefined where there is no need for one: containers, which hide processes from each other, are Linux's
 */
function socketPath(folder: string): { path: string; release(): void } | undefined {
  if (process.platform !== 'linux') return undefined;
  const path = join(folder, NAME);
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH) return { path, release: () => {} };
  const handle = openSync(folder, 'r');
  return { path: `/proc/self/fd/${handle}/${NAME}`, release: () => closeSync(handle) };
}

/** Whether a process, in whatever container, shows a sign of life for a folder. */
export async function answers(folder: string): Promise<boolean> {
  const socket = socketPath(folder);
  if (!socket) return false;
  try {
    return await new Promise((resolve) => {
      const connection = connect(socket.path);
      connection.once('connect', () => {
        connection.destroy();
        resolve(true);
      });
      // a full queue or a lacking permission is somebody's
      connection.once('error', ({ code }: NodeJS.ErrnoException) => resolve(!NOBODY.has(code!)));
    });
  } finally {
    socket.release();
  }
}

/**
 * A process that is alive listens on a Unix socket in the folder: the system answers for it, however busy it is, and no
 * more once it has died, and to processes of other containers, too, which share the folder and can't see each other. On a
 * file system without sockets there is no sign.
 */
export class LifeSign {
  readonly #folder: string;
  #server: Server | undefined;
  #release: () => void = () => {};

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Begins to answer, in place of a dead process. */
  begin(): void {
    const socket = socketPath(this.#folder);
    if (!socket) return;
    rmSync(join(this.#folder, NAME), { force: true });
    this.#release = socket.release;
    this.#server = createServer((connection) => connection.destroy());
    // a file system without sockets; process numbers must do there
    this.#server.on('error', () => {});
    // bound and listening when this returns
    this.#server.listen(socket.path);
    this.#server.unref();
  }

  /** Answers no more. */
  end(): void {
    if (!this.#server) return;
    if (this.#server.listening) this.#server.close();
    rmSync(join(this.#folder, NAME), { force: true });
    this.#release();
  }
}
