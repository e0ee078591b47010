import { BitmodelError, fromHex, toHex } from '../../base/index.js';
import {
  decodeTransaction,
  encodeTransaction,
  type FundedTransaction,
  signContract,
  type Transaction,
  transactionId,
} from '../../chain/index.js';
import { claimSpend, claimUnlocking } from '../contracts/escrowSpends.js';
import { releaseSpend, releaseUnlocking } from '../contracts/stakeSpends.js';
import { modelShare } from '../jobModel.js';
import type { Message } from '../messages.js';
import { sendJobMessage } from '../pool/client.js';
import { sendOnce } from '../sending.js';
import { FeeClock, sendSpend, signSpend } from '../signing.js';
import { amountPaid, type JobTerms, modelFee } from '../terms.js';
import { contractCoin, depthOf, type JobTrace } from '../trace.js';
import type { WorkerDesk } from './desk.js';
import type { WorkerRecord } from './record.js';

/** A seller's way to its money: the claim, and the stake that comes back after it. */
export class WorkerClaim {
  readonly #with: WorkerDesk;
  readonly #clock = new FeeClock();

  constructor(desk: WorkerDesk) {
    this.#with = desk;
  }

  /** Whether the node's pool holds the ciphertext now; asked each time, since a pool may lose what it once took. */
  async isDelivered(commitment: Message<'commitment'>): Promise<boolean> {
    const { chain, mirror } = this.#with;
    await mirror.remind(commitment);
    const { status } = await sendJobMessage(chain, commitment);
    return status === 'new' || status === 'known';
  }

  /** Sends the claim on disk, or makes one. */
  async claim(record: WorkerRecord, terms: JobTerms, trace: JobTrace): Promise<void> {
    const { chain, wallet } = this.#with;
    if (record.claim) {
      const transaction = decodeTransaction(fromHex(record.claim.transaction));
      try {
        await sendOnce(chain, transaction);
        return;
      } catch (thrown) {
        if (!(thrown instanceof BitmodelError) || thrown.code !== 'TX_REJECTED') throw thrown;
        // its coins went elsewhere meanwhile, or the mempool asks for more now: another claim with the same
        // commitment does as well
        wallet.release(transaction);
      }
    }
    await this.#makeClaim(record, terms, trace);
  }

  /** @param replaced a claim that waits for a block, to be made again with a higher fee */
  async #makeClaim(
    record: WorkerRecord,
    terms: JobTerms,
    trace: JobTrace,
    replaced?: Transaction,
  ): Promise<void> {
    const { chain, wallet, key, save, tell } = this.#with;
    const { id, job } = record;
    const share = await modelShare(chain, job.model, job.created);
    const shown = {
      ...contractCoin(trace.escrow!),
      k: fromHex(record.k, 32),
      commitment: fromHex(record.commitment!.body.commitment),
      feeLockingScript: share.script,
    };
    const unlock = (funded: FundedTransaction): Uint8Array =>
      claimUnlocking(shown, signContract(funded, key.privateKey));
    const signed = await signSpend(chain, wallet, claimSpend(terms, shown), unlock, replaced);
    const txid = transactionId(signed.transaction);
    const transaction = toHex(encodeTransaction(signed.transaction));
    save({ ...record, claim: { txid, transaction, fee: signed.fee.toString() } });
    await sendSpend(chain, wallet, signed);
    const count = record.output!.ids.length;
    tell({
      step: 'claimed',
      jobId: id,
      txid,
      amount: amountPaid(terms, count) - modelFee(terms, count),
      fee: signed.fee,
      count,
    });
  }

  /** Sees that the claim comes into a block, and takes the stake back when the dispute window is over. */
  async awaitRelease(
    record: WorkerRecord,
    terms: JobTerms,
    trace: JobTrace,
    tip: number,
  ): Promise<void> {
    const { chain, wallet, key, mirror, waitFor, tell } = this.#with;
    if (record.accept) await mirror.remind(record.accept);
    if (record.commitment) await mirror.remind(record.commitment);
    const claim = trace.claim!;
    if (claim.height === 0) {
      waitFor(record.id, tip + 1, 'the claim to be in a block');
      if (record.commitment && this.#clock.isDue(claim.txid, tip)) {
        await this.#makeClaim(record, terms, trace, claim.transaction);
      }
      return;
    }
    if (depthOf(claim, tip) < terms.disputeWindow) return;
    const spend = releaseSpend(terms, contractCoin(claim), claim.state);
    const signed = await signSpend(chain, wallet, spend, (funded) =>
      releaseUnlocking(signContract(funded, key.privateKey)),
    );
    const txid = await sendSpend(chain, wallet, signed);
    tell({ step: 'released', jobId: record.id, txid, amount: terms.stake, fee: signed.fee });
  }
}
