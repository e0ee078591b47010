import { BitmodelError, messageOf } from '../../base/index.js';
import { parseOutpoint } from '../../chain/index.js';
import { appealFault } from '../cases/case.js';
import {
  type AnyMessage,
  isPrivate,
  isSigned,
  MESSAGE_BOUNDS,
  type Message,
  messageId,
  parseMessage,
} from '../messages.js';
import type { JobSpec } from '../spec.js';
import { appealWorth, isTimely, whyNoCase } from './caseLife.js';
import { bondedAtTip, type ServiceChain } from './chain.js';
import { FinishedJobs } from './FinishedJobs.js';
import { JobPool } from './JobPool.js';
import { type Contracts, endOf, type Life, lifeOf } from './life.js';
import {
  decodeAnswer,
  encodeAnswer,
  encodeHanded,
  type PrivateDelivery,
} from './privateDelivery.js';
import { type PoolResult, refused } from './results.js';

/** What became of a message: as the pool says, or, for a private one, that its node did not take it yet. */
export type SendResult = PoolResult | { readonly status: 'undelivered'; readonly reason: string };

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

/** Blocks for which a job that nothing proved is not taken again. */
const UNPROVEN_REST = 36;

/** A job pool held against a chain: jobs whose coin is gone are refused, jobs that are over are forgotten. */
export class JobPoolService {
  readonly pool: JobPool;
  readonly #chain: ServiceChain;
  readonly #cursors: number[] = [];
  /** Height at which a job was first seen with its coin spent by what no acceptance here explains. */
  readonly #unproven = new Map<string, number>();
  readonly #finished = new FinishedJobs();
  /** Whose bond counts since the last block; read when it first matters. */
  #bonded: Promise<ReadonlySet<string>> | undefined;
  #delivery: PrivateDelivery | undefined;

  constructor(chain: ServiceChain, pool = new JobPool()) {
    this.#chain = chain;
    this.pool = pool;
  }

  /** Peer id of this node; undefined while it is on no network. */
  get node(): string | undefined {
    return this.#delivery?.node;
  }

  /** Gives the pool its way to other nodes, for private messages; they are answered from here on. */
  deliverBy(delivery: PrivateDelivery): void {
    this.#delivery = delivery;
    delivery.receive(async (bytes) => encodeAnswer(await this.#receive(bytes)));
  }

  /** Takes a message that somebody here sent, whatever it is; a private one goes to its node alone. */
  async send(value: unknown): Promise<SendResult> {
    const message = parsed(value);
    if ('status' in message) return message;
    if (message.type === 'prompt') return this.#hand(message);
    return this.#take(message);
  }

  /** Takes a message that another node passed on: never a private one. */
  async take(value: unknown): Promise<PoolResult> {
    const message = parsed(value);
    if ('status' in message) return message;
    if (isPrivate(message.type)) {
      return refused('a private message is for one node alone', true);
    }
    return this.#take(message);
  }

  async #take(message: AnyMessage): Promise<PoolResult> {
    // a repeat costs a hash, and no look at the chain
    if (this.pool.has(message.jobId, messageId(message))) return { status: 'known' };
    if (message.type === 'announce') return this.#announced(message);
    if (message.type === 'appeal') return this.#appealed(message);
    if (SAID_WHEN_LIVE.includes(message.type)) await this.#look(message);
    // who is bonded matters only where somebody has to go
    const isCrowding = message.type === 'verifier' && this.pool.isFullOfVerifiers;
    if (isCrowding && isSigned(message)) await this.#rankVerifiers();
    return this.pool.add(message);
  }

  /** Lets the verifiers stay that jobs made at the tip draw from. */
  async #rankVerifiers(): Promise<void> {
    this.#bonded ??= bondedAtTip(this.#chain);
    try {
      this.pool.setBonded(await this.#bonded);
    } catch (thrown) {
      this.#bonded = undefined;
      throw thrown;
    }
  }

  /** Keeps a private message that is for this node, else hands it to its own; what that node says is the answer. */
  async #hand(message: Message<'prompt'>): Promise<SendResult> {
    const { node } = message.body;
    if (node === undefined || node === this.node) return this.pool.add(message);
    if (!isSigned(message)) return refused("the author's signature is wrong", true);
    if (!this.#delivery) {
      return { status: 'undelivered', reason: 'this node is on no network' };
    }
    try {
      return decodeAnswer(await this.#delivery.deliver(node, encodeHanded(message)));
    } catch (thrown) {
      if (!(thrown instanceof BitmodelError)) throw thrown;
      return { status: 'undelivered', reason: messageOf(thrown) };
    }
  }

  /** A private message from another node: kept where it is for this one, and its job and acceptance are known or may come. */
  async #receive(bytes: Uint8Array): Promise<PoolResult> {
    if (bytes.length > MESSAGE_BOUNDS.bytes) {
      return refused('the message is larger than 1 MiB', true);
    }
    const message = parsed(jsonOf(bytes));
    if ('status' in message) return message;
    if (message.type !== 'prompt') return refused('only prompts are handed to one node', true);
    if (message.body.node !== this.node) return refused('it is for another node');
    return this.pool.add(message);
  }

  /** Forgets what is over. Call it after every block. */
  async advance(): Promise<void> {
    this.#bonded = undefined;
    const tip = await this.#chain.height();
    for (const id of this.pool.jobIds()) await this.#forgetIfOver(id, tip);
    for (const id of this.pool.caseIds()) await this.#forgetAppeals(id, tip);
    for (const id of this.#unproven.keys()) if (!this.pool.job(id)) this.#unproven.delete(id);
    this.#finished.advance(tip);
    this.#cursors.push(this.pool.cursor);
    if (this.#cursors.length > HEIGHT_SLACK) this.pool.forgetWaiting(this.#cursors.shift()!);
  }

  /** One page of messages from a cursor on, private ones included, and the id of this node where it is on a network. */
  list(options: { jobId?: string | undefined; after?: number | undefined }): {
    messages: AnyMessage[];
    next: number;
    node?: string;
  } {
    const page = this.pool.list({ ...options, maxBytes: PAGE_BYTES });
    return this.node === undefined ? page : { ...page, node: this.node };
  }

  async #announced(message: Message<'announce'>): Promise<PoolResult> {
    const refusal = await this.#whyNot(message);
    if (refusal !== undefined) return refused(refusal);
    const coin = await this.#chain.output(parseOutpoint(message.body.job.coin));
    return this.pool.add(message, coin?.output.value);
  }

  /** Takes an appeal that its author's coin stands behind, and whose case the chain shows. */
  async #appealed(message: Message<'appeal'>): Promise<PoolResult> {
    // what is no appeal by itself costs no look at the chain
    const fault = isSigned(message) ? appealFault(message) : "the author's signature is wrong";
    if (fault !== undefined) return refused(fault, true);
    if (!isTimely(message, await this.#chain.height())) return refused('its time is over');
    const worth = await appealWorth(this.#chain, message);
    if (worth === undefined) return refused('no unspent coin of its author stands behind it');
    const why = await whyNoCase(this.#chain, message);
    return why === undefined ? this.pool.add(message, worth) : refused(why);
  }

  /** Forgets appeals whose time is over, or whose coin is gone. */
  async #forgetAppeals(id: string, tip: number): Promise<void> {
    const standing = new Set<string>();
    for (const appeal of this.pool.case(id)?.appeals ?? []) {
      const isStanding =
        isTimely(appeal, tip) && (await appealWorth(this.#chain, appeal)) !== undefined;
      if (isStanding) standing.add(messageId(appeal));
    }
    this.pool.retainAppeals(id, (appeal) => standing.has(messageId(appeal)));
  }

  async #forgetIfOver(id: string, tip: number): Promise<void> {
    const job = this.pool.job(id);
    if (!job) return;
    const { announce, spec } = job;
    const life = await lifeOf(this.#chain, id, spec, job.accepts);
    this.#mark(id, life);
    if (life !== 'unproven') this.#unproven.delete(id);
    else if (!this.#unproven.has(id)) this.#unproven.set(id, tip);
    const over = endOf(spec, this.#chain.parameters);
    const isUnproven = life === 'unproven' && tip > this.#unproven.get(id)! + HEIGHT_SLACK;
    if (isUnproven) this.#finished.add(id, { announce, until: tip + UNPROVEN_REST });
    else if (typeof life === 'object' && hasEnded(life, tip)) {
      this.#finished.add(id, { announce, accept: life.accept, until: over });
    } else if (
      life !== 'dead' &&
      !(life === 'open' && isStale(spec, tip)) &&
      tip < over + AFTERGLOW
    ) {
      return;
    }
    this.pool.remove(id);
  }

  #mark(id: string, life: Life): void {
    const isLive = typeof life === 'object';
    this.pool.setLive(id, isLive);
    if (isLive) this.pool.pin(id, messageId(life.accept));
  }

  /** Sees whether a job has come to life since the last block, so that what is said about it finds room. */
  async #look(message: AnyMessage): Promise<void> {
    const id = message.jobId;
    const isSaid = message.type === 'accept' && isSigned(message);
    if (isSaid) await this.#revive(message);
    const job = this.pool.isLive(id) ? undefined : this.pool.job(id);
    if (!job) return;
    const isClients = isSaid && message.author === job.spec.client;
    const accepts = isClients ? [...job.accepts, message] : job.accepts;
    if (accepts.length === 0) return;
    const life = await lifeOf(this.#chain, id, job.spec, accepts);
    this.#mark(id, life);
  }

  /** Takes a job up again that was forgotten because no acceptance explained where its coin went, when this one does. */
  async #revive(accept: Message<'accept'>): Promise<void> {
    const id = accept.jobId;
    const finished = this.#finished.get(id);
    if (!finished || finished.accept || finished.announce.author !== accept.author) return;
    const { announce } = finished;
    const life = await lifeOf(this.#chain, id, announce.body.job, [accept]);
    const tip = await this.#chain.height();
    if (typeof life !== 'object' || hasEnded(life, tip)) return;
    this.#finished.delete(id);
    this.pool.add(announce);
  }

  async #whyNot({ jobId, body: { job } }: Message<'announce'>): Promise<string | undefined> {
    const tip = await this.#chain.height();
    if (job.created > tip + HEIGHT_SLACK) return 'it was created after the tip of the chain';
    if (tip >= endOf(job, this.#chain.parameters)) return 'its time is over';
    const finished = this.#finished.get(jobId);
    const life = await lifeOf(this.#chain, jobId, job, finished?.accept ? [finished.accept] : []);
    if (life === 'dead') return 'its coin is spent, unknown, or not of its client';
    if (life === 'open' && isStale(job, tip)) return 'its time is over';
    if (!finished) return undefined;
    const isOver = life === 'unproven' || (typeof life === 'object' && hasEnded(life, tip));
    if (isOver) return 'it is over, or nothing shows that it lives';
    this.#finished.delete(jobId);
    return undefined;
  }
}

/** Whether the end of a job's contracts has been seen long enough; height 0 is the mempool. */
function hasEnded({ endedAt = 0 }: Contracts, tip: number): boolean {
  return endedAt > 0 && tip >= endedAt + AFTERGLOW;
}

/** What somebody sent as a message, or why it is none. */
function parsed(value: unknown): AnyMessage | PoolResult {
  try {
    if (Buffer.byteLength(JSON.stringify(value) ?? '') > MESSAGE_BOUNDS.bytes) {
      return refused('the message is larger than 1 MiB', true);
    }
    return parseMessage(value);
  } catch (thrown) {
    return refused(messageOf(thrown), true);
  }
}

/** The JSON in some bytes; undefined, which is no message, where there is none. */
function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

function isStale(job: JobSpec, tip: number): boolean {
  return tip >= job.expires || tip > job.created + OFFER_PERIOD;
}
