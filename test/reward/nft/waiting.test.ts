import { afterAll, beforeAll, expect, it } from 'vitest';
import { sha256, utf8 } from '#src/base/index.js';
import { makeBirthCoin, planMint, sendMint } from '#src/chain/index.js';
import { type HolderTerms, holderScript } from '#src/reward/index.js';
import { waitingFees } from '#src/reward/nft/waiting.js';
import { Community } from '../declared/community.js';

let community: Community;
beforeAll(async () => {
  community = await Community.open(['eve']);
});
afterAll(() => community?.close());

it('finds what waits for the holder behind a thousand coins of a stranger that are worth more and carry tokens', async () => {
  const { chain } = community.regtest;
  const terms: HolderTerms = { category: sha256(utf8('category')), modelId: sha256(utf8('model')) };
  const lockingScript = holderScript(terms);
  const eve = community.wallet('eve');
  const fees = Array.from({ length: 3 }, () => ({ value: 700n, lockingScript }));
  await eve.send(fees, { allowHighFee: true });
  await community.regtest.mine();
  const junk = Array.from({ length: 1_000 }, () => ({ amount: 1n, lockingScript }));
  await sendMint(eve, await planMint(chain, eve, await makeBirthCoin(eve), junk));
  await community.regtest.mine();
  const { coins, amount, withTokens } = await waitingFees(chain, terms, undefined);
  expect([coins.length, amount, withTokens]).toEqual([3, 2_100n, 1_000]);
});
