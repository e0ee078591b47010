import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  addressScript,
  ChainNode,
  createKey,
  encodeTransaction,
  networkParameters,
  signP2pkhInputs,
  transactionHash,
} from '../../dist/chain/index.js';
import { createHost, TransactionGossip } from '../../dist/network/index.js';

const params = networkParameters('regtest');
const key = createKey(params);
const script = addressScript(key.address, params);
const FEE = 1_000n;

/** A signed transaction that spends one coin of the key's into equal ones. */
function pay(coin, outputs) {
  const each = (coin.output.value - FEE * BigInt(outputs)) / BigInt(outputs);
  const unsigned = {
    version: 10,
    inputs: [
      { outpoint: coin.outpoint, unlockingScript: new Uint8Array(0), sequence: 0xffff_ffff },
    ],
    outputs: Array.from({ length: outputs }, () => ({ value: each, lockingScript: script })),
    lockTime: 0,
    jobId: new Uint8Array(32),
  };
  return signP2pkhInputs(unsigned, [coin.output], [key]);
}

/** Nodes of ours that validate what they pass on, each with its own chain, mempool and host. */
export async function startOurs(count, links, transactions) {
  const folder = mkdtempSync(join(tmpdir(), 'bitmodel-bench-'));
  const nodes = [];
  for (let i = 0; i < count; i++) {
    const datadir = join(folder, String(i));
    nodes.push(await ChainNode.open({ datadir, network: 'regtest', threads: 1 }));
  }
  const [first, ...others] = nodes;
  await first.mine(params.maturity + 4, script);
  const { outpoint, coin } = first.unspentOf(script).find((each) => each.coin.height === 1);
  const fan = pay({ outpoint, output: coin.output }, transactions);
  await first.submitTransaction(fan);
  await first.mine(1, script);
  for (let height = 1; height <= first.tip.height; height++) {
    const block = first.store.block(first.store.hashAt(height));
    for (const node of others) await node.submitBlock(block);
  }
  const hash = transactionHash(fan);
  const messages = fan.outputs.map((output, index) => {
    const transaction = pay({ outpoint: { hash, index }, output }, 1);
    return { transaction, key: Buffer.from(transactionHash(transaction)).toString('hex') };
  });
  const blames = [];
  const penalties = { penalise: (...blame) => blames.push(blame) };
  const hosts = [];
  const gossips = [];
  for (const [i, node] of nodes.entries()) {
    const host = await createHost({
      network: 'regtest',
      keyFile: join(folder, `${i}.json`),
      listen: ['127.0.0.1:0'],
    });
    hosts.push(host);
    gossips.push(new TransactionGossip({ host, penalties, node }));
  }
  for (const [from, to] of links) await hosts[from].dial(hosts[to].addresses()[0]);
  return {
    messages,
    bytes: encodeTransaction(messages[0].transaction).length,
    onArrival(heard) {
      for (const [i, node] of nodes.entries()) {
        node.on('transaction', (transaction) =>
          heard(i, Buffer.from(transactionHash(transaction)).toString('hex')),
        );
      }
    },
    say: (i, { transaction }) => nodes[i].submitTransaction(transaction),
    async close() {
      for (const gossip of gossips) gossip.close();
      for (const host of hosts) await host.close();
      for (const node of nodes) await node.close();
      rmSync(folder, { recursive: true, force: true });
      if (blames.length > 0) throw new Error(`honest nodes were blamed: ${blames[0].join(' ')}`);
    },
  };
}
