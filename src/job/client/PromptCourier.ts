import { messageOf } from '../../base/index.js';
import type { ChainClient } from '../../chain/index.js';
import type { JobEvent } from '../JobEvents.js';
import { sendJobMessage } from '../pool/client.js';
import type { ClientRecord } from './record.js';

/** Milliseconds between two tries, at first and at most. */
const FIRST_PAUSE = 300;
const LONGEST_PAUSE = 5_000;

/** How far one prompt has come. */
interface Errand {
  isUnderWay: boolean;
  /** Height of the chain when the seller's node last took it. */
  takenAt?: number;
  /** Times that it was not taken since. */
  failures: number;
  /** Milliseconds since 1970 before which it is not tried again. */
  notBefore: number;
  /** Why it was not taken, as it was last told. */
  problem?: string;
  /** What the buyer has not been told yet. */
  readonly news: Omit<JobEvent, 'role'>[];
}

/**
 * Brings prompts to the nodes that their sellers speak through: again and again until one is taken, and then after
 * each block, since that node may lose it in a restart before its seller has read it. It works beside the buyer's other
 * steps, which a node that can't be reached must not hold up.
 */
export class PromptCourier {
  readonly #chain: ChainClient;
  readonly #tell: (event: Omit<JobEvent, 'role'>) => void;
  readonly #errands = new Map<string, Errand>();

  /** @param tell gets `accepted` when a prompt is first taken, and `problem` once for each reason why it isn't */
  constructor(chain: ChainClient, tell: (event: Omit<JobEvent, 'role'>) => void) {
    this.#chain = chain;
    this.#tell = tell;
  }

  /**
   * Tells what has become of a prompt, and sets it on its way where that is due. Returns at once.
   * @param tip height of the chain
   * @param isWanted whether the seller may still need it
   */
  bring(record: ClientRecord, tip: number, isWanted: boolean): void {
    const errand = this.#errandOf(record.id);
    for (const event of errand.news.splice(0)) this.#tell(event);
    const isTaken = errand.takenAt !== undefined && errand.takenAt >= tip;
    if (!isWanted || errand.isUnderWay || isTaken || Date.now() < errand.notBefore) return;
    errand.isUnderWay = true;
    void this.#carry(record, errand, tip);
  }

  forget(jobId: string): void {
    this.#errands.delete(jobId);
  }

  #errandOf(jobId: string): Errand {
    const known = this.#errands.get(jobId);
    if (known) return known;
    const errand = { isUnderWay: false, failures: 0, notBefore: 0, news: [] };
    this.#errands.set(jobId, errand);
    return errand;
  }

  async #carry(record: ClientRecord, errand: Errand, tip: number): Promise<void> {
    const problem = await this.#try(record);
    errand.isUnderWay = false;
    if (problem === undefined) return taken(record, errand, tip);
    errand.notBefore = Date.now() + Math.min(FIRST_PAUSE * 2 ** errand.failures++, LONGEST_PAUSE);
    if (errand.problem === problem) return;
    errand.problem = problem;
    const detail = `The prompt is not with the seller: ${problem} (tried again).`;
    errand.news.push({ step: 'problem', jobId: record.id, detail });
  }

  /** @returns why it was not taken, undefined where it was */
  async #try({ prompt }: ClientRecord): Promise<string | undefined> {
    try {
      const result = await sendJobMessage(this.#chain, prompt);
      return 'reason' in result ? result.reason : undefined;
    } catch (thrown) {
      // nobody waits for this: whatever went wrong is told, and tried again
      return messageOf(thrown);
    }
  }
}

function taken({ id, escrow }: ClientRecord, errand: Errand, tip: number): void {
  const isFirst = errand.takenAt === undefined;
  errand.takenAt = tip;
  errand.failures = 0;
  delete errand.problem;
  if (isFirst) errand.news.push({ step: 'accepted', jobId: id, party: escrow!.offer.author });
}
