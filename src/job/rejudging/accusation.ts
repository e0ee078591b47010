import { BitmodelError, EXIT, equalBytes, fromHex, toHex } from '../../base/index.js';
import { type NetworkParameters, parseOutpoint, verifyData } from '../../chain/index.js';
import type { BondChain } from '../bonds/bonds.js';
import { caseIdOf } from '../cases/case.js';
import {
  type ContractChain,
  juriesOf,
  type MinedContest,
  membersOf,
  minedContest,
} from '../cases/onChain.js';
import { contestedMessage } from '../contracts/contestedSpends.js';
import { VERDICT, type VerdictName } from '../contracts/verdict.js';
import { type Evidence, sealEvidence } from '../evidence.js';
import { createMessage, type Message } from '../messages.js';
import { type JobSpec, jobIdHex } from '../spec.js';
import { pushesOf } from '../trace.js';

/** All that whoever appeals must know of a job; buyer and seller have it on disk. */
export interface KnownJob {
  readonly job: JobSpec;
  /** The offer that was taken, and the printed id of the escrow for it. */
  readonly offer: Message<'offer'>;
  readonly escrow: string;
  readonly evidence: Evidence & { readonly outputIds: readonly number[] };
  /** Verdicts that were seen in the pool. */
  readonly verdicts: readonly Message<'verdict'>[];
}

/** A verifier's signed verdict about a contest. */
interface FoundVerdict {
  readonly verdict: VerdictName;
  readonly signature: string;
  /** What it told the pool with it; absent where only the chain still shows the verdict. */
  readonly said?: Pick<Message<'verdict'>, 'sequence' | 'body' | 'signature'>;
}

/** What an appeal is signed with. */
export interface Appellant {
  readonly privateKey: Uint8Array;
  /** An unspent coin of this key, `txid:index`. */
  readonly coin: string;
  readonly height: number;
}

/**
 * Makes the appeal against a verifier's verdict about a job.
 * @param accused the verifier's public key, hex
 * @throws BitmodelError `NOT_CONTESTED`, `NOT_DRAWN`, `NO_VERDICT`, `VERDICT_FORGOTTEN`
 */
export async function makeAppeal(
  chain: ContractChain & BondChain,
  params: NetworkParameters,
  known: KnownJob,
  accused: string,
  { privateKey, coin, height }: Appellant,
): Promise<Message<'appeal'>> {
  const { job, offer, escrow, evidence } = known;
  const contest = await minedContest(chain, params, job, offer, escrow);
  if (!contest) {
    throw new BitmodelError('NOT_CONTESTED', 'No block holds a contest of this job.', {
      next: `See how it stands: bitmodel job show ${jobIdHex(job)}`,
      exitCode: EXIT.notAllowed,
    });
  }
  const juries = await juriesOf(chain, params, job, contest);
  const key = fromHex(accused);
  if (!juries?.first.some(({ publicKey }) => equalBytes(publicKey, key))) {
    throw new BitmodelError('NOT_DRAWN', `${accused} was not drawn to judge this job.`, {
      next: 'Only the verdict of a verifier that was drawn out of the bonded can be judged again',
      exitCode: EXIT.notAllowed,
    });
  }
  const { verdict, signature, said } = await findVerdict(chain, contest, known, accused);
  const message = contestedMessage(contest.terms, contest.state, verdict);
  const members = membersOf({ second: juries.over(fromHex(signature)), accused: key });
  const { author, sequence, body, signature: offered } = offer;
  return createMessage(
    'appeal',
    caseIdOf(key, message),
    0,
    {
      job,
      offer: { author, sequence, body, signature: offered },
      escrow,
      verifier: accused,
      verdict: toHex(message),
      signature,
      ...(said && { said }),
      ...sealEvidence(evidence, members),
      coin,
      height,
    },
    privateKey,
  );
}

/** A verifier's verdict about a contest, out of what the pool showed, or of the transaction that ended it. */
async function findVerdict(
  chain: ContractChain,
  contest: MinedContest,
  { job, verdicts }: KnownJob,
  accused: string,
): Promise<FoundVerdict> {
  const key = fromHex(accused);
  const signs = (verdict: VerdictName, signature: Uint8Array): boolean =>
    verifyData(signature, contestedMessage(contest.terms, contest.state, verdict), key);
  for (const { author, body, sequence, signature } of verdicts) {
    if (author !== accused || body.verdict === 'abstain' || !body.signature) continue;
    if (!signs(body.verdict, fromHex(body.signature))) continue;
    const said = { sequence, body, signature };
    return { verdict: body.verdict, signature: body.signature, said };
  }
  const signature = await signatureAtEnd(chain, contest, key);
  for (const verdict of Object.keys(VERDICT) as VerdictName[]) {
    if (!signature || !signs(verdict, signature)) continue;
    if (verdict === 'valid') return { verdict, signature: toHex(signature) };
    throw new BitmodelError(
      'VERDICT_FORGOTTEN',
      'The chain shows that it found the answer false, but nobody here saw why.',
      {
        next: 'Appeal against such a verdict while the job is in the pool, or from the data folder of who saw it there',
        exitCode: EXIT.notFound,
      },
    );
  }
  throw new BitmodelError('NO_VERDICT', `${accused} has signed no verdict about this job.`, {
    next: `See who did: bitmodel job show ${jobIdHex(job)} --json`,
    exitCode: EXIT.notFound,
  });
}

/** The signature behind a key in the transaction that slashed or cleared the seller. */
async function signatureAtEnd(
  chain: ContractChain,
  contest: MinedContest,
  key: Uint8Array,
): Promise<Uint8Array | undefined> {
  const spender = await chain.spender(parseOutpoint(`${contest.txid}:0`));
  const known = spender && (await chain.transaction(spender.txid));
  const pushes = known ? pushesOf(known.transaction, 0) : [];
  const at = pushes.findIndex((push) => equalBytes(push, key));
  // seats are pushed last first: of each its proof, its key, its signature
  return at < 0 ? undefined : pushes[at + 1];
}
