import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '#src/base/index.js';
import {
  addressScript,
  ChainClient,
  type ChainNode,
  checkTokensKept,
  dustOf,
  findBirthCoin,
  formatOutpoint,
  fundFrom,
  hashToId,
  heldNft,
  idToHash,
  makeBirthCoin,
  mintedAt,
  type OutputToken,
  planBump,
  planMint,
  planNftSend,
  RpcClient,
  RpcServer,
  registerChainMethods,
  sendMint,
  sendNft,
  TOKEN_FEES,
  type TransactionOutput,
  tokenEvents,
  tokenOutput,
  Wallet,
} from '#src/chain/index.js';
import {
  keyOf,
  MINER,
  MINER_SCRIPT,
  OTHER,
  OTHER_SCRIPT,
  openTemporaryNode,
  REGTEST,
} from '../node/setup.js';

const commitment = new Uint8Array(32).fill(0x42);
const immutable = { capability: 'none', commitment } as const;

/** A node that says an NFT commits to something else. */
class ForgingClient extends ChainClient {
  override async *eachUtxo(...asked: Parameters<ChainClient['eachUtxo']>) {
    for await (const coin of super.eachUtxo(...asked)) {
      const { token } = coin.output;
      const nft = token?.nft && { ...token.nft, commitment: Uint8Array.of(1) };
      yield nft ? { ...coin, output: { ...coin.output, token: { ...token!, nft } } } : coin;
    }
  }
}

describe('tokens in a wallet', () => {
  let node: ChainNode;
  let server: RpcServer;
  let rpc: RpcClient;
  let client: ChainClient;
  let end: () => Promise<void>;
  const auth = { user: 'u', password: 'p' };
  const walletOf = (key = MINER, asking = client): Wallet =>
    new Wallet({ client: asking, keys: [key], params: REGTEST });
  const mine = (): Promise<string[]> => node.mine(1, new Uint8Array([0x51]));

  /** Mints an NFT, and some fungible beside it where asked, to the miner; returns the category. */
  async function mint(amount = 0n): Promise<Uint8Array> {
    const wallet = walletOf();
    const birth = (await findBirthCoin(wallet)) ?? (await makeBirthCoin(wallet));
    const token = { nft: immutable, amount, lockingScript: MINER_SCRIPT };
    const plan = await planMint(client, wallet, birth, [token]);
    await sendMint(wallet, plan);
    await mine();
    return plan.category;
  }

  beforeAll(async () => {
    ({ node, end } = await openTemporaryNode());
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

  it('are minted from an output 0 of its own', async () => {
    const wallet = walletOf();
    const birth = (await findBirthCoin(wallet))!;
    const plan = await planMint(client, wallet, birth, [
      { nft: immutable, lockingScript: MINER_SCRIPT },
    ]);
    const sent = await sendMint(wallet, plan);
    expect(plan.category).toEqual(birth.outpoint.hash);
    const [token] = await client.tokens(plan.category);
    expect(token).toMatchObject({
      outpoint: mintedAt(sent, 0),
      height: 0,
      output: { lockingScript: MINER_SCRIPT, token: { amount: 0n, nft: immutable } },
    });
    expect(token!.output.value).toBe(dustOf(token!.output));
    await mine();
    expect(await client.tokenCategory(plan.category)).toMatchObject({
      category: hashToId(plan.category),
      genesis: sent.txid,
      nfts: { none: 1, mutable: 0, minting: 0 },
    });
  });

  it('are born from a coin made for it where no output 0 is there', async () => {
    const key = keyOf('poor');
    const lockingScript = addressScript(key.address, REGTEST);
    const padding = { value: 1_000_000n, lockingScript: OTHER_SCRIPT };
    await walletOf().send([padding, { value: 1_000_000n, lockingScript }]);
    const wallet = walletOf(key);
    expect(await findBirthCoin(wallet)).toBeUndefined();
    const birth = await makeBirthCoin(wallet);
    const plan = await planMint(client, wallet, birth, [{ nft: immutable, lockingScript }]);
    await sendMint(wallet, plan);
    expect(hashToId(plan.category)).toBe(hashToId(birth.outpoint.hash));
    await mine();
    expect(await client.tokens(plan.category)).toHaveLength(1);
  });

  it('go to somebody else, and the fungible part beside an NFT stays', async () => {
    const category = await mint(500n);
    const wallet = walletOf();
    const coin = await heldNft(wallet, { category });
    const sent = await sendNft(wallet, await planNftSend(client, wallet, coin, OTHER_SCRIPT));
    const there = await client.tokens(category);
    expect(there.map(({ output }) => [output.lockingScript, output.token])).toEqual([
      [OTHER_SCRIPT, { category, amount: 0n, nft: immutable }],
      [MINER_SCRIPT, { category, amount: 500n }],
    ]);
    await mine();
    const back = walletOf(OTHER);
    await expect(heldNft(walletOf(), { category })).rejects.toMatchObject({ code: 'NFT_NOT_HELD' });
    const [held] = [await heldNft(back, { outpoint: { hash: idToHash(sent.txid), index: 0 } })];
    expect(held.output.token!.nft).toEqual(immutable);
    const info = (await client.tokenCategory(category, 10))!;
    const events = await tokenEvents(client, category, info, 10);
    expect(events.map(({ kind, places }) => [kind, places.length])).toEqual([
      ['mint', 1],
      ['send', 2],
    ]);
  });

  it('tell where they were born, though their transactions are too many for one answer', async () => {
    const wallet = walletOf();
    const category = await mint();
    const genesis = (await client.tokenCategory(category))!.genesis;
    for (let moves = 0; moves < 2; moves++) {
      const coin = await heldNft(wallet, { category });
      await sendNft(wallet, await planNftSend(client, wallet, coin, MINER_SCRIPT));
    }
    const strict = new RpcServer({ auth });
    const bounds = { entries: 2, scriptBytes: 1_000 };
    registerChainMethods(strict, node, { stop: () => undefined, version: '0.0.0', bounds });
    const asking = new RpcClient({ url: await strict.listen(0), auth });
    try {
      await expect(asking.call('gettoken', hashToId(category))).rejects.toThrow('too many');
      const strictly = new ChainClient(asking);
      expect(await strictly.tokenCategory(category)).toMatchObject({ genesis, history: [] });
      expect((await strictly.tokenCategory(category, 1))!.history).toMatchObject([{ height: 0 }]);
    } finally {
      await asking.close();
      await strict.close();
      await mine();
    }
  });

  it('are never spent by a payment, though nothing else is left', async () => {
    const key = keyOf('frugal');
    const own = addressScript(key.address, REGTEST);
    const category = await mint();
    const wallet = walletOf();
    const coin = await heldNft(wallet, { category });
    await sendNft(wallet, await planNftSend(client, wallet, coin, own));
    await walletOf().send([{ value: 2_000n, lockingScript: own }], { allowHighFee: true });
    await mine();
    const frugal = walletOf(key);
    expect((await frugal.tokens()).map(({ output }) => toHex(output.token!.category))).toEqual([
      toHex(category),
    ]);
    expect(await frugal.utxos()).toHaveLength(1);
    const more = frugal.send([{ value: 2_500n, lockingScript: OTHER_SCRIPT }]);
    await expect(more).rejects.toMatchObject({ code: 'INSUFFICIENT_FUNDS' });
    await frugal.sweep(OTHER_SCRIPT, { allowHighFee: true });
    await mine();
    expect(await frugal.utxos()).toEqual([]);
    expect(await frugal.tokens()).toHaveLength(1);
  });

  it('are listed in pages, those of the mempool last', async () => {
    const wallet = walletOf();
    const birth = (await findBirthCoin(wallet)) ?? (await makeBirthCoin(wallet));
    const many = Array.from({ length: 7 }, (_, i) => ({
      amount: BigInt(i + 1),
      lockingScript: MINER_SCRIPT,
    }));
    const { category, ...plan } = await planMint(client, wallet, birth, many);
    await wallet.submit(plan, TOKEN_FEES);
    await mine();
    const [first] = await client.tokens(category);
    const { token, ...rest } = first!.output;
    const outputs = [1n, token!.amount - 1n].flatMap((amount) =>
      amount > 0n ? [tokenOutput({ category, amount }, rest.lockingScript)] : [],
    );
    await sendNft(wallet, await fundFrom(client, wallet, first!, outputs));
    const whole = await client.tokens(category);
    expect(whole.map(({ height }) => height > 0).lastIndexOf(true)).toBe(5);
    const sum = whole.reduce((total, { output }) => total + output.token!.amount, 0n);
    expect(sum).toBe(28n);
    const names = whole.map(({ outpoint }) => formatOutpoint(outpoint));
    const paged: string[] = [];
    for (let page: { txid: string; vout: number }[] = []; ; ) {
      page = await rpc.call('gettokens', hashToId(category), 2, ...paged.slice(-1));
      paged.push(...page.map(({ txid, vout }) => `${txid}:${vout}`));
      if (page.length < 2) break;
    }
    expect(paged).toEqual(names);
    expect(await client.tokens(category, 3)).toEqual(whole.slice(0, 3));
  });

  it('are burnt only when asked', async () => {
    const category = await mint();
    const wallet = walletOf();
    const { outpoint, output } = await heldNft(wallet, { category });
    const request = {
      outputs: [{ value: 1_000_000n, lockingScript: OTHER_SCRIPT }],
      inputs: [{ outpoint, output, unlockingSize: 107 }],
    };
    const { outputs, ...rest } = request;
    await expect(wallet.send(outputs, rest)).rejects.toMatchObject({
      code: 'TOKEN_BURN',
      message: `This transaction would burn tokens of ${hashToId(category)}.`,
    });
    await wallet.send(outputs, { ...rest, allowBurn: true });
    expect(await client.tokens(category)).toEqual([]);
    await mine();
    const info = (await client.tokenCategory(category, 10))!;
    expect(info).toMatchObject({ outputs: 0, nfts: { none: 0 } });
    const events = await tokenEvents(client, category, info, 10);
    expect(events.map(({ kind }) => kind)).toEqual(['mint', 'burn']);
  });

  it('go lost with the coin they lie on only when both are asked for', async () => {
    const wallet = walletOf();
    const birth = (await findBirthCoin(wallet)) ?? (await makeBirthCoin(wallet));
    const category = birth.outpoint.hash;
    // somebody pays with a token on the money, which nobody asked for
    const junk = {
      value: 1_000_000n,
      lockingScript: OTHER_SCRIPT,
      token: { category, amount: 9n },
    };
    await sendNft(wallet, await fundFrom(client, wallet, birth, [junk]));
    await mine();
    const paid = walletOf(OTHER);
    const coin = (await paid.tokens()).find(({ output }) => output.token?.amount === 9n)!;
    const outputs = [{ value: 900_000n, lockingScript: MINER_SCRIPT }];
    const coins = [coin.outpoint];
    await expect(paid.send(outputs, { coins })).rejects.toMatchObject({ code: 'TOKEN_BURN' });
    expect((await paid.send(outputs, { coins, allowBurn: true })).fee).toBeLessThan(1_000n);
    await mine();
    expect(await client.tokens(category)).toEqual([]);
  });

  it('stay where they are when the fee of their mint is raised', async () => {
    const wallet = walletOf();
    const birth = (await findBirthCoin(wallet)) ?? (await makeBirthCoin(wallet));
    const { value } = birth.output;
    const token = { category: birth.outpoint.hash, amount: 0n, nft: immutable };
    const minted = tokenOutput(token, MINER_SCRIPT);
    const { outpoint, output } = birth;
    // the token is the last output, where change would be
    const { txid } = await wallet.send(
      [{ value: value - minted.value - 400n, lockingScript: OTHER_SCRIPT }, minted],
      {
        inputs: [{ outpoint, output, unlockingSize: 107 }],
        replaceable: true,
      },
    );
    await expect(planBump(wallet, client, txid)).rejects.toMatchObject({
      code: 'INSUFFICIENT_FUNDS',
    });
    expect(await client.tokens(birth.outpoint.hash)).toHaveLength(1);
    await mine();
  });

  it('are believed only as their own transaction tells', async () => {
    const category = await mint();
    const forging = new ForgingClient(rpc);
    const wallet = walletOf(MINER, forging);
    const coin = await heldNft(wallet, { category });
    expect(coin.output.token!.nft!.commitment).toEqual(Uint8Array.of(1));
    const plan = planNftSend(forging, wallet, coin, OTHER_SCRIPT);
    await expect(plan).rejects.toMatchObject({ code: 'BAD_NODE_ANSWER' });
    expect((await wallet.tokens()).map(({ outpoint }) => formatOutpoint(outpoint))).toContain(
      formatOutpoint(coin.outpoint),
    );
  });

  it('lie on outputs worth spending', async () => {
    const category = await mint();
    const wallet = walletOf();
    const { outpoint, output } = await heldNft(wallet, { category });
    const poor = { ...output, value: dustOf(output) - 1n };
    const inputs = [{ outpoint, output, unlockingSize: 107 }];
    const sent = wallet.send([poor], { inputs, allowHighFee: true });
    await expect(sent).rejects.toMatchObject({ code: 'DUST_OUTPUT' });
    expect(dustOf({ value: 0n, lockingScript: MINER_SCRIPT })).toBe(546n);
  });
});

describe('a burn', () => {
  const category = new Uint8Array(32).fill(1);
  const holding = (token: Partial<OutputToken>): TransactionOutput => ({
    value: 1n,
    lockingScript: MINER_SCRIPT,
    token: { category, amount: 0n, ...token },
  });
  const minting = { capability: 'minting', commitment } as const;
  const keeps = (spent: TransactionOutput[], outputs: TransactionOutput[]) => (): void =>
    checkTokensKept(
      { version: 10, inputs: [], outputs, lockTime: 0, jobId: new Uint8Array(32) },
      spent,
    );
  const burns = expect.objectContaining({ code: 'TOKEN_BURN' });

  it('is any loss of an amount, of an NFT, or of the right to mint', () => {
    const nft = holding({ nft: immutable });
    expect(keeps([holding({ amount: 5n })], [holding({ amount: 4n })])).toThrow(burns);
    expect(keeps([nft, nft], [nft])).toThrow(burns);
    expect(keeps([nft], [{ value: 1n, lockingScript: MINER_SCRIPT }])).toThrow(burns);
    expect(keeps([holding({ nft: minting })], [nft])).toThrow(burns);
    expect(
      keeps([holding({ amount: 5n })], [holding({ amount: 2n }), holding({ amount: 3n })]),
    ).not.toThrow();
    expect(keeps([holding({ nft: minting })], [nft, holding({ nft: minting })])).not.toThrow();
    expect(keeps([], [nft])).not.toThrow();
  });
});
