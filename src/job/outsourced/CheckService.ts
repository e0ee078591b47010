import { randomBytes } from 'node:crypto';
import { BitmodelError, canonicalBytes, equalBytes, joinSignals } from '../../base/index.js';
import { type FrameStream, type Host, type Penalties, RateLimit } from '../../network/index.js';
import { type CheckAnswer, commitAnswer, encodeAnswer, examine } from '../../rastic/index.js';
import { CheckQueue } from '../CheckQueue.js';
import { calibrationName, type JobModel } from '../jobModel.js';
import type { PoolChain } from '../pool/chain.js';
import { hashField, jobIdHex, promptHashOf } from '../spec.js';
import {
  type AskFrame,
  CHECK_PROTOCOL,
  decodeAsk,
  encodeSay,
  type ModelName,
  type Refusal,
  type SayFrame,
} from './checkFrames.js';
import {
  type CheckRequest,
  checkRequestId,
  decodeCheckRequest,
  examinedText,
} from './checkRequest.js';
import { soldOutput } from './soldOutput.js';

/** Bounds of what a neighbour does for others; it does it for nothing. */
export const CHECK_BOUNDS = {
  /** Questions about one job in a day. */
  perJob: 4,
  /** Jobs remembered for that. */
  jobs: 20_000,
  /** Questions in work or waiting, of all who ask. */
  queue: 8,
  /** Tokens looked at for one peer: at once after a quiet time, and per second. */
  burst: 131_072,
  perSecond: 256,
  /** Conversations that one peer may begin at once, and per second. */
  conversations: 30,
  conversationsPerSecond: 1,
} as const;

/** What a neighbour answers questions with. */
export interface CheckServiceOptions {
  readonly host: Host;
  readonly penalties: Penalties;
  readonly chain: PoolChain;
  /** Models that it answers about. */
  readonly models: readonly JobModel[];
  /** Milliseconds between two words that it is still at work; 5,000 unless stated. */
  readonly patience?: number;
}

/** A question that may be answered. */
interface Admitted {
  readonly request: CheckRequest;
  readonly encoded: Uint8Array;
  readonly model: JobModel;
}

const refused = (refusal: Refusal): SayFrame => ({ kind: 'refusal', refusal });

/**
 * The neighbour's side of outsourced verification (DESIGN 6): says how tokens of sold outputs stand before its model, and
 * is bound to its answer before it shows it. For nothing, so it is bounded: only jobs that its chain shows as sold, a few
 * questions about each, so many tokens for each peer, a short queue.
 */
export class CheckService {
  readonly #options: CheckServiceOptions;
  readonly #queue = new CheckQueue(CHECK_BOUNDS.queue);
  readonly #conversations = new RateLimit({
    perSecond: CHECK_BOUNDS.conversationsPerSecond,
    burst: CHECK_BOUNDS.conversations,
  });
  readonly #tokens = new RateLimit({
    perSecond: CHECK_BOUNDS.perSecond,
    burst: CHECK_BOUNDS.burst,
  });
  readonly #jobs = new RateLimit({
    perSecond: CHECK_BOUNDS.perJob / 86_400,
    burst: CHECK_BOUNDS.perJob,
    keys: CHECK_BOUNDS.jobs,
  });
  readonly #closing = new AbortController();

  constructor(options: CheckServiceOptions) {
    this.#options = options;
    options.host.handle(CHECK_PROTOCOL, (stream) => this.#converse(stream));
  }

  /** Ends what it is at; the models stay open. */
  close(): void {
    this.#closing.abort();
  }

  async #converse(stream: FrameStream): Promise<void> {
    const { penalties } = this.#options;
    if (!this.#conversations.take(stream.peer)) {
      penalties.penalise(stream.peer, 'flood', 'check/1');
      return stream.abort();
    }
    try {
      await this.#talk(stream);
      await stream.end();
    } catch (thrown) {
      stream.abort();
      const isGarbage =
        thrown instanceof BitmodelError && ['BAD_ENCODING', 'BAD_JOB'].includes(thrown.code);
      if (isGarbage) penalties.penalise(stream.peer, 'garbage', `check/1: ${thrown.message}`);
      else if (!(thrown instanceof BitmodelError)) throw thrown;
    }
  }

  async #talk(stream: FrameStream): Promise<void> {
    let own: JobModel | undefined;
    for (let turn = 0; turn < 4; turn++) {
      const frame = await receiveAsk(stream);
      if (frame === undefined) return;
      if (frame.kind === 'model') {
        own = this.#modelOf(frame);
        await say(stream, own ? this.#facts(own, frame) : refused('unknown-model'));
      } else if (frame.kind === 'calibration') await say(stream, calibrationFrame(own));
      else if (frame.kind === 'question') return this.#answer(stream, frame.request, own);
      else throw unexpected(frame);
    }
  }

  #modelOf({ model, file }: Pick<ModelName, 'model' | 'file'>): JobModel | undefined {
    return this.#options.models.find((own) => own.id === model && own.model.info.file === file);
  }

  #facts(own: JobModel, { calibration }: ModelName): SayFrame {
    const { numericClass, vocabularySize, contextLength } = own.model.info;
    const calibrated = own.calibration !== undefined && calibrationName(own) === calibration;
    return { kind: 'facts', numericClass, vocabularySize, contextLength, calibrated };
  }

  async #answer(stream: FrameStream, encoded: Uint8Array, own?: JobModel): Promise<void> {
    const admitted = await this.#admit(stream.peer, encoded, own);
    if ('kind' in admitted) return say(stream, admitted);
    const answer = await this.#work(stream, admitted);
    if ('kind' in answer) return say(stream, answer);
    const bytes = encodeAnswer(answer);
    const salt = randomBytes(32);
    const requestId = checkRequestId(encoded);
    const neighbour = this.#options.host.id;
    const commitment = commitAnswer(bytes, salt, { requestId, neighbour });
    await say(stream, { kind: 'commitment', commitment });
    const next = await receiveAsk(stream);
    if (next === undefined) return;
    if (next.kind !== 'reveal') throw unexpected(next);
    await say(stream, { kind: 'answer', salt, answer: bytes });
  }

  /** Whether a question is answered: cheap reasons first, the chain's before the job's share is used. */
  async #admit(peer: string, encoded: Uint8Array, own?: JobModel): Promise<Admitted | SayFrame> {
    const request = decodeCheckRequest(encoded);
    const { job, promptIds, outputIds, salt } = request;
    const model = this.#modelOf(job);
    if (!own || model !== own) return refused('unknown-model');
    const promptHash = promptHashOf(salt, promptIds);
    const isItsPrompt = equalBytes(promptHash, hashField(job, 'promptHash'));
    if (!isItsPrompt || promptIds.length !== job.inputTokens) return refused('other-prompt');
    if (promptIds.length + outputIds.length > own.model.info.contextLength) {
      return refused('cannot-say');
    }
    if (!this.#queue.hasRoom) return refused('busy');
    const sold = await soldOutput(this.#options.chain, job);
    if (typeof sold === 'string') return refused(sold);
    if (outputIds.length > sold.count) return refused('more-than-sold');
    if (!this.#tokens.take(peer, promptIds.length + outputIds.length)) return refused('too-much');
    if (!this.#jobs.take(jobIdHex(job))) return refused('asked-enough');
    return { request, encoded, model };
  }

  /** Waits its turn and computes; who has gone in the meantime costs no more. */
  async #work(stream: FrameStream, { request, model }: Admitted): Promise<CheckAnswer | SayFrame> {
    if (!this.#queue.hasRoom) return refused('busy');
    const gone = new AbortController();
    const { signal, release } = joinSignals(gone.signal, this.#closing.signal);
    const { patience = 5_000 } = this.#options;
    const timer = setInterval(() => {
      stream.send(encodeSay({ kind: 'waiting' })).catch(() => gone.abort());
    }, patience);
    try {
      return await this.#queue.run(async () => {
        signal.throwIfAborted();
        const { positions, tauMicro } = request;
        const options = { positions, tau: tauMicro / 1_000_000, signal };
        const answer = await examine(model.model, examinedText(request), options);
        return 'reason' in answer ? refused('cannot-say') : answer;
      });
    } catch (thrown) {
      if (!signal.aborted) throw thrown;
      throw new BitmodelError('STREAM_ENDED', 'Who asked has gone.');
    } finally {
      clearInterval(timer);
      release();
    }
  }
}

async function receiveAsk(stream: FrameStream): Promise<AskFrame | undefined> {
  const bytes = await stream.receive();
  return bytes && decodeAsk(bytes);
}

function say(stream: FrameStream, frame: SayFrame): Promise<void> {
  return stream.send(encodeSay(frame));
}

function calibrationFrame(own: JobModel | undefined): SayFrame {
  if (!own?.calibration) {
    return refused('unknown-calibration');
  }
  return { kind: 'calibration', json: canonicalBytes(own.calibration) };
}

function unexpected({ kind }: AskFrame): BitmodelError {
  return new BitmodelError('BAD_ENCODING', `A word of a check came out of turn: ${kind}.`, {
    next: 'Take no notice of it',
  });
}
