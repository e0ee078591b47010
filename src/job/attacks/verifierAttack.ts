import type { GenerateRequest, Generation } from '../../model/index.js';
import type { AttackResult } from '../../rastic/index.js';
import type { JobModel } from '../jobModel.js';

/** Tokens, and the true reason for their end. */
export type JudgedOutput = Pick<Generation, 'ids' | 'finish'>;

/** What a cheating verifier judges: two answers to one request, and which of them is honest. */
export interface JudgedAnswers {
  readonly own: JobModel;
  readonly tau: number;
  readonly request: GenerateRequest;
  readonly honest: JudgedOutput;
  /** The same up to one token that was changed. */
  readonly tampered: JudgedOutput;
  /** Position of that token. */
  readonly position: number;
  /** Text that fixes whatever is drawn. */
  readonly seed: string;
  readonly signal?: AbortSignal | undefined;
}

/** A named cheating verifier or neighbour. */
export interface VerifierAttack {
  readonly name: string;
  readonly description: string;
  readonly gains: string;
  /** What must come of it, in words. */
  readonly expects: string;
  /** @returns `caught` where the right verdict stood, or the cheat showed; `wins` where it gets its way, as it is known to */
  run(answers: JudgedAnswers): Promise<{ result: AttackResult; came: string }>;
}

/** What came of one of the two answers. */
export interface Looked {
  /** The right verdict stood, or no wrong one came about. */
  readonly stood: boolean;
  readonly came: string;
}

/**
 * A cheat that is tried on both answers, the honest one first.
 * @param wins whether it is known to get its way, so that this is no miss
 */
export function triedOnBoth(
  about: Omit<VerifierAttack, 'run'>,
  wins: boolean,
  look: (answers: JudgedAnswers, output: JudgedOutput) => Promise<Looked>,
): VerifierAttack {
  return {
    ...about,
    async run(answers) {
      const both: Looked[] = [];
      for (const output of [answers.honest, answers.tampered]) {
        both.push(await look(answers, output));
      }
      const came = both.map((one) => one.came).join('; ');
      if (both.every(({ stood }) => stood)) return { result: 'caught', came };
      return { result: wins ? 'wins' : 'missed', came };
    },
  };
}
