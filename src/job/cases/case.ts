import { equalBytes, fromHex, sha256, toHex, utf8 } from '../../base/index.js';
import { hashToId, type Outpoint, verifyData } from '../../chain/index.js';
import { rejudgeMessage } from '../contracts/bond.js';
import {
  DRAWN_VERDICT_BYTES,
  DRAWN_VERDICT_PREFIX,
  VERDICT,
  type VerdictName,
} from '../contracts/verdict.js';
import { isSigned, type Message } from '../messages.js';
import { jobIdHex, listedVerifiers } from '../spec.js';

/** What a drawn verifier's signed message says. */
export interface DrawnVerdict {
  readonly genesis: Uint8Array;
  readonly registry: Uint8Array;
  readonly size: number;
  readonly count: number;
  readonly drawSecret: Uint8Array;
  readonly k: Uint8Array;
  readonly stakeOutpoint: Outpoint;
  readonly jobId: Uint8Array;
  readonly commitmentHash: Uint8Array;
  readonly verdict: VerdictName;
}

/** Reads the 252 bytes that a drawn verifier signs; undefined for other bytes. */
export function readDrawnVerdict(bytes: Uint8Array): DrawnVerdict | undefined {
  const prefix = utf8(DRAWN_VERDICT_PREFIX);
  const last = bytes.at(-1);
  const isVerdict = last === VERDICT.invalid || last === VERDICT.valid;
  if (bytes.length !== DRAWN_VERDICT_BYTES || !isVerdict) return undefined;
  if (!equalBytes(bytes.subarray(0, prefix.length), prefix)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = prefix.length;
  const take = (length: number): Uint8Array => {
    at += length;
    return bytes.slice(at - length, at);
  };
  const number = (): number => {
    at += 4;
    return view.getUint32(at - 4, true);
  };
  return {
    genesis: take(32),
    registry: take(32),
    size: number(),
    count: take(1)[0]!,
    drawSecret: take(32),
    k: take(32),
    stakeOutpoint: { hash: take(32), index: number() },
    jobId: take(32),
    commitmentHash: take(32),
    verdict: last === VERDICT.valid ? 'valid' : 'invalid',
  };
}

/**
 * Names the case of one verdict of one verifier, hex: SHA-256 of what a second jury signs about it. Everybody who appeals
 * against that verdict comes to the same case.
 */
export function caseIdOf(verifier: Uint8Array, verdictMessage: Uint8Array): string {
  return toHex(sha256(rejudgeMessage(verifier, verdictMessage)));
}

/** The offer that an appeal carries, as the message that the seller sent. */
export function appealedOffer({ body }: Message<'appeal'>): Message<'offer'> {
  return { v: 1, type: 'offer', jobId: jobIdHex(body.job), ...body.offer };
}

/** What the accused told the pool with its verdict, as the message that it sent. */
export function accusedMessage({ body }: Message<'appeal'>): Message<'verdict'> | undefined {
  if (!body.said) return undefined;
  return { v: 1, type: 'verdict', jobId: jobIdHex(body.job), author: body.verifier, ...body.said };
}

/** Why an appeal is none by itself, whatever the chain shows; its form and its author's signature must have been checked. */
export function appealFault(appeal: Message<'appeal'>): string | undefined {
  const { job, verifier, signature, keys, verdict } = appeal.body;
  const message = fromHex(verdict);
  const read = readDrawnVerdict(message);
  if (!read) return 'what it calls a verdict is none of a drawn verifier';
  if (listedVerifiers(job).length > 0) return "only a drawn verifier's verdict is judged again";
  if (appeal.jobId !== caseIdOf(fromHex(verifier), message)) return 'it is about another case';
  if (toHex(read.jobId) !== jobIdHex(job)) return 'the verdict is about another job';
  if (!verifyData(fromHex(signature), message, fromHex(verifier))) {
    return 'the accused has not signed this verdict';
  }
  if (!isSigned(appealedOffer(appeal))) return 'the offer is not signed by its seller';
  const said = accusedMessage(appeal);
  if (said && !(isSigned(said) && isAbout(said, read))) return 'the accused has not said this';
  if (new Set(keys.map(({ verifier: key }) => key)).size !== keys.length) {
    return 'it names a member of the jury twice';
  }
  return undefined;
}

/**
 * A job that is claimed twice, since a reorganisation undid the first claim, can be judged twice, each time for another
 * reason: what was said of one claim accuses nobody of the other.
 */
function isAbout({ body }: Message<'verdict'>, { verdict, stakeOutpoint }: DrawnVerdict): boolean {
  return body.verdict === verdict && body.stake === hashToId(stakeOutpoint.hash);
}

/** Why what a member of a second jury says is none, held against an appeal of its case. */
export function rejudgementFault(
  { body, author }: Message<'rejudgement'>,
  appeal: Message<'appeal'>,
): string | undefined {
  const { verifier, verdict } = appeal.body;
  if (author === verifier) return 'nobody judges itself';
  if ((body.finding === 'wrong') !== (body.signature !== undefined)) {
    return 'a signature goes with the finding that the verdict was wrong, and with no other';
  }
  if (body.signature === undefined) return undefined;
  const message = rejudgeMessage(fromHex(verifier), fromHex(verdict));
  const isGood = verifyData(fromHex(body.signature), message, fromHex(author));
  return isGood ? undefined : 'its signature is not one of this case';
}

/** Parties of the job: their appeals are kept before those of others. */
export function isParty({ author, body }: Message<'appeal'>): boolean {
  return author === body.job.client || author === body.offer.author;
}

/** Bytes of an appeal that don't depend on its job's tokens: the job, the offer, and a key for each of 31 members. */
export const APPEAL_BYTES = 48 << 10;

/** What distinguishes one accusation from another, for display: job id, accused, verdict. */
export function describeCase(appeal: Message<'appeal'>): {
  readonly jobId: string;
  readonly verifier: string;
  readonly verdict: VerdictName;
} {
  const read = readDrawnVerdict(fromHex(appeal.body.verdict))!;
  return { jobId: toHex(read.jobId), verifier: appeal.body.verifier, verdict: read.verdict };
}
