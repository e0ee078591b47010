import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { formatAmount, fromHex, parseAmount, toHex } from '#src/base/index.js';
import {
  Account,
  addressScript,
  ChainClient,
  type ChainNode,
  decodeExtendedKey,
  decodeTransaction,
  encodeTransaction,
  estimateFeeRate,
  MAX_ESTIMATED_FEE_RATE,
  MAX_FEE,
  planBump,
  RpcClient,
  RpcServer,
  registerChainMethods,
  type Transaction,
  transactionId,
  Wallet,
} from '#src/chain/index.js';
import { cases, timeLimit } from '../../long.js';
import { keyOf, MINER_SCRIPT, OTHER_SCRIPT, openTemporaryNode, REGTEST } from '../node/setup.js';
import { type Lie, type LyingNode, startLyingNode } from './lying-node.js';

interface CoinJson {
  readonly txid: string;
  readonly vout: number;
  readonly value: string;
  readonly scriptPubKey: string;
  readonly height: number;
  readonly coinbase: boolean;
}

const SAID = 100_000_000n;
const OWNER = keyOf('miner');
const XPUB =
  'tpubDC5FSnBiZDMmhiuCmWAYsLwgLYrrT9rAqvTySfuCCrgsWz8wxMXUS9Tb9iVMvcRbvFcAHGkMD5Kx8koh4GquNGNTfohfk7pgjhaPCdXpoba';

/** Changes every coin, or some. */
const coins =
  (change: (coin: CoinJson, index: number) => object | undefined): Lie =>
  (result) =>
    (result as CoinJson[]).flatMap((coin, i) => change(coin, i) ?? []);

/** Changes a transaction that is asked for. */
const transactions =
  (change: (transaction: Transaction) => Transaction): Lie =>
  (result) => {
    if (result === undefined) return undefined;
    const json = result as { hex: string };
    return { ...json, hex: toHex(encodeTransaction(change(decodeTransaction(fromHex(json.hex))))) };
  };

const more = (value: string): string => formatAmount(parseAmount(value) + 1n);

describe('a wallet on a node that lies', () => {
  let node: ChainNode;
  let server: RpcServer;
  let rpc: RpcClient;
  let liar: LyingNode;
  let end: () => Promise<void>;
  const auth = { user: 'u', password: 'p' };
  const payment = [{ value: SAID, lockingScript: OTHER_SCRIPT }];
  const wallet = (): Wallet => new Wallet({ client: liar.client, keys: [OWNER], params: REGTEST });
  const coinOf = async (): Promise<CoinJson> =>
    (await rpc.call<CoinJson[]>('getaddressutxos', OWNER.address))[0]!;

  beforeAll(async () => {
    ({ node, end } = await openTemporaryNode());
    await node.mine(103, MINER_SCRIPT);
    await node.mine(1, OTHER_SCRIPT);
    server = new RpcServer({ auth });
    registerChainMethods(server, node, { stop: () => undefined, version: '0.0.0' });
    const url = await server.listen(0);
    rpc = new RpcClient({ url, auth });
    liar = await startLyingNode(url, auth);
  });
  beforeEach(() => {
    liar.taken();
    liar.forwards = false;
  });
  afterAll(async () => {
    await liar.close();
    await rpc.close();
    await server.close();
    await end();
  });

  /** Whatever it was told: it pays what was said, keeps the rest, and gives no more to the miners than it may. */
  const expectHarmless = (hex: string): void => {
    const transaction = decodeTransaction(fromHex(hex));
    const own = toHex(MINER_SCRIPT);
    const [paid, ...rest] = transaction.outputs;
    expect(paid).toEqual(payment[0]);
    expect(rest.length).toBeLessThanOrEqual(1);
    for (const { lockingScript } of rest) expect(toHex(lockingScript)).toBe(own);
    const truths = transaction.inputs.map(({ outpoint }) => node.output(outpoint));
    const spent = truths.reduce((sum, coin) => sum + (coin?.output.value ?? 0n), 0n);
    const out = transaction.outputs.reduce((sum, { value }) => sum + value, 0n);
    expect(spent - out).toBeLessThanOrEqual(SAID / 10n);
    expect(spent - out).toBeLessThanOrEqual(MAX_FEE);
  };

  it('pays as it should when the node tells the truth', async () => {
    liar.lie({});
    const { txid } = await wallet().send(payment);
    const [hex] = liar.taken();
    expectHarmless(hex!);
    expect(transactionId(decodeTransaction(fromHex(hex!)))).toBe(txid);
  });

  const refused: readonly [what: string, code: string, lies: Readonly<Record<string, Lie>>][] = [
    [
      'a coin holds more than it does',
      'BAD_NODE_ANSWER',
      { getaddressutxos: coins((coin) => ({ ...coin, value: more(coin.value) })) },
    ],
    [
      'a coin holds less than it does',
      'BAD_NODE_ANSWER',
      { getaddressutxos: coins((coin) => ({ ...coin, value: '2.00000000' })) },
    ],
    [
      'a coin of somebody else is the wallet’s',
      'BAD_NODE_ANSWER',
      { getaddressutxos: coins((coin) => ({ ...coin, scriptPubKey: toHex(OTHER_SCRIPT) })) },
    ],
    [
      'a coin lies at another output of its transaction',
      'UNKNOWN_INPUT',
      { getaddressutxos: coins((coin) => ({ ...coin, vout: coin.vout + 7 })) },
    ],
    [
      'a coin and its transaction both hold more',
      'BAD_NODE_ANSWER',
      {
        getaddressutxos: coins((coin) => ({ ...coin, value: more(coin.value) })),
        getrawtransaction: transactions((transaction) => ({
          ...transaction,
          outputs: transaction.outputs.map((each) => ({ ...each, value: each.value + 1n })),
        })),
      },
    ],
    [
      'a coinbase is deeper than it is',
      'BAD_NODE_ANSWER',
      { getaddressutxos: coins((coin) => (coin.height > 10 ? { ...coin, height: 1 } : undefined)) },
    ],
    [
      'a coinbase is none',
      'BAD_NODE_ANSWER',
      { getaddressutxos: coins((coin) => ({ ...coin, coinbase: false })) },
    ],
    ['there are no coins', 'INSUFFICIENT_FUNDS', { getaddressutxos: () => [] }],
    [
      'the transaction of a coin is unknown',
      'UNKNOWN_INPUT',
      { getrawtransaction: () => undefined },
    ],
    [
      'a pin rides on every coin',
      'INSUFFICIENT_FUNDS',
      { getaddressutxos: coins((coin) => ({ ...coin, pins: ['x'] })) },
    ],
  ];
  for (const [what, code, lies] of refused) {
    it(`signs nothing when told that ${what}: ${code}`, async () => {
      liar.lie(lies);
      await expect(wallet().send(payment)).rejects.toMatchObject({ code });
      expect(liar.taken()).toEqual([]);
    });
  }

  it('signs nothing when given another transaction than the one asked for', async () => {
    const other = await new ChainClient(rpc).transaction((await coinOf()).txid);
    liar.lie({ getrawtransaction: transactions(() => ({ ...other!.transaction, lockTime: 1 })) });
    await expect(wallet().send(payment)).rejects.toMatchObject({ code: 'BAD_NODE_ANSWER' });
    expect(liar.taken()).toEqual([]);
  });

  it('takes no coin that it is told of twice, on one page or on two', async () => {
    const one = await coinOf();
    const value = parseAmount(one.value) + SAID;
    const outputs = [{ value, lockingScript: OTHER_SCRIPT }];
    liar.lie({ getaddressutxos: () => [one, one, one] });
    await expect(wallet().send(outputs)).rejects.toMatchObject({ code: 'BAD_RPC_ANSWER' });
    liar.lie({ getaddressutxos: (_, [, , limit]) => Array(limit as number).fill(one) });
    await expect(wallet().send(outputs)).rejects.toMatchObject({ code: 'BAD_RPC_ANSWER' });
  });

  it('follows no history that goes round in a circle', async () => {
    liar.lie({
      getaddresshistory: (_, [, count]) =>
        Array.from({ length: count as number }, () => ({ txid: '11'.repeat(32), height: 3 })),
    });
    const circle = liar.client.eachInHistory({ addresses: [OWNER.address] });
    await expect(circle.next()).rejects.toMatchObject({ code: 'BAD_RPC_ANSWER' });
  });

  it('loses nothing when told that the chain is longer than it is: the truth refuses what it signs', async () => {
    liar.forwards = true;
    liar.lie({ getblockcount: () => 1_000_000 });
    const value = 400n * SAID;
    const outputs = [{ value, lockingScript: OTHER_SCRIPT }];
    await expect(wallet().send(outputs)).rejects.toMatchObject({ code: 'TX_REJECTED' });
    expect(node.mempool.size).toBe(0);
  });

  it('pays no fee that the node makes up', async () => {
    const rates = ['1.00000000', '0.1', '21000000', 'x', '-1', '', null, {}, 1e300];
    for (const feerate of rates) {
      liar.lie({ estimatesmartfee: () => ({ feerate, blocks: 2 }) });
      const rate = await estimateFeeRate(liar.client);
      expect(rate).toBeGreaterThanOrEqual(1n);
      expect(rate).toBeLessThanOrEqual(MAX_ESTIMATED_FEE_RATE);
    }
  });

  it('pays what the mempool asks for, whatever the estimate says, within the same bounds', async () => {
    const asked: [string, bigint][] = [
      ['0.00000000', 2n],
      ['0.00001500', 2n],
      ['0.00004001', 5n],
      ['1.00000000', MAX_ESTIMATED_FEE_RATE],
    ];
    for (const [mempoolminfee, rate] of asked) {
      liar.lie({
        estimatesmartfee: () => ({ feerate: '0.00002000', blocks: 2 }),
        getmempoolinfo: () => ({ mempoolminfee }),
      });
      expect(await estimateFeeRate(liar.client)).toBe(rate);
    }
  });

  it('pays that too where nobody names a rate', async () => {
    liar.lie({ estimatesmartfee: () => ({ feerate: '0.00004000', blocks: 2 }) });
    const spender = wallet();
    const { transaction, fee } = await spender.fund({ outputs: payment });
    const size = BigInt(encodeTransaction(spender.sign(transaction, [])).length);
    expect(fee).toBeGreaterThanOrEqual(4n * size);
    spender.release(transaction);
    liar.lie({});
  });

  it('calls a payment by its own id, not by the one the node gives', async () => {
    liar.lie({});
    const { txid, transaction } = await wallet().send(payment);
    expect(txid).toBe(transactionId(transaction));
    expect(txid).not.toBe('00'.repeat(32));
  });

  it('raises the fee of nothing that it has not signed before', async () => {
    const known = await new ChainClient(rpc).transaction((await coinOf()).txid);
    const id = transactionId(known!.transaction);
    const pending =
      (hex: string): Lie =>
      () => ({ hex });
    const forged = toHex(encodeTransaction({ ...known!.transaction, lockTime: 9 }));
    liar.lie({ getrawtransaction: pending(forged) });
    const bump = (txid: string) => planBump(wallet(), liar.client, txid);
    await expect(bump(id)).rejects.toMatchObject({ code: 'BAD_NODE_ANSWER' });
    // a payment that spends a coin of ours, under its true id, but never signed here
    const unsigned: Transaction = {
      version: 10,
      inputs: [
        {
          outpoint: { hash: fromHex(id).reverse(), index: 0 },
          unlockingScript: new Uint8Array(0),
          sequence: 0xffff_fffd,
        },
      ],
      outputs: payment,
      lockTime: 0,
      jobId: new Uint8Array(32),
    };
    const unsignedId = transactionId(unsigned);
    liar.lie({
      getrawtransaction: (result, [asked]) =>
        asked === unsignedId ? { hex: toHex(encodeTransaction(unsigned)) } : result,
    });
    await expect(bump(unsignedId)).rejects.toMatchObject({ code: 'UNSIGNED_INPUT' });
    expect(liar.taken()).toEqual([]);
  });

  it('does not follow a node that calls every address of an account used', async () => {
    const one = await coinOf();
    const account = new Account(decodeExtendedKey(XPUB, REGTEST), REGTEST);
    liar.lie({
      getaddressutxos: (_result, [of]) => {
        const asked = (of as { addresses: string[] }).addresses;
        const last = asked.at(-1)!;
        const script = toHex(addressScript(last, REGTEST));
        return [{ ...one, vout: asked.length, scriptPubKey: script }];
      },
    });
    const watched = new Wallet({ client: liar.client, keys: [], account, params: REGTEST });
    await expect(watched.balance()).rejects.toMatchObject({ code: 'BAD_NODE_ANSWER' });
  });

  it(
    'never signs away more than said, whatever it is told',
    async () => {
      const values = fc.oneof(
        fc.constantFrom('0.00000001', '0.5', '1.5', '49.9', '50.00000000', '21000000', '-1', 'x'),
        fc.nat({ max: 1 << 20 }),
        fc.boolean(),
        fc.constantFrom(toHex(MINER_SCRIPT), toHex(OTHER_SCRIPT), '', '6a', 'ff'.repeat(32)),
        fc.constant(null),
      );
      const fields = fc.constantFrom('value', 'height', 'coinbase', 'scriptPubKey', 'vout', 'txid');
      const coinLie = fc.record({ field: fields, value: values, drop: fc.boolean() });
      const lies = fc.record({
        coins: fc.array(coinLie, { maxLength: 3 }),
        bytes: fc.option(fc.tuple(fc.nat(400), fc.nat(255)), { nil: undefined }),
        height: fc.option(fc.nat(2_000_000), { nil: undefined }),
      });
      await fc.assert(
        fc.asyncProperty(lies, async ({ coins: changes, bytes, height }) => {
          liar.lie({
            getaddressutxos: coins((coin, i) => {
              const change = changes[i % (changes.length + 1)];
              if (!change) return coin;
              return change.drop ? undefined : { ...coin, [change.field]: change.value };
            }),
            ...(height === undefined ? {} : { getblockcount: () => height }),
            ...(bytes === undefined
              ? {}
              : {
                  getrawtransaction: (result) => {
                    if (result === undefined) return undefined;
                    const json = result as { hex: string };
                    const raw = fromHex(json.hex);
                    raw[bytes[0] % raw.length]! ^= bytes[1];
                    return { ...json, hex: toHex(raw) };
                  },
                }),
          });
          try {
            await wallet().send(payment);
          } catch (thrown) {
            expect((thrown as { code?: string }).code).toMatch(/^[A-Z_]+$/);
          }
          for (const hex of liar.taken()) expectHarmless(hex);
        }),
        { numRuns: cases(60, 100_000) },
      );
    },
    timeLimit(240_000),
  );
});
