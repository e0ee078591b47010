import { BitmodelError, EXIT } from '../../base/index.js';
import type { Attack } from './attack.js';
import { substitute } from './substitute.js';
import { tamper } from './tamper.js';
import { truncate } from './truncate.js';
import { withhold } from './withhold.js';

/** Every cheating seller that is known, by name. */
export const ATTACKS: readonly Attack[] = [substitute, tamper(), truncate, withhold];

/** `tamper:POSITION`; a position has at most nine digits, more than any context holds. */
const TAMPER_AT = /^tamper:(\d{1,9})$/;

/**
 * The attack that `--cheat` names: `substitute`, `tamper`, `tamper:POSITION`, `truncate` or `withhold`.
 * @throws BitmodelError `UNKNOWN_ATTACK`
 */
export function attackNamed(name: string): Attack {
  const position = TAMPER_AT.exec(name)?.[1];
  if (position !== undefined) return tamper(Number(position));
  const attack = ATTACKS.find((known) => known.name === name);
  if (attack !== undefined) return attack;
  throw new BitmodelError('UNKNOWN_ATTACK', `There is no cheat called "${name}".`, {
    next: `Name one of: ${ATTACKS.map((known) => known.name).join(', ')}, tamper:POSITION`,
    exitCode: EXIT.usage,
  });
}
