import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import { ChainNode, type Transaction, transactionHash, transactionId } from '#src/chain/index.js';
import { decodeSavedMempool, encodeSavedMempool } from '#src/chain/mempool/savedMempool.js';
import { cases } from '../../long.js';
import {
  coinOf,
  MINER_SCRIPT,
  OTHER_SCRIPT,
  openTemporaryNode,
  payFromMiner,
} from '../node/setup.js';
import { anyTransaction, hashArbitrary } from '../transactions.js';

const savedArbitrary = fc.record({
  entries: fc.array(
    fc.record({
      transaction: anyTransaction(fc.constantFrom(1, 2, 10), { inputs: 1 }),
      time: fc.nat(2 ** 40),
    }),
    { maxLength: 5 },
  ),
  deltas: fc.array(fc.tuple(hashArbitrary, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })), {
    maxLength: 3,
  }),
});

function refused(bytes: Uint8Array): void {
  try {
    decodeSavedMempool(bytes);
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(BitmodelError);
    return;
  }
  throw new Error('damaged bytes were taken');
}

describe('the bytes of a saved mempool', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(savedArbitrary, (saved) => {
        const bytes = encodeSavedMempool(saved);
        expect(decodeSavedMempool(bytes)).toEqual(saved);
        expect(encodeSavedMempool(decodeSavedMempool(bytes))).toEqual(bytes);
      }),
      { numRuns: 200 },
    );
  });

  it('are refused when anything about them was changed', () => {
    const damage = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 }));
    const bytes = fc.sample(savedArbitrary, 20).map(encodeSavedMempool);
    fc.assert(
      fc.property(fc.constantFrom(...bytes), damage, (whole, [at, by]) => {
        const changed = Uint8Array.from(whole);
        changed[at % whole.length]! ^= by;
        refused(changed);
        refused(whole.subarray(0, at % whole.length));
      }),
      { numRuns: cases(10_000, 5_000_000) },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (random) => refused(random)),
      { numRuns: cases(10_000, 5_000_000) },
    );
  });
});

describe('the mempool over a restart', () => {
  let node: ChainNode;
  let datadir: string;
  let end: () => Promise<void>;

  beforeEach(async () => {
    ({ node, datadir, end } = await openTemporaryNode());
    await node.mine(105, MINER_SCRIPT);
    end = ((first) => async () => {
      await node.close();
      await first();
    })(end);
  });
  afterEach(() => end());

  const warnings: string[] = [];

  async function restart(between: () => void = () => {}): Promise<void> {
    await node.close();
    between();
    warnings.length = 0;
    node = await ChainNode.open({ datadir, network: 'regtest' });
    node.on('warning', (message) => warnings.push(message));
    await node.mempoolFile.loaded;
  }

  async function send(parent?: Transaction): Promise<Transaction> {
    const from = parent ? { utxos: [coinOf(parent, parent.outputs.length - 1)] } : {};
    const output = { value: 1_000n, lockingScript: OTHER_SCRIPT };
    const transaction = payFromMiner(node, [output], from);
    await node.submitTransaction(transaction);
    return transaction;
  }

  const view = () =>
    [...node.mempool.entries()].map(({ transaction, time, fee, modifiedFee }) => ({
      id: transactionId(transaction),
      time,
      fee,
      modifiedFee,
    }));

  it('is as it was: order, times and changed fees', async () => {
    const parent = await send();
    const child = await send(parent);
    await send();
    node.mempool.prioritise(transactionHash(child), 5_000n);
    const before = view();
    await restart();
    expect(view()).toEqual(before);
    expect(node.mempoolFile.isLoaded).toBe(true);
    await restart();
    expect(view()).toEqual(before);
    expect(warnings).toEqual([]);
  });

  it('goes through every rule again', async () => {
    const kept = await send();
    const path = node.mempoolFile.path;
    await send(kept);
    const saved = () => decodeSavedMempool(readFileSync(path));
    await restart(() => {
      const { entries, deltas } = saved();
      const [first, second] = entries;
      const old = { ...second!, time: second!.time - 337 * 3600 };
      const unsigned = {
        ...first!.transaction,
        inputs: first!.transaction.inputs.map((each) => ({
          ...each,
          unlockingScript: new Uint8Array(0),
        })),
      };
      const forged = { transaction: unsigned, time: first!.time };
      writeFileSync(path, encodeSavedMempool({ entries: [forged, first!, old], deltas }));
    });
    expect(view().map(({ id }) => id)).toEqual([transactionId(kept)]);
  });

  it('begins empty when its file is damaged, says so, and sets the file aside', async () => {
    await send();
    await restart(() => {
      const bytes = readFileSync(join(datadir, 'regtest', 'mempool.dat'));
      bytes[40]! ^= 1;
      writeFileSync(join(datadir, 'regtest', 'mempool.dat'), bytes);
    });
    expect(node.mempool.size).toBe(0);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(
      /damaged: its checksum is wrong\. It was set aside as .*\.damaged,/,
    );
    expect(existsSync(join(datadir, 'regtest', 'mempool.dat.damaged'))).toBe(true);
    await send();
    await restart();
    expect(node.mempool.size).toBe(1);
  });
});
