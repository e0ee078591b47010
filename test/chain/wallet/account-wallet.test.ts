import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  Account,
  accountPath,
  addressScript,
  ChainClient,
  type ChainNode,
  decodeExtendedKey,
  discoverAccount,
  formatOutpoint,
  planBump,
  RpcClient,
  RpcServer,
  registerChainMethods,
  Wallet,
  WalletBook,
} from '#src/chain/index.js';
import { nodeFromMnemonic } from '#src/chain/wallet/mnemonic.js';
import { MINER, MINER_SCRIPT, OTHER_SCRIPT, openTemporaryNode, REGTEST } from '../node/setup.js';

const WORDS = `${'zoo '.repeat(11)}wrong`;
const COIN = 100_000_000n;

describe('a wallet of an HD account on a node', () => {
  let node: ChainNode;
  let server: RpcServer;
  let rpc: RpcClient;
  let client: ChainClient;
  let datadir: string;
  let end: () => Promise<void>;
  const auth = { user: 'u', password: 'p' };
  const pay = (value: bigint, lockingScript = OTHER_SCRIPT) => [{ value, lockingScript }];
  const open = async (indexes?: { receive: number; change: number }): Promise<Account> => {
    const key = await nodeFromMnemonic(WORDS, '', accountPath(REGTEST), REGTEST);
    return new Account(key, REGTEST, indexes);
  };
  const walletOf = (account: Account, book?: WalletBook): Wallet =>
    new Wallet({ client, keys: [], account, params: REGTEST, ...(book && { book }) });
  const miner = (book?: WalletBook, by = client): Wallet =>
    new Wallet({ client: by, keys: [MINER], params: REGTEST, ...(book && { book }) });

  beforeAll(async () => {
    ({ node, end, datadir } = await openTemporaryNode());
    await node.mine(110, MINER_SCRIPT);
    server = new RpcServer({ auth });
    registerChainMethods(server, node, { stop: () => undefined, version: '0.0.0' });
    rpc = new RpcClient({ url: await server.listen(0), auth });
    client = new ChainClient(rpc);
  });
  afterAll(async () => {
    await rpc.close();
    await server.close();
    await end();
  });

  it('spends coins of several of its addresses, and takes the change on the change chain', async () => {
    const account = await open();
    const places = [
      ['receive', 0],
      ['receive', 7],
      ['receive', 19],
    ] as const;
    const outputs = places.flatMap(([chain, index]) =>
      pay(COIN, addressScript(account.address(chain, index), REGTEST)),
    );
    await miner().send(outputs);
    await node.mine(1, MINER_SCRIPT);
    const wallet = walletOf(account);
    expect((await wallet.balance()).confirmed).toBe(3n * COIN);
    expect(account.indexes).toEqual({ receive: 20, change: 0 });
    const { transaction } = await wallet.send(pay((5n * COIN) / 2n));
    expect(transaction.inputs).toHaveLength(3);
    const change = transaction.outputs.at(-1)!;
    expect(change.lockingScript).toEqual(addressScript(account.address('change', 0), REGTEST));
    expect(account.indexes.change).toBe(1);
    await node.mine(1, MINER_SCRIPT);
    expect((await wallet.balance()).confirmed).toBe(change.value);
    expect(await wallet.history()).toHaveLength(2);
    const { entries, total } = await wallet.amounts(10);
    expect(total).toBe(2);
    expect(entries.map((entry) => entry.change)).toEqual([3n * COIN, change.value - 3n * COIN]);
    expect((await wallet.amounts(1)).entries).toEqual([entries[1]]);
  });

  it('is found again from its words alone, spent addresses included', async () => {
    const account = await open();
    await discoverAccount(account, client, REGTEST);
    expect(account.indexes).toEqual({ receive: 20, change: 1 });
    expect((await walletOf(account).balance()).confirmed).toBeGreaterThan(0n);
  });

  it('is built for by who only watches, and signed by who has the words and no node', async () => {
    const watcher = new Account(decodeExtendedKey((await open()).xpub, REGTEST), REGTEST);
    const watching = walletOf(watcher);
    const funded = await watching.fund({ outputs: pay(COIN / 10n) });
    expect(watching.sign(funded.transaction, funded.spentOutputs)).toEqual(funded.transaction);
    const signer = walletOf(await open());
    const { txid } = await signer.submit(funded);
    expect((await client.transaction(txid))?.height).toBe(0);
    await node.mine(1, MINER_SCRIPT);
  });

  it('remembers in its notes which addresses it has used', async () => {
    const book = new WalletBook(join(datadir, 'wallet.json'));
    const account = await open();
    await walletOf(account, book).send(pay(COIN / 10n));
    expect(book.indexes(account.xpub)).toEqual(account.indexes);
    expect(account.indexes.change).toBeGreaterThan(1);
    await node.mine(1, MINER_SCRIPT);
  });

  it('raises the fee of a payment out of its change, and of a sweep out of its amount', async () => {
    const first = await walletOf(await open()).send(pay(COIN / 10n), { replaceable: true });
    // opened anew: it has not looked at the chain yet, and knows its inputs all the same
    const wallet = walletOf(await open());
    const bump = await planBump(wallet, client, first.txid, 5n);
    expect(bump.oldFee).toBe(first.fee);
    expect(bump.funded.transaction.inputs.map(({ outpoint }) => formatOutpoint(outpoint))).toEqual(
      first.transaction.inputs.map(({ outpoint }) => formatOutpoint(outpoint)),
    );
    expect(bump.funded.transaction.outputs[0]).toEqual(first.transaction.outputs[0]);
    await expect(planBump(wallet, client, first.txid, 1n)).rejects.toMatchObject({
      code: 'FEE_RATE_TOO_LOW',
    });
    const second = await wallet.submit(bump.funded);
    expect(second.fee).toBeGreaterThan(first.fee);
    expect(await client.transaction(first.txid)).toBeUndefined();
    const swept = (await walletOf(await open()).sweep(OTHER_SCRIPT, { replaceable: true }))[0]!;
    await expect(planBump(wallet, client, second.txid)).rejects.toMatchObject({
      code: 'HAS_CHILD',
    });
    const sweepBump = await planBump(wallet, client, swept.txid);
    expect(sweepBump.funded.transaction.outputs).toHaveLength(1);
    const again = await wallet.submit(sweepBump.funded);
    await node.mine(1, MINER_SCRIPT);
    expect((await client.transaction(again.txid))?.height).toBeGreaterThan(0);
    await expect(planBump(wallet, client, again.txid)).rejects.toMatchObject({
      code: 'ALREADY_IN_CHAIN',
    });
    const foreign = await miner().send(pay(COIN));
    await expect(planBump(wallet, client, foreign.txid)).rejects.toMatchObject({
      code: 'NOT_OURS',
    });
    await node.mine(1, MINER_SCRIPT);
  });

  it('leaves locked coins alone, and spends those it is told to', async () => {
    const book = new WalletBook(join(datadir, 'wallet.json'));
    const [first, second] = await miner(book).utxos();
    book.lock(first!.outpoint);
    const wallet = miner(book);
    expect((await wallet.utxos()).map(({ outpoint }) => formatOutpoint(outpoint))).not.toContain(
      formatOutpoint(first!.outpoint),
    );
    const coins = [second!.outpoint];
    const funded = await wallet.fund({ outputs: pay(COIN), coins });
    expect(funded.transaction.inputs.map(({ outpoint }) => outpoint)).toEqual(coins);
    wallet.release(funded.transaction);
    await expect(
      wallet.fund({ outputs: pay(COIN), coins: [first!.outpoint] }),
    ).rejects.toMatchObject({ code: 'UNKNOWN_COIN' });
    book.unlock(first!.outpoint);
  });

  it('chooses other coins when a second wallet of the same key spent them first', async () => {
    const book = new WalletBook(join(datadir, 'wallet.json'));
    const all = await miner(book).utxos();
    // the first wallet is shown coins that the second has spent since
    const behind = new ChainClient(rpc);
    const now = behind.eachUtxo.bind(behind);
    const before = async function* () {
      yield* all;
    };
    let shown = 0;
    behind.eachUtxo = (...asked) => (shown++ === 0 ? before() : now(...asked));
    const slow = miner(book, behind);
    const taken = await miner(book).send(pay(BigInt(all.length - 1) * 50n * COIN));
    const sent = await slow.send(pay(COIN));
    const spent = new Set(taken.transaction.inputs.map(({ outpoint }) => formatOutpoint(outpoint)));
    for (const { outpoint } of sent.transaction.inputs) {
      expect(spent.has(formatOutpoint(outpoint))).toBe(false);
    }
    expect(shown).toBeGreaterThan(1);
  });
});
