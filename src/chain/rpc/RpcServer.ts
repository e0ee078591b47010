import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { unlinkSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BitmodelError, EXIT, messageOf, writeFileAtomic } from '../../base/index.js';
import { answerBody } from './dispatch.js';
import type { RpcAuth } from './RpcClient.js';

/** What a method is given beside its parameters. */
export interface RpcCall {
  /** Aborted when the caller hangs up or the server closes. */
  readonly signal: AbortSignal;
}

/** A method: positional parameters in, JSON out (amounts as `JsonAmount`). Throws `RpcError` with Core's numbers. */
export type RpcHandler = (params: unknown[], call: RpcCall) => unknown;

/** Answers a GET request at a path; the server has checked the password. */
export type StreamHandler = (response: ServerResponse, signal: AbortSignal) => void;

export interface RpcServerOptions {
  /** Name and password; without them a cookie is made and written to `cookieFile`. */
  readonly auth?: RpcAuth | undefined;
  /** Where the cookie goes, mode 0600; removed on close. */
  readonly cookieFile?: string | undefined;
  /** Largest request body in bytes; enough for the largest transaction in hex unless stated. */
  readonly maxBody?: number;
}

const DEFAULT_MAX_BODY = 66_000_000;
const REQUEST_TIMEOUT = 30_000;
const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);

/**
 * JSON-RPC 1.0 and 2.0 over HTTP, as Bitcoin Core has it. It only listens on this machine, bounds what it reads, cuts
 * off who is slow, and tells nothing to who doesn't know the password.
 */
export class RpcServer {
  readonly #methods = new Map<string, { readonly handler: RpcHandler; readonly usage: string }>();
  readonly #streams = new Map<string, StreamHandler>();
  readonly #options: RpcServerOptions;
  readonly #auth: RpcAuth;
  readonly #closing = new AbortController();
  #server: Server | undefined;

  constructor(options: RpcServerOptions = {}) {
    this.#options = options;
    this.#auth = options.auth ?? { user: '__cookie__', password: randomBytes(32).toString('hex') };
  }

  /** Adds a method. @param usage its name and parameters, as `help` shows them */
  register(method: string, handler: RpcHandler, usage = method): void {
    this.#methods.set(method, { handler, usage });
  }

  /** Adds a stream at a path that is fetched with GET. */
  registerStream(path: string, handler: StreamHandler): void {
    this.#streams.set(path, handler);
  }

  /** Method names with their parameters, sorted. */
  usages(): string[] {
    return [...this.#methods.values()].map(({ usage }) => usage).sort();
  }

  method(name: string): RpcHandler | undefined {
    return this.#methods.get(name)?.handler;
  }

  /**
   * Begins to answer. Returns the address.
   * @param port 0 takes any free one
   * @throws BitmodelError `PORT_TAKEN`, `NOT_LOOPBACK`
   */
  async listen(port: number, host = '127.0.0.1'): Promise<string> {
    if (!LOOPBACK.has(host)) {
      throw new BitmodelError(
        'NOT_LOOPBACK',
        `The node answers on this machine only, not on ${host}.`,
        {
          next: 'Reach it from elsewhere through a tunnel, such as ssh -L',
          exitCode: EXIT.usage,
        },
      );
    }
    const server = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
    server.headersTimeout = REQUEST_TIMEOUT;
    server.requestTimeout = REQUEST_TIMEOUT;
    await bind(server, port, host);
    this.#server = server;
    const { user, password } = this.#auth;
    if (this.#options.cookieFile && !this.#options.auth) {
      writeFileAtomic(this.#options.cookieFile, `${user}:${password}`, { mode: 0o600 });
    }
    const bound = (server.address() as AddressInfo).port;
    return `http://${host.includes(':') ? `[${host}]` : host}:${bound}`;
  }

  /** Stops listening, ends what waits, and removes the cookie. */
  async close(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    this.#closing.abort(new BitmodelError('NODE_STOPPED', 'The node is stopping.'));
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    // what was just answered may still be on its way out; whoever holds on longer is cut off
    server.closeIdleConnections();
    const cut = setTimeout(() => server.closeAllConnections(), 200);
    await closed;
    clearTimeout(cut);
    if (this.#options.cookieFile && !this.#options.auth) unlinkSync(this.#options.cookieFile);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => response.destroy());
    if (!this.#authorised(request.headers.authorization)) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="jsonrpc"', connection: 'close' });
      response.end();
      return;
    }
    const hangUp = new AbortController();
    response.on('close', () => hangUp.abort(new BitmodelError('HUNG_UP', 'The caller hung up.')));
    const signal = AbortSignal.any([hangUp.signal, this.#closing.signal]);
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const stream = request.method === 'GET' ? this.#streams.get(pathname) : undefined;
    if (stream) return stream(response, signal);
    if (request.method !== 'POST') return refuse(response, 405, 'JSONRPC server handles only POST');
    if (pathname !== '/') return refuse(response, 404, 'Not found');
    const body = await readBody(request, this.#options.maxBody ?? DEFAULT_MAX_BODY);
    if (body === undefined) return refuse(response, 413, 'The request is too large');
    const answer = await answerBody(body, (name) => this.method(name), { signal });
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    response.end(answer.text);
  }

  #authorised(header: string | undefined): boolean {
    const expected = Buffer.from(`${this.#auth.user}:${this.#auth.password}`);
    const given = /^Basic ([A-Za-z0-9+/]{1,1000}={0,2})$/.exec(header ?? '')?.[1] ?? '';
    const digest = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();
    return timingSafeEqual(digest(Buffer.from(given, 'base64')), digest(expected));
  }
}

function refuse(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain', connection: 'close' });
  response.end(`${text}\n`);
}

function bind(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (thrown: NodeJS.ErrnoException) => {
      const taken = thrown.code === 'EADDRINUSE';
      const why = taken ? 'is taken by another program' : `can't be used (${messageOf(thrown)})`;
      reject(
        new BitmodelError('PORT_TAKEN', `Port ${port} ${why}.`, {
          next: 'Choose another with --rpc-port, or 0 for any free one',
          cause: thrown,
        }),
      );
    });
    server.listen(port, host, resolve);
  });
}

async function readBody(request: IncomingMessage, limit: number): Promise<string | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > limit) return undefined;
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > limit) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
