import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COIN, concatBytes, sha256, toHex, utf8 } from '#src/base/index.js';
import {
  assemble,
  encodeAddress,
  NO_JOB,
  p2pkhScript,
  pushData,
  type TransactionOutput,
} from '#src/chain/index.js';
import {
  auditBatch,
  auditSettlement,
  type BatchRequest,
  batchHead,
  batchOutputs,
  buildGraph,
  checkSettlement,
  declareSource,
  encodePayoutMark,
  payBatch,
  planBatch,
  publishSource,
  readBatch,
  readCarried,
  settleSplits,
  splitScript,
} from '#src/reward/index.js';
import { REGTEST, Regtest } from '../../regtest.js';

const id = (name: string): string => toHex(sha256(utf8(name)));
const hashOf = (name: string): Uint8Array => sha256(utf8(name)).slice(0, 20);
const owner = (name: string): Uint8Array => p2pkhScript(hashOf(name));
const addressOf = (name: string): string => encodeAddress(hashOf(name), REGTEST);

let regtest: Regtest;
let folder: string;
beforeAll(async () => {
  regtest = await Regtest.open();
  folder = mkdtempSync(join(tmpdir(), 'bitmodel-audit-'));
});
afterAll(async () => {
  await regtest.close();
  rmSync(folder, { recursive: true });
});

async function publish(name: string, parents: Record<string, number> = {}) {
  const source = await declareSource(regtest.chain, {
    kind: 'dataset',
    id: id(name),
    name,
    owner: owner(name),
    parents: Object.entries(parents).map(([parent, ppm]) => ({ id: id(parent), ppm })),
  });
  await publishSource(regtest.wallet, source);
  await regtest.mine();
  return source;
}

/** Pays a contract as a seller's claim does: with a commitment to the transaction's own job in the first input. */
async function claim(lockingScript: Uint8Array, value: bigint, jobId: Uint8Array) {
  const escrow = { value: value + 1_000n, lockingScript: assemble('OP_DROP OP_1') };
  const { outpoint } = await regtest.pay([escrow]);
  const commitment = concatBytes(jobId, new Uint8Array(69));
  const unlocking = pushData(commitment);
  const spend = {
    jobId,
    lockTime: 0,
    inputs: [
      {
        outpoint: outpoint(0),
        output: escrow,
        unlockingSize: unlocking.length,
        sequence: 0xffff_ffff,
      },
    ],
    outputs: [
      { value: 1_000n, lockingScript: owner('stake') },
      { value, lockingScript },
    ],
  };
  return regtest.spend(spend, () => [unlocking]);
}

describe('auditing a settlement', () => {
  it('says whose contract it was, which jobs paid, what each share is, and where each is now', async () => {
    await publish('paper');
    const data = await publish('data', { paper: 300_000 });
    const model = await publish('model', { data: 200_000 });
    const jobId = sha256(utf8('a job'));
    const paid = await claim(model.split, 1_000_000n, jobId);
    await regtest.pay([{ value: 500_003n, lockingScript: model.split }]);
    const { settled } = await settleSplits(regtest.chain, regtest.wallet, { ids: [id('model')] });
    const audit = (await auditSettlement(regtest.chain, settled[0]!.txid))!;
    expect(audit).toMatchObject({
      verdict: 'right',
      problems: [],
      height: 0,
      isInForce: true,
      amount: 1_500_003n,
      source: { name: 'model', id: id('model') },
      splitHash: toHex(sha256(model.split)),
      coins: [
        {
          value: 1_000_000n,
          outpoint: `${paid.txid}:1`,
          origin: { kind: 'job', jobId: toHex(jobId) },
        },
        { value: 500_003n, origin: { kind: 'payment' } },
      ],
      shares: [
        {
          to: id('data'),
          expected: 300_000n,
          paid: 300_000n,
          lockingScript: data.split,
          whereabouts: { state: 'moved', txid: settled[1]!.txid, height: 0 },
        },
        {
          to: id('model'),
          expected: 1_200_003n,
          paid: 1_200_003n,
          whereabouts: { state: 'there' },
        },
      ],
    });
    await regtest.mine();
    const tip = await regtest.chain.height();
    expect(await auditSettlement(regtest.chain, settled[1]!.txid)).toMatchObject({
      verdict: 'right',
      height: tip,
      coins: [{ height: tip, origin: { kind: 'settlement', id: id('model'), name: 'model' } }],
      shares: [
        { to: id('paper'), paid: 90_000n },
        { to: id('data'), paid: 210_000n },
      ],
    });
  });

  it('finds no payout in a payment, a claim or a coinbase, and no transaction under a made-up id', async () => {
    const { txid } = await regtest.pay([{ value: COIN, lockingScript: owner('somebody') }]);
    expect(await auditSettlement(regtest.chain, txid)).toBeUndefined();
    expect(await readBatch(regtest.chain, txid)).toBeUndefined();
    const block = await regtest.chain.rpc.call<{ tx: string[] }>(
      'getblock',
      await regtest.chain.blockId(1),
    );
    expect(await auditSettlement(regtest.chain, block.tx[0]!)).toBeUndefined();
    await expect(auditSettlement(regtest.chain, id('made up'))).rejects.toMatchObject({
      code: 'UNKNOWN_TRANSACTION',
      exitCode: 3,
    });
  });

  it('audits a contract that no pin shows, by its hashes', async () => {
    const split = splitScript(
      [{ scriptHash: sha256(owner('x')), ppm: 500_000 }],
      sha256(owner('y')),
    );
    const { outpoint } = await regtest.pay([{ value: 10_000n, lockingScript: split }]);
    const output = { value: 10_000n, lockingScript: split };
    const outputs = [owner('x'), owner('y')].map((lockingScript) => ({
      value: 5_000n,
      lockingScript,
    }));
    const spend = {
      inputs: [{ outpoint: outpoint(0), output, unlockingSize: 2, sequence: 0xffff_ffff }],
      outputs,
      lockTime: 0,
      jobId: NO_JOB,
    };
    const { txid } = await regtest.spend(spend, () => [pushData(new Uint8Array(1))]);
    expect(await auditSettlement(regtest.chain, txid)).toMatchObject({
      source: undefined,
      isInForce: false,
      verdict: 'right',
      shares: [
        { to: undefined, paid: 5_000n },
        { to: undefined, paid: 5_000n },
      ],
    });
  });

  it('is wrong for whatever is not as the contract demands', () => {
    const split = splitScript(
      [{ scriptHash: sha256(owner('x')), ppm: 500_000 }],
      sha256(owner('y')),
    );
    const other = splitScript(
      [{ scriptHash: sha256(owner('x')), ppm: 400_000 }],
      sha256(owner('y')),
    );
    const coin = { value: 1_001n, lockingScript: split };
    const fee = { value: 9_000n, lockingScript: owner('fee') };
    const good = [
      { value: 500n, lockingScript: owner('x') },
      { value: 501n, lockingScript: owner('y') },
    ];
    const check = (
      outputs: readonly TransactionOutput[],
      spent: readonly TransactionOutput[] = [coin, fee],
    ) =>
      checkSettlement(
        { version: 10, inputs: [], outputs, lockTime: 0, jobId: new Uint8Array(32) },
        spent,
      );
    expect(check(good)!.problems).toEqual([]);
    expect(check([...good, fee])!.problems).toEqual([]);
    const token = { category: new Uint8Array(32), amount: 1n };
    const wrong = [
      check([good[1]!, good[0]!]),
      check([good[0]!]),
      check([]),
      check([{ ...good[0]!, value: 501n }, good[1]!]),
      check([good[0]!, { ...good[1]!, lockingScript: owner('z') }]),
      check([{ ...good[0]!, token }, good[1]!]),
      check(good, [coin, coin, fee]),
      check(good, [coin, fee, coin]),
      check(good, [coin, { value: 1n, lockingScript: other }]),
    ];
    for (const each of wrong) expect(each!.problems.length).toBeGreaterThan(0);
    expect(check(good, [fee, coin])).toBeUndefined();
  });
});

describe('auditing a batch', () => {
  const graph = buildGraph([
    {
      id: 'a',
      owner: addressOf('a'),
      parents: [
        { id: 'b', ppm: 400_000 },
        { id: 'c', ppm: 5_000 },
      ],
    },
    { id: 'b', owner: addressOf('b'), parents: [{ id: 'a', ppm: 300_000 }] },
    { id: 'c', owner: addressOf('c'), parents: [] },
  ]);
  const request = (units: bigint): BatchRequest => ({
    graph,
    demand: new Map([['a', units]]),
    origin: 'file',
    height: 9,
  });
  const audit = async (txid: string, units: bigint, more = {}) => {
    const batch = (await readBatch(regtest.chain, txid))!;
    return auditBatch(regtest.chain, batch, { ...request(units), params: REGTEST, ...more });
  };

  it('computes it again from the graph and the amounts, dust carried in and out included', async () => {
    const ledger = join(folder, 'ledger.json');
    const options = { ledger, params: REGTEST, most: 1, again: true };
    const pay = (units: bigint) => payBatch(regtest.chain, regtest.wallet, request(units), options);
    const first = await pay(80_000n);
    expect(first.plan!.carried.get(addressOf('c'))).toBe(454n);
    const second = await pay(80_001n);
    await regtest.mine();
    const [root, ...leaves] = first.txids;
    expect(await audit(root!, 80_000n)).toMatchObject({
      verdict: 'right',
      problems: [],
      transactions: leaves,
      demanded: 80_000n,
      amount: 80_000n - 454n,
      paid: 80_000n - 454n,
      carried: 454n,
    });
    // of one that pays some owners the whole is audited
    expect(await audit(leaves[1]!, 80_000n)).toMatchObject({
      txid: root,
      verdict: 'right',
      transactions: leaves,
    });

    const carried = readCarried(
      ledger,
      await regtest.chain.genesisId(),
      toHex(second.plan!.mark.carried),
    );
    await expect(audit(second.txids[0]!, 80_001n)).rejects.toMatchObject({ code: 'NO_LEDGER' });
    const whole = await audit(second.txids[0]!, 80_001n, { carried });
    expect(whole).toMatchObject({ verdict: 'right' });
    expect(whole.shares.map(({ paid }) => paid!).reduce((sum, each) => sum + each, 0n)).toBe(
      80_001n + 454n,
    );
    await expect(audit(root!, 80_001n)).rejects.toMatchObject({
      code: 'OTHER_EVIDENCE',
      exitCode: 2,
    });
    const another = buildGraph([{ id: 'a', owner: addressOf('a'), parents: [] }]);
    await expect(audit(root!, 80_000n, { graph: another })).rejects.toMatchObject({
      code: 'OTHER_EVIDENCE',
    });
  });

  it('is wrong where an owner gets a unit too few, another script, or nothing', async () => {
    const [outputs] = batchOutputs(planBatch(request(COIN), new Map(), REGTEST));
    const [head, first, second, third] = outputs!;
    const cheats = [
      [head!, { ...first!, value: first!.value - 1n }, second!, third!],
      [head!, first!, { ...second!, lockingScript: owner('thief') }, third!],
      [head!, second!, first!, third!],
      [head!, first!, second!],
    ];
    expect((await audit((await regtest.pay(outputs!)).txid, COIN)).verdict).toBe('right');
    for (const cheat of cheats) {
      const { txid } = await regtest.pay(cheat);
      const found = await audit(txid, COIN);
      expect(found.verdict).toBe('wrong');
      expect(found.problems.length).toBeGreaterThan(0);
    }
  });

  it('is wrong where next to everything is kept back: nobody paid, or a minimum that is no dust', async () => {
    const plan = planBatch(request(COIN), new Map(), REGTEST);
    const mark = { ...plan.mark, minimum: 10n ** 15n, first: 0, count: 0, total: 0 };
    const nobody = await regtest.pay([{ value: 0n, lockingScript: encodePayoutMark(mark) }]);
    const found = await audit(nobody.txid, COIN);
    expect(found).toMatchObject({ verdict: 'wrong', demanded: COIN, paid: 0n, shares: [] });
    expect(found.problems).toEqual([
      `It keeps back all sums below ${10n ** 15n} base units; 1000000 is the most that a batch may.`,
      '2 owners are to be paid, and the batch says 0.',
      'It pays nobody anything.',
    ]);
    // as a batch of dust alone would be, which is never sent
    const dust = { ...planBatch(request(500n), new Map(), REGTEST).mark };
    const head = encodePayoutMark({ ...dust, first: 0, count: 0, total: 0 });
    const sent = await regtest.pay([{ value: 0n, lockingScript: head }]);
    expect(await audit(sent.txid, 500n)).toMatchObject({
      verdict: 'wrong',
      carried: 500n,
      problems: ['It pays nobody anything.'],
    });
    expect(() => planBatch({ ...request(COIN), minimum: 1_000_001n }, new Map(), REGTEST)).toThrow(
      expect.objectContaining({ code: 'BAD_MINIMUM' }),
    );
  });

  it('is incomplete where it pays some owners and nothing shows who pays the others', async () => {
    const plan = planBatch(request(COIN), new Map(), REGTEST);
    const [leaf] = batchOutputs(plan, 1);
    const { txid } = await regtest.pay(leaf!);
    expect(await audit(txid, COIN)).toMatchObject({
      verdict: 'incomplete',
      demanded: COIN,
      amount: leaf![1]!.value,
      paid: leaf![1]!.value,
      shares: [{ output: 1 }],
      problems: ['It pays 1 of 3 owners, and nothing shows that the others are paid.'],
    });
  });

  it('is right where each of its owners is paid by a transaction of its own, however others copy its mark', async () => {
    const units = COIN + 2n;
    const plan = planBatch(request(units), new Map(), REGTEST);
    const leaves = batchOutputs(plan, 1);
    const first = await regtest.pay(leaves[0]!);
    await regtest.pay(leaves[2]!);
    expect(await audit(first.txid, units)).toMatchObject({
      verdict: 'incomplete',
      problems: ['It pays 2 of 3 owners, and nothing shows that the others are paid.'],
    });
    // a stranger's copy that pays too little is no payment
    const [mark, payment] = leaves[1]!;
    await regtest.pay([mark!, { ...payment!, value: payment!.value - 1n }]);
    expect((await audit(first.txid, units)).verdict).toBe('incomplete');
    const second = await regtest.pay(leaves[1]!);
    for (const { txid } of [first, second]) {
      const found = await audit(txid, units);
      expect(found).toMatchObject({ verdict: 'right', problems: [], paid: units });
      expect(found.transactions.length).toBe(3);
    }
    const again = await regtest.pay(leaves[1]!);
    expect(await audit(again.txid, units)).toMatchObject({
      verdict: 'incomplete',
      problems: ['Another transaction pays the same owners by the same batch.'],
    });
  });

  it('is wrong of a transaction that pays its owners where those beside it were never sent', async () => {
    const plan = planBatch(request(COIN), new Map(), REGTEST);
    const [leaf] = batchOutputs(plan, 1);
    const coin = { value: 2n * COIN, lockingScript: regtest.wallet.changeScript };
    const { outpoint } = await regtest.pay([batchHead(plan), coin, coin, coin]);
    const { txid } = await regtest.wallet.send(leaf!, { coins: [outpoint(1)] });
    expect(await audit(txid, COIN)).toMatchObject({
      verdict: 'wrong',
      amount: leaf![1]!.value,
      problems: ['Owners 1 to 2 are not paid.'],
    });
    // behind what strangers sent an owner there may be more than is looked through
    const { lockingScript } = batchOutputs(plan, 1)[1]![1]!;
    for (let i = 0; i < 2; i++) await regtest.pay([{ value: 1_000n, lockingScript }]);
    for (const lookThrough of [
      { listed: 1, asked: 100 },
      { listed: 100, asked: 2 },
    ]) {
      expect(await audit(txid, COIN, { lookThrough })).toMatchObject({
        verdict: 'incomplete',
        problems: [
          'Owners 1 to 2 are not paid.',
          'Not all that these owners were sent could be looked through.',
        ],
      });
    }
    expect((await audit(txid, COIN)).verdict).toBe('wrong');
    await regtest.mine();
  });

  it('is wrong where a transaction of the tree is missing or one stands twice', async () => {
    // other units than before: payments that stand alone with the same mark would be found
    const units = COIN + 1n;
    const plan = planBatch(request(units), new Map(), REGTEST);
    const leaves = batchOutputs(plan, 1);
    const [complete] = (
      await payBatch(regtest.chain, regtest.wallet, request(units), {
        ledger: join(folder, 'tree.json'),
        params: REGTEST,
        most: 1,
      })
    ).txids;
    expect((await audit(complete!, units)).verdict).toBe('right');
    const [root] = (await regtest.chain.transaction(complete!))!.transaction.outputs;
    const coin = { value: 2n * COIN, lockingScript: regtest.wallet.changeScript };
    const { txid, outpoint } = await regtest.pay([root!, coin, coin, coin]);
    const found = async () => (await audit(txid, units)).problems;
    expect(await found()).toEqual(['Owners 0 to 2 are not paid.', 'It pays nobody anything.']);
    for (const [i, leaf] of [leaves[0]!, leaves[0]!, leaves[2]!].entries()) {
      await regtest.wallet.send(leaf, { coins: [outpoint(i + 1)] });
    }
    expect(await found()).toEqual(['Owners 0 to 0 are paid twice.', 'Owners 1 to 1 are not paid.']);
    await regtest.mine();
  });
});
