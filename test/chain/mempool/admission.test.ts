import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { COIN } from '#src/base/index.js';
import { type ChainNode, type Transaction, transactionId } from '#src/chain/index.js';
import {
  coinOf,
  MINER_SCRIPT,
  matureCoins,
  nextBlock,
  OTHER_SCRIPT,
  openTemporaryNode,
  payFromMiner,
  withTransactions,
} from '../node/setup.js';

let node: ChainNode;
let end: () => Promise<void>;

async function begin(): Promise<void> {
  ({ node, end } = await openTemporaryNode());
  await node.mine(105, MINER_SCRIPT);
}

const out = (value: bigint, lockingScript = OTHER_SCRIPT) => ({ value, lockingScript });
const pay = (...outputs: ReturnType<typeof out>[]) => payFromMiner(node, outputs);
const spendChange = (of: Transaction, value = 1_000n) =>
  payFromMiner(node, [out(value)], { utxos: [coinOf(of, of.outputs.length - 1)] });

const REFUSED: [what: string, reason: string, make: () => Transaction][] = [
  ['a coinbase', 'coinbase', () => node.store.block(node.store.tip().hash)!.transactions[0]!],
  ['a version that nobody relays', 'version', () => ({ ...pay(out(1_000n)), version: 7 })],
  [
    'what is locked to the future',
    'non-final',
    () => payFromMiner(node, [out(1_000n)], { lockTime: 500 }),
  ],
  [
    'what pays no fee',
    'min relay fee not met',
    () => {
      const transaction = pay(out(1_000n));
      const [first, change] = transaction.outputs;
      const spent = BigInt(transaction.inputs.length) * 50n * COIN;
      return { ...transaction, outputs: [first!, { ...change!, value: spent - first!.value }] };
    },
  ],
  [
    'what spends an unknown output',
    'bad-txns-inputs-missingorspent',
    () => {
      const transaction = pay(out(1_000n));
      const outpoint = { hash: new Uint8Array(32).fill(1), index: 0 };
      return { ...transaction, inputs: [{ ...transaction.inputs[0]!, outpoint }] };
    },
  ],
  [
    'what makes coins out of nothing',
    'bad-txns-in-belowout',
    () => {
      const transaction = pay(out(1_000n));
      const [first, change] = transaction.outputs;
      return { ...transaction, outputs: [{ ...first!, value: 5_000n * COIN }, change!] };
    },
  ],
  [
    'what spends a coinbase too early',
    'bad-txns-premature-spend-of-coinbase',
    () => {
      const young = node.unspentOf(MINER_SCRIPT).find(({ coin }) => coin.height > 50)!;
      const utxos = [{ outpoint: young.outpoint, ...young.coin }];
      return payFromMiner(node, [out(1_000n)], { utxos });
    },
  ],
  ['what has no inputs', 'bad-txns-vin-empty', () => ({ ...pay(out(1_000n)), inputs: [] })],
  [
    'more than a million bytes',
    'tx-size',
    () => pay(out(0n, new Uint8Array(1_000_000).fill(0x6a, 0, 1))),
  ],
  [
    'an unlocking script of more than 100,000 bytes',
    'scriptsig-size',
    () => {
      const transaction = pay(out(1_000n));
      const long = { ...transaction.inputs[0]!, unlockingScript: new Uint8Array(100_001) };
      return { ...transaction, inputs: [long] };
    },
  ],
  [
    'what waits for its coin to age',
    'non-BIP68-final',
    () => {
      const transaction = pay(out(1_000n));
      return { ...transaction, inputs: [{ ...transaction.inputs[0]!, sequence: 200 }] };
    },
  ],
  [
    'what a wrong key signed',
    'mandatory-script-verify-flag-failed',
    () => ({ ...pay(out(1_000n)), lockTime: 1 }),
  ],
];

describe('the mempool, of what breaks a rule by itself,', () => {
  beforeAll(begin);
  afterAll(() => end());

  it.each(REFUSED)('refuses %s: %s', async (_, reason, make) => {
    await expect(node.submitTransaction(make())).rejects.toThrow(reason);
    expect(node.mempool.size).toBe(0);
  });
});

describe('the mempool', () => {
  beforeEach(begin);
  afterEach(() => end());

  it('refuses what it has, what the chain has, and what spends the same coin', async () => {
    const transaction = pay(out(1_000n));
    const rival = pay(out(2_000n));
    await node.submitTransaction(transaction);
    await expect(node.submitTransaction(transaction)).rejects.toThrow('txn-already-in-mempool');
    await expect(node.submitTransaction(rival)).rejects.toThrow('insufficient fee');
    await node.mine(1, MINER_SCRIPT);
    expect(node.mempool.size).toBe(0);
    await expect(node.submitTransaction(transaction)).rejects.toThrow('txn-already-known');
    await expect(node.submitTransaction(rival)).rejects.toThrow('bad-txns-inputs-missingorspent');
  });

  it('refuses dust of who was free to make none, and relays what a contract may ask for', async () => {
    await expect(node.submitTransaction(pay(out(545n)))).rejects.toThrow('dust');
    const ANYONE = Uint8Array.of(0x51);
    const contract = pay(out(546n), out(5n, ANYONE), out(0n, ANYONE));
    await node.submitTransaction(contract);
    const unlock = [1, 2].map((index) => ({ ...coinOf(contract, index), unlockingSize: 0 }));
    await node.submitTransaction(payFromMiner(node, [out(0n), out(3n)], { inputs: unlock }));
    expect(node.mempool.size).toBe(2);
  });

  it('lets unconfirmed outputs be spent, 25 in a chain and no more', async () => {
    let last = pay(out(1_000n));
    await node.submitTransaction(last);
    for (let depth = 2; depth <= 25; depth++) {
      last = spendChange(last);
      await node.submitTransaction(last);
    }
    await expect(node.submitTransaction(spendChange(last))).rejects.toThrow(
      'too-long-mempool-chain',
    );
    await node.mine(1, MINER_SCRIPT);
    expect(node.mempool.size).toBe(0);
    await node.submitTransaction(spendChange(last));
  });

  it('drops what a block makes impossible, with all that depends on it', async () => {
    const parent = pay(out(1_000n));
    const rival = pay(out(2_000n));
    await node.submitTransaction(parent);
    await node.submitTransaction(spendChange(parent));
    const block = await nextBlock(node, (each) =>
      withTransactions({ ...each, transactions: each.transactions.slice(0, 1) }, rival),
    );
    // the coinbase of the template counts on fees that are not there now
    const [coinbase, ...rest] = block.transactions;
    const honest = { ...coinbase!, outputs: [{ ...coinbase!.outputs[0]!, value: 1n }] };
    await node.submitBlock(
      await nextBlock(node, () => ({ header: block.header, transactions: [honest, ...rest] })),
    );
    expect(node.mempool.size).toBe(0);
  });

  describe('when it is full', () => {
    beforeEach(async () => {
      await end();
      ({ node, end } = await openTemporaryNode({ mempoolBytes: 35_000 }));
      await node.mine(115, MINER_SCRIPT);
    });

    /** Sends one that pays so much per byte. */
    async function send(feeRate: bigint): Promise<string> {
      const transaction = payFromMiner(node, [out(1_000n)], {
        utxos: [matureCoins(node)[0]!],
        feeRate,
      });
      await node.submitTransaction(transaction);
      return transactionId(transaction);
    }

    it('evicts those that pay least, and asks for more than they paid', async () => {
      const ids: string[] = [];
      for (let rate = 1n; rate <= 12n; rate++) ids.push(await send(rate));
      const waiting = [...node.mempool.entries()].map(({ transaction }) =>
        transactionId(transaction),
      );
      expect(node.mempool.usage).toBeLessThanOrEqual(35_000);
      expect(waiting).toEqual(ids.slice(-waiting.length));
      expect(node.admission.minimumFee).toBeGreaterThan(5_000n);
      await expect(send(3n)).rejects.toThrow('mempool min fee not met');
    });

    it('refuses what would be the first to go', async () => {
      for (let count = 0; count < 7; count++) await send(9n);
      await expect(send(2n)).rejects.toThrow('mempool full');
    });
  });
});
