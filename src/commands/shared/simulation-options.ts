import { BitmodelError, EXIT, parseAmount } from '../../base/index.js';
import {
  POPULARITIES,
  type Popularity,
  type Prices,
  parseWeight,
  type Scheme,
} from '../../reward/index.js';

function bad(option: string, text: string, next: string): BitmodelError {
  return new BitmodelError('BAD_OPTION', `${option} can't be "${text.slice(0, 60)}".`, {
    next,
    exitCode: EXIT.usage,
  });
}

const RULES = 'declared, equal:20%, first:20%, decay:20%:50% or kinds:dataset=10%,paper=5%';

function kindShares(text: string, rule: string): Map<string, number> {
  const shares = new Map<string, number>();
  for (const part of text.split(',')) {
    const [kind, share, ...more] = part.split('=');
    if (!kind || share === undefined || more.length > 0 || shares.has(kind)) {
      throw bad('--weights', rule, `Pass one of ${RULES}`);
    }
    shares.set(kind, parseWeight(share));
  }
  return shares;
}

/**
 * A rule for weights as it is written after `--weights`: `equal:20%`.
 * @throws BitmodelError `BAD_OPTION`, `BAD_WEIGHT`
 */
export function parseScheme(text: string): Scheme {
  const [rule, share, factor, ...more] = text.split(':');
  const parts = more.length > 0 ? -1 : text.split(':').length;
  if (rule === 'declared' && parts === 1) return { name: text, rule };
  if ((rule === 'equal' || rule === 'first') && parts === 2) {
    return { name: text, rule, sharePpm: parseWeight(share!) };
  }
  if (rule === 'decay' && parts === 3) {
    return { name: text, rule, sharePpm: parseWeight(share!), factorPpm: parseWeight(factor!) };
  }
  if (rule === 'kinds' && parts === 2)
    return { name: text, rule, shares: kindShares(share!, text) };
  throw bad('--weights', text, `Pass one of ${RULES}`);
}

/**
 * Prices as they are written after `--price`: `0.5`, `0.1-2`, `0.1-12.8:halving`.
 * @throws BitmodelError `BAD_OPTION`, `BAD_AMOUNT`
 */
export function parsePrices(text: string): Prices {
  const match = /^([^-:]+)(?:-([^-:]+))?(:halving)?$/.exec(text);
  if (!match || (match[3] !== undefined && match[2] === undefined)) {
    throw bad('--price', text, 'Pass 0.5, 0.1-2 or 0.1-12.8:halving');
  }
  const least = parseAmount(match[1]!);
  const most = match[2] === undefined ? least : parseAmount(match[2]);
  return { least, most, spread: match[3] === undefined ? 'uniform' : 'halving' };
}

/** Parts by kind as they are written after `--kinds`: `model=60,dataset=40`. @throws BitmodelError `BAD_OPTION` */
export function parseKinds(text: string): [string, number][] {
  const kinds = text.split(',').map((part): [string, number] => {
    const match = /^([a-z]{1,20})=(\d{1,7})$/.exec(part);
    if (!match) throw bad('--kinds', text, 'Pass kinds and their parts, as model=60,dataset=40');
    return [match[1]!, Number(match[2])];
  });
  if (new Set(kinds.map(([kind]) => kind)).size === kinds.length) return kinds;
  throw bad('--kinds', text, 'Name each kind once');
}

/** @throws BitmodelError `BAD_OPTION` */
export function parsePopularity(text: string): Popularity {
  const found = POPULARITIES.find((popularity) => popularity === text);
  if (found) return found;
  throw bad('--popularity', text, `Pass one of ${POPULARITIES.join(', ')}`);
}

/** @throws BitmodelError `BAD_OPTION` */
export function parseOwnership(text: string): 'uniform' | 'zipf' {
  if (text === 'uniform' || text === 'zipf') return text;
  throw bad('--ownership', text, 'Pass uniform or zipf');
}
