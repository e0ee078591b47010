import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '#src/base/index.js';
import {
  hash160,
  makeBirthCoin,
  mintedAt,
  p2pkhScript,
  planMint,
  publicKeyOf,
  sendMint,
  signContract,
  signData,
} from '#src/chain/index.js';
import {
  type BackersAccept,
  BUY_UNLOCKING,
  backersAcceptSpend,
  deliveryMessage,
  grantSpend,
  grantUnlocking,
  judgesAcceptSpend,
  offerBuySpend,
  offerScript,
  type PledgeTerms,
  pledgeOutput,
  pledgeRefundSpend,
  pledgeRefundUnlocking,
  saleBuySpend,
  saleCancelSpend,
  saleCancelUnlocking,
  saleScript,
  testSetCommitment,
} from '#src/reward/index.js';
import { keyOf } from '../../job/contracts/setup.js';
import { GENESIS, Regtest } from '../../regtest.js';

let regtest: Regtest;
beforeAll(async () => {
  regtest = await Regtest.open();
});
afterAll(() => regtest.close());

const VALUES = [4_000_000n, 3_000_000n, 2_000_000n];
const backerKey = (index: number) => keyOf(`backer ${index}`);
const developer = keyOf('developer');
const delivery = { delivery: keyOf('bundle'), payee: publicKeyOf(developer) };
const base = { genesis: GENESIS, task: keyOf('task'), goal: 9_000_000n };

async function pledgeAll(terms: PledgeTerms) {
  const backers = VALUES.map((_, index) => publicKeyOf(backerKey(index)));
  const outputs = VALUES.map((value, index) => pledgeOutput(terms, backers[index]!, value));
  const { outpoint } = await regtest.pay(outputs);
  return VALUES.map((value, i) => ({ outpoint: outpoint(i), value, backer: backers[i]! }));
}

describe('on a real chain', () => {
  it('backers accept, one withdraws, the others’ coins are taken after the window', async () => {
    const acceptance: BackersAccept = { by: 'backers', window: 4 };
    const deadline = (await regtest.chain.height()) + 1_000;
    const terms: PledgeTerms = { ...base, deadline, acceptance };
    const pledges = await pledgeAll(terms);
    const message = deliveryMessage(terms, delivery);
    const votes = pledges.map((pledge, index) =>
      index === 1 ? pledge : { ...pledge, signature: signData(message, backerKey(index)) },
    );
    const spend = backersAcceptSpend(terms, acceptance, votes, delivery);
    const accepted = await regtest.spend(spend, () => spend.unlockingScripts);
    const grant = (index: number) => ({ ...pledges[index]!, outpoint: accepted.outpoint(index) });

    await regtest.spend(grantSpend(acceptance, grant(1), delivery, 'withdraw'), (funded) =>
      grantUnlocking('withdraw', signContract(funded, backerKey(1))),
    );
    const take = (index: number) =>
      regtest.spend(grantSpend(acceptance, grant(index), delivery, 'take'), (funded) =>
        grantUnlocking('take', signContract(funded, developer)),
      );
    await expect(take(0)).rejects.toThrow(/non-BIP68-final/);
    await regtest.mine(acceptance.window);
    await take(0);
    await take(2);
  });

  it('judges accept against the test set that was committed to', async () => {
    const judges = [0, 1, 2].map((index) => keyOf(`judge ${index}`));
    const [salt, testSetHash] = [keyOf('salt'), keyOf('test set')];
    const acceptance = {
      by: 'judges',
      judges: judges.map(publicKeyOf),
      threshold: 2,
      testSet: testSetCommitment(salt, testSetHash),
    } as const;
    const terms: PledgeTerms = { ...base, deadline: 400_000, acceptance };
    const pledges = await pledgeAll(terms);
    const message = deliveryMessage(terms, delivery);
    const signatures = [undefined, signData(message, judges[1]!), signData(message, judges[2]!)];
    const judgement = { signatures, salt, testSetHash };
    const spend = judgesAcceptSpend(terms, acceptance, pledges, delivery, judgement);
    const { transaction } = await regtest.spend(spend, () => spend.unlockingScripts);
    expect(transaction.outputs[0]!.value).toBe(9_000_000n);
  });

  it('a backer alone takes its pledge back at the deadline, not before', async () => {
    const deadline = (await regtest.chain.height()) + 5;
    const terms: PledgeTerms = { ...base, deadline, acceptance: { by: 'backers', window: 4 } };
    const [pledge] = await pledgeAll(terms);
    const refund = () =>
      regtest.spend(pledgeRefundSpend(terms, pledge!), (funded) =>
        pledgeRefundUnlocking(signContract(funded, backerKey(0))),
      );
    await expect(refund()).rejects.toThrow(/non-final/);
    await regtest.mineTo(deadline);
    await refund();
  });

  const author = p2pkhScript(hash160(publicKeyOf(keyOf('author'))));
  const buyer = p2pkhScript(hash160(publicKeyOf(keyOf('buyer'))));
  const seller = keyOf('seller');
  const asked = {
    seller: publicKeyOf(seller),
    author: sha256(author),
    price: 1_000_000n,
    royaltyPpm: 100_000,
  };

  async function mint(token: object, lockingScript: Uint8Array) {
    const birth = await makeBirthCoin(regtest.wallet);
    const plan = await planMint(regtest.chain, regtest.wallet, birth, [
      { ...token, lockingScript },
    ]);
    const sent = await sendMint(regtest.wallet, plan);
    await regtest.mine();
    return { outpoint: mintedAt(sent, 0), output: plan.transaction.outputs[0]! };
  }

  it('an NFT and its price change hands in one transaction', async () => {
    const nft = { capability: 'none', commitment: keyOf('model') } as const;
    const coin = await mint({ nft }, offerScript(asked));
    const { transaction } = await regtest.spend(
      offerBuySpend(coin, author, buyer),
      () => BUY_UNLOCKING,
    );
    expect(transaction.outputs[2]).toMatchObject({ lockingScript: buyer, token: { nft } });
    expect(transaction.outputs[1]).toEqual({ value: 100_000n, lockingScript: author });
  });

  it('a fungible token is sold lot by lot, and the rest taken back by the seller', async () => {
    const coin = await mint({ amount: 500n }, saleScript({ ...asked, lot: 100n }));
    const first = saleBuySpend(coin, 200n, author, buyer);
    const bought = await regtest.spend(first, () => BUY_UNLOCKING);
    const rest = { outpoint: bought.outpoint(0), output: bought.transaction.outputs[0]! };
    expect(rest.output.token?.amount).toBe(300n);

    // the token rules, too, keep a buyer from taking more than is there
    const cheat = saleBuySpend(rest, 100n, author, buyer);
    const taken = {
      ...cheat.outputs[3]!,
      token: { category: rest.output.token!.category, amount: 101n },
    };
    const greedy = { ...cheat, outputs: cheat.outputs.with(3, taken) };
    await expect(regtest.spend(greedy, () => BUY_UNLOCKING)).rejects.toThrow(/token/);

    const cancelled = await regtest.spend(saleCancelSpend(rest, author), (funded) =>
      saleCancelUnlocking(signContract(funded, seller)),
    );
    expect(cancelled.transaction.outputs[0]!.token?.amount).toBe(300n);
  });
});
