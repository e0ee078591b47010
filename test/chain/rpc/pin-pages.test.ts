import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodePin, idToHash, type Pin, type PinEventJson } from '#src/chain/index.js';
import { Regtest } from '../../regtest.js';

const ANYBODY = Uint8Array.of(0x51);
/** Six characters each where it is written as JSON. */
const LONG = '\u0001'.repeat(1_000);

let regtest: Regtest;
beforeAll(async () => {
  regtest = await Regtest.open();
});
afterAll(() => regtest?.close());

interface Held {
  readonly txid: string;
  readonly index: number;
  readonly value: bigint;
  readonly id?: string;
}

/** Coins that anybody spends. */
async function coins(count: number, value: bigint): Promise<Held[]> {
  const outputs = Array.from({ length: count }, () => ({ value, lockingScript: ANYBODY }));
  const { txid } = await regtest.wallet.send(outputs, { allowHighFee: true });
  await regtest.mine();
  return outputs.map((_, index) => ({ txid, index, value }));
}

/** Makes a pin of a coin, or changes the pin in it. */
async function say(
  { txid, index, value, id }: Held,
  path: string,
  field: string,
  payload = new Uint8Array(0),
): Promise<Held> {
  const lockingScript = encodePin({
    operation: id ? 'modify' : 'create',
    path: id ? `@${id}` : path,
    encryption: field,
    version: field,
    contentType: field,
    payload,
  });
  const left = value - BigInt(lockingScript.length) - 300n;
  const outpoint = { hash: idToHash(txid), index };
  const input = { outpoint, unlockingScript: new Uint8Array(0), sequence: 0xffff_ffff };
  const outputs = [
    { value: left, lockingScript: ANYBODY },
    { value: 0n, lockingScript },
  ];
  const spending = { version: 2, inputs: [input], outputs, lockTime: 0, jobId: new Uint8Array(32) };
  const made = await regtest.chain.send(spending, { anyFeeRate: true });
  return { txid: made, index: 0, value: left, id: id ?? `${made}i0` };
}

const writtenSize = (answer: unknown): number => JSON.stringify(answer).length;

describe('a list of pins', () => {
  it('ends by the bytes that it is written in, whatever field and version they are in', async () => {
    let held = await coins(4, 1_000_000n);
    for (let version = 0; version < 100; version++) {
      held = await Promise.all(held.map((each) => say(each, '/junk/fields', LONG)));
      if (version % 10 === 9) await regtest.mine();
    }
    const { chain } = regtest;
    const page = await chain.rpc.call<Pin[]>('getpins', '/junk/fields');
    expect(page.length).toBe(3);
    expect(writtenSize(page)).toBeLessThan(6_000_000);
    const all = await chain.pins('/junk/fields');
    expect(all.map(({ id }) => id).sort()).toEqual(held.map(({ id }) => id).sort());
  });
});

describe('a pin of long versions', () => {
  const VERSIONS = 26;
  let id: string;

  beforeAll(async () => {
    let [held] = (await coins(1, 5_000_000n)) as [Held];
    for (let version = 0; version < VERSIONS; version++) {
      held = await say(held, '/junk/payload', '0', new Uint8Array(100_000).fill(version));
      await regtest.mine();
    }
    id = held.id!;
  });

  it('is listed with the last of them', async () => {
    const [pin] = await regtest.chain.pins('/junk/payload');
    expect(pin!.versions.length).toBe(20);
    expect(pin!.versions.at(-1)!.payload[0]).toBe(VERSIONS - 1);
    expect(pin!.versions[0]!.operation).toBe('modify');
  });

  it('has a history of several pages, of which none is missed', async () => {
    const { chain } = regtest;
    const page = await chain.rpc.call<PinEventJson[]>('getpinhistory', id);
    expect(page.length).toBe(20);
    const events: PinEventJson[] = [];
    for await (const event of chain.pinHistory(id)) events.push(event);
    const said = events.map(({ payload }) => Number.parseInt(payload!.slice(0, 2), 16));
    expect(said).toEqual(Array.from({ length: VERSIONS }, (_, version) => version));
  });
});
