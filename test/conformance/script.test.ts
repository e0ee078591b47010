import { describe, expect, it } from 'vitest';
import { toHex } from '#src/base/index.js';
import { CONSENSUS_FLAGS } from '#src/chain/index.js';
import { demanded, differing } from './difference.js';
import { LIBAUTH_DIFFERENCES, playLibauthCases } from './libauth-vectors.js';
import { table } from './page.js';
import { playScriptTests, SCRIPT_TEST_DIFFERENCES } from './script-tests.js';
import { playSighashVectors, type SighashForm } from './sighash-vectors.js';
import { INVALID_DIFFERENCES, playTransactions } from './transaction-vectors.js';

const scripts = playScriptTests();
const sighashes = playSighashVectors();
const valid = playTransactions('tx_valid');
const invalid = playTransactions('tx_invalid');
const libauth = playLibauthCases();

const count = (wanted: SighashForm): number =>
  sighashes.filter(({ form }) => form === wanted).length;

describe('script_tests.json', () => {
  it('goes as it says, but for the listed cases, which differ just as listed', () => {
    expect(scripts).toHaveLength(1_329);
    expect(differing(scripts)).toEqual(demanded(SCRIPT_TEST_DIFFERENCES));
  });
});

describe('sighash.json', () => {
  it('has the hashes that we make, original and with FORKID', () => {
    expect(sighashes).toHaveLength(1_000);
    for (const { ours, expected, form } of sighashes) {
      expect(toHex(ours), form).toBe(toHex(expected));
    }
  });

  it('keeps the original form out of consensus', () => {
    expect(CONSENSUS_FLAGS.forkId).toBe(true);
  });
});

describe('tx_valid.json and tx_invalid.json', () => {
  it('have valid transactions that are valid here, every input', () => {
    expect(valid).toHaveLength(50);
    expect(differing(valid)).toEqual({});
  });

  it('have invalid ones that are invalid here, but for the listed ones', () => {
    expect(invalid).toHaveLength(40);
    expect(differing(invalid)).toEqual(demanded(INVALID_DIFFERENCES));
  });
});

describe('the virtual machine tests of libauth', () => {
  it('go as libauth’s machine has them, but for the listed cases, which differ just as listed', () => {
    expect(libauth).toHaveLength(433);
    expect(differing(libauth)).toEqual(demanded(LIBAUTH_DIFFERENCES));
  });
});

describe('docs/conformance.md', () => {
  it('says how the vectors went', async () => {
    const page = `# Conformance

Public test vectors that the script machine is held against, in \`test/conformance\`. Every case of every file is
run; a case whose result must differ is listed there by its number with the result it has here, and the test fails
if any other case differs, or a listed one no longer does. This page is written by that test
(\`npx vitest run test/conformance -u\`).

## script_tests.json

Bitcoin Core's script tests as Bitcoin ABC and MicroVisionChain carried them on (npm package \`mvc-lib\` 1.0.5, MIT).
Each case switches our rules on and off as its flags say; cost, which no other chain's vectors know, is not bounded.

${table(scripts, SCRIPT_TEST_DIFFERENCES)}
## tx_valid.json and tx_invalid.json

Whole transactions of Bitcoin Core's tests (from the same package). All ${valid.length} valid ones are valid here, every input. Of
the invalid ones, some are refused for their form and the others for their scripts:

${table(invalid, INVALID_DIFFERENCES)}
## Virtual machine tests of libauth

BCH's machine as @bitauth/libauth 3.0.0 tests it (\`fixtures/libauth/scripts.jsonl\`, MIT): all cases without P2SH, but
for 594 of CashTokens and of signing, which \`test/chain/consensus/token-vectors.test.ts\` runs.

${table(libauth, LIBAUTH_DIFFERENCES)}
## sighash.json

${sighashes.length.toLocaleString('en-US')} signature hashes of random transactions (from the same package), all of them ours too: ${count('original')} of Bitcoin's
original form, which lives on for these tests alone (\`src/chain/script/legacySighash.ts\`); ${count('forkid')} of BIP143's with
FORKID, as the chain has it; and ${count('forkid, with our additions taken out')} of the same where version or hash type ask for fields that only our chain
has (the job id from version 10 on, the spent outputs with 0x20), compared with those fields cut out.
`;
    await expect(page).toMatchFileSnapshot('../../docs/conformance.md');
  });
});
