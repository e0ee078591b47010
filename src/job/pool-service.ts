import { equalBytes, fromHex, messageOf, toHex } from '../base/index.js';
import {
  classifyScript,
  hash160,
  idToHash,
  type Outpoint,
  p2pkhHash,
  parseOutpoint,
  RPC_CODE,
  RpcError,
  type Transaction,
  type TransactionOutput,
} from '../chain/index.js';
import { type AnyMessage, MESSAGE_BOUNDS, type Message, parseMessage } from './messages.js';
import { JobPool, type PoolResult } from './pool.js';
import type { JobSpec } from './spec.js';

type MaybePromise<T> = T | Promise<T>;

/** What the pool asks of a chain; a node answers from its store and mempool, a `ChainClient` over RPC. */
export interface PoolChain {
  height(): MaybePromise<number>;
  /** An output unspent on the chain and in the mempool. */
  output(outpoint: Outpoint): MaybePromise<{ readonly output: TransactionOutput } | undefined>;
  /** The transaction that spends an output, the mempool included (height 0). */
  spender(
    outpoint: Outpoint,
  ): MaybePromise<{ readonly txid: string; readonly height: number } | undefined>;
  transaction(
    txid: string,
  ): MaybePromise<{ readonly transaction: Transaction; readonly height: number } | undefined>;
}

/** What the pool needs of an RPC server. */
export interface MethodTable {
  register(method: string, handler: (params: unknown[]) => unknown): void;
}

/** Blocks for which an announced job without an escrow is kept. */
const OFFER_PERIOD = 720;
/** Blocks for which a job is kept after the last of its contracts was spent, so that everybody sees the end. */
const AFTERGLOW = 6;
/** Blocks by which another node's tip may be ahead. */
const HEIGHT_SLACK = 6;
/** Bytes of messages in one answer of `listjobmessages`. */
const PAGE_BYTES = 8 << 20;

type Life = 'open' | 'live' | { readonly endedAt: number } | 'dead';

/** A job pool held against a chain: jobs whose coin is gone are refused, jobs that are over are forgotten. */
export class JobPoolService {
  readonly pool: JobPool;
  readonly #chain: PoolChain;
  readonly #cursors: number[] = [];

  constructor(chain: PoolChain, pool = new JobPool()) {
    this.#chain = chain;
    this.pool = pool;
  }

  /** Takes a message that somebody sent, whatever it is. */
  async send(value: unknown): Promise<PoolResult> {
    let message: AnyMessage;
    try {
      if (Buffer.byteLength(JSON.stringify(value) ?? '') > MESSAGE_BOUNDS.bytes) {
        return { status: 'refused', reason: 'the message is larger than 1 MiB' };
      }
      message = parseMessage(value);
    } catch (thrown) {
      return { status: 'refused', reason: messageOf(thrown) };
    }
    if (message.type === 'announce') {
      const reason = await this.#whyNot(message);
      if (reason !== undefined) return { status: 'refused', reason };
    }
    return this.pool.add(message);
  }

  /** Forgets what is over. Call it after every block. */
  async advance(): Promise<void> {
    const tip = await this.#chain.height();
    for (const id of this.pool.jobIds()) {
      const job = this.pool.job(id);
      if (!job) continue;
      const life = await this.#life(id, job.spec);
      const isOver =
        life === 'dead' ||
        (life === 'open' && isStale(job.spec, tip)) ||
        (typeof life === 'object' && life.endedAt > 0 && tip >= life.endedAt + AFTERGLOW);
      if (isOver) this.pool.remove(id);
    }
    this.#cursors.push(this.pool.cursor);
    if (this.#cursors.length > HEIGHT_SLACK) this.pool.forgetWaiting(this.#cursors.shift()!);
  }

  /** One page of messages from a cursor on. */
  list(options: { jobId?: string | undefined; after?: number | undefined }): {
    messages: AnyMessage[];
    next: number;
  } {
    return this.pool.list({ ...options, maxBytes: PAGE_BYTES });
  }

  async #whyNot({ jobId, body: { job } }: Message<'announce'>): Promise<string | undefined> {
    const tip = await this.#chain.height();
    if (job.created > tip + HEIGHT_SLACK) return 'it was created after the tip of the chain';
    const life = await this.#life(jobId, job);
    if (life === 'dead') return 'its coin is spent, unknown, or not of its client';
    if (life === 'open' && isStale(job, tip)) return 'its time is over';
    return undefined;
  }

  /** Follows the job's coin through escrow, stake and contest: output 0 of each transaction that carries the job. */
  async #life(jobId: string, job: JobSpec): Promise<Life> {
    let outpoint = parseOutpoint(job.coin);
    const unspent = await this.#chain.output(outpoint);
    if (unspent) {
      const owner = p2pkhHash(unspent.output.lockingScript);
      return owner && equalBytes(owner, hash160(fromHex(job.client))) ? 'open' : 'dead';
    }
    for (let step = 0; ; step++) {
      const spender = await this.#chain.spender(outpoint);
      if (!spender) return step === 0 ? 'dead' : 'live';
      const known = await this.#chain.transaction(spender.txid);
      if (!known) return 'live';
      // the escrow is told from any other use of the coin by the job id it carries
      if (step === 0 && toHex(known.transaction.jobId) !== jobId) return 'dead';
      const first = known.transaction.outputs[0];
      if (!first || classifyScript(first.lockingScript).type !== 'nonstandard') {
        return { endedAt: spender.height };
      }
      outpoint = { hash: idToHash(spender.txid), index: 0 };
    }
  }
}

function isStale(job: JobSpec, tip: number): boolean {
  return tip >= job.expires || tip > job.created + OFFER_PERIOD;
}

/**
 * Gives a node its job pool: registers `sendjobmessage` (a message; answers `{status, reason?}`) and
 * `listjobmessages` (`{jobId?, after?}`; answers `{messages, next}`).
 * @returns the pool; call its `advance()` after every block
 */
export function registerJobPool(server: MethodTable, chain: PoolChain): JobPoolService {
  const service = new JobPoolService(chain);
  server.register('sendjobmessage', ([message]) => service.send(message));
  server.register('listjobmessages', ([options]) => service.list(listOptions(options)));
  return service;
}

function listOptions(value: unknown): { jobId?: string; after?: number } {
  if (value === undefined || value === null) return {};
  const { jobId, after } = value as { jobId?: unknown; after?: unknown };
  const isJob = jobId === undefined || (typeof jobId === 'string' && /^[0-9a-f]{64}$/.test(jobId));
  const isCursor =
    after === undefined || (typeof after === 'number' && Number.isSafeInteger(after));
  if (typeof value !== 'object' || !isJob || !isCursor) {
    throw new RpcError(RPC_CODE.invalidParameter, 'Pass {jobId: 64 hex digits, after: a number}.');
  }
  return {
    ...(jobId === undefined ? {} : { jobId: jobId as string }),
    ...(after === undefined ? {} : { after: after as number }),
  };
}
