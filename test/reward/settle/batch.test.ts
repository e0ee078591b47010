import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COIN, sha256, toHex, utf8 } from '#src/base/index.js';
import {
  addressScript,
  ChainClient,
  createKey,
  decodeTransaction,
  encodeAddress,
  planBump,
  type RpcClient,
  type Transaction,
  Wallet,
} from '#src/chain/index.js';
import {
  amountsHash,
  auditBatch,
  type BatchRequest,
  buildGraph,
  decodePayoutMark,
  encodePayoutMark,
  formatLedger,
  graphHash,
  type LedgerBatch,
  parseLedger,
  payBatch,
  payout,
  planBatch,
  readBatch,
  readCarried,
  readLedger,
} from '#src/reward/index.js';
import { writeLedger } from '#src/reward/settle/ledger.js';
import { REGTEST, Regtest } from '../../regtest.js';

const addressOf = (name: string): string => encodeAddress(sha256(utf8(name)).slice(0, 20), REGTEST);
const KEPT = { height: 7, origin: 'file' } as const;

/** A circle of two that also pays a third. */
const CIRCLE = buildGraph([
  { id: 'a', owner: addressOf('a'), parents: [{ id: 'b', ppm: 400_000 }] },
  {
    id: 'b',
    owner: addressOf('b'),
    parents: [
      { id: 'a', ppm: 300_000 },
      { id: 'c', ppm: 100_000 },
    ],
  },
  { id: 'c', owner: addressOf('c'), parents: [] },
]);
const request = (units: bigint, graph = CIRCLE): BatchRequest => ({
  ...KEPT,
  graph,
  demand: new Map([['a', units]]),
});

describe('planning a batch', () => {
  it('pays each owner what payout computes, circles included', () => {
    const { payments, carried, paid } = planBatch(request(COIN), new Map(), REGTEST);
    const shares = payout(CIRCLE, [['a', COIN]]);
    const byOwner = new Map([...shares].map(([id, units]) => [addressOf(id), units]));
    expect(new Map(payments.map(({ owner, amount }) => [owner, amount]))).toEqual(byOwner);
    expect(paid).toBe(COIN);
    expect(carried).toEqual(new Map());
  });

  it('carries what is below the minimum, and loses no unit over any run of batches', () => {
    const any = fc.record({
      demands: fc.array(fc.bigInt(0n, 6_000n), { minLength: 1, maxLength: 12 }),
      minimum: fc.bigInt(546n, 5_000n),
    });
    fc.assert(
      fc.property(any, ({ demands, minimum }) => {
        let before: ReadonlyMap<string, bigint> = new Map();
        let demanded = 0n;
        let paid = 0n;
        for (const units of demands) {
          const plan = planBatch({ ...request(units), minimum }, before, REGTEST);
          expect(plan.payments.every(({ amount }) => amount >= minimum)).toBe(true);
          demanded += plan.demanded;
          paid += plan.paid;
          before = plan.carried;
          expect([...before.values()].every((amount) => amount > 0n && amount < minimum)).toBe(
            true,
          );
        }
        const carried = [...before.values()].reduce((sum, each) => sum + each, 0n);
        expect(paid + carried).toBe(demanded);
      }),
      { numRuns: 100 },
    );
  });

  it('refuses owners that are no address, and sources without one, by name', () => {
    const graphOf = (owner?: string) =>
      buildGraph([{ id: 'a', ...(owner && { owner }), parents: [] }]);
    const plan = (owner?: string) => () =>
      planBatch(request(COIN, graphOf(owner)), new Map(), REGTEST);
    expect(plan('ann')).toThrow(/no addresses of this network: "ann"/);
    expect(plan()).toThrow(/name no owner: "a"/);
    expect(plan(addressOf('a'))).not.toThrow();
    expect(() => planBatch({ ...request(COIN), minimum: 545n }, new Map(), REGTEST)).toThrow(/546/);
  });
});

describe('the mark of a batch', () => {
  const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const u32 = fc.nat(0xffff_ffff);
  const mark = fc
    .record({
      graph: hash,
      demand: hash,
      carried: hash,
      minimum: fc.bigInt(0n, (1n << 64n) - 1n),
      height: u32,
      origin: fc.constantFrom('file' as const, 'chain' as const),
      total: u32,
    })
    .map((each) => ({
      ...each,
      first: Math.floor(each.total / 3),
      count: Math.floor(each.total / 2),
    }));

  it('is read back from its script, and from no other', () => {
    fc.assert(
      fc.property(mark, fc.nat(), fc.integer({ min: 1, max: 255 }), (each, at, flip) => {
        const script = encodePayoutMark(each);
        expect(decodePayoutMark(script)).toEqual(each);
        const changed = script.slice();
        changed[at % script.length]! ^= flip;
        const read = decodePayoutMark(changed);
        if (read) expect(encodePayoutMark(read)).toEqual(changed);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is not read from any other bytes, and nothing is thrown', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        (bytes) => decodePayoutMark(bytes) === undefined,
      ),
      { numRuns: 20_000 },
    );
  });

  it('hashes all that a payout depends on, and the order of nothing', () => {
    const again = buildGraph([
      { id: 'c', name: 'sea', owner: addressOf('c'), parents: [] },
      {
        id: 'b',
        owner: addressOf('b'),
        parents: [
          { id: 'c', ppm: 100_000 },
          { id: 'a', ppm: 300_000 },
        ],
      },
      { id: 'a', owner: addressOf('a'), parents: [{ id: 'b', ppm: 400_000 }] },
    ]);
    expect(graphHash(again)).toEqual(graphHash(CIRCLE));
    const other = buildGraph([
      { id: 'a', owner: addressOf('a'), parents: [{ id: 'b', ppm: 400_001 }] },
      {
        id: 'b',
        owner: addressOf('b'),
        parents: [
          { id: 'a', ppm: 300_000 },
          { id: 'c', ppm: 100_000 },
        ],
      },
      { id: 'c', owner: addressOf('c'), parents: [] },
    ]);
    expect(graphHash(other)).not.toEqual(graphHash(CIRCLE));
    expect(
      amountsHash([
        ['b', 2n],
        ['a', 1n],
      ]),
    ).toEqual(
      amountsHash([
        ['a', 1n],
        ['x', 0n],
        ['b', 2n],
      ]),
    );
    expect(amountsHash([['a', 12n]])).not.toEqual(amountsHash([['a', 1n]]));
  });
});

describe('a ledger', () => {
  const ledger = {
    genesis: 'ab'.repeat(32),
    carried: new Map([[addressOf('a'), 545n]]),
    batches: [
      {
        name: `${'0'.repeat(128)}546`,
        height: 3,
        paid: 12_345n,
        began: 'aa'.repeat(32),
        transactions: [
          {
            txid: 'cd'.repeat(32),
            hex: '00ff',
            replaced: [{ txid: 'ab'.repeat(32), hex: 'ff00' }],
          },
          { txid: 'ef'.repeat(32) },
        ],
        isSent: true,
      },
    ],
  };

  it('is read back from its text', () => {
    expect(parseLedger(formatLedger(ledger))).toEqual(ledger);
  });

  it('of the first version is read, and what batches began with is put beside it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'bitmodel-ledger-'));
    const path = join(folder, 'old.json');
    const { batches, ...rest } = JSON.parse(formatLedger(ledger)) as {
      batches: { began: string; transactions: object[] }[];
    };
    const [{ began: _, ...batch }] = batches as [(typeof batches)[0]];
    const carriedBefore = { [addressOf('b')]: '0.00000123' };
    const transactions = [{ txid: 'ef'.repeat(32) }];
    const old = { ...rest, v: 1, batches: [{ ...batch, transactions, carriedBefore }] };
    writeFileSync(path, JSON.stringify(old));
    const units = new Map([[addressOf('b'), 123n]]);
    const hash = toHex(amountsHash(units));
    const read = (from: string) => readCarried(from, ledger.genesis, hash);
    expect(read(path)).toEqual(units);

    writeLedger(path, readLedger(path, ledger.genesis));
    expect(readFileSync(path, 'utf8')).not.toMatch(addressOf('b'));
    expect(readLedger(path, ledger.genesis).batches).toMatchObject([{ began: hash, transactions }]);
    expect(read(path)).toEqual(units);
    expect(read(join(`${path}.carried`, `${hash}.json`))).toEqual(units);
    expect(readCarried(path, ledger.genesis, '00'.repeat(32))).toBeUndefined();
    expect(() => readCarried(path, '00'.repeat(32), hash)).toThrow(/another chain/);
    rmSync(folder, { recursive: true });
  });

  it('is refused in one sentence where anything is wrong with it', () => {
    const text = formatLedger(ledger);
    const bad = ['', '[]', '{}', 'null', text.slice(1), text.replace('"v": 2', '"v": 3')];
    bad.push(text.replace('0.00000545', '-0.00000545'), text.replace('"carried"', '"carry"'));
    for (const each of bad) {
      expect(() => parseLedger(each)).toThrow(expect.objectContaining({ code: 'BAD_LEDGER' }));
    }
  });

  it('lets nothing but its own errors out, whatever the text', () => {
    const text = formatLedger(ledger);
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.string({ maxLength: 3 }), (at, put) => {
        try {
          parseLedger(text.slice(0, at) + put + text.slice(at + 1));
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'BAD_LEDGER' });
        }
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('paying a batch on a real chain', () => {
  let regtest: Regtest;
  let folder: string;
  let count = 0;
  beforeAll(async () => {
    regtest = await Regtest.open();
    folder = mkdtempSync(join(tmpdir(), 'bitmodel-batch-'));
  });
  afterAll(async () => {
    await regtest.close();
    rmSync(folder, { recursive: true });
  });

  const newLedger = (): string => join(folder, `ledger-${count++}.json`);
  const lies = async (name: string): Promise<bigint> =>
    (await regtest.chain.utxos([addressOf(name)])).reduce(
      (sum, { output }) => sum + output.value,
      0n,
    );
  const genesis = (): Promise<string> => regtest.chain.genesisId();
  /** Sources that everybody is paid for alike, `n` of them. */
  const crowd = (n: number, tag: string) =>
    buildGraph([
      {
        id: 'a',
        owner: addressOf(`${tag} 0`),
        parents: Array.from({ length: n - 1 }, (_, i) => ({
          id: `s${i + 1}`,
          ppm: Math.floor(1_000_000 / n),
        })),
      },
      ...Array.from({ length: n - 1 }, (_, i) => ({
        id: `s${i + 1}`,
        owner: addressOf(`${tag} ${i + 1}`),
        parents: [],
      })),
    ]);
  /** A client of the node that does something before and after each call. */
  const clientThat = (
    before: (method: string) => void,
    after: () => void = () => undefined,
  ): ChainClient => {
    const calls = new Set<string | symbol>(['call', 'callText']);
    const rpc = new Proxy(regtest.chain.rpc, {
      get(target, name) {
        const value = Reflect.get(target, name) as (...args: unknown[]) => Promise<unknown>;
        if (!calls.has(name)) return typeof value === 'function' ? value.bind(target) : value;
        return async (...args: unknown[]) => {
          before(args[0] as string);
          const answer = await value.apply(target, args);
          after();
          return answer;
        };
      },
    }) as RpcClient;
    return new ChainClient(rpc);
  };
  const options = (ledger: string, more = {}) => ({ ledger, params: REGTEST, ...more });
  const unsent = (): ChainClient =>
    clientThat((method) => {
      if (method === 'sendrawtransaction') throw new Error('killed');
    });
  /** Blocks that bury a transaction, its own included. */
  const BURYING = 7;
  /** Mines without the mempool's transactions until something has ended. */
  const mineEmptyUntil = async <T>(something: Promise<T>): Promise<T> => {
    let isOver = false;
    const ended = something.finally(() => {
      isOver = true;
    });
    ended.catch(() => undefined);
    while (!isOver) await regtest.chain.rpc.call('generateblock', regtest.key.address, []);
    return ended;
  };

  it('pays, refuses to pay the same twice, and pays it again when told to, dust carried along', async () => {
    const ledger = newLedger();
    const pay = (units: bigint, more = {}) =>
      payBatch(regtest.chain, regtest.wallet, request(units), options(ledger, more));
    const first = await pay(10_000n);
    expect(first.txids.length).toBe(1);
    // c gets 455: too little
    expect(first.plan!.carried).toEqual(new Map([[addressOf('c'), 455n]]));
    await expect(pay(10_000n)).rejects.toMatchObject({ code: 'ALREADY_PAID' });
    const second = await pay(10_000n, { again: true });
    const began = readLedger(ledger, await genesis()).batches.map((batch) => batch.began);
    expect(began).toEqual([amountsHash([]), amountsHash(first.plan!.carried)].map(toHex));
    expect(readCarried(ledger, await genesis(), began[1]!)).toEqual(first.plan!.carried);
    const late = second.plan!.payments.find(({ owner }) => owner === addressOf('c'));
    expect(late).toMatchObject({ amount: 910n, carried: 455n });
    await regtest.mine();
    expect((await lies('a')) + (await lies('b')) + (await lies('c'))).toBe(20_000n);
    expect(readLedger(ledger, await genesis()).carried).toEqual(new Map());
  });

  it('begins no ledger in a folder that is not there, which a mistyped name would be', async () => {
    const ledger = join(dirname(newLedger()), 'lost', 'ledger.json');
    await expect(
      payBatch(regtest.chain, regtest.wallet, request(10_000n), options(ledger)),
    ).rejects.toMatchObject({ code: 'NO_SUCH_FOLDER', exitCode: 3 });
    expect(existsSync(dirname(ledger))).toBe(false);
  });

  it('pays thousands in a tree of transactions, each with its mark', async () => {
    const graph = crowd(1_000, 'many');
    const ledger = newLedger();
    const { txids, plan, fee } = await payBatch(
      regtest.chain,
      regtest.wallet,
      request(COIN, graph),
      options(ledger, { most: 130 }),
    );
    expect(txids.length).toBe(1 + 8);
    const transactions = await Promise.all(txids.map((txid) => regtest.chain.transaction(txid)));
    const marks = transactions.map(
      (known) => decodePayoutMark(known!.transaction.outputs[0]!.lockingScript)!,
    );
    expect(marks.map(({ first, count: n, total }) => [first, n, total])).toEqual([
      [0, 0, 1_000],
      ...Array.from({ length: 7 }, (_, i) => [i * 130, 130, 1_000]),
      [910, 90, 1_000],
    ]);
    expect(plan!.paid).toBe(COIN);
    let bytes = 0;
    for (const txid of txids) {
      const { size } = await regtest.chain.rpc.call<{ size: number }>(
        'getrawtransaction',
        txid,
        true,
      );
      bytes += size;
    }
    expect(Number(fee) - bytes).toBeLessThan(60);
    expect(Number(fee)).toBeGreaterThanOrEqual(bytes);
    await regtest.mine();
    let reached = 0n;
    for (let i = 0; i < 1_000; i += 100) {
      const names = Array.from({ length: 100 }, (_, j) => addressOf(`many ${i + j}`));
      for (const { output } of await regtest.chain.utxos(names)) reached += output.value;
    }
    expect(reached).toBe(COIN);
  });

  it('waits for a block where the mempool takes no more, or leaves the rest signed in the ledger', async () => {
    const graph = crowd(60, 'waiting');
    const ledger = newLedger();
    const pay = (more = {}) =>
      payBatch(
        regtest.chain,
        regtest.wallet,
        request(COIN, graph),
        options(ledger, { most: 2, ...more }),
      );
    await expect(pay()).rejects.toMatchObject({ code: 'BATCH_UNFINISHED' });
    const height = await regtest.chain.height();
    // nothing of what it hangs on is ever mined
    await expect(mineEmptyUntil(pay({ wait: true }))).rejects.toMatchObject({
      code: 'BATCH_UNFINISHED',
      message: expect.stringMatching(/in 6 blocks/),
    });
    expect(await regtest.chain.height()).toBeGreaterThanOrEqual(height + 6);
    await regtest.mine();
    // "once more" was said of the batch that is only finished now, else everybody is paid twice
    const { resumed, plan } = await pay({ again: true });
    expect(plan).toBeUndefined();
    expect(resumed.length).toBe(30 + 1 - 26);
    await regtest.mine();
    let reached = 0n;
    for (let i = 0; i < 60; i++) reached += await lies(`waiting ${i}`);
    expect(reached).toBe(COIN);
    await expect(pay()).rejects.toMatchObject({ code: 'ALREADY_PAID' });
  });

  it('pays nobody twice whenever it is cut off: at every call to the node, before and after it', async () => {
    // a client that dies at the n-th call, either before the node hears of it or before its answer is heard
    const dying = (after: number, heard: boolean): ChainClient => {
      let calls = 0;
      const die = (isNow: boolean): void => {
        if (isNow) throw new Error('killed');
      };
      return clientThat(
        () => die(++calls > after || (calls === after && !heard)),
        () => die(calls >= after),
      );
    };
    const wallet = (client: ChainClient) =>
      new Wallet({ client, keys: [regtest.key], params: REGTEST });
    let survived = 0;
    for (let after = 1; survived < 2; after += 2) {
      for (const heard of [false, true]) {
        const tag = `cut ${after} ${heard}`;
        const graph = crowd(5, tag);
        const ledger = newLedger();
        const client = dying(after, heard);
        const cut = await payBatch(
          client,
          wallet(client),
          request(50_000n, graph),
          options(ledger, { most: 2 }),
        ).then(
          () => true,
          (thrown: unknown) => {
            expect(String(thrown)).toMatch(/killed/);
            return false;
          },
        );
        if (cut) survived += 1;
        await payBatch(
          regtest.chain,
          wallet(regtest.chain),
          request(50_000n, graph),
          options(ledger, { most: 2 }),
        ).catch((thrown: unknown) => expect(thrown).toMatchObject({ code: 'ALREADY_PAID' }));
        await regtest.mine();
        for (let i = 0; i < 5; i++)
          expect([tag, await lies(`${tag} ${i}`)]).toEqual([tag, 10_000n]);
      }
    }
  });

  it('pays from other coins what can never come any more, and not before that is sure', async () => {
    const graph = crowd(4, 'dead');
    const ledger = newLedger();
    const pay = (client = regtest.chain) => {
      const wallet = new Wallet({ client, keys: [regtest.key], params: REGTEST });
      return payBatch(client, wallet, request(40_000n, graph), options(ledger, { most: 2 }));
    };
    await expect(pay(unsent())).rejects.toThrow(/killed/);
    // meanwhile the wallet spends the coin on something else
    const [root] = readLedger(ledger, await genesis()).batches[0]!.transactions;
    const [coin] = decodeTransaction(Buffer.from(root!.hex!, 'hex')).inputs;
    const elsewhere = [{ value: COIN, lockingScript: regtest.wallet.changeScript }];
    await regtest.wallet.send(elsewhere, { coins: [coin!.outpoint] });
    await expect(pay()).rejects.toMatchObject({ code: 'BATCH_CONFLICT' });
    await regtest.mine(6);
    await expect(pay()).rejects.toMatchObject({ code: 'BATCH_CONFLICT' });
    await regtest.mine();
    const { resumed } = await pay();
    expect(resumed.length).toBe(2);
    await regtest.mine();
    for (let i = 0; i < 4; i++) expect(await lies(`dead ${i}`)).toBe(10_000n);
    // each stands alone now, and the chain shows the other all the same
    for (const txid of resumed) {
      const found = (await readBatch(regtest.chain, txid))!;
      const audit = await auditBatch(regtest.chain, found, {
        ...request(40_000n, graph),
        params: REGTEST,
      });
      expect(audit).toMatchObject({ verdict: 'right', problems: [], paid: 40_000n });
      expect([...audit.transactions].sort()).toEqual([...resumed].sort());
    }
    await expect(pay()).rejects.toMatchObject({ code: 'ALREADY_PAID' });
  });

  it('pays anew, once, what was sent and then replaced for good, and what stood on its change', async () => {
    const ledger = newLedger();
    const key = createKey(REGTEST);
    const wallet = () => new Wallet({ client: regtest.chain, keys: [key], params: REGTEST });
    await regtest.wallet.send([{ value: 10n * COIN, lockingScript: wallet().changeScript }]);
    await regtest.mine(BURYING);
    const pay = (tag: string, more = {}) =>
      payBatch(regtest.chain, wallet(), request(40_000n, crowd(4, tag)), options(ledger, more));
    await pay('sent');
    // its only coin is the change of the first
    await pay('after');
    const [first] = readLedger(ledger, await genesis()).batches;
    expect(first!.isSent).toBe(true);
    const lost = decodeTransaction(Buffer.from(first!.transactions[0]!.hex!, 'hex'));
    const [input] = lost.inputs;
    const funding = await regtest.chain.transaction(
      Buffer.from(input!.outpoint.hash).reverse().toString('hex'),
    );
    const spent = funding!.transaction.outputs[input!.outpoint.index]!;
    const half = { value: spent.value / 2n - COIN, lockingScript: wallet().changeScript };
    const outputs = [half, half];
    const rival = wallet().sign({ ...lost, outputs }, [spent]);
    await regtest.chain.send(rival, { anyFeeRate: true });
    await expect(pay('sent')).rejects.toMatchObject({ code: 'BATCH_CONFLICT' });
    await regtest.mine(6);
    await expect(pay('sent')).rejects.toMatchObject({ code: 'BATCH_CONFLICT' });
    await regtest.mine();
    expect((await pay('sent')).resumed.length).toBe(2);
    await regtest.mine(7);
    await expect(pay('sent')).rejects.toMatchObject({ code: 'ALREADY_PAID' });
    for (let i = 0; i < 4; i++) {
      expect([await lies(`sent ${i}`), await lies(`after ${i}`)]).toEqual([10_000n, 10_000n]);
    }
    expect((await pay('new')).txids.length).toBe(1);
  });

  it('pays nobody again whose payment was replaced by one with a higher fee', async () => {
    const ledger = newLedger();
    const key = createKey(REGTEST);
    const wallet = () => new Wallet({ client: regtest.chain, keys: [key], params: REGTEST });
    await regtest.wallet.send([{ value: 10n * COIN, lockingScript: wallet().changeScript }]);
    await regtest.mine(BURYING);
    const pay = () =>
      payBatch(regtest.chain, wallet(), request(40_000n, crowd(4, 'bumped')), options(ledger));
    await pay();
    const [first] = readLedger(ledger, await genesis()).batches;
    const { txid } = first!.transactions[0]!;
    const { funded } = await planBump(wallet(), regtest.chain, txid);
    const bumped = await wallet().submit(funded);
    expect(bumped.txid).not.toBe(txid);
    await expect(pay()).rejects.toMatchObject({ code: 'ALREADY_PAID' });
    await regtest.mine(8);
    await expect(pay()).rejects.toMatchObject({ code: 'ALREADY_PAID' });
    expect(readLedger(ledger, await genesis()).batches[0]!.transactions).toEqual([
      { txid: bumped.txid },
    ]);
    for (let i = 0; i < 4; i++) expect(await lies(`bumped ${i}`)).toBe(10_000n);
  });

  it('spends no coin that a stranger can take back, and waits for those that are not deep enough', async () => {
    const ledger = newLedger();
    const [key, other] = [createKey(REGTEST), createKey(REGTEST)];
    const walletOf = (its = key) =>
      new Wallet({ client: regtest.chain, keys: [its], params: REGTEST });
    const treasury = walletOf().changeScript;
    const stranger = walletOf(other);
    await regtest.wallet.send([
      { value: 10n * COIN, lockingScript: treasury },
      { value: 100n * COIN, lockingScript: stranger.changeScript },
    ]);
    await regtest.mine(BURYING);
    const pay = (units: bigint, more = {}) =>
      payBatch(regtest.chain, walletOf(), request(units), options(ledger, more));
    const gift = await stranger.send([{ value: 90n * COIN, lockingScript: treasury }], {
      replaceable: true,
    });
    await pay(2n * COIN);
    await expect(pay(20n * COIN)).rejects.toMatchObject({
      code: 'INSUFFICIENT_FUNDS',
      message: expect.stringMatching(/6 blocks deep.* 90\.00000000 coins are younger/),
    });
    // the stranger takes it back
    const spent = { value: 100n * COIN, lockingScript: stranger.changeScript };
    const outputs = [{ value: 99n * COIN, lockingScript: stranger.changeScript }];
    await regtest.chain.send(stranger.sign({ ...gift.transaction, outputs }, [spent]), {
      anyFeeRate: true,
    });
    expect(await regtest.chain.transaction(gift.txid)).toBeUndefined();
    await pay(3n * COIN);
    await regtest.mine();

    await regtest.wallet.send([{ value: 50n * COIN, lockingScript: treasury }]);
    await regtest.mine();
    const height = await regtest.chain.height();
    const { txids } = await mineEmptyUntil(pay(20n * COIN, { wait: true }));
    expect(txids.length).toBe(1);
    expect(await regtest.chain.height()).toBeGreaterThanOrEqual(height + 6);
    await regtest.mine();
  });

  it('never makes a payment anew from coins of another that the node has not heard of', async () => {
    const ledger = newLedger();
    const key = createKey(REGTEST);
    const wallet = (client = regtest.chain) => new Wallet({ client, keys: [key], params: REGTEST });
    const lockingScript = wallet().changeScript;
    const values = [10n * COIN, 20n * COIN];
    await regtest.wallet.send(values.map((value) => ({ value, lockingScript })));
    await regtest.mine(BURYING);
    const pay = (tag: string, client = regtest.chain) =>
      payBatch(client, wallet(client), request(40_000n, crowd(4, tag)), options(ledger));
    const inputsOf = ({ inputs }: Transaction) => inputs.map(({ outpoint }) => outpoint);
    const [first] = (await pay('lost')).txids;
    await expect(pay('living', unsent())).rejects.toThrow(/killed/);
    const [, { transactions }] = readLedger(ledger, await genesis()).batches as LedgerBatch[];
    const [second] = transactions;
    const living = inputsOf(decodeTransaction(Buffer.from(second!.hex!, 'hex')));
    const { transaction } = (await regtest.chain.transaction(first!))!;
    expect(transaction.inputs.length + living.length).toBe(2);

    const outputs = [{ value: 5n * COIN, lockingScript }];
    const rival = wallet().sign({ ...transaction, outputs }, [
      { value: 20n * COIN, lockingScript },
    ]);
    await regtest.chain.send(rival, { anyFeeRate: true });
    await regtest.mine(BURYING);
    const { resumed } = await pay('lost');
    expect(resumed.length).toBe(2);
    expect(resumed).toContain(second!.txid);
    const [anew] = resumed.filter((txid) => txid !== second!.txid);
    const paid = (await regtest.chain.transaction(anew!))!.transaction;
    expect(inputsOf(paid)).not.toContainEqual(living[0]);
    await regtest.mine();
    for (let i = 0; i < 4; i++) {
      expect([await lies(`lost ${i}`), await lies(`living ${i}`)]).toEqual([10_000n, 10_000n]);
    }
  });

  it('pays anew what stood on the change of a payment that was replaced by one with a higher fee', async () => {
    const ledger = newLedger();
    const key = createKey(REGTEST);
    const wallet = (client = regtest.chain) => new Wallet({ client, keys: [key], params: REGTEST });
    await regtest.wallet.send([{ value: 10n * COIN, lockingScript: wallet().changeScript }]);
    await regtest.mine(BURYING);
    const pay = (tag: string, client = regtest.chain) =>
      payBatch(client, wallet(client), request(40_000n, crowd(4, tag)), options(ledger));
    const [parent] = (await pay('parent')).txids;
    await expect(pay('child', unsent())).rejects.toThrow(/killed/);
    const { funded } = await planBump(wallet(), regtest.chain, parent!);
    await wallet().submit(funded);
    await expect(pay('child')).rejects.toMatchObject({ code: 'BATCH_CONFLICT' });
    await regtest.mine(BURYING);
    expect((await pay('child')).resumed.length).toBe(1);
    await regtest.mine();
    for (let i = 0; i < 4; i++) {
      expect([await lies(`parent ${i}`), await lies(`child ${i}`)]).toEqual([10_000n, 10_000n]);
    }
  });

  it('refuses a ledger of another chain, and one that another process uses', async () => {
    const ledger = newLedger();
    writeFileSync(
      ledger,
      formatLedger({ genesis: '00'.repeat(32), carried: new Map(), batches: [] }),
    );
    const pay = () => payBatch(regtest.chain, regtest.wallet, request(COIN), options(ledger));
    await expect(pay()).rejects.toMatchObject({ code: 'BAD_LEDGER' });
    const fresh = newLedger();
    const two = await Promise.allSettled(
      [1, 2].map(() => payBatch(regtest.chain, regtest.wallet, request(COIN), options(fresh))),
    );
    const failed = two.filter((each) => each.status === 'rejected');
    expect(failed).toMatchObject([{ reason: { code: 'LEDGER_BUSY' } }]);
  });

  it('is one ledger by whatever name', async () => {
    const ledger = newLedger();
    const genesis = await regtest.chain.genesisId();
    writeFileSync(ledger, formatLedger({ genesis, carried: new Map(), batches: [] }));
    symlinkSync(ledger, `${ledger}.link`);
    const two = await Promise.allSettled(
      [ledger, `${ledger}.link`].map((name) =>
        payBatch(regtest.chain, regtest.wallet, request(COIN), options(name)),
      ),
    );
    const failed = two.filter((each) => each.status === 'rejected');
    expect(failed).toMatchObject([{ reason: { code: 'LEDGER_BUSY' } }]);
  });

  it('sends and writes nothing where an owner is no address or the wallet is empty', async () => {
    const ledger = newLedger();
    const graph = buildGraph([{ id: 'a', owner: 'ann', parents: [] }]);
    await expect(
      payBatch(regtest.chain, regtest.wallet, request(COIN, graph), options(ledger)),
    ).rejects.toMatchObject({ code: 'BAD_OWNER' });
    const poor = new Wallet({ client: regtest.chain, keys: [createKey(REGTEST)], params: REGTEST });
    await expect(
      payBatch(regtest.chain, poor, request(COIN), options(ledger)),
    ).rejects.toMatchObject({
      code: 'INSUFFICIENT_FUNDS',
    });
    expect(() => readFileSync(ledger)).toThrow(/ENOENT/);
    expect(addressScript(addressOf('a'), REGTEST).length).toBe(25);
  });
});
