import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type ChainNode,
  createKey,
  fundTransaction,
  type KeyPair,
  signP2pkhInputs,
  type Transaction,
  transactionHash,
  transactionId,
} from '#src/chain/index.js';
import type { Host } from '#src/network/index.js';
import { SUBMIT } from '#src/network/light/protocols.js';
import { encodeSubmitAnswer, type SubmitAnswer } from '#src/network/light/smallMessages.js';
import { until } from '../../until.js';
import { pay } from './paying.js';
import { type Light, REGTEST, Rig, scriptOf } from './rig.js';

describe('a payment of a light node', () => {
  const rig = new Rig();
  let node: ChainNode;
  let honest: Host;
  let miner: KeyPair;
  let payer: KeyPair;

  beforeAll(async () => {
    node = await rig.node();
    [miner, payer] = [createKey(REGTEST), createKey(REGTEST)];
    await node.mine(102, scriptOf(miner));
    await pay(node, miner, scriptOf(payer), 80_000n);
    await node.mine(1, scriptOf(miner));
    honest = await rig.honest(node);
  });
  afterAll(() => rig.close());

  /** A peer that proves what it should, and answers a payment as told, or never. */
  async function peer(answer?: SubmitAnswer): Promise<{ host: Host; taken: Uint8Array[] }> {
    const host = await rig.liar(node, (truth) => truth);
    const taken: Uint8Array[] = [];
    host.answer(SUBMIT.answering, (frame) => {
      taken.push(frame);
      return answer ? encodeSubmitAnswer(answer) : new Promise<never>(() => {});
    });
    return { host, taken };
  }

  async function started(hosts: readonly Host[], name?: string): Promise<Light> {
    const light = await rig.light(hosts, name);
    await until(() => light.headers.tip.height === node.tip.height);
    await until(() =>
      hosts.every((each) => light.host.protocolsOf(each.id).includes(SUBMIT.asking.name)),
    );
    return light;
  }

  const coinsOf = ({ chain }: Light) => chain.coins([scriptOf(payer)]);

  async function payment(light: Light): Promise<Transaction> {
    const coins = await coinsOf(light);
    const { transaction, spentOutputs } = fundTransaction({
      outputs: [{ value: 80_000n - 20_000n, lockingScript: scriptOf(createKey(REGTEST)) }],
      utxos: coins.map(({ outpoint, coin }) => ({ outpoint, ...coin })),
      changeScript: scriptOf(payer),
    });
    return signP2pkhInputs(transaction, spentOutputs, [payer]);
  }
  const spentBy = ({ chain }: Light, { inputs }: Transaction) => chain.spender(inputs[0]!.outpoint);

  it('that every node refused has spent nothing', async () => {
    const no = { fate: 'refused', reason: 'no' } as const;
    const refusing = [await peer(no), await peer(no)];
    const light = await started(refusing.map(({ host }) => host));
    const transaction = await payment(light);
    expect(await light.chain.outbox.send(transaction)).toMatchObject({
      isRefused: true,
      reasons: ['no', 'no'],
    });
    expect(light.chain.outbox.size).toBe(0);
    expect(await spentBy(light, transaction)).toBeUndefined();
    await light.close();
  });

  it('that one refused and another never answered counts as sent', async () => {
    const refuses = await peer({ fate: 'refused', reason: 'no' });
    const silent = await peer();
    const light = await started([refuses.host, silent.host]);
    const transaction = await payment(light);
    await expect(light.chain.outbox.send(transaction)).rejects.toMatchObject({ code: 'NO_ANSWER' });
    expect(silent.taken).toHaveLength(1);
    expect(await spentBy(light, transaction)).toMatchObject({ height: 0 });
    await light.close();
  });

  it('that is given up is handed to nobody any more, with what spends it, also after a restart', async () => {
    const silent = await peer();
    const light = await started([silent.host], 'given up');
    const transaction = await payment(light);
    await expect(light.chain.outbox.send(transaction)).rejects.toMatchObject({ code: 'NO_ANSWER' });
    const [change] = await coinsOf(light);
    const { outpoint, coin } = change!;
    expect(outpoint.hash).toEqual(transactionHash(transaction));
    const { transaction: child, spentOutputs } = fundTransaction({
      outputs: [{ value: 1_000n, lockingScript: scriptOf(createKey(REGTEST)) }],
      utxos: [{ outpoint, ...coin }],
      changeScript: scriptOf(payer),
    });
    const signed = signP2pkhInputs(child, spentOutputs, [payer]);
    await expect(light.chain.outbox.send(signed)).rejects.toMatchObject({ code: 'NO_ANSWER' });
    expect(light.chain.outbox.abandon('ab'.repeat(32))).toEqual([]);
    expect(light.chain.outbox.abandon(transactionId(transaction))).toEqual([
      transactionId(transaction),
      transactionId(signed),
    ]);
    expect(light.chain.outbox.size).toBe(0);
    expect(await spentBy(light, transaction)).toBeUndefined();
    const before = silent.taken.length;
    await light.chain.outbox.afterBlock();
    expect(silent.taken).toHaveLength(before);
    await light.close();
    const again = await started([silent.host], 'given up');
    expect(again.chain.outbox.size).toBe(0);
    await again.close();
  });

  it('is not made a second time after the end came before any answer, and still arrives', async () => {
    const silent = await peer();
    const light = await started([silent.host], 'killed');
    const transaction = await payment(light);
    const sending = light.chain.outbox.send(transaction).catch(() => undefined);
    await until(() => silent.taken.length > 0);
    // nothing that is written from here on counts
    await light.close();
    await sending;
    const again = await started([honest], 'killed');
    expect(await spentBy(again, transaction)).toMatchObject({ height: 0 });
    expect(
      (await coinsOf(again)).filter(({ outpoint }) =>
        transaction.inputs.some(
          (input) => Buffer.compare(input.outpoint.hash, outpoint.hash) === 0,
        ),
      ),
    ).toEqual([]);
    await again.chain.outbox.afterBlock();
    expect(node.mempool.size).toBe(1);
    await node.mine(1, scriptOf(miner));
    await until(() => again.headers.tip.hash === node.tip.hash);
    await again.chain.outbox.afterBlock();
    expect(again.chain.outbox.size).toBe(0);
    await again.close();
  });
});
