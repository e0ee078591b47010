import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { targetToBits } from '#src/chain/consensus/target.js';
import {
  asertTarget,
  type BlockHeader,
  bitsToTarget,
  blockHash,
  LightStore,
  type NetworkParameters,
  workOf,
} from '#src/chain/index.js';
import { genesisEntry, HeaderChain } from '#src/network/light/HeaderChain.js';
import { cases } from '../../long.js';
import { REGTEST } from './rig.js';

/** Regtest's easy work under the live networks' rule of targets. */
const PARAMETERS: NetworkParameters = { ...REGTEST, halfLife: 21_600, maxFutureTime: 600 };
const LIMIT = bitsToTarget(PARAMETERS.limitBits)!;
const GENESIS = genesisEntry(PARAMETERS);
const NOW = GENESIS.header.time + 1_000_000;

/** A header and where it stands, as a miner knows it. */
interface Mined {
  readonly header: BlockHeader;
  readonly hash: Uint8Array;
  readonly height: number;
  readonly work: bigint;
}

const FIRST: Mined = { ...GENESIS };

function bitsOn(branch: readonly Mined[]): number {
  const previous = branch.at(-1)!;
  const anchor = branch[1];
  if (!anchor) return PARAMETERS.limitBits;
  return targetToBits(
    asertTarget({
      anchorTarget: LIMIT,
      spacing: PARAMETERS.blockSpacing,
      timeDifference: previous.header.time - anchor.header.time,
      heightDifference: previous.height - 2,
      limit: LIMIT,
      halfLife: PARAMETERS.halfLife!,
    }),
  );
}

function meets(header: BlockHeader): boolean {
  const hash = Buffer.from(blockHash(header)).reverse().toString('hex');
  return BigInt(`0x${hash}`) <= bitsToTarget(header.bits)!;
}

/** A header on top of a branch, with its work done unless it is to have none. */
function mineOn(branch: readonly Mined[], change: Partial<BlockHeader>, isIdle = false): Mined {
  const previous = branch.at(-1)!;
  const base = {
    version: 1,
    previousHash: previous.hash,
    merkleRoot: new Uint8Array(32).fill(branch.length),
    time: previous.header.time + 120,
    bits: bitsOn(branch),
    ...change,
  };
  for (let nonce = 0; ; nonce++) {
    const header = { ...base, nonce };
    if (meets(header) === isIdle) continue;
    const work = previous.work + workOf(bitsToTarget(header.bits) ?? LIMIT);
    return { header, hash: blockHash(header), height: previous.height + 1, work };
  }
}

/** A branch from a place of another, a block for each number of seconds after the one before. */
function grow(from: readonly Mined[], gaps: readonly number[], root: number): Mined[] {
  const branch = [...from];
  for (const gap of gaps) {
    const time = branch.at(-1)!.header.time + gap;
    branch.push(mineOn(branch, { time, merkleRoot: new Uint8Array(32).fill(root) }));
  }
  return branch;
}

describe('a chain of headers', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bitmodel-headers-'));
  const stores: LightStore[] = [];

  async function open(): Promise<HeaderChain> {
    const store = await LightStore.open(join(folder, `${stores.length}`, 'light'), GENESIS);
    stores.push(store);
    return new HeaderChain(store, PARAMETERS, () => NOW);
  }
  const headersOf = (branch: readonly Mined[]): BlockHeader[] =>
    branch.slice(1).map(({ header }) => header);

  afterAll(async () => {
    for (const store of stores) await store.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is the branch with the most work, in whatever order and portions branches come', async () => {
    const gap = fc.integer({ min: 30, max: 900 });
    const gaps = fc.array(gap, { minLength: 1, maxLength: 12 });
    const scene = fc.record({
      trunk: gaps,
      branches: fc.array(fc.record({ fork: fc.nat(), gaps }), { minLength: 1, maxLength: 3 }),
      portion: fc.integer({ min: 1, max: 12 }),
    });
    await fc.assert(
      fc.asyncProperty(scene, async ({ trunk, branches, portion }) => {
        const chain = await open();
        const first = grow([FIRST], trunk, 1);
        const all = [
          first,
          ...branches.map(({ fork, gaps: after }, index) =>
            grow(first.slice(0, 1 + (fork % first.length)), after, index + 2),
          ),
        ];
        let most = FIRST.work;
        for (const branch of all) {
          const taken = chain.branch();
          const headers = headersOf(branch);
          for (let at = 0; at < headers.length; at += portion) {
            taken.add(headers.slice(at, at + portion));
          }
          const { work } = branch.at(-1)!;
          // of two with the same work the one that was there first
          const isBetter = work > most;
          if (isBetter) most = work;
          expect(chain.top().work).toBe(most);
          if (isBetter) expect(chain.top().hash).toEqual(branch.at(-1)!.hash);
        }
        const best = all.find(
          (branch) => Buffer.compare(branch.at(-1)!.hash, chain.top().hash) === 0,
        )!;
        for (const { height, hash } of best) expect(chain.holds(height, hash)).toBe(true);
        expect(chain.headerAt(best.length)).toBeUndefined();
        expect(chain.locator()[0]).toEqual(chain.top().hash);
        expect(chain.locator().at(-1)).toEqual(GENESIS.hash);
      }),
      { numRuns: cases(25, 5_000) },
    );
  });

  it('takes no header that breaks a rule, and says which', async () => {
    const chain = await open();
    const good = grow([FIRST], Array(20).fill(40), 1);
    chain.branch().add(headersOf(good));
    expect(chain.top().height).toBe(20);
    const last = good.at(-1)!.header;
    const broken: [Partial<BlockHeader>, string][] = [
      [{ bits: PARAMETERS.limitBits }, 'bad-diffbits'],
      [{ bits: 0x1d00_ffff }, 'high-hash'],
      [{ time: last.time - 300 }, 'time-too-old'],
      [{ time: NOW + 601 }, 'time-too-new'],
      [{ version: 0 }, 'bad-version'],
    ];
    for (const [change, reason] of broken) {
      const isIdle = reason === 'high-hash';
      const { header } = mineOn(good, change, isIdle);
      expect(() => chain.branch().add([header])).toThrow(expect.objectContaining({ reason }));
    }
    expect(() => chain.branch().add([mineOn(good, {}, true).header])).toThrow('high-hash');
    const nowhere = { ...last, previousHash: new Uint8Array(32).fill(5) };
    expect(() => chain.branch().add([nowhere])).toThrow(
      expect.objectContaining({ code: 'UNCONNECTED_HEADERS' }),
    );
    expect(chain.top().hash).toEqual(good.at(-1)!.hash);
  });

  it('does not let one peer pile up headers that have no more work', async () => {
    const chain = await open();
    chain.branch().add(headersOf(grow([FIRST], [120, 120, 120], 1)));
    const weak = chain.branch();
    weak.add(headersOf(grow([FIRST], [120], 2)));
    expect(weak.isTooLong).toBe(false);
    expect(chain.top().height).toBe(3);
    // two branches of one peer after the other: the second builds on what became the chain meanwhile
    const overtaken = chain.branch();
    const other = grow([FIRST], [120, 120, 120, 120], 3);
    overtaken.add(headersOf(other).slice(0, 2));
    chain.branch().add(headersOf(other));
    overtaken.add(headersOf(other).slice(2));
    expect(chain.top().hash).toEqual(other.at(-1)!.hash);
  });
});
