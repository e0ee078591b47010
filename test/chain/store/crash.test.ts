import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cases, timeLimit } from '../../long.js';
import { type AfterKill, Victim } from './kill.js';
import { type Rivals, rivalBranches } from './rivals.js';

/** Blocks of the branches that are overtaken, one after the other. */
const DEPTHS = [1, 3, 2, 8, 5, 1, 20, 4, 2, 6];
const KILLS = cases(100, 1_000);
/** Folders that are worked on at the same time. */
const LANES = 2;
/** Longest life of a child, in milliseconds from where it is counted. */
const LONGEST = 120;

let rivals: Rivals;
const victims: Victim[] = [];

beforeAll(async () => {
  rivals = await rivalBranches(DEPTHS);
});
afterAll(async () => {
  for (const victim of victims) await victim.close();
});

function newVictim(): Victim {
  const victim = new Victim(rivals);
  victims.push(victim);
  return victim;
}

function expectUnharmed({ left, opened, lost }: AfterKill): void {
  if (left) expect(left[0]).toEqual(left[1]);
  expect(opened[0]).toEqual(opened[1]);
  expect(lost).toEqual([]);
}

describe('a node that is killed at random instants while blocks connect and reorganise', () => {
  it(
    `opens ${KILLS} times with what a replay from genesis gives, and has lost nothing that it acknowledged`,
    async () => {
      const found: AfterKill[] = [];
      const lane = async (): Promise<void> => {
        const victim = newVictim();
        while (found.length < KILLS) {
          // one in twenty dies while it opens
          const from = Math.random() < 0.05 ? 'begin' : 'open';
          const after = await victim.killAfter(Math.random() * LONGEST, from);
          expectUnharmed(after);
          found.push(after);
        }
      };
      await Promise.all(Array.from({ length: LANES }, lane));
      const count = (of: AfterKill['transaction']): number =>
        found.filter(({ transaction }) => transaction === of).length;
      const reorganising = found.filter(({ inReorganisation }) => inReorganisation).length;
      console.log(
        `${found.length} kills: ${count('open') + count('committing')} within an open write transaction, ` +
          `${count('committing')} of them after it had begun to count; ` +
          `${reorganising} between two steps of a reorganisation`,
      );
      expect(count('open') + count('committing')).toBeGreaterThanOrEqual(found.length / 2);
      expect(count('open')).toBeGreaterThanOrEqual(found.length / 4);
      expect(reorganising).toBeGreaterThan(0);
    },
    timeLimit(300_000),
  );
});

describe('a node that is killed at a chosen place', () => {
  it('within the first transaction of an empty folder, begins again', async () => {
    const victim = newVictim();
    const after = await victim.killInTransaction(1);
    expect(after).toMatchObject({ transaction: 'open', inCreation: true });
    expectUnharmed(after);
  });

  it('while the files of an empty folder are made, begins again', async () => {
    const victim = newVictim();
    for (let milliseconds = 0; milliseconds < 20; milliseconds += 4) {
      expectUnharmed(await victim.killAfter(milliseconds, 'begin'));
      victim.empty();
    }
  });

  it('within any step of a reorganisation of three blocks by four, goes on with it', async () => {
    // the genesis block, the trunk, and the two first branches (1 by 2, then 3) but for the last block of the second
    const trunk = 1 + 112;
    // a branch of one block; two blocks, kept, one disconnected, two connected together
    const first = 1 + 2 + 1 + 1;
    // three blocks; four blocks kept
    const kept = trunk + first + 3 + 4;
    // three disconnected together, then two connected, and two more
    for (const step of [1, 2, 3]) {
      const victim = newVictim();
      const after = await victim.killInTransaction(kept + step);
      expect(after).toMatchObject({ transaction: 'open', inReorganisation: true });
      expectUnharmed(after);
    }
  });
});
