import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '#src/base/index.js';
import {
  ChainClient,
  createKey,
  encodeTransaction,
  hash160,
  type KeyPair,
  networkParameters,
  p2pkhScript,
  type Transaction,
  transactionId,
  Wallet,
} from '#src/chain/index.js';
import { type Homecoming, type SentHome, sendHome } from '#src/job/detached/sendHome.js';
import type { ClientRecord } from '#src/job/index.js';
import { makeJob } from '../make.js';
import { COIN, Market } from '../market.js';

const params = networkParameters('regtest');
const signal = new AbortController().signal;
let market: Market;

beforeAll(async () => {
  market = await Market.open();
});
afterAll(() => market.close());

/** A chain that shows what is sent over it. */
function listening(): { readonly chain: ChainClient; readonly sent: Transaction[] } {
  const chain = new ChainClient(market.rpc());
  const sent: Transaction[] = [];
  const send = chain.send.bind(chain);
  chain.send = async (transaction, ...rest) => {
    sent.push(transaction);
    return send(transaction, ...rest);
  };
  return { chain, sent };
}

/** A payment of one coin to a job's key, in a block. */
async function paid(key: KeyPair): Promise<Transaction> {
  const payer = await market.funded();
  const wallet = new Wallet({ client: market.chain, keys: [payer], params });
  const lockingScript = p2pkhScript(hash160(key.publicKey));
  const funded = await wallet.fund({ outputs: [{ value: COIN, lockingScript }] });
  const funding = wallet.sign(funded.transaction, funded.spentOutputs);
  await market.chain.send(funding);
  await market.mine(1);
  return funding;
}

describe('the way home of a job’s coins', () => {
  it('is open whatever strangers send to its key: the job’s own go first and alone', async () => {
    const [key, home] = [createKey(params), createKey(params)];
    const funding = await paid(key);
    await market.pay(key, [2n * COIN, ...new Array<bigint>(250).fill(546n)]);
    const { chain, sent } = listening();
    const record = { job: makeJob() } as ClientRecord;
    const coming: Homecoming = {
      ...{ chain, params, key, home: hash160(home.publicKey), interval: 20 },
      source: { record, funding: toHex(encodeTransaction(funding)) },
    };
    const told: SentHome[] = [];
    const done = sendHome(coming, (one) => told.push(one), signal);
    await market.happens(() => sent.length >= 3);
    await market.mine(1);
    const last = await done;
    expect(told.map(({ txid }) => txid)).toEqual([last]);
    expect(sent.map(({ inputs }) => inputs.length)).toEqual([1, 200, 51]);
    expect(transactionId(sent[0]!)).toBe(last);
    expect(await market.balance(key)).toBe(0n);
    expect(await market.balance(home)).toBeGreaterThan(3n * COIN);
    chain.rpc.close();
  });

  it('is not made longer by what strangers go on to send', async () => {
    const [key, home] = [createKey(params), createKey(params)];
    const funding = await paid(key);
    const { chain } = listening();
    const record = { job: makeJob() } as ClientRecord;
    const coming: Homecoming = {
      ...{ chain, params, key, home: hash160(home.publicKey), interval: 20 },
      source: { record, funding: toHex(encodeTransaction(funding)) },
    };
    // each block brings another coin of theirs
    let isOver = false;
    const gifts = (async () => {
      for (let i = 0; i < 20 && !isOver; i++) await market.pay(key, [20_000n]);
    })();
    const told: SentHome[] = [];
    const last = await sendHome(coming, (one) => told.push(one), signal);
    isOver = true;
    await gifts;
    expect(told.map(({ txid }) => txid)).toEqual([last]);
    chain.rpc.close();
  });
});
