import { fromHex } from '../../base/index.js';
import { judgesOf, keysOf } from '../bonds/seats.js';
import { sealEvidence } from '../evidence.js';
import { createMessage } from '../messages.js';
import { settleContest } from '../settle.js';
import { FeeClock } from '../signing.js';
import type { JobTerms } from '../terms.js';
import type { JobTrace } from '../trace.js';
import type { WorkerDesk } from './desk.js';
import type { WorkerRecord } from './record.js';

/** A seller's side of a dispute. */
export class WorkerDispute {
  readonly #with: WorkerDesk;
  readonly #clock = new FeeClock();

  constructor(desk: WorkerDesk) {
    this.#with = desk;
  }

  /** Answers an accusation with what shows that the answer was good, and ends the contest when it can be. */
  async defend(record: WorkerRecord, terms: JobTerms, trace: JobTrace, tip: number): Promise<void> {
    const { chain, params, key, mirror, save, tell, waitFor } = this.#with;
    const { id, job, prompt } = record;
    const judges = (await judgesOf(chain, params, job, trace.contest!.state)) ?? [];
    for (const message of [record.accept, record.commitment]) {
      if (message) await mirror.remind(message);
    }
    if (!record.counterproof && prompt && record.oneTimeKey) {
      const evidence = {
        salt: fromHex(prompt.salt, 32),
        promptIds: prompt.ids,
        oneTimeKey: fromHex(record.oneTimeKey, 32),
      };
      const body = sealEvidence(evidence, keysOf(judges));
      const counterproof = createMessage('counterproof', id, 0, body, key.privateKey);
      save({ ...record, counterproof });
      await mirror.remind(counterproof);
      tell({ step: 'counterproof', jobId: id, txid: trace.contest!.txid });
    } else if (record.counterproof) await mirror.remind(record.counterproof);
    if (trace.contest!.height === 0) waitFor(id, tip + 1, 'the contest to be in a block');
    await this.#settle(record, terms, trace, tip, false);
  }

  /** What ends a contest to its good is made again with a higher fee where it waits too long. */
  async raiseEnd(
    record: WorkerRecord,
    terms: JobTerms,
    trace: JobTrace,
    tip: number,
  ): Promise<void> {
    const { contest, end, stage } = trace;
    if (!contest || end!.height > 0 || stage === 'slashed') return;
    if (this.#clock.isDue(end!.txid, tip)) await this.#settle(record, terms, trace, tip, true);
  }

  async #settle(
    record: WorkerRecord,
    terms: JobTerms,
    trace: JobTrace,
    tip: number,
    again: boolean,
  ): Promise<void> {
    const { chain, wallet, params, mirror, tell, planted } = this.#with;
    // of a planted job every verifier is to be heard: its buyer ends it
    if (planted) return;
    const { id, job } = record;
    const judges = (await judgesOf(chain, params, job, trace.contest!.state)) ?? [];
    const verdicts = mirror.job(id)?.verdicts ?? [];
    // a slash is left to the buyer, who has the coins for it set aside
    const favourable = verdicts.filter(({ body }) => body.verdict !== 'invalid');
    const settlement = await settleContest(
      chain,
      wallet,
      terms,
      trace,
      favourable,
      tip,
      judges,
      again,
    );
    if (settlement) tell({ jobId: id, ...settlement });
  }
}
