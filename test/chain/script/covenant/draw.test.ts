import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, sha256, toHex, u32le, utf8 } from '#src/base/index.js';
import {
  assemble,
  CLIMB_TREE,
  checkDrawnThreshold,
  countedTree,
  drawnLeaf,
  drawnLeaves,
  hash160,
  p2pkhScript,
  proofDepth,
  publicKeyOf,
  pushData,
  seatItems,
  secondSeed,
  signData,
  TREE_LEAF,
  TREE_ROOT,
  verifyProof,
} from '#src/chain/index.js';
import { outcome, run } from '../setup.js';

const keyOf = (index: number) => sha256(utf8(`key ${index}`));
const PUBLIC_KEYS = Array.from({ length: 40 }, (_, index) => publicKeyOf(keyOf(index)));
const items = (count: number) => Array.from({ length: count }, (_, i) => utf8(`item ${i}`));

describe('the counted tree', () => {
  it('is H(2 ‖ N ‖ top) over H(1 ‖ left ‖ right) over H(0 ‖ item), with zeros beside a last node', () => {
    const [a, b, c] = items(3);
    const leaf = (item: Uint8Array) => sha256(Uint8Array.of(0), item);
    const node = (left: Uint8Array, right: Uint8Array) => sha256(Uint8Array.of(1), left, right);
    const top = node(node(leaf(a!), leaf(b!)), node(leaf(c!), new Uint8Array(32)));
    const root = sha256(Uint8Array.of(2), u32le(3), top);
    const tree = countedTree([a!, b!, c!]);
    expect(toHex(tree.root)).toBe(toHex(root));
    expect(toHex(tree.proof(2))).toBe(
      toHex(concatBytes(new Uint8Array(32), node(leaf(a!), leaf(b!)))),
    );
  });

  it('proves each leaf, at its index, for its size, and nothing else', () => {
    for (const size of [1, 2, 3, 4, 5, 7, 8, 9, 16, 31, 33]) {
      const tree = countedTree(items(size));
      for (let index = 0; index < size; index++) {
        const proof = tree.proof(index);
        const item = utf8(`item ${index}`);
        expect(proof.length).toBe(32 * proofDepth(size));
        expect(verifyProof(tree, index, item, proof)).toBe(true);
        expect(verifyProof(tree, index, utf8('absent'), proof)).toBe(false);
        expect(verifyProof(tree, (index + 1) % (size + 1), item, proof)).toBe(false);
        expect(verifyProof({ root: tree.root, size: size + 1 }, index, item, proof)).toBe(false);
      }
    }
  });

  it('has no tree of nothing, and no proof beyond its leaves', () => {
    expect(() => countedTree([])).toThrow(expect.objectContaining({ code: 'BAD_TREE' }));
    const tree = countedTree(items(3));
    expect(() => tree.proof(3)).toThrow(expect.objectContaining({ code: 'BAD_INDEX' }));
  });

  const climb = `${TREE_LEAF} OP_SWAP <size> 3 OP_ROLL ${CLIMB_TREE} <size> ${TREE_ROOT} <root> OP_EQUAL`;
  const inScript = (
    tree: { size: number; root: Uint8Array },
    index: number,
    item: Uint8Array,
    proof: Uint8Array,
  ) =>
    outcome(
      run(climb, { unlocking: '<proof> <index> <item>', values: { ...tree, index, item, proof } }),
    );

  it('is climbed in script as outside', () => {
    for (const size of [2, 3, 5, 8, 11]) {
      const { proof, root } = countedTree(items(size));
      const tree = { size, root };
      for (let index = 0; index < size; index++) {
        expect(inScript(tree, index, utf8(`item ${index}`), proof(index))).toBe('ok');
        expect(inScript(tree, index, utf8('absent'), proof(index))).toBe('eval-false');
        expect(inScript(tree, index ^ 1, utf8(`item ${index}`), proof(index))).toBe('eval-false');
      }
    }
  });

  it('takes no node for a leaf, no proof that is too short or too long, no other size', () => {
    const { proof, root } = countedTree(items(4));
    const tree = { size: 4, root };
    const [a, b] = items(2).map((item) => sha256(Uint8Array.of(0), item));
    const node = concatBytes(a!, b!);
    expect(inScript(tree, 0, node, proof(0).slice(32))).toBe('split-range');
    expect(inScript({ size: 2, root }, 0, node, proof(0).slice(32))).toBe('eval-false');
    expect(inScript(tree, 0, utf8('item 0'), concatBytes(proof(0), a!))).toBe('equal-verify');
    expect(inScript({ size: 3, root }, 0, utf8('item 0'), proof(0))).toBe('eval-false');
  });
});

describe('the draw', () => {
  const seed = concatBytes(keyOf(1), keyOf(2));

  it('is leaf i·⌊N/count⌋ + SHA-256(seed ‖ i) mod ⌊N/count⌋, read as unsigned little-endian', () => {
    const digest = sha256(seed, u32le(2));
    const number = BigInt(`0x${toHex(digest.toReversed())}`);
    expect(drawnLeaf(seed, 100, 3, 2)).toBe(66 + Number(number % 33n));
  });

  it('gives each seat another leaf, all of them in the tree', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 15 }), fc.nat(500), fc.nat(), (count, more, salt) => {
        const size = 2 * count + 1 + more;
        const leaves = drawnLeaves(u32le(salt), size, count);
        expect(new Set(leaves).size).toBe(count);
        expect(leaves.every((leaf) => leaf >= 0 && leaf < size)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it('has a second seed that follows from the first and the signature of the accused', () => {
    const signature = signData(utf8('a verdict'), keyOf(1));
    const signed = sha256(seed, utf8('second'), sha256(signature));
    expect(toHex(secondSeed(seed, signature))).toBe(toHex(signed));
  });
});

describe('checkDrawnThreshold', () => {
  const MESSAGE = utf8('the message');
  const seed = keyOf(99);
  const fee = 7n;

  interface Sitting {
    readonly size: number;
    readonly count: number;
    readonly signers: readonly number[];
    readonly claimed?: { readonly size?: number; readonly threshold?: number };
    readonly barred?: readonly Uint8Array[];
    readonly change?: (seats: (Seat | undefined)[]) => (Seat | undefined)[];
    readonly fees?: readonly Uint8Array[];
  }
  type Seat = { publicKey: Uint8Array; signature: Uint8Array; proof: Uint8Array };

  function sit({ size, count, signers, claimed = {}, barred = [], change, fees }: Sitting): string {
    const tree = countedTree(PUBLIC_KEYS.slice(0, size));
    const seats = drawnLeaves(seed, size, count).map((leaf, seat): Seat | undefined =>
      signers.includes(seat)
        ? {
            publicKey: PUBLIC_KEYS[leaf]!,
            signature: signData(MESSAGE, keyOf(leaf)),
            proof: tree.proof(leaf),
          }
        : undefined,
    );
    const shown = change ? change(seats) : seats;
    const paid = fees ?? shown.flatMap((seat) => (seat ? [seat.publicKey] : []));
    const outputs = [undefined, ...paid].map((key) => ({
      value: fee,
      lockingScript: key ? p2pkhScript(hash160(key)) : new Uint8Array(0),
    }));
    const values = {
      message: MESSAGE,
      seed,
      root: tree.root,
      size: claimed.size ?? size,
      count,
      threshold: claimed.threshold ?? signers.length,
    };
    const part = checkDrawnThreshold({ barred, firstOutput: 1, fee });
    const locking = assemble(
      `<message> <seed> <root> <size> <count> <threshold> ${part} 1`,
      values,
    );
    const unlocking = seatItems(shown)
      .map((item) => `raw:${toHex(pushData(item))}`)
      .join(' ');
    return outcome(run(locking, { unlocking, transaction: { outputs } }));
  }

  it('takes the drawn keys, whoever of them sign', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 0, max: 20 }),
        fc.nat(),
        (count, more, chosen) => {
          const all = Array.from({ length: count }, (_, seat) => seat);
          const signers = all.filter(
            (seat) => seat === chosen % count || ((chosen >> seat) & 1) === 1,
          );
          const sitting = { size: Math.min(40, 2 * count + 1 + more), count, signers };
          expect(sit(sitting)).toBe('ok');
        },
      ),
      { numRuns: 25 },
    );
  });

  const three: Sitting = { size: 20, count: 3, signers: [0, 2] };

  it('refuses fewer or more than the threshold', () => {
    expect(sit({ ...three, claimed: { threshold: 3 } })).toBe('num-equal-verify');
    expect(sit({ ...three, claimed: { threshold: 1 } })).toBe('num-equal-verify');
  });

  it('refuses another size: it would draw others', () => {
    for (const size of [17, 19, 21, 40]) {
      expect(sit({ ...three, claimed: { size } })).not.toBe('ok');
    }
  });

  it('refuses one seat’s key in another seat, and a key that is not at the drawn leaf', () => {
    const twice = sit({ ...three, change: ([first, second]) => [first, second, first] });
    expect(twice).toBe('equal-verify');
    const tree = countedTree(PUBLIC_KEYS.slice(0, 20));
    const leaf = (drawnLeaf(seed, 20, 3, 0) + 1) % 6;
    const neighbour = {
      publicKey: PUBLIC_KEYS[leaf]!,
      signature: signData(MESSAGE, keyOf(leaf)),
      proof: tree.proof(leaf),
    };
    expect(sit({ ...three, change: (seats) => seats.with(0, neighbour) })).toBe('equal-verify');
  });

  it('refuses a key that is in no registry, with anybody’s proof', () => {
    const change = (seats: (Seat | undefined)[]) =>
      seats.with(0, {
        ...seats[0]!,
        publicKey: publicKeyOf(keyOf(77)),
        signature: signData(MESSAGE, keyOf(77)),
      });
    expect(sit({ ...three, change })).toBe('equal-verify');
  });

  it('refuses a signature of something else, and a barred key', () => {
    const change = (seats: (Seat | undefined)[]) =>
      seats.with(0, { ...seats[0]!, signature: signData(utf8('else'), keyOf(0)) });
    expect(sit({ ...three, change })).toBe('sig-nullfail');
    const barred = [PUBLIC_KEYS[drawnLeaf(seed, 20, 3, 2)]!];
    expect(sit({ ...three, barred })).toBe('verify');
    expect(sit({ ...three, barred: [PUBLIC_KEYS[drawnLeaf(seed, 20, 3, 1)]!] })).toBe('ok');
  });

  it('refuses fees to others or in another order', () => {
    const [first, , last] = drawnLeaves(seed, 20, 3).map((leaf) => PUBLIC_KEYS[leaf]!);
    expect(sit({ ...three, fees: [first!, last!] })).toBe('ok');
    expect(sit({ ...three, fees: [last!, first!] })).toBe('equal-verify');
    expect(sit({ ...three, fees: [first!] })).toBe('introspection-index');
  });
});
