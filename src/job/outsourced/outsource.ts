import { randomBytes } from 'node:crypto';
import { messageOf } from '../../base/index.js';
import type { Host } from '../../network/index.js';
import {
  type Calibration,
  type CheckAnswer,
  type Copy,
  drawCopies,
  drawPositions,
  falsePlantBound,
  outsourcedTau,
  type Reply,
  type Tally,
  tally,
  type Verdict,
} from '../../rastic/index.js';
import { NO_CALIBRATION } from '../jobModel.js';
import { checkReceipt, provenVerdict, type Receipt, type ReceiptChecks } from '../receipt.js';
import { rankNeighbours } from './candidates.js';
import type { NeighbourFacts } from './checkFrames.js';
import { encodeCheckRequest } from './checkRequest.js';
import { Gathering, type Ready, SHORT, within } from './Gathering.js';
import type { NeighbourBook, RecordChange } from './NeighbourBook.js';
import type { OutsourcedVerification } from './verification.js';

/** What is asked of which neighbours, and how long they have. */
export interface OutsourceOptions {
  /** How many neighbours are asked at first, {@link FEWEST_NEIGHBOURS} or more. */
  readonly neighbours: number;
  /** How many positions are checked; all unless stated. */
  readonly sample?: number | undefined;
  /** Milliseconds in which neighbours must have committed to their answers. */
  readonly timeout: number;
  readonly signal: AbortSignal;
}

interface Asked extends Ready {
  readonly copy: Copy;
  answer?: CheckAnswer;
  silence?: string;
}

/** How many are asked in addition, and how often, where those asked disagree or are too few. */
const MORE = 2;
const ROUNDS = 3;
/** Fewest neighbours whose agreement makes a verdict. */
const QUORUM = 2;
/**
 * Fewest neighbours that are asked at first. Of two, one would see a beginning only, so the other alone would speak for the
 * end; and who is asked for nothing has one of its few answers about the job less.
 */
export const FEWEST_NEIGHBOURS = 3;

const abstain = (reason: string): Verdict => ({ result: 'abstain', reason });

/** One outsourced verification, from finding neighbours to what is remembered of them. */
class Outsourcing {
  readonly #book: NeighbourBook;
  readonly #receipt: Receipt;
  readonly #options: OutsourceOptions;
  readonly #positions: readonly number[];
  readonly #started = performance.now();
  readonly #asked: Asked[] = [];
  readonly #gathering: Gathering;
  /** What follows from what those gathered say of the model. */
  #calibration: Calibration | undefined;
  #tauMicro = 0;
  #found = 0;

  constructor(host: Host, book: NeighbourBook, receipt: Receipt, options: OutsourceOptions) {
    this.#book = book;
    this.#receipt = receipt;
    this.#options = options;
    this.#positions = drawPositions(receipt.outputIds.length, options.sample);
    this.#gathering = new Gathering(host, rankNeighbours(host, book), receipt.job);
  }

  async run(): Promise<OutsourcedVerification> {
    const checks = checkReceipt(this.#receipt);
    if (!checks.prompt) return this.#report({ result: 'invalid', kind: 'prompt' }, checks);
    if (this.#positions.length === 0) {
      return this.#report({ result: 'invalid', kind: 'truncation', position: 0 }, checks);
    }
    const ready = await this.#gather(this.#options.neighbours);
    this.#found = ready.length;
    try {
      const early = this.#earlyVerdict(ready);
      if (early) return this.#report(early, checks);
      await this.#settleTolerance(ready);
    } catch (thrown) {
      for (const { conversation } of ready) conversation.end();
      throw thrown;
    }
    const counted = await this.#rounds(ready);
    this.#remember(counted);
    const { verdict } = counted;
    const isValid = verdict.result === 'valid';
    return this.#report(isValid ? provenVerdict(checks) : verdict, checks, counted);
  }

  /** Asks, and asks more where there is no verdict yet. */
  async #rounds(first: readonly Ready[]): Promise<Tally> {
    await this.#ask(first);
    let counted = this.#count();
    for (let round = 1; round < ROUNDS && counted.verdict.result === 'abstain'; round++) {
      const more = await this.#gather(MORE);
      if (more.length === 0) break;
      await this.#ask(more);
      counted = this.#count();
    }
    return counted;
  }

  #gather(wanted: number): Promise<Ready[]> {
    const isWelcome = (facts: NeighbourFacts): boolean => this.#isTolerant(facts);
    return this.#gathering.gather(wanted, isWelcome, this.#options.signal);
  }

  /** Whoever comes later must do with the tolerance that was settled. */
  #isTolerant({ numericClass }: NeighbourFacts): boolean {
    return this.#tauMicro === 0 || (this.#tauFor([numericClass]) ?? Infinity) <= this.#tauMicro;
  }

  #tauFor(neighbours: readonly string[]): number | undefined {
    return outsourcedTau(this.#calibration, this.#receipt.job.classes, neighbours);
  }

  /** What needs no neighbour's answer, once it is known how large the model is. */
  #earlyVerdict(ready: readonly Ready[]): Verdict | undefined {
    const { facts } = this.#gathering;
    if (!facts || ready.length < FEWEST_NEIGHBOURS) {
      for (const { conversation } of ready) conversation.end();
      return abstain(tooFew(ready.length));
    }
    const { job, promptIds, outputIds } = this.#receipt;
    const verdict = ((): Verdict | undefined => {
      const stranger = (id: number): boolean => id >= facts.vocabularySize;
      if (promptIds.some(stranger) || promptIds.length >= facts.contextLength) {
        return abstain('the model does not take this prompt');
      }
      const at = outputIds.findIndex(stranger);
      if (at >= 0) return { result: 'invalid', kind: 'format', position: at };
      const most = Math.min(job.maxTokens, facts.contextLength - promptIds.length);
      return outputIds.length > most
        ? { result: 'invalid', kind: 'count', position: most }
        : undefined;
    })();
    if (verdict) for (const { conversation } of ready) conversation.end();
    return verdict;
  }

  /** Fetches the job's calibration from a neighbour that has it; its hash shows that it is the one. */
  async #settleTolerance(ready: readonly Ready[]): Promise<void> {
    const isNamed = this.#receipt.job.calibration !== NO_CALIBRATION;
    for (const { conversation, facts } of isNamed ? ready : []) {
      if (!facts.calibrated || this.#calibration) continue;
      try {
        this.#calibration = await this.#within(SHORT, (soon) => conversation.calibration(soon));
      } catch {
        // the conversation has ended, which will show as its silence; the next one may have it
        this.#options.signal.throwIfAborted();
      }
    }
    const classes = ready.map(({ facts }) => facts.numericClass);
    const measured = this.#tauFor(classes);
    if (measured === undefined) this.#calibration = undefined;
    this.#tauMicro = measured ?? this.#tauFor(classes)!;
  }

  /** One round: everybody commits, or their time is over; only then is anything shown. */
  async #ask(ready: readonly Ready[]): Promise<void> {
    const { job, salt, promptIds, outputIds } = this.#receipt;
    const copies = drawCopies({
      outputIds,
      positions: this.#positions,
      neighbours: ready.length,
      vocabularySize: this.#gathering.facts!.vocabularySize,
    });
    const asked: Asked[] = ready.map((one, i) => ({ ...one, copy: copies[i]! }));
    this.#asked.push(...asked);
    const tauMicro = this.#tauMicro;
    await this.#within(this.#options.timeout, (commitBy) =>
      each(asked, async ({ conversation, copy }) => {
        const { positions } = copy;
        const request = { nonce: randomBytes(32), job, salt, tauMicro, promptIds, positions };
        const encoded = encodeCheckRequest({ ...request, outputIds: copy.outputIds });
        await conversation.ask(encoded, positions.length, commitBy);
      }),
    );
    const committed = asked.filter(({ silence }) => silence === undefined);
    await this.#within(SHORT, (showBy) =>
      each(committed, async (one) => {
        one.answer = await one.conversation.reveal(showBy);
      }),
    );
    for (const { conversation } of asked) conversation.end();
    this.#options.signal.throwIfAborted();
  }

  #count(): Tally {
    const replies = this.#asked.flatMap(({ conversation: { neighbour }, copy, answer }): Reply[] =>
      answer ? [{ neighbour, weight: this.#book.weight(neighbour), copy, answer }] : [],
    );
    return tally(replies, {
      positions: this.#positions,
      length: this.#receipt.outputIds.length,
      finish: this.#receipt.finish,
      tau: this.#tauMicro / 1_000_000,
      quorum: QUORUM,
    });
  }

  #remember({ verdict, neighbours }: Tally): void {
    const changes = new Map<string, RecordChange>();
    for (const { conversation, silence } of this.#asked) {
      if (silence !== undefined) changes.set(conversation.neighbour, { silent: 1 });
    }
    for (const { neighbour, plant, dissented } of neighbours) {
      const decided = verdict.result !== 'abstain';
      changes.set(neighbour, {
        ...(plant === undefined ? {} : { [plant]: 1 }),
        ...(decided ? { [dissented > 0 ? 'dissented' : 'agreed']: 1 } : {}),
      });
    }
    this.#book.note(changes);
  }

  #report(verdict: Verdict, checks: ReceiptChecks, counted?: Tally): OutsourcedVerification {
    const evidence = new Map(counted?.neighbours.map((one) => [one.neighbour, one]));
    const tau = this.#tauMicro / 1_000_000;
    const { temperatureMilli } = this.#receipt.job.sampling;
    const size = this.#gathering.facts?.vocabularySize;
    return {
      verdict,
      checks,
      positions: counted?.positions ?? [],
      settled: counted?.settled ?? 0,
      found: this.#found,
      sampled: this.#positions.length < this.#receipt.outputIds.length,
      neighbours: this.#asked.map(({ conversation: { neighbour }, facts, copy, silence }) => ({
        neighbour,
        numericClass: facts.numericClass,
        weight: this.#book.weight(neighbour),
        copy: copy.plant ? 'planted' : copy.isWhole ? 'whole' : 'cut',
        reach: silence === undefined ? (copy.plant?.position ?? copy.outputIds.length) : 0,
        evidence: evidence.get(neighbour),
        silence,
      })),
      tau,
      calibrated: this.#calibration !== undefined,
      falsePlant: size === undefined ? 1 : falsePlantBound(size, tau, temperatureMilli),
      seconds: (performance.now() - this.#started) / 1000,
    };
  }

  #within<T>(milliseconds: number, work: (limit: AbortSignal) => Promise<T>): Promise<T> {
    return within(this.#options.signal, milliseconds, work);
  }
}

/** Why nobody is asked. */
function tooFew(found: number): string {
  if (found === 0) return 'no connected peer with the model answers checks';
  const answering = found === 1 ? 'peer with the model answers' : 'peers with the model answer';
  return `only ${found} connected ${answering} checks; it takes ${FEWEST_NEIGHBOURS}`;
}

/** Does something with each at once; what fails for one is that one's silence. */
async function each(all: readonly Asked[], work: (one: Asked) => Promise<void>): Promise<void> {
  await Promise.all(
    all.map(async (one) => {
      try {
        await work(one);
      } catch (thrown) {
        one.silence = messageOf(thrown);
      }
    }),
  );
}

/**
 * Has a receipt checked by neighbours that have its model (DESIGN 6, "Outsourced"). They see prompt and output. The
 * verdict is the word of their majority: worth as much as the assumption that most of those asked are honest.
 * @throws AbortError when the signal aborts; a neighbour's failure never throws
 */
export function outsource(
  host: Host,
  book: NeighbourBook,
  receipt: Receipt,
  options: OutsourceOptions,
): Promise<OutsourcedVerification> {
  return new Outsourcing(host, book, receipt, options).run();
}
