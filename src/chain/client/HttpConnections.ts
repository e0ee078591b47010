import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { Duplex } from 'node:stream';

/** What is asked. */
export interface HttpQuestion {
  readonly method?: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Ends the question and the reading of its answer. */
  readonly signal?: AbortSignal | undefined;
}

/** What comes back: the status, and the body as it comes. Who doesn't read the body calls `resume()` or `destroy()` on it. */
export interface HttpAnswer {
  readonly statusCode: number;
  readonly body: IncomingMessage;
}

/** How long a server has. Times in milliseconds. */
export interface HttpPatience {
  /** Until a connection stands. */
  readonly connect: number;
  /** In which nothing at all comes: before the answer, or within it. */
  readonly silence: number;
  /** In which a connection waits for the next question. */
  readonly idle: number;
}

/**
 * Whether the server had ended a connection that waited just when the question went out on it: it was never read, else the
 * system would say the end of the connection and not a reset.
 */
function wasUnread(asked: ClientRequest, error: NodeJS.ErrnoException): boolean {
  const isReset = error.code === 'ECONNRESET' && error.syscall !== undefined;
  return asked.reusedSocket && (isReset || error.code === 'EPIPE');
}

/**
 * HTTP connections to a node, each kept for the next question. It is Node's own client: to load another takes a command
 * longer than the calls that it makes.
 */
export class HttpConnections {
  readonly #agent: Agent;
  /** When a connection was last used: the agent's own timers may be late, the clock is not. */
  readonly #lastUse = new WeakMap<Duplex, number>();
  readonly #patience: HttpPatience;

  constructor(patience: HttpPatience) {
    this.#patience = patience;
    this.#agent = new Agent({ keepAlive: true, timeout: patience.idle });
  }

  /**
   * Asks, and gives the answer once its head has come.
   * @throws Error in the words of the system where nobody listens, nothing comes in time, or the connection breaks off
   */
  ask(url: string, question: HttpQuestion): Promise<HttpAnswer> {
    this.#endIdle(this.#patience.idle);
    return new Promise((done, fail) => {
      const asked = this.#begin(url, question);
      let answer: IncomingMessage | undefined;
      asked.once('response', (response) => {
        answer = response;
        done({ statusCode: response.statusCode!, body: response });
      });
      asked.on('timeout', () => {
        const error = new Error(`nothing came for ${this.#patience.silence / 1000} s`);
        answer?.destroy(error);
        asked.destroy(error);
      });
      asked.on('error', (error) => {
        if (!answer && wasUnread(asked, error)) done(this.ask(url, question));
        // a name with several addresses fails once for each of them
        else fail(error instanceof AggregateError ? error.errors[0] : error);
      });
      asked.end(question.body);
    });
  }

  /** Ends connections that wait, and those in use once their answers have come. */
  close(): void {
    this.#agent.maxFreeSockets = 0;
    this.#endIdle(0);
  }

  /** Ends connections that have waited for so many milliseconds. */
  #endIdle(milliseconds: number): void {
    const before = performance.now() - milliseconds;
    for (const sockets of Object.values(this.#agent.freeSockets)) {
      for (const socket of sockets ?? []) {
        if (this.#lastUse.get(socket)! <= before) socket.destroy();
      }
    }
  }

  #begin(url: string, { method = 'GET', headers, signal }: HttpQuestion): ClientRequest {
    const { connect, silence } = this.#patience;
    const options = { agent: this.#agent, method, headers, timeout: silence };
    const asked = request(url, signal ? { ...options, signal } : options);
    asked.once('socket', (socket) => {
      if (!socket.connecting) return;
      const late = setTimeout(() => {
        asked.destroy(new Error(`no connection within ${connect / 1000} s`));
      }, connect);
      const inTime = (): void => clearTimeout(late);
      socket.once('connect', inTime).once('close', inTime);
    });
    asked.once('close', () => {
      if (asked.socket) this.#lastUse.set(asked.socket, performance.now());
    });
    return asked;
  }
}

/**
 * The text of a body.
 * @param most bytes it may have
 * @throws Error when it has more, or the connection breaks off
 */
export async function bodyText(body: IncomingMessage, most: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > most) throw new Error(`the answer has more than ${most} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
