import { randomBytes } from 'node:crypto';
import { unlinkSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { BitmodelError, EXIT, joinSignals, messageOf, writeFileAtomic } from '../../base/index.js';
import type { RpcAuth } from '../client/nodeLocation.js';
import { RPC_CODE, RpcError, STOPPING_WORDS } from '../wire/RpcError.js';
import { callerList, isAuthorised, isLoopback, isOwnHost } from './access.js';
import { answerBody, type RpcHandler, type RpcMethod } from './dispatch.js';
import { BodyBudget, readBody, sendAnswer } from './exchange.js';
import { type MethodHelp, usageLine } from './method.js';
import { Strangers } from './Strangers.js';

export type { RpcCall, RpcHandler } from './dispatch.js';

/** Answers a GET request at a path; the server has checked the password. */
export type StreamHandler = (response: ServerResponse, signal: AbortSignal) => void;

/** Where a server listens, and whom it answers. */
export interface RpcServerOptions {
  /** Name and password; without them a cookie is made and written to `cookieFile`. */
  readonly auth?: RpcAuth | undefined;
  /** Where the cookie goes, mode 0600; removed on close. */
  readonly cookieFile?: string | undefined;
  /** Callers beside this machine, as addresses or ranges (`192.168.1.0/24`); with any, other hosts may be bound. */
  readonly allow?: readonly string[] | undefined;
  /** Largest request body in bytes; enough for the largest block in hex unless stated. */
  readonly maxBody?: number;
  /** Most bytes of bodies held at once, of all callers together. */
  readonly maxBodies?: number;
  /** Milliseconds in which a request must have come, and without progress of an answer; 30,000 unless stated. */
  readonly patience?: number;
}

/** A method that is being answered. */
export interface ActiveCall {
  readonly method: string;
  /** Milliseconds since it began. */
  readonly duration: number;
}

const DEFAULT_MAX_BODY = 66_000_000;
const DEFAULT_MAX_BODIES = 4 * DEFAULT_MAX_BODY;
const DEFAULT_PATIENCE = 30_000;
const MAX_CONNECTIONS = 1_000;
/** Of these so many at most whose callers have not shown the password yet. */
const MAX_STRANGERS = 500;
/** Streams (`GET /events`) that are open at once. */
const MAX_STREAMS = 100;
/** A wrong password is answered only after this many milliseconds, as by Bitcoin Core, to make guessing slow. */
const WRONG_PASSWORD_DELAY = 250;

/**
 * JSON-RPC 1.0, 1.1 and 2.0 over HTTP, as Bitcoin Core has it. It listens on this machine unless told otherwise, bounds
 * what it reads, cuts off who is slow, and tells nothing to who doesn't know the password.
 */
export class RpcServer {
  readonly #methods = new Map<string, RpcMethod & { readonly usage: string }>();
  readonly #streams = new Map<string, StreamHandler>();
  readonly #active = new Set<{ readonly method: string; readonly began: number }>();
  readonly #options: RpcServerOptions;
  readonly #auth: RpcAuth;
  readonly #strangers: Strangers;
  readonly #bodies: BodyBudget;
  readonly #patience: number;
  readonly #closing = new AbortController();
  #openStreams = 0;
  #server: Server | undefined;

  /** @throws BitmodelError `BAD_OPTION` for a range that is none */
  constructor(options: RpcServerOptions = {}) {
    this.#options = options;
    this.#auth = options.auth ?? { user: '__cookie__', password: randomBytes(32).toString('hex') };
    this.#strangers = new Strangers(callerList(options.allow ?? []), MAX_STRANGERS);
    this.#bodies = new BodyBudget(options.maxBodies ?? DEFAULT_MAX_BODIES);
    this.#patience = options.patience ?? DEFAULT_PATIENCE;
  }

  /**
   * Adds a method.
   * @param help what it takes and answers, which calls are checked against; or just its usage line, and then the
   *   handler checks what it is given
   */
  register(method: string, handler: RpcHandler, help: MethodHelp | string = method): void {
    const described = typeof help === 'string' ? undefined : help;
    const usage = typeof help === 'string' ? help : usageLine(method, help);
    this.#methods.set(method, { handler: this.#counted(method, handler), help: described, usage });
  }

  /** Adds a stream at a path that is fetched with GET. */
  registerStream(path: string, handler: StreamHandler): void {
    this.#streams.set(path, handler);
  }

  /** Every method by its name, sorted, with its usage line. */
  methods(): [name: string, method: RpcMethod & { readonly usage: string }][] {
    return [...this.#methods].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  method(name: string): (RpcMethod & { readonly usage: string }) | undefined {
    return this.#methods.get(name);
  }

  /** What is being answered right now. */
  activeCalls(): ActiveCall[] {
    const now = performance.now();
    return [...this.#active].map(({ method, began }) => ({ method, duration: now - began }));
  }

  /**
   * Begins to answer. Returns the address.
   * @param port 0 takes any free one
   * @throws BitmodelError `PORT_TAKEN`, `NOT_LOOPBACK`
   */
  async listen(port: number, host = '127.0.0.1'): Promise<string> {
    if (!isLoopback(host) && (this.#options.allow ?? []).length === 0) {
      throw new BitmodelError(
        'NOT_LOOPBACK',
        `The node answers on this machine only, not on ${host}.`,
        {
          next: 'Say who may call with --rpc-allow-ip, or reach it through a tunnel, such as ssh -L',
          exitCode: EXIT.usage,
        },
      );
    }
    const server = createServer(
      { connectionsCheckingInterval: Math.min(this.#patience, 5_000) },
      (request, response) => {
        this.#serve(request, response).catch(() => response.destroy());
      },
    );
    server.headersTimeout = this.#patience;
    server.requestTimeout = this.#patience;
    server.maxConnections = MAX_CONNECTIONS;
    server.on('connection', (socket) => this.#strangers.meet(socket));
    await bind(server, port, host);
    this.#server = server;
    const { user, password } = this.#auth;
    if (this.#options.cookieFile && !this.#options.auth) {
      writeFileAtomic(this.#options.cookieFile, `${user}:${password}`, { mode: 0o600 });
    }
    const bound = (server.address() as AddressInfo).port;
    // who listens on all addresses is found on this machine's own
    const shown = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
    return `http://${shown.includes(':') ? `[${shown}]` : shown}:${bound}`;
  }

  /** Stops listening, ends what waits, and removes the cookie. */
  async close(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    this.#closing.abort(new RpcError(RPC_CODE.noPeers, STOPPING_WORDS));
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    // what was just answered may still be on its way out; whoever holds on longer is cut off
    server.closeIdleConnections();
    const cut = setTimeout(() => server.closeAllConnections(), 200);
    await closed;
    clearTimeout(cut);
    if (this.#options.cookieFile && !this.#options.auth) unlinkSync(this.#options.cookieFile);
  }

  #counted(method: string, handler: RpcHandler): RpcHandler {
    return async (params, call) => {
      const active = { method, began: performance.now() };
      this.#active.add(active);
      try {
        return await handler(params, call);
      } finally {
        this.#active.delete(active);
      }
    };
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => response.destroy());
    if (!isOwnHost(request)) return refuse(response, 403);
    const { authorization } = request.headers;
    if (!isAuthorised(authorization, this.#auth)) {
      if (authorization !== undefined) await delay(WRONG_PASSWORD_DELAY);
      return refuse(response, 401, { 'www-authenticate': 'Basic realm="jsonrpc"' });
    }
    this.#strangers.know(request.socket);
    const hangUp = new AbortController();
    response.on('close', () => hangUp.abort(new BitmodelError('HUNG_UP', 'The caller hung up.')));
    // every response closes some time, which lets go of the signal that lives as long as the node
    const { signal } = joinSignals(hangUp.signal, this.#closing.signal);
    const pathname = (request.url ?? '/').split('?')[0]!;
    const stream = request.method === 'GET' ? this.#streams.get(pathname) : undefined;
    if (stream) {
      this.#stream(stream, response, signal);
      return;
    }
    if (request.method !== 'POST') return refuse(response, 405);
    if (pathname !== '/') return refuse(response, 404);
    await this.#answer(request, response, signal);
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    signal: AbortSignal,
  ): Promise<void> {
    const limit = this.#options.maxBody ?? DEFAULT_MAX_BODY;
    const body = await readBody(request, limit, this.#bodies);
    if ('status' in body) return refuse(response, body.status);
    try {
      const answer = await answerBody(body.text, (name) => this.method(name), { signal });
      await sendAnswer(response, answer, { signal, patience: this.#patience });
    } finally {
      this.#bodies.giveBack(body.taken);
    }
  }

  #stream(handler: StreamHandler, response: ServerResponse, signal: AbortSignal): void {
    if (this.#openStreams >= MAX_STREAMS) {
      refuse(response, 503);
      return;
    }
    this.#openStreams++;
    response.once('close', () => {
      this.#openStreams--;
    });
    handler(response, signal);
  }
}

const REASONS: Readonly<Record<number, string>> = {
  404: 'Not found',
  405: 'JSONRPC server handles only POST requests',
  413: 'The request is too large',
  503: 'Work queue depth exceeded',
};

/** Ends a request that gets no JSON, and the connection with it. Who isn't let in is told nothing more. */
function refuse(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): void {
  const reason = REASONS[status];
  const type = reason === undefined ? {} : { 'content-type': 'text/plain' };
  response.writeHead(status, { ...type, ...headers, connection: 'close' });
  response.end(reason === undefined ? undefined : `${reason}\n`);
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
