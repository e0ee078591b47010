import { randomBytes } from 'node:crypto';
import { BitmodelError, EXIT, formatAmount, parseAmount, sha256, toHex } from '../../base/index.js';
import type { ChainClient, KeyPair, NetworkParameters } from '../../chain/index.js';
import { registryAt, registryHeight } from '../bonds/bonds.js';
import type { PoolMirror } from '../pool/PoolMirror.js';
import type { JobSpec } from '../spec.js';
import { suspectKeys } from '../suspects/ask.js';
import type { JobRequest } from './request.js';

const DEFAULT_VERIFIER_FEE = 10_000n;
const AUTO_VERIFIERS = 3;
/** What `bitmodel verifier` asks unless told otherwise, and so what one gets of whom it is not known what it asks. */
const USUAL_FEE = 50_000n;
/** More than this no named verifier gets without the buyer's word. */
const MOST_UNASKED = 20n * USUAL_FEE;

/** Who judges a job, and what each asks. */
export interface Judges {
  readonly of: JobSpec['verifiers'];
  /** How they came to be: `announced` ones have no bond, and may be anybody. */
  readonly chosen: 'named' | 'announced' | 'drawn';
  readonly fee: bigint;
  /** c, hex, where they are drawn. */
  readonly drawSecret?: string;
}

/** What a buyer looks for judges with. */
export interface JudgeSources {
  readonly chain: ChainClient;
  readonly params: NetworkParameters;
  readonly key: KeyPair;
  readonly mirror: PoolMirror;
}

/**
 * Who will judge this job in a dispute, and for what: named, announced or drawn.
 * @throws BitmodelError `NO_VERIFIERS`, `VERIFIER_TOO_DEAR`
 */
export async function chooseJudges(
  { chain, params, key, mirror }: JudgeSources,
  { verifiers, verifierFee, allowSuspects }: JobRequest,
  model: string,
  tip: number,
): Promise<Judges> {
  if (typeof verifiers !== 'string') return namedJudges(verifiers, mirror, verifierFee);
  const registry = await registryAt(chain, params, registryHeight(tip, params));
  const size = registry?.size ?? 0;
  const priced = verifierFee === undefined ? '' : ' for that fee';
  // who asks for more than it is paid does not judge
  const announced = mirror
    .verifiers()
    .filter(({ body }) => body.models.includes(model))
    .filter(({ body }) => verifierFee === undefined || parseAmount(body.fee) <= verifierFee);
  const bonded = announced.filter(({ author }) =>
    registry?.keys.some((bond) => toHex(bond) === author),
  );
  const isEnough = size > 2 * AUTO_VERIFIERS;
  if (verifiers === 'drawn' && !isEnough) throw tooFewBonded(size);
  // announcing itself costs nothing: where there are bonds to lose, nobody judges without one
  if (verifiers === 'announced' || !registry || !isEnough) {
    const own = toHex(key.publicKey);
    const others = announced.filter(({ author }) => author !== own);
    const keys = others.map(({ author }) => author);
    const suspects = allowSuspects ? undefined : await suspectKeys(chain, keys, params);
    return announcedJudges(
      others.filter(({ author }) => !suspects?.has(author)),
      priced,
    );
  }
  // one who does not have the model can only abstain
  if (verifiers === 'auto' && 3 * bonded.length <= 2 * size) {
    throw tooFewThere(bonded.length, size, priced);
  }
  const drawSecret = new Uint8Array(randomBytes(32));
  const fee = drawnFee(
    bonded.map(({ body }) => parseAmount(body.fee)),
    size,
  );
  const draw = { registry: toHex(registry.root), drawHash: toHex(sha256(drawSecret)) };
  const of = { ...draw, size, count: AUTO_VERIFIERS };
  return { of, chosen: 'drawn', fee, drawSecret: toHex(drawSecret) };
}

/** Those the buyer named, who get what the dearest of them asks: for less it would not judge, and the dispute would lapse. */
function namedJudges(
  named: readonly string[],
  mirror: PoolMirror,
  given: bigint | undefined,
): Judges {
  const dearest = mirror
    .verifiers()
    .filter(({ author }) => named.includes(author))
    .map(({ author, body }) => ({ author, fee: parseAmount(body.fee) }))
    .toSorted((a, b) => Number(b.fee - a.fee))[0];
  const fee = dearest && dearest.fee > USUAL_FEE ? dearest.fee : USUAL_FEE;
  if (dearest && dearest.fee > (given ?? MOST_UNASKED)) {
    throw new BitmodelError(
      'VERIFIER_TOO_DEAR',
      `Verifier ${dearest.author} asks ${formatAmount(dearest.fee)} coins a verdict, and judges for no less.`,
      {
        next: `Pass --verifier-fee ${formatAmount(dearest.fee)}, or name others with --verifiers`,
        exitCode: EXIT.usage,
      },
    );
  }
  return { of: [...named], chosen: 'named', fee };
}

/**
 * What each drawn verifier gets. The contract pays all the same, before anybody is drawn; so it is what the dearest asks
 * of those who ask at most twice as much as two thirds of the bonded do: none of the others can price a job out.
 */
function drawnFee(asked: readonly bigint[], size: number): bigint {
  const ascending = asked.toSorted((a, b) => Number(a - b));
  const most = ascending[Math.min(Math.floor((2 * size) / 3), ascending.length - 1)] ?? 0n;
  const bound = 2n * (most > DEFAULT_VERIFIER_FEE ? most : DEFAULT_VERIFIER_FEE);
  const dearest = ascending.findLast((fee) => fee <= bound) ?? 0n;
  return dearest > DEFAULT_VERIFIER_FEE ? dearest : DEFAULT_VERIFIER_FEE;
}

function announcedJudges(announced: ReturnType<PoolMirror['verifiers']>, priced: string): Judges {
  const chosen = announced
    .toSorted((a, b) => Number(parseAmount(a.body.fee) - parseAmount(b.body.fee)))
    .slice(0, AUTO_VERIFIERS);
  if (chosen.length === 0) {
    throw new BitmodelError(
      'NO_VERIFIERS',
      `No verifier has announced itself for this model${priced}.`,
      {
        next: 'Start one with: bitmodel verifier --model DIR, or name keys with --verifiers',
        exitCode: EXIT.notFound,
      },
    );
  }
  // sorted by fee: the last one asks most
  return {
    of: chosen.map(({ author }) => author),
    chosen: 'announced',
    fee: parseAmount(chosen.at(-1)!.body.fee),
  };
}

function tooFewBonded(size: number): BitmodelError {
  return new BitmodelError(
    'NO_VERIFIERS',
    `Only ${size} verifiers are bonded; a draw of ${AUTO_VERIFIERS} takes ${2 * AUTO_VERIFIERS + 1}.`,
    {
      next: `Have ${2 * AUTO_VERIFIERS + 1 - size} more bonded, each with: bitmodel verifier bond --key NAME; or, to buy, name keys that you trust with --verifiers`,
      exitCode: EXIT.notFound,
    },
  );
}

function tooFewThere(there: number, size: number, priced: string): BitmodelError {
  return new BitmodelError(
    'NO_VERIFIERS',
    `Of ${size} bonded verifiers only ${there} say that they judge this model${priced}; more than two thirds should.`,
    {
      next: 'Wait for them, name keys that you trust with --verifiers, or draw all the same: --verifiers drawn',
      exitCode: EXIT.notFound,
    },
  );
}
