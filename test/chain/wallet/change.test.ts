import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  Account,
  accountPath,
  addressScript,
  ChainClient,
  type ChainNode,
  createMnemonic,
  discoverAccount,
  RpcClient,
  RpcServer,
  registerChainMethods,
  type Transaction,
  transactionId,
  Wallet,
  WalletBook,
} from '#src/chain/index.js';
import { nodeFromMnemonic } from '#src/chain/wallet/mnemonic.js';
import { MINER, MINER_SCRIPT, OTHER_SCRIPT, openTemporaryNode, REGTEST } from '../node/setup.js';

const COIN = 100_000_000n;
const TIMES = 25;
const pay = (value: bigint) => [{ value, lockingScript: OTHER_SCRIPT }];

/** A node that says it took a transaction, and throws it away. */
class SwallowingClient extends ChainClient {
  override async send(transaction: Transaction): Promise<string> {
    return transactionId(transaction);
  }
}

describe('the change of an account', () => {
  let node: ChainNode;
  let server: RpcServer;
  let rpc: RpcClient;
  let client: ChainClient;
  let datadir: string;
  let end: () => Promise<void>;
  let words: string;
  let account: Account;
  const auth = { user: 'u', password: 'p' };
  const open = async (indexes?: { receive: number; change: number }): Promise<Account> =>
    new Account(await nodeFromMnemonic(words, '', accountPath(REGTEST), REGTEST), REGTEST, indexes);
  const walletOf = (book?: WalletBook, asked = client): Wallet =>
    new Wallet({ client: asked, keys: [], account, params: REGTEST, ...(book && { book }) });
  /** What somebody sees who has the words and nothing else. */
  const restored = async (): Promise<bigint> => {
    const found = await open();
    await discoverAccount(found, client, REGTEST);
    const wallet = new Wallet({ client, keys: [], account: found, params: REGTEST });
    return (await wallet.balance()).confirmed;
  };

  beforeAll(async () => {
    ({ node, end, datadir } = await openTemporaryNode());
    await node.mine(103, MINER_SCRIPT);
    server = new RpcServer({ auth });
    registerChainMethods(server, node, { stop: () => undefined, version: '0.0.0' });
    rpc = new RpcClient({ url: await server.listen(0), auth });
    client = new ChainClient(rpc);
  });
  beforeEach(async () => {
    words = createMnemonic();
    account = await open();
    const funds = { value: COIN, lockingScript: addressScript(account.firstAddress, REGTEST) };
    await new Wallet({ client, keys: [MINER], params: REGTEST }).send([funds]);
    await node.mine(1, MINER_SCRIPT);
  });
  afterAll(async () => {
    await rpc.close();
    await server.close();
    await end();
  });

  it('stays where the words alone find it, however many payments were refused', async () => {
    const wallet = walletOf();
    for (let i = 0; i < TIMES; i++) {
      const early = wallet.send(pay(COIN / 10n), { lockTime: 1_000_000 });
      await expect(early).rejects.toMatchObject({ message: expect.stringContaining('non-final') });
    }
    expect(account.indexes.change).toBe(0);
    const { transaction } = await wallet.send(pay(COIN / 10n));
    await node.mine(1, MINER_SCRIPT);
    expect(await restored()).toBe(transaction.outputs.at(-1)!.value);
  });

  it('is never given an address twice, where the node took the first payment or may have', async () => {
    const dead = new RpcClient({ url: 'http://127.0.0.1:1', auth });
    class Unreachable extends ChainClient {
      override send(transaction: Transaction): Promise<string> {
        return new ChainClient(dead).send(transaction);
      }
    }
    const lost = walletOf(undefined, new Unreachable(rpc)).send(pay(COIN / 10n));
    await expect(lost).rejects.toMatchObject({ code: 'NODE_UNREACHABLE' });
    expect(account.indexes.change).toBe(1);
    await walletOf().send(pay(COIN / 10n));
    expect(account.indexes.change).toBe(2);
    await dead.close();
  });

  it('stays there even when a node said that it took what it threw away', async () => {
    const book = new WalletBook(join(datadir, 'wallet.json'));
    for (let i = 0; i < TIMES; i++) {
      await walletOf(book, new SwallowingClient(rpc)).send(pay(COIN / 10n));
    }
    // the honest node knows none of these addresses; a new process starts from the notes
    account = await open(book.indexes(account.xpub));
    const { transaction } = await walletOf(book).send(pay(COIN / 10n));
    await node.mine(1, MINER_SCRIPT);
    expect(await restored()).toBe(transaction.outputs.at(-1)!.value);
    // and the next payment goes one further
    const next = await walletOf(book).send(pay(COIN / 10n));
    const scripts = [transaction, next.transaction].map(({ outputs }) => outputs.at(-1)!);
    expect(scripts[0]!.lockingScript).not.toEqual(scripts[1]!.lockingScript);
  });

  it('does not count as sent when the fee is weighed', async () => {
    const wallet = walletOf();
    const dear = wallet.send(pay(COIN / 1_000n), { feeRate: 9_000n });
    await expect(dear).rejects.toMatchObject({ code: 'HIGH_FEE' });
    await expect(
      wallet.send(pay(COIN / 1_000n), { feeRate: 9_000n, allowHighFee: true }),
    ).resolves.toMatchObject({ fee: expect.any(BigInt) });
  });
});
