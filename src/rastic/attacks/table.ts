import { BitmodelError, EXIT } from '../../base/index.js';
import type { Attack } from './attack.js';
import { CACHE_ATTACKS } from './caches.js';
import { CHANGED_TOKEN_ATTACKS } from './changedTokens.js';
import { DELIVERY_ATTACKS } from './deliveries.js';
import { ENDING_ATTACKS } from './endings.js';
import { MADE_UP_ATTACKS } from './madeUp.js';
import { MODEL_ATTACKS } from './otherModels.js';
import { PROMPT_ATTACKS } from './prompts.js';
import { SAMPLING_ATTACKS } from './samplings.js';
import { SEED_ATTACKS } from './seeds.js';
import { SPECULATIVE_ATTACKS } from './speculative.js';
import { tamper } from './tamper.js';
import { truncate } from './truncate.js';

/** Every cheating seller that is known, by name. */
export const ATTACKS: readonly Attack[] = [
  tamper(),
  ...CHANGED_TOKEN_ATTACKS,
  ...PROMPT_ATTACKS,
  truncate,
  ...ENDING_ATTACKS,
  ...SEED_ATTACKS,
  ...SAMPLING_ATTACKS,
  ...MODEL_ATTACKS,
  ...CACHE_ATTACKS,
  ...SPECULATIVE_ATTACKS,
  ...MADE_UP_ATTACKS,
  ...DELIVERY_ATTACKS,
];

/** `tamper:POSITION`; a position has at most nine digits, more than any context holds. */
const TAMPER_AT = /^tamper:(\d{1,9})$/;

/**
 * The attack that `--cheat` names: one of {@link ATTACKS}, or `tamper:POSITION`.
 * @throws BitmodelError `UNKNOWN_ATTACK`
 */
export function attackNamed(name: string): Attack {
  const position = TAMPER_AT.exec(name)?.[1];
  if (position !== undefined) return tamper(Number(position));
  const attack = ATTACKS.find((known) => known.name === name);
  if (attack !== undefined) return attack;
  throw new BitmodelError('UNKNOWN_ATTACK', `There is no cheat called "${name}".`, {
    next: name.startsWith('tamper:')
      ? 'Name a position after the colon, such as tamper:5'
      : 'See what there is with: bitmodel rastic attacks --list',
    exitCode: EXIT.usage,
  });
}

/**
 * The attack that a worker is told to play.
 * @throws BitmodelError `UNKNOWN_ATTACK`, or `NO_SUCH_SALE` where no escrow would pay for what it hands over
 */
export function sellableAttack(name: string): Attack {
  const attack = attackNamed(name);
  if (!attack.unsold) return attack;
  throw new BitmodelError('NO_SUCH_SALE', `No escrow pays for what "${name}" hands over.`, {
    next: `See what comes of it with: bitmodel rastic attack ${name}`,
    exitCode: EXIT.usage,
  });
}
