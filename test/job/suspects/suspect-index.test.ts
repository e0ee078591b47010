import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256, toHex } from '#src/base/index.js';
import { hash160, publicKeyOf, signContract, signData } from '#src/chain/index.js';
import { bondTerms, bondVerifier, registryAt, registryHeight } from '#src/job/bonds/bonds.js';
import { drawSecondJury, drawVerifiers, type VerifierRegistry } from '#src/job/bonds/registry.js';
import { rejudgeMessage } from '#src/job/contracts/bond.js';
import {
  bondSlashSpend,
  bondSlashUnlocking,
  gatherRejudgement,
} from '#src/job/contracts/bondSpends.js';
import {
  contestedMessage,
  gatherVerdicts,
  judgeSpend,
  judgeUnlocking,
} from '#src/job/contracts/contestedSpends.js';
import {
  claimSpend,
  claimUnlocking,
  escrowOutput,
  refundSpend,
  refundUnlocking,
} from '#src/job/contracts/escrowSpends.js';
import { contestSpend, contestUnlocking } from '#src/job/contracts/stakeSpends.js';
import { SuspectIndex } from '#src/job/suspects/SuspectIndex.js';
import { identityOf } from '#src/job/suspects/suspicion.js';
import { isDrawn, type JobTerms } from '#src/job/terms.js';
import { GENESIS, type Mined, REGTEST, Regtest } from '../../regtest.js';
import { k, keyOf, makeClaim, makeState, makeTerms, verifierKey } from '../contracts/setup.js';

const c = keyOf('c');
const BONDED = Array.from({ length: 7 }, (_, i) => keyOf(`bonded ${i}`));
const privateKeys = new Map(
  [...BONDED, ...[0, 1, 2].map(verifierKey)].map((key) => [toHex(publicKeyOf(key)), key]),
);
const privateKeyOf = (publicKey: Uint8Array): Uint8Array => privateKeys.get(toHex(publicKey))!;
const metaIdOfKey = (name: string): string => identityOf(publicKeyOf(keyOf(name)), REGTEST).metaId;

let regtest: Regtest;
let registry: VerifierRegistry;
let folder: string;
let index: SuspectIndex;

/** An index of the chain in a folder of its own, as a node that joins now has it. */
async function openIndex(at: string, anew = false): Promise<SuspectIndex> {
  const { parameters, store } = regtest.node;
  const opened = SuspectIndex.open({ parameters, store, folder: at }, anew);
  await opened.advance();
  return opened;
}

/** Escrow and claim of a job whose seller is a key of this name. */
async function claimed(terms: JobTerms, seller: string): Promise<Mined> {
  const escrow = await regtest.pay([escrowOutput(terms)], terms.jobId);
  const claim = { ...makeClaim(37), outpoint: escrow.outpoint(0) };
  return regtest.spend(claimSpend(terms, claim), (funded) =>
    claimUnlocking(claim, signContract(funded, keyOf(seller))),
  );
}

/** Contests a stake, and has it slashed. */
async function slashed(terms: JobTerms, stake: Mined) {
  const { verifiers } = terms;
  const secret = isDrawn(verifiers) ? c : undefined;
  const state = makeState(37);
  const contested = await regtest.spend(
    contestSpend(terms, { outpoint: stake.outpoint(0) }, state, secret),
    (funded) => contestUnlocking(signContract(funded, keyOf('client')), secret),
  );
  const stakeOutpoint = stake.outpoint(0);
  const full = { ...state, stakeOutpoint, ...(secret && { drawSecret: secret }) };
  const message = contestedMessage(terms, full, 'invalid');
  const seats = isDrawn(verifiers) ? drawVerifiers(registry, verifiers, { drawSecret: c, k }) : [];
  const keys = isDrawn(verifiers) ? seats.map(({ publicKey }) => publicKey) : verifiers;
  const received = keys.map((verifier) => ({
    verifier,
    signature: signData(message, privateKeyOf(verifier)),
  }));
  const verdicts = gatherVerdicts(terms, full, 'invalid', received, seats)!;
  const coin = { outpoint: contested.outpoint(0) };
  const spend = judgeSpend(terms, coin, full, 'invalid', verdicts);
  const end = await regtest.spend(spend, () => judgeUnlocking(terms, 'invalid', verdicts));
  return { end, first: received[0]!, message };
}

const heldAgainst = (name: string) => index.of([metaIdOfKey(name)]).suspects;

beforeAll(async () => {
  regtest = await Regtest.open();
  folder = mkdtempSync(join(tmpdir(), 'bitmodel-suspects-'));
  index = await openIndex(join(folder, 'first'));
  for (const key of BONDED) await bondVerifier(regtest.wallet, publicKeyOf(key), REGTEST);
  await regtest.mine(2);
  const height = registryHeight(await regtest.chain.height(), REGTEST);
  registry = (await registryAt(regtest.chain, REGTEST, height))!;
});

afterAll(async () => {
  await index.close();
  await regtest.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('the list of suspects', () => {
  it('holds a slashed seller with the transaction, and the verifier whose bond a second jury burnt', async () => {
    const draw = { registry: registry.root, size: registry.size, count: 3, drawHash: sha256(c) };
    const terms = makeTerms({ genesis: GENESIS, verifiers: draw });
    const { end, first, message } = await slashed(terms, await claimed(terms, 'seller'));
    await index.advance();
    const block = await regtest.chain.height();
    expect(heldAgainst('seller')).toEqual([
      {
        as: 'seller',
        txid: end.txid,
        height: block,
        jobId: toHex(terms.jobId),
        publicKey: toHex(terms.seller),
        judges: 'drawn',
        ...identityOf(terms.seller, REGTEST),
      },
    ]);
    const { verifier, signature } = first;
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
    const { chain } = regtest;
    const bond = (await chain.pins('/protocols/bitmodel-verifier', { all: true })).find(
      ({ versions }) => Buffer.from(versions[0]!.payload).includes(toHex(verifier)),
    )!;
    const outpoint = { hash: Buffer.from(bond.txid, 'hex').reverse(), index: 2 };
    const coin = {
      outpoint: { ...outpoint, hash: new Uint8Array(outpoint.hash) },
      value: 100_000_000n,
      leaving: false,
    };
    const burnt = await regtest.spend(
      bondSlashSpend(bondTerms(verifier, REGTEST), coin, registry.size, proof),
      () => bondSlashUnlocking(proof),
    );
    await index.advance();
    const { metaId } = identityOf(verifier, REGTEST);
    expect(index.of([metaId]).suspects).toMatchObject([
      { as: 'verifier', txid: burnt.txid, jobId: toHex(terms.jobId), publicKey: toHex(verifier) },
    ]);
  });

  it('does not hold a stranger whom somebody had slashed without a claim of its own', async () => {
    const victim = publicKeyOf(keyOf('victim'));
    const tip = await regtest.chain.height();
    const terms = makeTerms({ genesis: GENESIS, seller: victim, expires: tip + 1 });
    const escrow = await regtest.pay([escrowOutput(terms)], terms.jobId);
    const stake = claimSpend(terms, { ...makeClaim(37), outpoint: escrow.outpoint(0) }).outputs;
    // the chain lets the client take its money back into whatever it likes, and the rest follows from there
    const forged = await regtest.spend(
      { ...refundSpend(terms, { outpoint: escrow.outpoint(0) }), outputs: stake },
      (funded) => refundUnlocking(signContract(funded, keyOf('client'))),
    );
    const { end } = await slashed(terms, forged);
    await index.advance();
    expect(await regtest.chain.transaction(end.txid)).toBeDefined();
    expect(heldAgainst('victim')).toEqual([]);
    expect(index.of([]).height).toBe(await regtest.chain.height());
  });

  it('is the same at a node that joins later, and after it was closed, damaged or asked to be made anew', async () => {
    const list = index.page(undefined, 100);
    expect(list.suspects.length).toBeGreaterThanOrEqual(2);
    const late = await openIndex(join(folder, 'late'));
    expect(late.page(undefined, 100)).toEqual(list);
    await late.close();
    const again = await openIndex(join(folder, 'late'));
    expect(again.page(undefined, 100)).toEqual(list);
    await again.close();
    writeFileSync(join(folder, 'late', 'suspects.lmdb'), 'no LMDB file');
    const repaired = await openIndex(join(folder, 'late'));
    expect(repaired.page(undefined, 100)).toEqual(list);
    await repaired.close();
    const anew = await openIndex(join(folder, 'late'), true);
    expect(anew.page(undefined, 100)).toEqual(list);
    await anew.close();
  });

  it('comes in pages, each suspicion once', async () => {
    const { suspects } = index.page(undefined, 100);
    const paged = [];
    for (let next: string | undefined; ; ) {
      const page = index.page(next, 1);
      paged.push(...page.suspects);
      next = page.next;
      if (next === undefined) break;
    }
    expect(paged).toEqual(suspects);
  });

  it('forgets what a reorganisation undoes, and keeps what came before', async () => {
    const seller = publicKeyOf(keyOf('short-lived'));
    const sellerPayout = hash160(seller);
    const terms = makeTerms({ genesis: GENESIS, seller, sellerPayout });
    const before = index.page(undefined, 100).suspects;
    await slashed(terms, await claimed(terms, 'short-lived'));
    await index.advance();
    expect(heldAgainst('short-lived')).toMatchObject([{ judges: 'listed' }]);
    const { chain } = regtest;
    const lost = await chain.blockId(await chain.height());
    await chain.rpc.call('invalidateblock', lost);
    await index.advance();
    expect(heldAgainst('short-lived')).toEqual([]);
    expect(index.page(undefined, 100).suspects).toEqual(before);
    await chain.rpc.call('reconsiderblock', lost);
    await index.advance();
    expect(heldAgainst('short-lived')).toHaveLength(1);
  });

  it('forgets also what was undone while the node was away', async () => {
    const at = join(folder, 'away');
    const away = await openIndex(at);
    expect(away.of([metaIdOfKey('short-lived')]).suspects).toHaveLength(1);
    await away.close();
    const { chain } = regtest;
    const lost = await chain.blockId(await chain.height());
    await chain.rpc.call('invalidateblock', lost);
    const back = await openIndex(at);
    expect(back.of([metaIdOfKey('short-lived')]).suspects).toEqual([]);
    await back.close();
    await chain.rpc.call('reconsiderblock', lost);
  });
});
