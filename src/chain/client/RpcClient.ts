import { BitmodelError, EXIT, messageOf } from '../../base/index.js';
import { encodeJson, memberText } from '../wire/json.js';
import { RPC_CODE, RpcError } from '../wire/RpcError.js';
import {
  defaultAddress,
  isLoopback,
  type NodeLocation,
  parseAddress,
  type RpcAuth,
  readAddress,
  readCookie,
  startHint,
  unreachable,
} from './nodeLocation.js';

/** How a node is reached, and how long it has for an answer. */
export interface RpcClientOptions {
  /** `http://host:port`, without credentials, or a function that finds it at each call: a node may start anew elsewhere. */
  readonly url: string | (() => string);
  /** Credentials, or a function that finds them at each call (the cookie changes when the node starts anew). */
  readonly auth?: RpcAuth | ((url: string) => RpcAuth | undefined);
  /** What to do when nobody answers. */
  readonly hint?: string;
}

/** Options of one call. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Largest answer taken from a node: a 32 MB block in hex with room to spare. */
const MAX_ANSWER = 128_000_000;

/** The HTTP client, loaded with the first call: many commands make none, and it takes longer to load than they run. */
async function loadHttp() {
  const { Agent, request } = await import('undici');
  const agent = new Agent({
    connect: { timeout: 10_000 },
    // a waiting method answers after half a minute at the latest
    headersTimeout: 120_000,
    bodyTimeout: 120_000,
    maxResponseSize: MAX_ANSWER,
    // well before the node ends an idle connection (5 s), or a call would go out on one that is just being ended; the
    // second bound is for what the node says of its own
    keepAliveTimeout: 1_000,
    keepAliveMaxTimeout: 1_000,
  });
  return {
    ask: (url: string, options: Parameters<typeof request>[1] = {}) =>
      request(url, { ...options, dispatcher: agent }),
    close: () => agent.close(),
  };
}

type Http = Awaited<ReturnType<typeof loadHttp>>;

/** JSON-RPC client of one node, over HTTP. */
export class RpcClient {
  readonly #url: RpcClientOptions['url'];
  readonly #auth: RpcClientOptions['auth'];
  readonly #hint: string;
  #http: Promise<Http> | undefined;
  #nextId = 1;

  constructor(options: RpcClientOptions) {
    this.#url = options.url;
    this.#auth = options.auth;
    this.#hint = options.hint ?? 'Check the address, and that a node runs there';
  }

  /**
   * The client for `--rpc URL`, or for the node of this data folder, at the address and with the cookie that it wrote
   * when it last started: it may start anew at another port while the client lives.
   * @throws BitmodelError `BAD_RPC_URL`
   */
  static forNode(location: NodeLocation): RpcClient {
    const { datadir, network, rpc } = location;
    let known = parseAddress(
      rpc ?? readAddress(datadir, network) ?? defaultAddress(network),
      network,
    );
    const find = (): string => {
      // a node that stops takes its address away, and whoever listens at the usual one meanwhile is another
      const text = rpc === undefined ? readAddress(datadir, network) : undefined;
      if (text !== undefined) known = parseAddress(text, network);
      return known.origin;
    };
    const auth = known.username
      ? { user: decodeURIComponent(known.username), password: decodeURIComponent(known.password) }
      : // the cookie opens this folder's node to whoever has it, so it never leaves the machine
        (url: string) => (isLoopback(new URL(url)) ? readCookie(location) : undefined);
    return new RpcClient({ url: find, auth, hint: startHint(location) });
  }

  /** `http://host:port` at which the next call asks. */
  get url(): string {
    return typeof this.#url === 'function' ? this.#url() : this.#url;
  }

  /**
   * Calls a method and returns its result.
   * @throws RpcError with the node's message and number
   * @throws BitmodelError `NODE_UNREACHABLE`, `RPC_UNAUTHORIZED`, `BAD_RPC_ANSWER`
   */
  async call<T = unknown>(method: string, ...params: unknown[]): Promise<T> {
    return this.callWith({}, method, ...params);
  }

  /** As {@link call}, with options. */
  async callWith<T = unknown>(
    options: CallOptions,
    method: string,
    ...params: unknown[]
  ): Promise<T> {
    const { answer } = await this.#exchange(method, params, options);
    return (answer.result ?? null) as T;
  }

  /**
   * As {@link call}, but the result's JSON text, in which amounts keep every digit.
   * @param params positional ones in an array, or named ones in an object
   */
  async callText(
    method: string,
    params: readonly unknown[] | Readonly<Record<string, unknown>>,
    options: CallOptions = {},
  ): Promise<string> {
    const { text } = await this.#exchange(method, params, options);
    return memberText(text, 'result') ?? 'null';
  }

  /**
   * Opens a stream of the node, such as `/events`, and gives its bytes as they come, until the node or the signal ends it.
   * @throws BitmodelError `NODE_UNREACHABLE`, also when it breaks off; `RPC_UNAUTHORIZED`, `NODE_BUSY`
   */
  async *stream(path: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
    let { url, auth } = this.#whereabouts();
    const http = await this.#connections();
    const open = (): ReturnType<Http['ask']> => {
      const headers = auth ? { authorization: basic(auth) } : {};
      return http.ask(`${url}${path}`, { headers, signal });
    };
    try {
      let { statusCode, body } = await open();
      const now = statusCode === 401 ? this.#whereabouts() : { url, auth };
      // as for a call: the cookie was read just before a node that started anew wrote its own
      if (now.url !== url || now.auth?.password !== auth?.password) {
        await body.dump();
        ({ url, auth } = now);
        ({ statusCode, body } = await open());
      }
      if (statusCode === 401 || statusCode === 403) throw unauthorized(url, auth !== undefined);
      if (statusCode !== 200) {
        throw unreachable(`The node at ${url} gives no ${path} now.`, this.#hint, undefined);
      }
      for await (const chunk of body) yield chunk as Uint8Array;
    } catch (thrown) {
      if (signal.aborted) throw signal.reason;
      if (thrown instanceof BitmodelError) throw thrown;
      throw unreachable(`No node answers at ${url} (${messageOf(thrown)}).`, this.#hint, thrown);
    }
  }

  /** Ends idle connections. */
  async close(): Promise<void> {
    await (await this.#http)?.close();
  }

  async #exchange(
    method: string,
    params: readonly unknown[] | Readonly<Record<string, unknown>>,
    options: CallOptions,
  ): Promise<{ text: string; answer: Answer }> {
    const body = encodeJson({ jsonrpc: '2.0', id: this.#nextId++, method, params });
    let { url, auth } = this.#whereabouts();
    let { status, text } = await this.#post(url, body, auth, options.signal);
    const now = status === 401 ? this.#whereabouts() : { url, auth };
    // the cookie was read just before a node that started anew wrote its own
    if (now.url !== url || now.auth?.password !== auth?.password) {
      ({ url, auth } = now);
      ({ status, text } = await this.#post(url, body, auth, options.signal));
    }
    if (status === 401 || status === 403) throw unauthorized(url, auth !== undefined);
    if (status === 413) {
      throw new BitmodelError('CALL_TOO_LARGE', `The node at ${url} takes no call so large.`, {
        next: 'Pass less at once',
        exitCode: EXIT.usage,
      });
    }
    if (status === 503) {
      throw new BitmodelError('NODE_BUSY', `The node at ${url} has too much to do.`, {
        next: 'Try again in a moment',
        exitCode: EXIT.unreachable,
      });
    }
    const answer = parseAnswer(text, url, status);
    const { error } = answer;
    if (error) throw new RpcError(error.code, error.message, { method });
    return { text, answer };
  }

  #connections(): Promise<Http> {
    this.#http ??= loadHttp();
    return this.#http;
  }

  #whereabouts(): { url: string; auth: RpcAuth | undefined } {
    const { url } = this;
    return { url, auth: typeof this.#auth === 'function' ? this.#auth(url) : this.#auth };
  }

  async #post(
    url: string,
    body: string,
    auth: RpcAuth | undefined,
    signal: AbortSignal | undefined,
  ): Promise<{ status: number; text: string }> {
    const headers: Record<string, string> = { 'content-type': 'application/json' };
    if (auth) headers.authorization = basic(auth);
    try {
      const http = await this.#connections();
      const response = await http.ask(url, {
        method: 'POST',
        headers,
        body,
        ...(signal ? { signal } : {}),
      });
      return { status: response.statusCode, text: await response.body.text() };
    } catch (thrown) {
      if (signal?.aborted) throw signal.reason;
      throw unreachable(`No node answers at ${url} (${messageOf(thrown)}).`, this.#hint, thrown);
    }
  }
}

function basic(auth: RpcAuth): string {
  return `Basic ${Buffer.from(`${auth.user}:${auth.password}`).toString('base64')}`;
}

function unauthorized(url: string, hadPassword: boolean): BitmodelError {
  const does = hadPassword ? 'refuses the password' : 'asks for a name and a password';
  const own = hadPassword ? 'Use the data folder of that node, or pass' : 'Pass';
  return new BitmodelError('RPC_UNAUTHORIZED', `The node at ${url} ${does}.`, {
    next: `${own} --rpc ${url.replace('://', '://NAME:PASSWORD@')}`,
    exitCode: EXIT.notAllowed,
  });
}

interface Answer {
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string } | null;
}

function parseAnswer(text: string, url: string, status: number): Answer {
  try {
    const answer = JSON.parse(text) as Answer;
    if (answer !== null && typeof answer === 'object') return answer;
  } catch (thrown) {
    throw new BitmodelError('BAD_RPC_ANSWER', `${url} is no node of ours (HTTP ${status}).`, {
      next: 'Check the address given with --rpc',
      cause: thrown,
      exitCode: EXIT.unreachable,
    });
  }
  throw new RpcError(RPC_CODE.internal, `${url} gave an answer without a result.`);
}
