import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BitmodelError, sha256, toHex } from '#src/base/index.js';
import {
  formatOutpoint,
  makeBirthCoin,
  mintedAt,
  planMint,
  publicKeyOf,
  type SpendContext,
  sendMint,
  signContract,
  signData,
  type Transaction,
  transactionId,
  unlockContract,
} from '#src/chain/index.js';
import {
  bondTerms,
  bondVerifier,
  registryAt,
  registryHeight,
  standingBonds,
} from '#src/job/bonds/bonds.js';
import { drawSecondJury, drawVerifiers, type VerifierRegistry } from '#src/job/bonds/registry.js';
import { type ChannelState, openChannel, payChannel, takeUpdate } from '#src/job/channelState.js';
import { bondScript, rejudgeMessage } from '#src/job/contracts/bond.js';
import {
  type BondCoin,
  bondReleaseSpend,
  bondReleaseUnlocking,
  bondSlashSpend,
  bondSlashUnlocking,
  gatherRejudgement,
} from '#src/job/contracts/bondSpends.js';
import { channelMessage, channelScript } from '#src/job/contracts/channel.js';
import {
  type ChannelCoin,
  channelCloseSpend,
  channelCloseUnlocking,
  channelOutput,
  channelRefundSpend,
  channelRefundUnlocking,
} from '#src/job/contracts/channelSpends.js';
import {
  contestedMessage,
  gatherVerdicts,
  judgeSpend,
  judgeUnlocking,
} from '#src/job/contracts/contestedSpends.js';
import {
  cancelSpend,
  cancelUnlocking,
  claimSpend,
  claimUnlocking,
  escrowOutput,
} from '#src/job/contracts/escrowSpends.js';
import { contestSpend, contestUnlocking } from '#src/job/contracts/stakeSpends.js';
import { sendSpend, signSpend } from '#src/job/signing.js';
import type { VerifierDraw } from '#src/job/terms.js';
import { traceJob } from '#src/job/trace.js';
import { leaveBonds, ownBonds, releaseBonds } from '#src/job/verifier/bonding.js';
import { GENESIS, REGTEST, Regtest } from '../../regtest.js';
import { k, keyOf, makeClaim, makeState, makeTerms, withOutput } from './setup.js';

const c = keyOf('c');
const PRIVATE_KEYS = Array.from({ length: 8 }, (_, i) => keyOf(`bonded ${i}`));
const PRIVATE_OF = new Map(PRIVATE_KEYS.map((key) => [toHex(publicKeyOf(key)), key]));
const privateKeyOf = (publicKey: Uint8Array) => PRIVATE_OF.get(toHex(publicKey))!;

let regtest: Regtest;
let registry: VerifierRegistry;
let draw: VerifierDraw;
const bonds = new Map<string, BondCoin>();
/** What a drawn verifier said of the job below. */
let verdict: { verifier: Uint8Array; message: Uint8Array; signature: Uint8Array };

beforeAll(async () => {
  regtest = await Regtest.open();
  for (const key of PRIVATE_KEYS) {
    const verifier = publicKeyOf(key);
    const { outpoint } = await bondVerifier(regtest.wallet, verifier, REGTEST);
    bonds.set(toHex(verifier), { outpoint, value: 100_000_000n, leaving: false });
  }
  await regtest.mine(2);
  const height = registryHeight(await regtest.chain.height(), REGTEST);
  registry = (await registryAt(regtest.chain, REGTEST, height))!;
  draw = { registry: registry.root, size: registry.size, count: 3, drawHash: sha256(c) };
});

afterAll(() => regtest.close());

describe('on a real chain', () => {
  it('the registry is who is bonded at a block', async () => {
    expect(registry.keys.map(toHex).toSorted()).toEqual([...PRIVATE_OF.keys()].toSorted());
    expect(await registryAt(regtest.chain, REGTEST, 100)).toBeUndefined();
  });

  it('a job with a draw is claimed, contested and slashed by who was drawn', async () => {
    const terms = makeTerms({ genesis: GENESIS, verifiers: draw });
    const seats = drawVerifiers(registry, draw, { drawSecret: c, k });
    const escrow = await regtest.pay([escrowOutput(terms)], terms.jobId);

    const claim = { ...makeClaim(37), outpoint: escrow.outpoint(0) };
    const claimed = await regtest.spend(claimSpend(terms, claim), (funded) =>
      claimUnlocking(claim, signContract(funded, keyOf('seller'))),
    );
    const state = makeState(37);
    const stake = claimed.outpoint(0);
    const contested = await regtest.spend(
      contestSpend(terms, { outpoint: stake }, state, c),
      (funded) => contestUnlocking(signContract(funded, keyOf('client')), c),
    );

    const full = { ...state, stakeOutpoint: stake, drawSecret: c };
    const message = contestedMessage(terms, full, 'invalid');
    const received = seats.map(({ publicKey }) => ({
      verifier: publicKey,
      signature: signData(message, privateKeyOf(publicKey)),
    }));
    verdict = { ...received[0]!, message };
    const verdicts = gatherVerdicts(terms, full, 'invalid', received, seats)!;
    const spend = judgeSpend(terms, { outpoint: contested.outpoint(0) }, full, 'invalid', verdicts);
    const slashed = await regtest.spend(spend, () => judgeUnlocking(terms, 'invalid', verdicts));
    expect(slashed.transaction.outputs.slice(0, 4)).toEqual(spend.outputs);
  });

  it('a claim that lays a token on the stake is refused, whoever the token is born of', async () => {
    const terms = makeTerms({ genesis: GENESIS });
    const escrow = await regtest.pay([escrowOutput(terms)], terms.jobId);
    const claim = { ...makeClaim(37), outpoint: escrow.outpoint(0) };
    const honest = claimSpend(terms, claim);
    const token = { category: claim.outpoint.hash, amount: 1n };
    const claimWith = (spend: typeof honest) =>
      regtest.spend(spend, (funded) =>
        claimUnlocking(claim, signContract(funded, keyOf('seller'))),
      );
    await expect(claimWith(withOutput(honest, 0, { token }))).rejects.toThrow(/OP_EQUALVERIFY/i);
    await claimWith(honest);
  });

  it('a second jury burns the bond of one whose verdict was wrong', async () => {
    const { verifier, message, signature } = verdict;
    const terms = bondTerms(verifier, REGTEST);
    const jury = drawSecondJury(registry, draw, { drawSecret: c, k }, signature);
    const votes = jury.map(({ publicKey }) => ({
      verifier: publicKey,
      signature: signData(rejudgeMessage(verifier, message), privateKeyOf(publicKey)),
    }));
    const proof = {
      verdictMessage: message,
      verdictSignature: signature,
      jury: gatherRejudgement(verifier, message, jury, votes)!,
    };
    const coin = bonds.get(toHex(verifier))!;
    const spend = bondSlashSpend(terms, coin, registry.size, proof);
    const before = await regtest.chain.height();
    await regtest.spend(spend, () => bondSlashUnlocking(proof));
    const after = await registryAt(regtest.chain, REGTEST, before + 1);
    expect(after!.size).toBe(7);
    // what stood at a height stands there for ever
    expect((await standingBonds(regtest.chain, REGTEST, before)).length).toBe(8);
  });

  it("the seller's signature of a claim cancels nothing: the client can not strand the stake", async () => {
    const terms = makeTerms({ genesis: GENESIS });
    const escrow = await regtest.pay([escrowOutput(terms)], terms.jobId);
    const claim = { ...makeClaim(37), outpoint: escrow.outpoint(0) };
    const { wallet, chain } = regtest;
    const funded = await wallet.fund(claimSpend(terms, claim));
    const seller = signContract(funded, keyOf('seller'));
    const client = signContract(funded, keyOf('client'));
    const unlock = (script: Uint8Array) =>
      wallet.sign(unlockContract(funded.transaction, script), funded.spentOutputs);
    const stolen = unlock(cancelUnlocking({ client, seller }));
    await expect(chain.send(stolen)).rejects.toMatchObject({ code: 'TX_REJECTED' });
    await chain.send(unlock(claimUnlocking(claim, seller)));
    const trace = await traceJob(chain, terms, transactionId(escrow.transaction));
    expect(trace.stage).toBe('claimed');
    await regtest.mine();
  });

  it('both cancel: the money is the client’s again, and the trace says so', async () => {
    const terms = makeTerms({ genesis: GENESIS });
    const escrow = await regtest.pay([escrowOutput(terms)], terms.jobId);
    const coin = { outpoint: escrow.outpoint(0) };
    await regtest.spend(cancelSpend(terms, coin), (funded) =>
      cancelUnlocking({
        client: signContract(funded, keyOf('client')),
        seller: signContract(funded, keyOf('seller')),
      }),
    );
    const trace = await traceJob(regtest.chain, terms, transactionId(escrow.transaction));
    expect(trace.stage).toBe('cancelled');
  });

  it('a contest that waits is made again from the same coins, with a fee that takes its place', async () => {
    const { chain, wallet } = regtest;
    const terms = makeTerms({ genesis: GENESIS });
    const escrow = await regtest.pay([escrowOutput(terms)], terms.jobId);
    const claim = { ...makeClaim(37), outpoint: escrow.outpoint(0) };
    const claimed = await regtest.spend(claimSpend(terms, claim), (funded) =>
      claimUnlocking(claim, signContract(funded, keyOf('seller'))),
    );
    const spend = contestSpend(terms, { outpoint: claimed.outpoint(0) }, makeState(37));
    const unlock = (funded: SpendContext) =>
      contestUnlocking(signContract(funded, keyOf('client')));
    let last = await signSpend(chain, wallet, spend, unlock);
    await sendSpend(chain, wallet, last);
    for (let i = 0; i < 3; i++) {
      const next = await signSpend(chain, wallet, spend, unlock, last.transaction);
      const txid = await sendSpend(chain, wallet, next);
      expect((await chain.spender(claimed.outpoint(0)))!.txid).toBe(txid);
      expect(await chain.transaction(transactionId(last.transaction))).toBeUndefined();
      expect(next.fee).toBeGreaterThan(last.fee);
      expect(next.transaction.inputs.map(({ outpoint }) => outpoint)).toEqual(
        last.transaction.inputs.map(({ outpoint }) => outpoint),
      );
      last = next;
    }
    await regtest.mine();
    const trace = await traceJob(chain, terms, transactionId(escrow.transaction));
    expect(trace).toMatchObject({ stage: 'contested', contest: { height: await chain.height() } });
  });

  it('a verifier leaves, and has its bond back when the exit is over, not before', async () => {
    const { chain, wallet, key } = regtest;
    const hands = { chain, wallet, key, params: REGTEST };
    await expect(leaveBonds(hands)).rejects.toMatchObject({ code: 'NO_BOND' });
    await bondVerifier(wallet, key.publicKey, REGTEST, 300_000_000n);
    await regtest.mine();
    const bonded = async () => {
      const standing = await standingBonds(chain, REGTEST, await chain.height());
      return standing.map(({ verifier }) => toHex(verifier));
    };
    expect(await bonded()).toContain(toHex(key.publicKey));
    await leaveBonds(hands);
    await expect(releaseBonds(hands)).rejects.toMatchObject({ code: 'BOND_LEAVING' });
    await regtest.mine();
    expect(await bonded()).not.toContain(toHex(key.publicKey));

    const [bond] = await ownBonds(chain, REGTEST, key.publicKey);
    const terms = bondTerms(key.publicKey, REGTEST);
    const early = regtest.spend(bondReleaseSpend(terms, bond!), (funded) =>
      bondReleaseUnlocking(signContract(funded, key.privateKey)),
    );
    await expect(early).rejects.toThrow(/non-BIP68-final/);
    await regtest.mine(REGTEST.bondExit - 2);
    await expect(releaseBonds(hands)).rejects.toMatchObject({ code: 'BOND_LEAVING' });
    await regtest.mine();
    const { moved, failed } = await releaseBonds(hands);
    expect(failed).toEqual([]);
    expect(moved[0]!.bond.value).toBe(300_000_000n);
    await regtest.mine();
    expect(await ownBonds(chain, REGTEST, key.publicKey)).toEqual([]);
  });

  it("coins that strangers sent to a bond's script hold up no verifier that leaves", async () => {
    const { chain, wallet, key } = regtest;
    const hands = { chain, wallet, key, params: REGTEST };
    const script = bondScript(bondTerms(key.publicKey, REGTEST));
    // a category is born of a coin that is the first output of its transaction
    const [coin] = (await wallet.utxos()).filter(
      ({ outpoint, output }) => outpoint.index === 0 && output.value > 300_000_000n,
    );
    const token = { category: coin!.outpoint.hash, amount: 1n };
    const gifts = [
      { value: 1000n, lockingScript: script },
      { value: 1000n, lockingScript: script, token },
      { value: 200_000_000n, lockingScript: script, token },
    ];
    await wallet.send(gifts, {
      allowHighFee: true,
      coins: [coin!.outpoint],
    });
    await regtest.mine();
    await expect(leaveBonds(hands)).rejects.toMatchObject({ code: 'NO_BOND' });
    await bondVerifier(wallet, key.publicKey, REGTEST, 300_000_000n);
    await regtest.mine();
    const { moved } = await leaveBonds(hands);
    expect(moved.map(({ bond }) => bond.value)).toEqual([300_000_000n]);
    await regtest.mine();
    const standing = await standingBonds(chain, REGTEST, await chain.height());
    expect(standing.map(({ verifier }) => toHex(verifier))).not.toContain(toHex(key.publicKey));
  });

  it('a bond that can not be moved does not hold up the others, and is told', async () => {
    const { chain, wallet, key } = regtest;
    for (const value of [300_000_000n, 400_000_000n]) {
      await bondVerifier(wallet, key.publicKey, REGTEST, value);
      await regtest.mine();
    }
    const standing = await ownBonds(chain, REGTEST, key.publicKey);
    const stuck = standing.find(({ leaving }) => !leaving)!;
    const failing = new Proxy(chain, {
      get(target, name) {
        const value = Reflect.get(target, name);
        if (name !== 'send') return typeof value === 'function' ? value.bind(target) : value;
        return async (transaction: Transaction) => {
          if (formatOutpoint(transaction.inputs[0]!.outpoint) === formatOutpoint(stuck.outpoint)) {
            throw new BitmodelError('TX_REJECTED', 'Not this one.');
          }
          return chain.send(transaction);
        };
      },
    });
    const hands = { chain: failing, wallet, key, params: REGTEST };
    const { moved, failed } = await leaveBonds(hands);
    expect(moved).toHaveLength(1);
    expect(failed.map(({ bond, error }) => [bond.value, error.message])).toEqual([
      [stuck.value, 'Not this one.'],
    ]);
  });

  it('a channel is paid step by step, and closed with the latest payment', async () => {
    const height = await regtest.chain.height();
    const [client, seller] = [keyOf('client'), keyOf('seller')];
    const terms = {
      genesis: GENESIS,
      client: publicKeyOf(client),
      seller: publicKeyOf(seller),
      expires: height + 50,
    };
    const value = 5_000_000n;
    const funding = await regtest.pay([channelOutput(terms, value)]);
    const coin = { outpoint: funding.outpoint(0), value };
    let paying: ChannelState = openChannel(terms, coin.outpoint, funding.transaction.outputs[0]!);
    let paid: ChannelState = openChannel(terms, coin.outpoint, funding.transaction.outputs[0]!);
    for (const more of [1_000_000n, 250_000n]) {
      const next = payChannel(paying, more, client);
      paying = next;
      paid = takeUpdate(paid, next.update);
    }
    const spend = channelCloseSpend(terms, coin, paid.update!.amount);
    const closed = await regtest.spend(spend, (funded) =>
      channelCloseUnlocking(paid.update!, signContract(funded, seller)),
    );
    expect(closed.transaction.outputs[0]!.value).toBe(3_750_000n);
  });

  it('a channel that somebody funded with a token is closed all the same', async () => {
    const terms = {
      genesis: GENESIS,
      client: publicKeyOf(keyOf('client')),
      seller: publicKeyOf(keyOf('seller')),
      expires: (await regtest.chain.height()) + 50,
    };
    const birth = await makeBirthCoin(regtest.wallet);
    const lockingScript = channelScript(terms);
    const plan = await planMint(regtest.chain, regtest.wallet, birth, [
      { amount: 5n, lockingScript },
    ]);
    const outpoint = mintedAt(await sendMint(regtest.wallet, plan), 0);
    await regtest.mine();
    const { value, token } = plan.transaction.outputs[0]!;
    const signature = signData(channelMessage(GENESIS, outpoint, value), keyOf('client'));
    const close = (coin: ChannelCoin) =>
      regtest.spend(channelCloseSpend(terms, coin, value), (funded) =>
        channelCloseUnlocking({ amount: value, signature }, signContract(funded, keyOf('seller'))),
      );
    await expect(close({ outpoint, value })).rejects.toMatchObject({ code: 'TX_REJECTED' });
    const closed = await close({ outpoint, value, token });
    expect(closed.transaction.outputs.every((output) => !output.token)).toBe(true);
  });

  it('an unused channel is the client’s again at its expiry, not before', async () => {
    const client = keyOf('client');
    const expires = (await regtest.chain.height()) + 5;
    const terms = {
      genesis: GENESIS,
      client: publicKeyOf(client),
      seller: publicKeyOf(keyOf('seller')),
      expires,
    };
    const funding = await regtest.pay([channelOutput(terms, 1_000_000n)]);
    const coin = { outpoint: funding.outpoint(0), value: 1_000_000n };
    const refund = () =>
      regtest.spend(channelRefundSpend(terms, coin), (funded) =>
        channelRefundUnlocking(signContract(funded, client)),
      );
    await expect(refund()).rejects.toThrow(/non-final/);
    await regtest.mineTo(expires);
    await refund();
  });
});
