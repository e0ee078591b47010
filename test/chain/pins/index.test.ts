import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toHex, utf8 } from '#src/base/index.js';
import {
  decodePin,
  encodePin,
  fundTransaction,
  type Outpoint,
  P2PKH_UNLOCKING_SIZE,
  type PinOperation,
  p2pkhScript,
  signP2pkhInputs,
  type Transaction,
  type TransactionOutput,
  transactionHash,
} from '#src/chain/index.js';
import { findPins } from '#src/chain/node/outputs.js';
import { holderText, metaIdOf } from '#src/chain/pins/identity.js';
import { formatPinId, parsePinId, targetOf } from '#src/chain/pins/pin.js';
import { UnitFlow } from '#src/chain/pins/tracking.js';
import type { PinState } from '#src/chain/store/PinQueries.js';
import { stateHash } from '#src/chain/store/queries.js';
import { cases } from '../../long.js';
import {
  coinOf,
  MINER,
  MINER_SCRIPT,
  matureCoins,
  OTHER,
  OTHER_SCRIPT,
  openTemporaryNode,
  payFromMiner,
  REGTEST,
} from '../node/setup.js';

type Temporary = Awaited<ReturnType<typeof openTemporaryNode>>;
const ANY = { atHeight: 0xffff_ffff, limit: 1_000, all: true };
const PIN_VALUE = 10_000n;

let a: Temporary;

beforeEach(async () => {
  a = await openTemporaryNode();
  await a.node.mine(103, MINER_SCRIPT);
});
afterEach(() => a.end());

function says(operation: PinOperation, path: string, text = ''): TransactionOutput {
  const pin = encodePin({ operation, path, contentType: 'text/plain', payload: utf8(text) });
  return { value: 0n, lockingScript: pin };
}

/** A transaction of the miner's that spends just these outputs, in this order; what they leave is the fee. */
function spend(
  from: readonly { transaction: Transaction; index: number }[],
  outputs: readonly TransactionOutput[],
): Transaction {
  const coins = from.map(({ transaction, index }) => coinOf(transaction, index));
  const inputs = coins.map((coin) => ({ ...coin, unlockingSize: P2PKH_UNLOCKING_SIZE }));
  const request = { outputs, inputs, utxos: [], changeScript: MINER_SCRIPT };
  const { transaction, spentOutputs } = fundTransaction(request);
  const withoutChange = { ...transaction, outputs: transaction.outputs.slice(0, outputs.length) };
  return signP2pkhInputs(withoutChange, spentOutputs, [MINER]);
}

/** A transaction of the miner's, in a block of its own. */
async function mined(
  outputs: readonly TransactionOutput[],
  from?: readonly { transaction: Transaction; index: number }[],
): Promise<Transaction> {
  const transaction = from ? spend(from, outputs) : payFromMiner(a.node, outputs);
  await a.node.submitTransaction(transaction);
  await a.node.mine(1, MINER_SCRIPT);
  return transaction;
}

/** A pin of the miner's with enough in its coin to pay for what is done with it. */
async function made(text = 'Ada', path = '/info/name'): Promise<Transaction> {
  const holder = { value: PIN_VALUE, lockingScript: MINER_SCRIPT };
  return mined([holder, says('create', path, text)]);
}

const idOf = (transaction: Transaction): Outpoint => ({
  hash: transactionHash(transaction),
  index: 0,
});
const printed = (transaction: Transaction): string => formatPinId(idOf(transaction));
const stateOf = (transaction: Transaction, height?: number): PinState | undefined =>
  a.node.store.pins.get(idOf(transaction), height);
const text = (state: PinState | undefined): string =>
  Buffer.from(state!.said.data!.payload).toString();
const rest = (value = PIN_VALUE - 1_000n): TransactionOutput => ({
  value,
  lockingScript: MINER_SCRIPT,
});
/** Output that holds a pin now. */
const held = (state: PinState | undefined): string | undefined =>
  state?.last.location &&
  `${toHex(state.last.location.outpoint.hash)}:${state.last.location.offset}`;

describe('a pin', () => {
  it('is made by a transaction, known by path, owner, creator and id', async () => {
    const transaction = await made();
    const state = stateOf(transaction)!;
    expect(text(state)).toBe('Ada');
    expect(state.last.status).toBe('live');
    expect(state.last.owner!.text).toBe(MINER.address);
    expect(state.pin.creator).toBe(MINER.address);
    const { pins } = a.node.store;
    expect(pins.byPath('/info/name', ANY)).toEqual([state]);
    expect(pins.byOwner(MINER_SCRIPT, ANY)).toEqual([state]);
    expect(pins.byMetaId(metaIdOf(MINER.address), ANY)).toEqual([state]);
    expect(pins.at(idOf(transaction))).toEqual([idOf(transaction)]);
  });

  it('is vouched for by whoever paid, not by whoever it is given to', async () => {
    const transaction = await mined([
      { value: PIN_VALUE, lockingScript: OTHER_SCRIPT },
      says('create', '/info/name', 'not Ada at all'),
    ]);
    const { pins } = a.node.store;
    expect(pins.byMetaId(metaIdOf(OTHER.address), ANY)).toEqual([]);
    expect(pins.byOwner(OTHER_SCRIPT, ANY)).toEqual([stateOf(transaction)]);
  });

  it('says something else once its holder modifies it, from that block on', async () => {
    const transaction = await made();
    const { height } = a.node.tip;
    const outputs = [rest(), says('modify', `@${printed(transaction)}`, 'Ada Lovelace')];
    await mined(outputs, [{ transaction, index: 0 }]);
    expect(text(stateOf(transaction))).toBe('Ada Lovelace');
    expect(text(stateOf(transaction, height))).toBe('Ada');
    expect(stateOf(transaction, height - 1)).toBeUndefined();
    const versions = a.node.store.pins.versions(stateOf(transaction)!);
    expect(versions.map(({ data }) => Buffer.from(data!.payload).toString())).toEqual([
      'Ada',
      'Ada Lovelace',
    ]);
  });

  it('is not changed by a transaction that does not spend it, whatever it says', async () => {
    const transaction = await made();
    await mined([rest(), says('modify', `@${printed(transaction)}`, 'Mallory')]);
    await mined([rest(), says('revoke', `@${printed(transaction)}`)]);
    expect(text(stateOf(transaction))).toBe('Ada');
    expect(stateOf(transaction)!.last.status).toBe('live');
  });

  it('is not changed by a transaction that spends another pin', async () => {
    const [mine, other] = [await made(), await made('Bob')];
    const outputs = [rest(), says('modify', `@${printed(mine)}`, 'Mallory')];
    await mined(outputs, [{ transaction: other, index: 0 }]);
    expect(text(stateOf(mine))).toBe('Ada');
  });

  it('keeps what it says while it is passed on, and belongs to its holder then', async () => {
    const transaction = await made();
    const given = { value: PIN_VALUE - 1_000n, lockingScript: OTHER_SCRIPT };
    await mined([given], [{ transaction, index: 0 }]);
    const state = stateOf(transaction)!;
    expect(text(state)).toBe('Ada');
    expect(state.last.owner!.text).toBe(OTHER.address);
    expect(a.node.store.pins.byOwner(MINER_SCRIPT, ANY)).toEqual([]);
    expect(a.node.store.pins.byOwner(OTHER_SCRIPT, ANY)).toEqual([state]);
    expect(a.node.store.pins.versions(state)).toHaveLength(1);
    expect([...a.node.store.pins.events(idOf(transaction), 10, 0)]).toHaveLength(2);
  });

  it('is followed when it is made, changed and passed on within one block', async () => {
    const holder = { value: PIN_VALUE, lockingScript: MINER_SCRIPT };
    const first = payFromMiner(a.node, [holder, says('create', '/info/name', 'Ada')]);
    await a.node.submitTransaction(first);
    const given = { value: 9_000n, lockingScript: MINER_SCRIPT };
    const target = `@${printed(first)}`;
    const second = spend(
      [{ transaction: first, index: 0 }],
      [given, says('modify', target, 'A. L.')],
    );
    await a.node.submitTransaction(second);
    const waiting = { hash: transactionHash(second), index: 0 };
    expect(a.node.output(waiting)).toMatchObject({ carriesPins: true });
    const third = spend(
      [{ transaction: second, index: 0 }],
      [{ value: 8_000n, lockingScript: OTHER_SCRIPT }],
    );
    await a.node.submitTransaction(third);
    expect(findPins(a.node, { hash: transactionHash(third), index: 0 })).toEqual([idOf(first)]);
    const before = toHex(stateHash(a.node.store));
    await a.node.mine(1, MINER_SCRIPT);
    const state = stateOf(first)!;
    expect(text(state)).toBe('A. L.');
    expect(state.last.owner!.text).toBe(OTHER.address);
    expect(held(state)).toBe(`${toHex(transactionHash(third))}:0`);
    expect(a.node.store.coin(state.last.location!.outpoint)).toMatchObject({ carriesPins: true });
    expect(a.node.store.pins.byOwner(MINER_SCRIPT, ANY)).toEqual([]);
    a.node.store.transaction(() => a.node.store.disconnect());
    expect(toHex(stateHash(a.node.store))).toBe(before);
  });

  it('is out of lists once hidden and in them again once modified; revoked it stays out', async () => {
    const transaction = await made();
    const target = `@${printed(transaction)}`;
    const listed = (): number =>
      a.node.store.pins.byPath('/info/name', { ...ANY, all: false }).length;
    const hidden = await mined([rest(9_000n), says('hide', target)], [{ transaction, index: 0 }]);
    expect(stateOf(transaction)!.last.status).toBe('hidden');
    expect(text(stateOf(transaction))).toBe('Ada');
    expect(listed()).toBe(0);
    const back = await mined(
      [rest(8_000n), says('modify', target, 'Ada again')],
      [{ transaction: hidden, index: 0 }],
    );
    expect(listed()).toBe(1);
    const gone = await mined(
      [rest(7_000n), says('revoke', target)],
      [{ transaction: back, index: 0 }],
    );
    await mined(
      [rest(6_000n), says('modify', target, 'too late')],
      [{ transaction: gone, index: 0 }],
    );
    expect(stateOf(transaction)!.last.status).toBe('revoked');
    expect(text(stateOf(transaction))).toBe('Ada again');
    expect(listed()).toBe(0);
    expect(a.node.store.pins.byPath('/info/name', ANY)).toHaveLength(1);
  });

  it('is lost when its base unit goes to the fee, and nobody holds it then', async () => {
    const transaction = await made();
    const big = await mined([{ value: 1_000_000n, lockingScript: MINER_SCRIPT }]);
    // the pin's coin comes last, so its first unit is behind everything the outputs take
    const from = [big, transaction].map((each) => ({ transaction: each, index: 0 }));
    await mined([{ value: 1_000_000n, lockingScript: OTHER_SCRIPT }], from);
    expect(stateOf(transaction)!.last.location).toBeUndefined();
    expect(a.node.store.pins.byOwner(MINER_SCRIPT, ANY)).toEqual([]);
    const before = toHex(stateHash(a.node.store));
    a.node.store.transaction(() => a.node.store.disconnect());
    expect(held(stateOf(transaction))).toBe(`${toHex(transactionHash(transaction))}:0`);
    expect(toHex(stateHash(a.node.store))).not.toBe(before);
  });

  it('is one at most per base unit, and modifies nothing by creating', async () => {
    const transaction = await made();
    const again = await mined(
      [rest(), says('create', '/info/name', 'a second on the same unit')],
      [{ transaction, index: 0 }],
    );
    expect(stateOf(again)).toBeUndefined();
    expect(text(stateOf(transaction))).toBe('Ada');
    const odd = await mined([rest(), says('create', `@${printed(transaction)}`, 'no path')]);
    expect(stateOf(odd)).toBeUndefined();
  });

  it('shares an output with at most fifteen others; those beyond are lost', async () => {
    const pins: Transaction[] = [];
    for (let i = 0; i < 18; i++) pins.push(await made(`${i}`));
    const from = pins.map((transaction) => ({ transaction, index: 0 }));
    const gathered = await mined([rest(PIN_VALUE * 18n - 10_000n)], from);
    expect(a.node.store.pins.at(idOf(gathered))).toHaveLength(16);
    expect(pins.slice(16).map((pin) => held(stateOf(pin)))).toEqual([undefined, undefined]);
    for (const [i, pin] of pins.slice(0, 16).entries()) {
      expect(held(stateOf(pin))).toBe(
        `${toHex(transactionHash(gathered))}:${BigInt(i) * PIN_VALUE}`,
      );
    }
  });

  it('is listed in pages that together are the list', async () => {
    for (let i = 0; i < 5; i++) await made(`${i}`);
    const { pins } = a.node.store;
    const all = pins.byPath('/info/name', ANY);
    const first = pins.byPath('/info/name', { ...ANY, limit: 2 });
    const second = pins.byPath('/info/name', { ...ANY, limit: 10, after: first[1]!.id });
    expect([...first, ...second]).toEqual(all);
  });
});

describe('a pin made to break the index', () => {
  it('is read however many pushes it is made of, and is none when it is too long', async () => {
    const whole = encodePin({
      operation: 'create',
      path: '/x',
      contentType: 'a',
      payload: utf8('ab'),
    });
    const empty = Buffer.concat([whole, Buffer.alloc(200_000)]);
    expect(decodePin(empty)?.payload).toEqual(utf8('ab'));
    const holder = { value: PIN_VALUE, lockingScript: MINER_SCRIPT };
    const transaction = await mined([holder, { value: 0n, lockingScript: empty }]);
    expect(text(stateOf(transaction))).toBe('ab');
    expect(decodePin(Buffer.concat([whole, Buffer.alloc(1_100_000)]))).toBeUndefined();
    const long = { operation: 'create', path: '/x', contentType: 'a' } as const;
    expect(() => encodePin({ ...long, payload: new Uint8Array(900_001) })).toThrow(/at most/);
    const most = encodePin({ ...long, payload: new Uint8Array(900_000) });
    expect(decodePin(most)?.payload).toHaveLength(900_000);
  });

  it('is undone like any other when hundreds are lost in one transaction', async () => {
    const pins: Transaction[] = [];
    for (let i = 0; i < 300; i++) {
      const holder = { value: 1_000n, lockingScript: MINER_SCRIPT };
      const utxos = matureCoins(a.node).filter(({ output }) => output.value > 100_000n);
      const pin = payFromMiner(a.node, [holder, says('create', '/x', `${i}`)], { utxos });
      await a.node.submitTransaction(pin);
      pins.push(pin);
      if (i % 20 === 19) await a.node.mine(1, MINER_SCRIPT);
    }
    const before = toHex(stateHash(a.node.store));
    const from = pins.map((transaction) => ({ transaction, index: 0 }));
    await mined([{ value: 0n, lockingScript: Uint8Array.of(0x6a) }], from);
    expect(pins.map((pin) => held(stateOf(pin)))).toEqual(pins.map(() => undefined));
    expect(a.node.store.pins.byOwner(MINER_SCRIPT, ANY)).toEqual([]);
    a.node.store.transaction(() => a.node.store.disconnect());
    expect(toHex(stateHash(a.node.store))).toBe(before);
  });

  it('keeps a long script of its holder as a hash, so that moving it costs no megabytes', async () => {
    const script = Buffer.concat([Buffer.alloc(5_000, 0x61), Uint8Array.of(0x51)]);
    const holder = { value: PIN_VALUE, lockingScript: script };
    const transaction = await mined([holder, says('create', '/x', 'held by a contract')]);
    const { owner } = stateOf(transaction)!.last;
    expect(owner!.text).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(a.node.store.pins.byOwner(script, ANY)).toHaveLength(1);
  });
});

describe('the index of pins', () => {
  it('is the same after a reorganisation as if the other branch had never been', async () => {
    const b = await openTemporaryNode();
    try {
      for (let height = 1; height <= a.node.tip.height; height++) {
        await b.node.submitBlock(a.node.store.block(a.node.store.hashAt(height)!)!);
      }
      const transaction = await made();
      const fork = a.node.tip.height;
      await b.node.submitBlock(a.node.store.block(a.node.store.hashAt(fork)!)!);
      const target = `@${printed(transaction)}`;
      const changed = await mined(
        [rest(9_000n), says('modify', target, 'on a branch that loses')],
        [{ transaction, index: 0 }],
      );
      const given = { value: 8_000n, lockingScript: OTHER_SCRIPT };
      await mined([given, says('revoke', target)], [{ transaction: changed, index: 0 }]);
      await made('another');
      expect(stateOf(transaction)!.last.status).toBe('revoked');
      await b.node.mine(5, OTHER_SCRIPT);
      for (let height = fork + 1; height <= b.node.tip.height; height++) {
        await a.node.submitBlock(b.node.store.block(b.node.store.hashAt(height)!)!);
      }
      expect(a.node.tip.hash).toBe(b.node.tip.hash);
      expect(toHex(stateHash(a.node.store))).toBe(toHex(stateHash(b.node.store)));
      expect(text(stateOf(transaction))).toBe('Ada');
      expect(stateOf(transaction)!.last.status).toBe('live');
    } finally {
      await b.end();
    }
  });
});

describe('a base unit', () => {
  it('goes where first in, first out takes it, whatever the transaction', () => {
    const amounts = fc.array(fc.bigInt(0n, 6n), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(
        amounts,
        amounts,
        fc.array(fc.boolean(), { maxLength: 6 }),
        (ins, outs, burnt) => {
          const outputs = outs.map((value, i) => ({
            value,
            lockingScript: burnt[i] ? Uint8Array.of(0x6a) : p2pkhScript(new Uint8Array(20)),
          }));
          const transaction = { version: 1, inputs: [], outputs, lockTime: 0, jobId: NO_JOB };
          // every unit laid out one by one
          const places = outs.flatMap((value, index) =>
            Array.from({ length: Number(value) }, (_, i) => ({ index, offset: BigInt(i) })),
          );
          const flow = new UnitFlow(transaction, ins);
          let at = 0;
          for (const [inputIndex, value] of ins.entries()) {
            for (let offset = 0n; offset < value; offset++, at++) {
              const place = places[at];
              const expected = place && !burnt[place.index] ? place : undefined;
              expect(flow.follow(inputIndex, offset)).toEqual(expected);
              const reach = flow.reach(inputIndex);
              if (place) expect(reach![0] <= place.index && place.index <= reach![1]).toBe(true);
            }
          }
        },
      ),
      { numRuns: cases(200, 100_000) },
    );
  });
});

const NO_JOB = new Uint8Array(32);

describe('a pin in bytes', () => {
  it('never throws, and says the same again when it is written again', () => {
    const valid = encodePin({
      operation: 'create',
      path: '/info/name',
      contentType: 'text/plain',
      payload: utf8('Ada'),
    });
    const mutated = fc
      .tuple(fc.nat(valid.length - 1), fc.integer({ min: 0, max: 255 }), fc.nat(valid.length))
      .map(([at, byte, end]) => {
        const bytes = Uint8Array.from(valid);
        bytes[at] = byte;
        return bytes.subarray(0, end);
      });
    const scripts = fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated);
    fc.assert(
      fc.property(scripts, (script) => {
        const pin = decodePin(script);
        if (pin) expect(decodePin(encodePin(pin))).toEqual(pin);
      }),
      { numRuns: cases(20_000, 10_000_000) },
    );
  });

  it('is known by an id that reads back', () => {
    const id = { hash: new Uint8Array(32).fill(7), index: 3 };
    expect(parsePinId(formatPinId(id))).toEqual(id);
    expect(targetOf(`@${formatPinId(id)}`)).toEqual(id);
    for (const bad of ['', '@', formatPinId(id).slice(1), `${formatPinId(id)}x`, '0'.repeat(65)]) {
      expect(parsePinId(bad)).toBeUndefined();
    }
    expect(targetOf('/info/name')).toBeUndefined();
  });

  it('names a holder by the address, or by the script where there is none', () => {
    expect(holderText(MINER_SCRIPT, REGTEST)).toBe(MINER.address);
    expect(holderText(Uint8Array.of(0x51), REGTEST)).toBe('51');
  });
});
