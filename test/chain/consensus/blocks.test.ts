import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assemble, type Block, type ChainNode, type Transaction } from '#src/chain/index.js';
import {
  type Change,
  coinOf,
  MINER_SCRIPT,
  nextBlock,
  OTHER_SCRIPT,
  openTemporaryNode,
  payFromMiner,
  withCoinbase,
  withTransactions,
} from '../node/setup.js';

let node: ChainNode;
let end: () => Promise<void>;

beforeAll(async () => {
  ({ node, end } = await openTemporaryNode());
  await node.mine(110, MINER_SCRIPT);
});
afterAll(() => end());

const out = (value: bigint, lockingScript = OTHER_SCRIPT) => ({ value, lockingScript });
const pay = (value = 1000n) => payFromMiner(node, [out(value)]);

const header =
  (change: () => Partial<Block['header']>): Change =>
  (block) => ({ ...block, header: { ...block.header, ...change() } });
const coinbase =
  (change: Partial<Transaction>): Change =>
  (block) =>
    withCoinbase(block, (first) => ({ ...first, ...change }));
const coinbaseScript =
  (unlockingScript: Uint8Array): Change =>
  (block) =>
    withCoinbase(block, (first) => ({
      ...first,
      inputs: [{ ...first.inputs[0]!, unlockingScript }],
    }));
const holding =
  (...make: (() => Transaction)[]): Change =>
  (block) =>
    withTransactions(block, ...make.map((each) => each()));

const BROKEN_HEADERS: [what: string, reason: string, change: Change][] = [
  ["its target is not the network's", 'bad-diffbits', header(() => ({ bits: 0x207ffffe }))],
  ['it is not later than the median', 'time-too-old', header(() => ({ time: 1_704_067_200 }))],
  [
    'it is too far in the future',
    'time-too-new',
    header(() => ({ time: Math.floor(Date.now() / 1000) + 7_300 })),
  ],
  [
    'what it stands on is unknown',
    'prev-blk-not-found',
    header(() => ({ previousHash: new Uint8Array(32).fill(9) })),
  ],
  ['its version is 0', 'bad-version', header(() => ({ version: 0 }))],
];

const BROKEN_COINBASES: [what: string, reason: string, change: Change][] = [
  ['there is none', 'bad-cb-missing', (block) => ({ ...block, transactions: [pay()] })],
  [
    'there are two',
    'bad-cb-multiple',
    (block) => withTransactions(block, { ...block.transactions[0]!, lockTime: 1 }),
  ],
  ['it does not begin with the height', 'bad-cb-height', coinbaseScript(assemble('99 0x01020304'))],
  ['its script is too short', 'bad-cb-length', coinbaseScript(Uint8Array.of(1))],
  ['its script is too long', 'bad-cb-length', coinbaseScript(new Uint8Array(101))],
  ['it takes one unit too much', 'bad-cb-amount', coinbase({ outputs: [out(5_000_000_001n)] })],
  ['it pays nobody', 'bad-txns-vout-empty', coinbase({ outputs: [] })],
];

const COINS = 10_000_000_000_000_000n;

const BROKEN_TRANSACTIONS: [what: string, reason: string, change: Change][] = [
  [
    'an output begins like a token and carries none',
    'bad-txns-vout-tokenprefix',
    coinbase({ outputs: [out(1n, Uint8Array.of(0xef, 1))] }),
  ],
  [
    'its coinbase makes a token',
    'bad-txns-coinbase-has-tokens',
    coinbase({ outputs: [{ ...out(1n), token: { category: new Uint8Array(32), amount: 1n } }] }),
  ],
  [
    'it makes a token out of nothing',
    'bad-txns-token-invalid-category',
    holding(() =>
      payFromMiner(node, [{ ...out(1000n), token: { category: new Uint8Array(32), amount: 1n } }]),
    ),
  ],
  [
    'an output is beyond all money',
    'bad-txns-vout-toolarge',
    coinbase({ outputs: [out(COINS + 1n)] }),
  ],
  [
    'its outputs are beyond all money',
    'bad-txns-txouttotal-toolarge',
    coinbase({ outputs: [out(COINS), out(1_000n)] }),
  ],
  ['it has no inputs', 'bad-txns-vin-empty', holding(() => ({ ...pay(), inputs: [] }))],
  [
    'it spends an output twice',
    'bad-txns-inputs-duplicate',
    holding(() => {
      const transaction = pay();
      return { ...transaction, inputs: [...transaction.inputs, ...transaction.inputs] };
    }),
  ],
  ['it spends what another did', 'bad-txns-inputs-missingorspent', holding(pay, () => pay(2000n))],
  [
    'it was changed after it was signed',
    'mandatory-script-verify-flag-failed',
    holding(() => {
      const transaction = pay();
      return { ...transaction, outputs: [out(999n), ...transaction.outputs.slice(1)] };
    }),
  ],
  [
    'it pays out more than it takes in',
    'bad-txns-in-belowout',
    holding(() => {
      const transaction = pay();
      return { ...transaction, outputs: [...transaction.outputs, out(100_000_000_000n)] };
    }),
  ],
  [
    'it spends a coinbase too early',
    'bad-txns-premature-spend-of-coinbase',
    holding(() => {
      const height = node.tip.height - 50;
      const young = node.unspentOf(MINER_SCRIPT).find(({ coin }) => coin.height === height)!;
      const utxos = [{ outpoint: young.outpoint, ...young.coin }];
      return payFromMiner(node, [out(1_000n)], { utxos });
    }),
  ],
  [
    'it is locked to a later height',
    'bad-txns-nonfinal',
    holding(() => payFromMiner(node, [out(1_000n)], { lockTime: node.tip.height + 1 })),
  ],
  [
    'it is locked to a later time',
    'bad-txns-nonfinal',
    holding(() => payFromMiner(node, [out(1_000n)], { lockTime: node.tip.time + 100 })),
  ],
];

async function expectRefusal(reason: string, change: Change): Promise<void> {
  const before = node.tip.hash;
  const block = await nextBlock(node, change);
  await expect(node.submitBlock(block)).rejects.toThrow(reason);
  expect(node.tip.hash).toBe(before);
}

describe('a block is refused when', () => {
  it.each(BROKEN_HEADERS)('%s: %s', (_, reason, change) => expectRefusal(reason, change));

  it('its hash does not meet its target: high-hash', async () => {
    const block = await nextBlock(node);
    const failures: string[] = [];
    for (let nonce = 0; failures.length === 0; nonce++) {
      const header = { ...block.header, nonce, time: block.header.time + 1 };
      await node
        .submitBlock({ ...block, header })
        .catch((thrown: Error) => failures.push(thrown.message));
    }
    expect(failures[0]).toContain('high-hash');
  });

  it('its Merkle root is of other transactions: bad-txnmrklroot', async () => {
    const merkleRoot = new Uint8Array(32);
    const block = await nextBlock(
      node,
      header(() => ({ merkleRoot })),
      { keepRoot: true },
    );
    await expect(node.submitBlock(block)).rejects.toThrow('bad-txnmrklroot');
  });

  it('its last transaction is doubled under the same root (CVE-2012-2459): bad-txns-duplicate', async () => {
    const first = pay();
    const utxos = [coinOf(first, first.outputs.length - 1)];
    const second = payFromMiner(node, [out(5_000n)], { utxos });
    const block = await nextBlock(node, (each) => withTransactions(each, first, second));
    const doubled = withTransactions(block, second);
    await expect(node.submitBlock(doubled)).rejects.toThrow('bad-txns-duplicate');
    await expect(node.submitBlock(block)).resolves.toBe(true);
  });
});

describe('a coinbase is refused when', () => {
  it.each(BROKEN_COINBASES)('%s: %s', (_, reason, change) => expectRefusal(reason, change));
});

describe('a transaction of a block is refused when', () => {
  it.each(BROKEN_TRANSACTIONS)('%s: %s', (_, reason, change) => expectRefusal(reason, change));
});

describe('a block is taken', () => {
  it('with a transaction and one that spends its output, once', async () => {
    const { height } = node.tip;
    const block = await nextBlock(node, (template) => {
      const first = pay();
      const utxos = [coinOf(first, first.outputs.length - 1)];
      return withTransactions(template, first, payFromMiner(node, [out(7_000n)], { utxos }));
    });
    await expect(node.submitBlock(block)).resolves.toBe(true);
    await expect(node.submitBlock(block)).resolves.toBe(false);
    expect(node.tip.height).toBe(height + 1);
  });

  it('with a transaction locked to a height that has come', async () => {
    const lockTime = node.tip.height;
    const make = () => payFromMiner(node, [out(1_000n)], { lockTime });
    await expect(node.submitBlock(await nextBlock(node, holding(make)))).resolves.toBe(true);
  });

  it('whose coinbase takes less than its due', async () => {
    const block = await nextBlock(node, coinbase({ outputs: [out(1n)] }));
    await expect(node.submitBlock(block)).resolves.toBe(true);
  });
});
