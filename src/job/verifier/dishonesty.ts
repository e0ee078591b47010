import { BitmodelError, EXIT } from '../../base/index.js';
import type { Verdict } from '../../rastic/index.js';
import type { Finding } from '../cases/rejudge.js';

/** A dishonest verifier, to see it found out. */
export interface VerifierDishonesty {
  readonly name: 'lazy' | 'contrary' | 'silent';
  /** What it says of an answer; undefined where it says nothing. @param honest judges it */
  readonly judge: (honest: () => Promise<Verdict | undefined>) => Promise<Verdict | undefined>;
  /** What it says of another verifier's verdict. */
  readonly rejudge: (honest: () => Promise<Finding>) => Promise<Finding | undefined>;
}

const NOBODY = async (): Promise<undefined> => undefined;

const CHEATS: readonly VerifierDishonesty[] = [
  {
    // takes the fee, and looks at nothing
    name: 'lazy',
    judge: async () => ({ result: 'valid' }),
    rejudge: async () => ({ finding: 'right', reason: 'it looks right' }),
  },
  {
    name: 'contrary',
    judge: async (honest) => {
      const verdict = await honest();
      if (verdict?.result === 'invalid') return { result: 'valid' };
      if (verdict?.result !== 'valid') return verdict;
      return { result: 'invalid', kind: 'integrity', position: 1, margin: 1 };
    },
    rejudge: async (honest) => {
      const found = await honest();
      if (found.finding === 'abstain') return found;
      const finding = found.finding === 'wrong' ? 'right' : 'wrong';
      return { finding, reason: 'it says the contrary' };
    },
  },
  { name: 'silent', judge: NOBODY, rejudge: NOBODY },
];

/**
 * The dishonest verifier that `--cheat` names: `lazy` finds everything valid, `contrary` says the opposite of what it finds,
 * `silent` says nothing.
 * @throws BitmodelError `UNKNOWN_CHEAT`
 */
export function verifierCheat(name: string): VerifierDishonesty {
  const cheat = CHEATS.find((known) => known.name === name);
  if (cheat) return cheat;
  throw new BitmodelError('UNKNOWN_CHEAT', `No verifier cheats by "${name}".`, {
    next: `Name one of: ${CHEATS.map((known) => known.name).join(', ')}`,
    exitCode: EXIT.usage,
  });
}
