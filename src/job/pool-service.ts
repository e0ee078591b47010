import { messageOf } from '../base/index.js';
import {
  type MethodHelp,
  type NetworkParameters,
  type Outpoint,
  OWN_GROUP,
  RPC_CODE,
  RpcError,
  type Transaction,
  type TransactionOutput,
} from '../chain/index.js';
import {
  type AnyMessage,
  isSigned,
  MESSAGE_BOUNDS,
  type Message,
  messageId,
  parseMessage,
} from './messages.js';
import { JobPool, type PoolResult } from './pool.js';
import { endOf, type Life, lifeOf } from './pool-life.js';
import type { JobSpec } from './spec.js';

type MaybePromise<T> = T | Promise<T>;

/** What the pool asks of a chain; a node answers from its store and mempool, a `ChainClient` over RPC. */
export interface PoolChain {
  readonly parameters: NetworkParameters;
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
  register(method: string, handler: (params: unknown[]) => unknown, help: MethodHelp): void;
}

const SENDJOBMESSAGE: MethodHelp = {
  group: OWN_GROUP,
  summary: 'Hands a signed job message to the node, which keeps it while its job lives.',
  params: [{ name: 'message', type: 'any', about: 'The message, as docs/protocol.md has it.' }],
  result: 'An object: status, and reason when it was not taken.',
  example: '"$(cat message.json)"',
};

const LISTJOBMESSAGES: MethodHelp = {
  group: OWN_GROUP,
  summary: 'Job messages that the node holds, the oldest first.',
  params: [
    {
      name: 'options',
      type: 'object',
      optional: true,
      about: '{"jobId": only those of a job, "after": only those after a cursor}.',
    },
  ],
  result: 'An object: messages, and next, the cursor to ask on from.',
  errors: [[-8, 'The job id or the cursor is malformed.']],
  example: `'{"after":0}'`,
};

/** Blocks for which an announced job without an escrow is kept. */
const OFFER_PERIOD = 720;
/** Blocks for which a job is kept after the last of its contracts was spent, so that everybody sees the end. */
const AFTERGLOW = 6;
/** Blocks by which another node's tip may be ahead. */
const HEIGHT_SLACK = 6;
/** Bytes of messages in one answer of `listjobmessages`. */
const PAGE_BYTES = 8 << 20;

/** What is said about jobs whose escrow should be on the chain: a reason to look whether it is. */
const SAID_WHEN_LIVE: readonly string[] = [
  'accept',
  'commitment',
  'contest',
  'counterproof',
  'verdict',
];

/** A job pool held against a chain: jobs whose coin is gone are refused, jobs that are over are forgotten. */
export class JobPoolService {
  readonly pool: JobPool;
  readonly #chain: PoolChain;
  readonly #cursors: number[] = [];
  /** Height at which a job was first seen with its coin spent by what no acceptance here explains. */
  readonly #unproven = new Map<string, number>();

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
    } else if (SAID_WHEN_LIVE.includes(message.type)) await this.#look(message);
    return this.pool.add(message);
  }

  /** Forgets what is over. Call it after every block. */
  async advance(): Promise<void> {
    const tip = await this.#chain.height();
    for (const id of this.pool.jobIds()) {
      if (await this.#isOver(id, tip)) this.pool.remove(id);
    }
    for (const id of this.#unproven.keys()) if (!this.pool.job(id)) this.#unproven.delete(id);
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

  async #isOver(id: string, tip: number): Promise<boolean> {
    const job = this.pool.job(id);
    if (!job) return false;
    const life = await lifeOf(this.#chain, id, job.spec, job.accepts);
    this.#mark(id, life);
    if (life !== 'unproven') this.#unproven.delete(id);
    else if (!this.#unproven.has(id)) this.#unproven.set(id, tip);
    if (tip >= endOf(job.spec, this.#chain.parameters) + AFTERGLOW) return true;
    switch (life) {
      case 'open':
        return isStale(job.spec, tip);
      case 'unproven':
        return tip > this.#unproven.get(id)! + HEIGHT_SLACK;
      case 'dead':
        return true;
      default:
        // height 0 is the mempool
        return (life.endedAt ?? 0) > 0 && tip >= life.endedAt! + AFTERGLOW;
    }
  }

  #mark(id: string, life: Life): void {
    const isLive = typeof life === 'object';
    this.pool.setLive(id, isLive);
    if (isLive) this.pool.pin(id, messageId(life.accept));
  }

  /** Sees whether a job has come to life since the last block, so that what is said about it finds room. */
  async #look(message: AnyMessage): Promise<void> {
    const id = message.jobId;
    const job = this.pool.isLive(id) ? undefined : this.pool.job(id);
    if (!job) return;
    const isSaid = message.type === 'accept' && message.author === job.spec.client;
    const accepts = isSaid && isSigned(message) ? [...job.accepts, message] : job.accepts;
    if (accepts.length === 0) return;
    const life = await lifeOf(this.#chain, id, job.spec, accepts);
    this.#mark(id, life);
  }

  async #whyNot({ jobId, body: { job } }: Message<'announce'>): Promise<string | undefined> {
    const tip = await this.#chain.height();
    if (job.created > tip + HEIGHT_SLACK) return 'it was created after the tip of the chain';
    if (tip >= endOf(job, this.#chain.parameters)) return 'its time is over';
    const life = await lifeOf(this.#chain, jobId, job, []);
    if (life === 'dead') return 'its coin is spent, unknown, or not of its client';
    if (life === 'open' && isStale(job, tip)) return 'its time is over';
    return undefined;
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
  server.register('sendjobmessage', ([message]) => service.send(message), SENDJOBMESSAGE);
  server.register(
    'listjobmessages',
    ([options]) => service.list(listOptions(options)),
    LISTJOBMESSAGES,
  );
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
