import type { Command } from 'commander';
import { BitmodelError, EXIT } from '../base/index.js';
import { SellerBook, type SellerStanding } from '../job/index.js';
import { action } from './shared/action.js';
import { suspectKeysIfThere, suspectLines } from './shared/suspects.js';
import { listTable } from './shared/tables.js';

interface SellersFlags {
  readonly forget?: string;
  readonly falseLeave?: string;
  readonly missed?: string;
}

const WORDS: Readonly<Record<SellerStanding['verdict'], string>> = {
  open: 'not known yet',
  honest: 'as honest ones are',
  left: 'another model; left',
};

function rateOf(text: string, option: string): number {
  const rate = Number(text);
  if (/^0?\.\d{1,12}$/.test(text)) return rate;
  throw new BitmodelError('BAD_OPTION', `${option} can't be "${text.slice(0, 40)}".`, {
    next: 'Pass a number above 0 and below 0.5, such as 0.001',
    exitCode: EXIT.usage,
  });
}

/** `rastic sellers`. */
export function registerSellers(rastic: Command): void {
  rastic
    .command('sellers')
    .description('what the margins of each seller say over all its jobs')
    .option('--forget <key>', 'forget a seller, by the beginning of its key')
    .option('--false-leave <rate>', 'share of honest sellers that may ever be left (0.001)')
    .option('--missed <rate>', 'share of sellers of another model that may pass a test (0.05)')
    .addHelpText(
      'after',
      '\n`job submit` and `verify` count each answer they check with its calibration. A\nseller whose test ends with "another model" is left: job submit takes no offer of\nit unless --seller names it. The rates hold from then on for all tests.\n\nExample:\n  $ bitmodel rastic sellers\n  $ bitmodel rastic sellers --false-leave 0.0001\n  $ bitmodel rastic sellers --forget 02a1…',
    )
    .action(
      action<SellersFlags>(async (_, { options, settings, terminal }) => {
        const book = SellerBook.of(settings.datadir, settings.network);
        const { forget, falseLeave, missed } = options;
        if (falseLeave !== undefined || missed !== undefined) {
          const rates = book.rates();
          book.setRates({
            falseLeave:
              falseLeave === undefined ? rates.falseLeave : rateOf(falseLeave, '--false-leave'),
            missed: missed === undefined ? rates.missed : rateOf(missed, '--missed'),
          });
        }
        if (forget !== undefined) forgetAll(book, forget);
        const known = book.list();
        const suspects = await suspectKeysIfThere(
          settings,
          known.map(({ seller }) => seller),
        );
        const sellers = known.map((each) => {
          const suspect = suspects.get(each.seller);
          return { ...each, ...(suspect && { suspect }) };
        });
        const rates = book.rates();
        const table = await listTable(
          ['seller', 'jobs', 'tokens', 'above 0', 'evidence', 'verdict'],
          sellers.map(({ seller, jobs, tokens, flips, evidence, verdict }) => [
            `${seller.slice(0, 16)}…`,
            String(jobs),
            String(tokens),
            String(flips),
            evidence.toFixed(2),
            WORDS[verdict],
          ]),
        );
        terminal.result(
          { rates, sellers },
          sellers.length === 0
            ? 'No seller was seen yet.'
            : `${table}\nat most ${rates.falseLeave} of honest sellers are ever left, and ${rates.missed} of others pass a test${suspectLines(suspects)}`,
          sellers.map(({ seller }) => seller).join('\n'),
        );
      }),
    );
}

/** Forgets sellers named by their keys or the beginnings of these, with commas between. */
function forgetAll(book: SellerBook, names: string): void {
  const known = book.list().map(({ seller }) => seller);
  const keys = names.split(',').map((name) => {
    const beginning = name.trim().toLowerCase().replace(/…$/, '');
    const meant = known.filter((seller) => seller.startsWith(beginning));
    if (meant.length === 1 && beginning !== '') return meant[0]!;
    throw new BitmodelError(
      'UNKNOWN_SELLER',
      `${meant.length === 0 ? 'No seller' : 'More than one seller'} has a key that begins with "${beginning.slice(0, 70)}".`,
      {
        next: 'Copy the key from: bitmodel rastic sellers --json',
        exitCode: EXIT.notFound,
      },
    );
  });
  for (const key of keys) book.forget(key);
}
