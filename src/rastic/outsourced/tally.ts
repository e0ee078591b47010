import type { FinishReason } from '../../model/index.js';
import type { Verdict } from '../verdict.js';
import { type CheckAnswer, type PositionAnswer, stepOf } from './answer.js';
import type { Copy } from './copies.js';

/** One neighbour's opened answer. */
export interface Reply {
  readonly neighbour: string;
  /** How much its word counts: 1 for a newcomer. */
  readonly weight: number;
  readonly copy: Copy;
  readonly answer: CheckAnswer;
}

/** What answers are held against. */
export interface TallyOptions {
  /** Positions to be checked, ascending. */
  readonly positions: readonly number[];
  /** Number of output tokens. */
  readonly length: number;
  /** How the seller says the output ended. */
  readonly finish: FinishReason;
  /** Tolerance τ in units of the logits. */
  readonly tau: number;
  /** Fewest neighbours that must say the same of a position. */
  readonly quorum: number;
}

/** What the neighbours say of one position. */
export interface PositionEvidence {
  readonly position: number;
  /** What the majority says; absent where there is none. */
  readonly majority?: PositionAnswer | undefined;
  readonly agreeing: readonly string[];
  readonly dissenting: readonly string[];
}

/** How one neighbour did. */
export interface NeighbourEvidence {
  readonly neighbour: string;
  /** What became of the wrong token planted in its copy; absent where there was none, or it stopped before it. */
  readonly plant?: 'found' | 'missed';
  /** Positions at which it spoke with the majority, and against it. */
  readonly agreed: number;
  readonly dissented: number;
  /** First position that it holds against the seller. */
  readonly accuses?: number;
}

/** What came of asking neighbours: a verdict with all it rests on. It is their word, not a proof. */
export interface Tally {
  readonly verdict: Verdict;
  /** The last of them may be one that was not settled: too few answered for it, or they disagreed. */
  readonly positions: readonly PositionEvidence[];
  /** At how many positions enough neighbours were of one mind. */
  readonly settled: number;
  readonly neighbours: readonly NeighbourEvidence[];
}

const abstain = (reason: string): Verdict => ({ result: 'abstain', reason });

/** That too few neighbours do something. */
function tooFew(count: number, verb: string, what: string): Verdict {
  if (count === 0) return abstain(`no neighbour ${verb}s ${what}`);
  return abstain(
    `only ${count} ${count === 1 ? `neighbour ${verb}s` : `neighbours ${verb}`} ${what}`,
  );
}

/** Whether a neighbour overlooked the wrong token in its copy. */
function plantFate({ copy, answer }: Reply): 'found' | 'missed' | undefined {
  if (!copy.plant) return undefined;
  const index = copy.positions.indexOf(copy.plant.position);
  const said = answer.positions[index];
  if (said === undefined) return undefined;
  return said.standing === 'fine' ? 'missed' : 'found';
}

/** What a neighbour says of a position of the seller's output; its planted token and what follows are not the seller's. */
function vote({ copy, answer }: Reply, position: number): PositionAnswer | undefined {
  if (copy.plant && position >= copy.plant.position) return undefined;
  const index = copy.positions.indexOf(position);
  return index < 0 ? undefined : answer.positions[index];
}

/**
 * Whether two answers can both come of honest machines: gaps within one step, and margins too. Where a token is not fine,
 * top-k and top-p may cut at one machine what they leave at another, so there the margins may differ.
 */
function agree(a: PositionAnswer, b: PositionAnswer): boolean {
  if (Math.abs(a.gap - b.gap) > 1) return false;
  if (a.standing !== 'fine' && b.standing !== 'fine') return true;
  if (a.standing === 'excluded' || b.standing === 'excluded') return false;
  return Math.abs(a.margin - b.margin) <= 1;
}

interface Voter<Vote> {
  readonly reply: Reply;
  readonly vote: Vote;
}

/** The camp that holds more than half of the weight, if one does: those who agree with one of them. */
function majorityCamp<Vote>(
  voters: readonly Voter<Vote>[],
  agrees: (a: Vote, b: Vote) => boolean,
): readonly Voter<Vote>[] | undefined {
  const weightOf = (camp: readonly Voter<Vote>[]): number =>
    camp.reduce((sum, { reply }) => sum + reply.weight, 0);
  let best: readonly Voter<Vote>[] = [];
  for (const centre of voters) {
    const camp = voters.filter(({ vote: other }) => agrees(centre.vote, other));
    if (weightOf(camp) > weightOf(best)) best = camp;
  }
  return 2 * weightOf(best) > weightOf(voters) ? best : undefined;
}

/** The standing that weighs most in a camp, as one of its answers. */
function spokesman(camp: readonly Voter<PositionAnswer>[]): PositionAnswer {
  const weights = new Map<string, number>();
  for (const { reply, vote: said } of camp) {
    weights.set(said.standing, (weights.get(said.standing) ?? 0) + reply.weight);
  }
  const [standing] = [...weights].reduce((a, b) => (b[1] > a[1] ? b : a));
  return camp.find(({ vote: said }) => said.standing === standing)!.vote;
}

class Counting {
  readonly #replies: readonly Reply[];
  readonly #options: TallyOptions;
  readonly #agreed = new Map<string, number>();
  readonly #dissented = new Map<string, number>();
  readonly positions: PositionEvidence[] = [];
  settled = 0;

  constructor(replies: readonly Reply[], options: TallyOptions) {
    this.#replies = replies;
    this.#options = options;
  }

  /** What the majority makes of the output. */
  verdict(): Verdict {
    for (const position of this.#options.positions) {
      const said = this.#count(position);
      if ('result' in said) return said;
      if (said.standing !== 'fine') return this.#invalid(position, said);
    }
    return this.#endVerdict();
  }

  evidenceOf(reply: Reply): NeighbourEvidence {
    const { neighbour, copy, answer } = reply;
    const plant = plantFate(reply);
    const last = answer.positions.length - 1;
    const bad = answer.positions[last]?.standing === 'fine' ? undefined : copy.positions[last];
    return {
      neighbour,
      ...(plant === undefined ? {} : { plant }),
      agreed: this.#agreed.get(neighbour) ?? 0,
      dissented: this.#dissented.get(neighbour) ?? 0,
      ...(bad === undefined || bad === copy.plant?.position ? {} : { accuses: bad }),
    };
  }

  #count(position: number): PositionAnswer | Verdict {
    const voters = this.#replies.flatMap((reply) => {
      const said = vote(reply, position);
      return said ? [{ reply, vote: said }] : [];
    });
    const camp = majorityCamp(voters, agree);
    const names = (list: readonly Voter<unknown>[]) => list.map(({ reply }) => reply.neighbour);
    const outside = camp ? voters.filter((voter) => !camp.includes(voter)) : voters;
    const majority = camp && spokesman(camp);
    const agreeing = names(camp ?? []);
    this.positions.push({ position, majority, agreeing, dissenting: names(outside) });
    const { quorum } = this.#options;
    if (voters.length < quorum) {
      return tooFew(voters.length, 'answer', `for position ${position}`);
    }
    if (!camp || !majority) return abstain(`the neighbours disagree about position ${position}`);
    this.#score(camp, outside);
    if (camp.length < quorum) {
      return tooFew(camp.length, 'agree', `about position ${position}`);
    }
    this.settled++;
    return majority;
  }

  #score(camp: readonly Voter<unknown>[], outside: readonly Voter<unknown>[]): void {
    const add = (counts: Map<string, number>, list: readonly Voter<unknown>[]): void => {
      for (const { reply } of list) {
        counts.set(reply.neighbour, (counts.get(reply.neighbour) ?? 0) + 1);
      }
    };
    add(this.#agreed, camp);
    add(this.#dissented, outside);
  }

  #invalid(position: number, { standing, margin }: PositionAnswer): Verdict {
    if (standing === 'excluded') return { result: 'invalid', kind: 'sampling', position };
    const kind = position === 0 ? 'continuity' : 'integrity';
    return { result: 'invalid', kind, position, margin: margin * stepOf(this.#options.tau) };
  }

  /** The end is judged by those who saw the whole output. */
  #endVerdict(): Verdict {
    const { quorum, length, finish } = this.#options;
    const voters = this.#replies.flatMap((reply) => {
      const { end } = reply.answer;
      return reply.copy.isWhole && end ? [{ reply, vote: end }] : [];
    });
    const placeOf = (end: (typeof voters)[number]['vote']): string =>
      end.finish === 'open' ? 'open' : `${end.finish} ${end.at}`;
    if (voters.length < quorum) return tooFew(voters.length, 'answer', 'for the end');
    const camp = majorityCamp(voters, (a, b) => placeOf(a) === placeOf(b));
    if (!camp) return abstain('the neighbours disagree about the end');
    this.#score(
      camp,
      voters.filter((voter) => !camp.includes(voter)),
    );
    if (camp.length < quorum) return tooFew(camp.length, 'agree', 'about the end');
    const end = camp[0]!.vote;
    if (end.finish === 'open') return { result: 'invalid', kind: 'truncation', position: length };
    if (end.at < length - 1) return { result: 'invalid', kind: 'count', position: end.at + 1 };
    if (end.finish === finish) return { result: 'valid' };
    return { result: 'invalid', kind: 'truncation', position: length - 1 };
  }
}

/**
 * Counts what neighbours say of an output, position by position: a majority by weight, of at least `quorum` of them, must
 * agree on how the token stands and on gap and margin within a step. The first position that it holds against the seller
 * is the evidence. Who missed the wrong token in its copy has no voice.
 */
export function tally(replies: readonly Reply[], options: TallyOptions): Tally {
  const trusted = replies.filter((reply) => reply.weight > 0 && plantFate(reply) !== 'missed');
  const counting = new Counting(trusted, options);
  const verdict = counting.verdict();
  return {
    verdict,
    positions: counting.positions,
    settled: counting.settled,
    neighbours: replies.map((reply) => counting.evidenceOf(reply)),
  };
}
