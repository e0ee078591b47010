import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** What a link does to what passes through it. All rates are of chunks as they arrive, from 0 to 1. */
export interface Faults {
  /** Milliseconds that everything takes one way. */
  readonly delay: number;
  /** Most milliseconds more, drawn anew for each chunk; the order is kept. */
  readonly jitter: number;
  /** Chunks whose segments get lost: TCP sends them again after 200 ms, doubled for each loss in a row. */
  readonly loss: number;
  /** Chunks that vanish: what comes after them arrives in their place. */
  readonly swallow: number;
  /** Chunks that change places with the next one. */
  readonly reorder: number;
  /** Chunks with one bit turned over. */
  readonly corrupt: number;
  /** Chunks at which the connection is reset. */
  readonly cut: number;
  /** Bytes per second one way; 0 for no bound. */
  readonly rate: number;
  /** Whether bytes are taken and never delivered, on connections that stay open. */
  readonly blackhole: boolean;
}

export const NO_FAULTS: Faults = {
  delay: 0,
  jitter: 0,
  loss: 0,
  swallow: 0,
  reorder: 0,
  corrupt: 0,
  cut: 0,
  rate: 0,
  blackhole: false,
};

const RETRANSMISSION = 200;
/** A chunk that waits to change places goes on alone when nothing follows it for so long. */
const LONGEST_HOLD = 50;
/** Bytes on their way in one direction beyond which nothing more is read. */
const MOST_UNDER_WAY = 4 << 20;

/** A generator of numbers in [0, 1) that depends on its seed alone (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A bad link in user space: a TCP proxy on loopback that does to one address's traffic what its faults say. */
export class FaultProxy {
  /** May be changed while connections live: it holds from the next chunk on. */
  faults: Faults;
  /** Connections made through it so far. */
  connections = 0;
  /** Connections refused so far. */
  refused = 0;
  /** How often each fault struck. */
  readonly struck = { loss: 0, swallow: 0, reorder: 0, corrupt: 0, cut: 0 };
  readonly #server: Server;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #random: () => number;
  readonly #sockets = new Set<Socket>();
  #refuses = false;

  private constructor(
    target: { readonly host: string; readonly port: number },
    faults: Partial<Faults>,
    seed: number,
  ) {
    this.#target = target;
    this.faults = { ...NO_FAULTS, ...faults };
    this.#random = randomOf(seed);
    this.#server = createServer({ pauseOnConnect: true }, (socket) => this.#carry(socket));
  }

  /** Listens on a free port of loopback and carries everything to the target. */
  static async listen(
    target: { readonly host: string; readonly port: number },
    faults: Partial<Faults> = {},
    seed = 1,
  ): Promise<FaultProxy> {
    const proxy = new FaultProxy(target, faults, seed);
    await new Promise<void>((done, fail) => {
      proxy.#server.once('error', fail).listen(0, '127.0.0.1', done);
    });
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** Connections that live now. */
  get open(): number {
    return this.#sockets.size / 2;
  }

  /** Resets every connection, as a router does that restarts. */
  cutAll(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Cuts the link until {@link mend}: live connections are reset, new ones too. */
  sever(): void {
    this.#refuses = true;
    this.cutAll();
  }

  /** Refuses new connections until {@link mend}; live ones go on. */
  refuseNew(): void {
    this.#refuses = true;
  }

  mend(): void {
    this.#refuses = false;
  }

  async close(): Promise<void> {
    this.sever();
    await new Promise<void>((done) => this.#server.close(() => done()));
  }

  #carry(near: Socket): void {
    if (this.#refuses) {
      this.refused++;
      near.resetAndDestroy();
      return;
    }
    this.connections++;
    const far = connect(this.#target);
    this.#join(near, far);
    this.#join(far, near);
    void this.#pump(near, far);
    void this.#pump(far, near);
  }

  /** Ends both sides together. */
  #join(socket: Socket, other: Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    // a reset is what this link is for
    socket.on('error', () => {});
    socket.once('close', () => {
      this.#sockets.delete(socket);
      other.destroy();
    });
  }

  /** Carries one direction: each chunk has an instant at which it is due, and many are under way at once. */
  async #pump(from: Socket, to: Socket): Promise<void> {
    let held: Buffer | undefined;
    let timer: NodeJS.Timeout | undefined;
    let losses = 0;
    let lastDue = 0;
    let underWay = 0;
    let last: Promise<void> = Promise.resolve();
    const pass = (chunk: Buffer, due: number): void => {
      underWay += chunk.length;
      last = last.then(async () => {
        const left = due - performance.now();
        if (left > 0) await delay(left);
        if (to.writable && !to.write(chunk)) {
          await new Promise((done) => void to.once('drain', done).once('close', done));
        }
        underWay -= chunk.length;
      });
    };
    const release = (): void => {
      clearTimeout(timer);
      if (held) pass(held, lastDue);
      held = undefined;
    };
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        const { faults } = this;
        if (faults.blackhole || this.#strikes('swallow')) continue;
        if (this.#strikes('cut')) {
          from.resetAndDestroy();
          return;
        }
        losses = this.#strikes('loss') ? losses + 1 : 0;
        const again = losses > 0 ? RETRANSMISSION * 2 ** (Math.min(losses, 5) - 1) : 0;
        const arrives = performance.now() + faults.delay + faults.jitter * this.#random() + again;
        lastDue = Math.max(lastDue, arrives) + paced(chunk, faults.rate);
        if (this.#strikes('corrupt')) this.#turnBit(chunk);
        if (!held && this.#strikes('reorder')) {
          held = chunk;
          timer = setTimeout(release, LONGEST_HOLD);
          continue;
        }
        pass(chunk, lastDue);
        release();
        if (underWay > MOST_UNDER_WAY) await last;
      }
      release();
      await last;
      to.end();
    } catch {
      // one side was reset; the other goes with it
      clearTimeout(timer);
    }
  }

  #strikes(fault: keyof FaultProxy['struck']): boolean {
    if (this.faults[fault] === 0 || this.#random() >= this.faults[fault]) return false;
    this.struck[fault]++;
    return true;
  }

  #turnBit(chunk: Buffer): void {
    const at = Math.floor(this.#random() * chunk.length);
    chunk[at] = chunk[at]! ^ (1 << Math.floor(this.#random() * 8));
  }
}

/** Milliseconds that a chunk takes at a rate. */
function paced(chunk: Buffer, rate: number): number {
  return rate === 0 ? 0 : (chunk.length * 1000) / rate;
}
