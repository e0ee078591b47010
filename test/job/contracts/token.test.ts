import { describe, expect, it } from 'vitest';
import {
  type ContractCoin,
  type ContractSpend,
  type OutputToken,
  publicKeyOf,
  type SpendContext,
  signContract,
  signData,
  type Transaction,
} from '#src/chain/index.js';
import { openChannel } from '#src/job/channelState.js';
import {
  bondReleaseSpend,
  bondReleaseUnlocking,
  leaveSpend,
  leaveUnlocking,
} from '#src/job/contracts/bondSpends.js';
import { channelMessage } from '#src/job/contracts/channel.js';
import {
  channelCloseSpend,
  channelCloseUnlocking,
  channelOutput,
  channelRefundSpend,
  channelRefundUnlocking,
} from '#src/job/contracts/channelSpends.js';
import {
  contestedMessage,
  judgeSpend,
  judgeUnlocking,
  lapseSpend,
  lapseUnlocking,
} from '#src/job/contracts/contestedSpends.js';
import {
  cancelSpend,
  cancelUnlocking,
  claimSpend,
  claimUnlocking,
  escrowOutput,
  refundSpend,
  refundUnlocking,
} from '#src/job/contracts/escrowSpends.js';
import {
  contestSpend,
  contestUnlocking,
  releaseSpend,
  releaseUnlocking,
} from '#src/job/contracts/stakeSpends.js';
import { isEscrow } from '#src/job/trace.js';
import {
  answer,
  fund,
  keyOf,
  makeClaim,
  makeState,
  makeTerms,
  outpointOf,
  TOKENS,
  verifierKey,
  withOutput,
} from './setup.js';

const terms = makeTerms();
const claim = makeClaim(37);
const state = makeState(37);
const stake = outpointOf('claim');
const contested = { ...state, stakeOutpoint: stake };
const verdicts = [0, 1, 2].map((index) =>
  index === 1
    ? undefined
    : signData(contestedMessage(terms, contested, 'valid'), verifierKey(index)),
);
const genesis = keyOf('genesis');
const bond = { genesis, verifier: publicKeyOf(keyOf('verifier')), exit: 10 };
const channel = {
  genesis,
  client: publicKeyOf(keyOf('client')),
  seller: publicKeyOf(keyOf('seller')),
  expires: 500,
};
const funding = outpointOf('funding');
const update = {
  amount: 3_000n,
  signature: signData(channelMessage(genesis, funding, 3_000n), keyOf('client')),
};
const tokens: [string, OutputToken][] = Object.entries(TOKENS);

type Path = [
  string,
  (coin: ContractCoin) => ContractSpend,
  (by: (name: string) => Uint8Array) => Uint8Array,
];

const paths: Path[] = [
  [
    'claim',
    (coin) => claimSpend(terms, { ...claim, ...coin }),
    (by) => claimUnlocking(claim, by('seller')),
  ],
  ['refund', (coin) => refundSpend(terms, coin), (by) => refundUnlocking(by('client'))],
  [
    'cancel',
    (coin) => cancelSpend(terms, coin),
    (by) => cancelUnlocking({ client: by('client'), seller: by('seller') }),
  ],
  ['release', (coin) => releaseSpend(terms, coin, state), (by) => releaseUnlocking(by('seller'))],
  ['contest', (coin) => contestSpend(terms, coin, state), (by) => contestUnlocking(by('client'))],
  [
    'clear',
    (coin) => judgeSpend(terms, coin, contested, 'valid', verdicts),
    () => judgeUnlocking(terms, 'valid', verdicts),
  ],
  ['lapse', (coin) => lapseSpend(terms, coin, contested), () => lapseUnlocking(terms)],
  [
    'leave',
    (coin) => leaveSpend(bond, { ...coin, value: 5n, leaving: false }),
    (by) => leaveUnlocking(by('verifier')),
  ],
  [
    'bond release',
    (coin) => bondReleaseSpend(bond, { ...coin, value: 5n, leaving: true }),
    (by) => bondReleaseUnlocking(by('verifier')),
  ],
  [
    'channel close',
    (coin) => channelCloseSpend(channel, { ...coin, outpoint: funding, value: 9_000n }, 3_000n),
    (by) => channelCloseUnlocking(update, by('seller')),
  ],
  [
    'channel refund',
    (coin) => channelRefundSpend(channel, { ...coin, value: 9_000n }),
    (by) => channelRefundUnlocking(by('client')),
  ],
];

const signedBy = (funded: SpendContext) => (name: string) => signContract(funded, keyOf(name));

describe('a token that somebody put on a contract', () => {
  it.each(paths)('does not keep its party from the %s', (_, spendOf, unlock) => {
    for (const [, token] of tokens) {
      const funded = fund(spendOf({ outpoint: stake, token }));
      expect(answer(funded, unlock(signedBy(funded)))).toMatchObject({ ok: true });
    }
  });

  it.each(tokens)(
    'can not come from a claim, so that every stake can be contested: %s',
    (_, token) => {
      const born = { ...token, category: claim.outpoint.hash };
      const honest = claimSpend(terms, claim);
      for (const index of honest.outputs.keys()) {
        const funded = fund(withOutput(honest, index, { token: born }));
        const refused = answer(funded, claimUnlocking(claim, signedBy(funded)('seller')));
        expect(refused).toMatchObject({ ok: false, error: 'equal-verify' });
      }
    },
  );

  it.each(tokens)('makes an escrow that nobody works for: %s', (_, token) => {
    const { transaction } = fund(refundSpend(terms, { outpoint: stake }));
    const paying = (changes: { token?: OutputToken }): Transaction => ({
      ...transaction,
      outputs: [{ ...escrowOutput(terms), ...changes }],
    });
    expect(isEscrow(terms, paying({}))).toBe(true);
    expect(isEscrow(terms, paying({ token }))).toBe(false);
  });

  it.each(tokens)('opens no channel: %s', (_, token) => {
    const output = channelOutput(channel, 9_000n);
    expect(openChannel(channel, funding, output)).toMatchObject({ value: 9_000n });
    const bad = expect.objectContaining({ code: 'BAD_CHANNEL' });
    expect(() => openChannel(channel, funding, { ...output, token })).toThrow(bad);
    const other = channelOutput({ ...channel, expires: 501 }, 9_000n);
    expect(() => openChannel(channel, funding, other)).toThrow(bad);
  });
});
