import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BitmodelError, EXIT, messageOf } from '../../base/index.js';
import type { ServedBundle, ServedModels } from '../../model/index.js';
import { type ByteRange, parseRange } from './byteRange.js';

/** Bytes read and written at once. */
const CHUNK = 256 * 1024;
/** Connections at once, over all and from one address. */
const MOST_CONNECTIONS = 256;
const PER_ADDRESS = 32;
/** How long a client may take to send its head, and to take what it asked for. */
const HEAD_MS = 10_000;
const STALL_MS = 30_000;
const LONGEST_URL = 8 * 1024;

const ID = /^[0-9a-f]{64}$/;
/** The name of every model in its own info dictionary, which a client puts behind the seed's URL (BEP 19). */
const ROOT = 'model';

/** What a path names. */
type Found =
  | { readonly kind: 'torrent'; readonly bundle: ServedBundle }
  | { readonly kind: 'file'; readonly bundle: ServedBundle; readonly file: number };

/** Which bundles are served over HTTP, and where. */
export interface WebSeedOptions {
  readonly models: ServedModels;
  /** Address to listen on; this machine alone unless stated. */
  readonly host?: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Told of what went wrong with a request, in one sentence. */
  readonly onWarning?: (message: string) => void;
}

/**
 * Gives the models of a data folder to BitTorrent clients over plain HTTP (BEP 19): `/ID/model/PATH` are the files of a
 * model, and `/ID.torrent` its torrent with this server in it. Nothing else lies here: a path is looked up among the packed
 * files, and never joined to a folder.
 */
export class WebSeed {
  readonly #models: ServedModels;
  readonly #server: Server;
  readonly #onWarning: (message: string) => void;
  readonly #perAddress = new Map<string, number>();

  private constructor({ models, onWarning = () => {} }: WebSeedOptions) {
    this.#models = models;
    this.#onWarning = onWarning;
    this.#server = createServer(
      { maxHeaderSize: 2 * LONGEST_URL, headersTimeout: HEAD_MS, requestTimeout: HEAD_MS },
      (request, response) => void this.#answer(request, response),
    );
    this.#server.maxConnections = MOST_CONNECTIONS;
    // a socket on which nothing moves: a client that reads nothing, or one that asks nothing
    this.#server.setTimeout(STALL_MS, (socket) => socket.destroy());
    this.#server.on('connection', (socket) => {
      const address = socket.remoteAddress ?? '';
      const count = (this.#perAddress.get(address) ?? 0) + 1;
      this.#perAddress.set(address, count);
      socket.once('close', () => {
        const left = (this.#perAddress.get(address) ?? 1) - 1;
        if (left === 0) this.#perAddress.delete(address);
        else this.#perAddress.set(address, left);
      });
      if (count > PER_ADDRESS) socket.destroy();
    });
  }

  /** @throws BitmodelError `PORT_IN_USE`, `LISTEN_FAILED` */
  static async listen(options: WebSeedOptions): Promise<WebSeed> {
    const seed = new WebSeed(options);
    const { host = '127.0.0.1', port } = options;
    await new Promise<void>((done, fail) => {
      seed.#server.once('error', (thrown: NodeJS.ErrnoException) =>
        fail(listenError(thrown, host, port)),
      );
      seed.#server.listen(port, host, done);
    });
    return seed;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const closed = new Promise((done) => this.#server.close(done));
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        return refuse(response, 405, { allow: 'GET, HEAD' });
      }
      const found = await this.#find(request.url ?? '');
      if (found === undefined) return refuse(response, 404);
      if (found.kind === 'torrent') return this.#sendTorrent(request, response, found.bundle);
      await this.#sendFile(request, response, found.bundle, found.file);
    } catch (thrown) {
      this.#onWarning(`web seed: ${messageOf(thrown)}`);
      if (response.headersSent) response.destroy();
      else refuse(response, 500);
    }
  }

  async #find(url: string): Promise<Found | undefined> {
    const path = decodePath(url);
    if (path === undefined) return undefined;
    const [first, root, ...names] = path.split('/').slice(1);
    const isTorrent = root === undefined && first!.endsWith('.torrent');
    const id = isTorrent ? first!.slice(0, -'.torrent'.length) : first!;
    const bundle = ID.test(id) ? await this.#models.find(id) : undefined;
    if (bundle === undefined) return undefined;
    if (isTorrent) return { kind: 'torrent', bundle };
    const name = names.join('/');
    const file = bundle.info.files.findIndex((each) => each.path === name);
    return root === ROOT && file >= 0 ? { kind: 'file', bundle, file } : undefined;
  }

  #sendTorrent(request: IncomingMessage, response: ServerResponse, bundle: ServedBundle): void {
    const { localAddress = '127.0.0.1', localPort } = request.socket;
    const host = localAddress.includes(':') ? `[${localAddress}]` : localAddress;
    // not the Host header, which is whatever the client says
    const bytes = bundle.torrent(`http://${host}:${localPort}/${bundle.info.id}/`);
    response.writeHead(200, {
      'content-type': 'application/x-bittorrent',
      'content-length': bytes.length,
    });
    response.end(request.method === 'HEAD' ? undefined : bytes);
  }

  async #sendFile(
    request: IncomingMessage,
    response: ServerResponse,
    bundle: ServedBundle,
    file: number,
  ): Promise<void> {
    const { size } = bundle.info.files[file]!;
    const range = parseRange(request.headers.range, size);
    if (range === 'unsatisfiable')
      return refuse(response, 416, { 'content-range': `bytes */${size}` });
    const { start, end } = range ?? { start: 0, end: size };
    // so that a file that is not what was packed is an error and not a short answer
    const first = new Uint8Array(Math.min(CHUNK, end - start));
    await bundle.read(file, start, first);
    response.writeHead(range === undefined ? 200 : 206, {
      'accept-ranges': 'bytes',
      'content-type': 'application/octet-stream',
      'content-length': end - start,
      etag: `"${bundle.info.id}-${file}"`,
      ...(range === undefined ? {} : { 'content-range': contentRange(range, size) }),
    });
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    await this.#stream(response, bundle, file, { start, end }, first);
  }

  async #stream(
    response: ServerResponse,
    bundle: ServedBundle,
    file: number,
    { start, end }: ByteRange,
    first: Uint8Array,
  ): Promise<void> {
    let bytes = first;
    for (let at = start; at < end && !response.destroyed; ) {
      at += bytes.length;
      if (!response.write(bytes)) await drained(response);
      if (at >= end || response.destroyed) break;
      bytes = new Uint8Array(Math.min(CHUNK, end - at));
      await bundle.read(file, at, bytes);
    }
    response.end();
  }
}

/** Settles when more can be written, or when nobody listens any more. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((done) => {
    const end = (): void => {
      response.off('drain', end).off('close', end);
      done();
    };
    response.once('drain', end).once('close', end);
  });
}

function contentRange({ start, end }: ByteRange, size: number): string {
  return `bytes ${start}-${end - 1}/${size}`;
}

/** The path of a URL, decoded once; undefined when it is none. */
function decodePath(url: string): string | undefined {
  const path = url.split(/[?#]/, 1)[0]!;
  if (url.length > LONGEST_URL || !path.startsWith('/')) return undefined;
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

function refuse(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { ...headers, 'content-length': 0 }).end();
}

function listenError(thrown: NodeJS.ErrnoException, host: string, port: number): BitmodelError {
  if (thrown.code === 'EADDRINUSE') {
    return new BitmodelError('PORT_IN_USE', `Port ${port} of ${host} is taken.`, {
      next: 'Choose another one with --port, or 0 for any free one',
      exitCode: EXIT.usage,
      cause: thrown,
    });
  }
  return new BitmodelError('LISTEN_FAILED', `Nobody can listen on ${host}: ${thrown.message}.`, {
    next: 'Name an address of this machine, and a port above 1023',
    exitCode: EXIT.usage,
    cause: thrown,
  });
}
