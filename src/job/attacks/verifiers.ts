import { type KeyPair, signData } from '../../chain/index.js';
import { verifyOutput } from '../../rastic/index.js';
import {
  contestedMessage,
  gatherVerdicts,
  type SignedVerdict,
} from '../contracts/contestedSpends.js';
import type { ContestedState } from '../contracts/layout.js';
import type { VerdictName } from '../contracts/verdict.js';
import type { JobTerms } from '../terms.js';
import { newParties, type Parties } from './delivery.js';
import {
  type JudgedAnswers,
  type JudgedOutput,
  triedOnBoth,
  type VerifierAttack,
} from './verifierAttack.js';

const HASH = new Uint8Array(32);

/** A contest among these parties: what verdicts are signed for. */
function contestOf({ client, seller, verifiers }: Parties, maxTokens: number) {
  const terms: JobTerms = {
    genesis: HASH,
    jobId: HASH,
    client: client.publicKey,
    seller: seller.publicKey,
    sellerPayout: new Uint8Array(20),
    kHash: HASH,
    pricePerToken: 10_000n,
    maxTokens,
    feePpm: 0,
    feeScript: HASH,
    stake: 10_000_000_000n,
    verifiers: verifiers.map(({ publicKey }) => publicKey),
    threshold: (verifiers.length >> 1) + 1,
    verifierFee: 1000n,
    expires: 200,
    disputeWindow: 10,
    verdictWindow: 20,
  };
  const state: ContestedState = {
    k: HASH,
    count: 1,
    commitmentHash: HASH,
    stakeOutpoint: { hash: HASH, index: 0 },
  };
  return { terms, state };
}

/** The word that an honest verifier puts its name to. */
async function honestWord(
  { own, request, tau, signal }: JudgedAnswers,
  { ids, finish }: JudgedOutput,
): Promise<VerdictName> {
  const claim = { ...request, outputIds: ids, finish };
  const { verdict } = await verifyOutput(own.model, claim, { tau, signal });
  return verdict.result === 'valid' ? 'valid' : 'invalid';
}

/** What the verifiers of a contest sign; each an honest word, and what it makes of it. */
type Signers = (contest: {
  readonly verifiers: readonly KeyPair[];
  readonly truth: VerdictName;
  readonly sign: (key: KeyPair, word: VerdictName) => SignedVerdict;
}) => SignedVerdict[];

const opposite = (word: VerdictName): VerdictName => (word === 'valid' ? 'invalid' : 'valid');

/** Which verdict a set of signatures brings about on the chain; first the slash, as everybody looks for it first. */
function outcomeOf(
  parties: Parties,
  truth: VerdictName,
  signers: Signers,
): VerdictName | undefined {
  const { terms, state } = contestOf(parties, 1);
  const sign = (key: KeyPair, word: VerdictName): SignedVerdict => ({
    verifier: key.publicKey,
    signature: signData(contestedMessage(terms, state, word), key.privateKey),
  });
  const signed = signers({ verifiers: parties.verifiers, truth, sign });
  return (['invalid', 'valid'] as const).find(
    (word) => gatherVerdicts(terms, state, word, signed) !== undefined,
  );
}

function judged(
  about: Omit<VerifierAttack, 'run'>,
  signers: Signers,
  wins = false,
): VerifierAttack {
  return triedOnBoth(about, wins, async (answers, output) => {
    const truth = await honestWord(answers, output);
    const right: VerdictName = output === answers.honest ? 'valid' : 'invalid';
    const outcome = outcomeOf(newParties(), truth, signers);
    const which = right === 'valid' ? 'an honest' : 'a false';
    return { stood: outcome === right, came: `${which} answer: ${outcome ?? 'no verdict'}` };
  });
}

const STANDS = 'the right verdict stands: two of three are honest';

/** Verifiers of a contest, three of them, of whom one or two cheat. */
export const CONTEST_ATTACKS: readonly VerifierAttack[] = [
  judged(
    {
      name: 'verifier-lazy',
      description: 'one of three says valid to everything',
      gains: 'the fee without the work',
      expects: STANDS,
    },
    ({ verifiers: [a, b, c], truth, sign }) => [
      sign(a!, 'valid'),
      sign(b!, truth),
      sign(c!, truth),
    ],
  ),
  judged(
    {
      name: 'verifier-contrary',
      description: 'one of three says the opposite of the truth',
      gains: 'harm to somebody',
      expects: STANDS,
    },
    ({ verifiers: [a, b, c], truth, sign }) => [
      sign(a!, opposite(truth)),
      sign(b!, truth),
      sign(c!, truth),
    ],
  ),
  judged(
    {
      name: 'verifier-silent',
      description: 'one of three never answers',
      gains: 'the work, at the cost of the fee',
      expects: STANDS,
    },
    ({ verifiers: [, b, c], truth, sign }) => [sign(b!, truth), sign(c!, truth)],
  ),
  judged(
    {
      name: 'verifier-both-ways',
      description: 'one of three signs both verdicts',
      gains: 'the fee, however it ends',
      expects: STANDS,
    },
    ({ verifiers: [a, b, c], truth, sign }) => [
      sign(a!, 'valid'),
      sign(a!, 'invalid'),
      sign(b!, truth),
      sign(c!, truth),
    ],
  ),
  judged(
    {
      name: 'verifier-copied-signature',
      description: "one of three shows another's signature as its own, and a stranger signs too",
      gains: 'the fee without the work',
      expects: 'the signature counts for nobody; two honest verdicts stand',
    },
    ({ verifiers: [a, b, c], truth, sign }) => {
      const copied = { verifier: a!.publicKey, signature: sign(b!, opposite(truth)).signature };
      const stranger = sign(newParties().client, opposite(truth));
      return [copied, stranger, sign(b!, truth), sign(c!, truth)];
    },
  ),
  judged(
    {
      name: 'verifiers-colluding',
      description: 'two of three agree on the opposite of the truth',
      gains: 'the stake of an honest seller, or the price of a false answer',
      expects:
        'they win: an honest majority among those drawn is assumed; a second draw takes their bonds',
    },
    ({ verifiers: [a, b, c], truth, sign }) => [
      sign(a!, opposite(truth)),
      sign(b!, opposite(truth)),
      sign(c!, truth),
    ],
    true,
  ),
];
