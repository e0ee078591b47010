import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Place } from './harness.js';
import { hasPseudoTerminal, runOnTerminal } from './pseudo-terminal.js';

const TYPED = 'typed by hand';

describe('bitmodel on a terminal', () => {
  let place: Place;
  const onTerminal = (args: string[], typing: [string, string][]) =>
    runOnTerminal(args, typing, { BITMODEL_DATADIR: place.folder, BITMODEL_NETWORK: 'regtest' });
  beforeAll(() => {
    place = new Place();
  });
  afterAll(() => place.close());

  it('asks for a passphrase twice, shows neither, and asks again when they differ', async () => {
    if (!hasPseudoTerminal()) {
      process.stderr.write('skipped: there is no util-linux script here to make a terminal with\n');
      return;
    }
    const made = await onTerminal(
      ['keygen', '--name', 'typed'],
      [
        ['A passphrase for the new key', `${TYPED}\r`],
        ['The same again', 'something else\r'],
        ['They differ', ''],
        ['A passphrase for the new key', `${TYPED}\r`],
        ['The same again', `${TYPED}\r`],
      ],
    );
    expect(made.code).toBe(0);
    expect(made.stdout).toContain('kept in');
    expect(made.stdout).not.toContain(TYPED);
    expect(readdirSync(join(place.folder, 'regtest', 'keys'))).toEqual(['typed.json']);

    const refused = await onTerminal(
      ['wallet', 'export', '--wif', '--key', 'typed'],
      [['Show the private key of typed', 'n\r']],
    );
    expect(refused.code).toBe(4);
    expect(refused.stdout).toContain('NOT_CONFIRMED');

    const shown = await onTerminal(
      ['wallet', 'export', '--wif', '--key', 'typed'],
      [
        ['Show the private key of typed', 'y\r'],
        ['The passphrase of typed', `${TYPED}\r`],
      ],
    );
    expect(shown.code).toBe(0);
    const wif = /(c[1-9A-HJ-NP-Za-km-z]{51})\r?\n/.exec(shown.stdout)?.[1];
    expect(wif).toBeDefined();

    const taken = await onTerminal(
      ['wallet', 'import', 'again', '--wif'],
      [
        ['The private key', `${wif}\r`],
        ['A passphrase to keep it under', `${TYPED}\r`],
        ['The same again', `${TYPED}\r`],
      ],
    );
    expect(taken.code).toBe(0);
    expect(taken.stdout).not.toContain(wif);
    expect(await place.ok(['wallet', 'address', '--key', 'again'])).toBe(
      await place.ok(['wallet', 'address', '--key', 'typed']),
    );
  });
});
