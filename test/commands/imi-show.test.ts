import { describe, expect, it } from 'vitest';
import { showText } from '#src/commands/imi-show.js';
import type { KnownPledge, TaskProgress } from '#src/reward/index.js';

const bytes = (fill: number, length = 32): Uint8Array => new Uint8Array(length).fill(fill);
const delivery = { delivery: bytes(7), payee: bytes(3, 33) };

function pledge(backer: number, value: bigint, state: KnownPledge['state']): KnownPledge {
  const outpoint = { hash: bytes(backer), index: 0 };
  return { outpoint, value, backer: bytes(backer, 33), height: 5, state, counts: true };
}

/** A task whose two backers pledged five coins, of whom the larger voted. */
function progressOf(state: KnownPledge['state']): TaskProgress {
  const grants = [{ ...pledge(1, 400_000_000n, 'accepted'), state: 'waiting' as const }];
  const acceptance = { ...delivery, txid: 'ab'.repeat(32), height: 9, value: 500_000_000n, grants };
  return {
    known: {
      id: 'cd'.repeat(32),
      task: {
        title: 'A long title that asks for the moon, '.repeat(6),
        description: 'It goes on and on about what is wanted. '.repeat(9),
        creator: bytes(2, 33),
        goal: 500_000_000n,
        deadline: 700,
        acceptance: { by: 'backers', window: 30 },
      },
      terms: {},
      place: {},
    },
    height: 12,
    pledges: [pledge(1, 400_000_000n, state), pledge(4, 100_000_000n, state)],
    deliveries: [{ ...delivery, inTime: true, place: { pin: 'ef'.repeat(32), height: 8 } }],
    votes: [{ ...delivery, signer: bytes(1, 33), signature: bytes(0, 64) }],
    judgements: [],
    reveal: undefined,
    acceptances: state === 'accepted' ? [acceptance] : [],
  } as unknown as TaskProgress;
}

describe('a task as it is shown', () => {
  it('tells what is pledged and voted', () => {
    const text = showText(progressOf('pledged'));
    expect(text).toContain('5.00000000 of 5.00000000 coins pledged, in 2 pledges');
    expect(text).toContain('4.00000000 coins voted for it');
    expect(text).not.toContain('accepted,');
  });

  it('still tells what was pledged and voted once it is accepted', () => {
    const text = showText(progressOf('accepted'));
    expect(text).toContain('5.00000000 of 5.00000000 coins pledged, in 2 pledges');
    expect(text).toContain('5.00000000 of them accepted, 0.00000000 still pledged');
    expect(text).toContain('4.00000000 coins voted for it');
  });

  it('fits 80 columns', () => {
    for (const state of ['pledged', 'accepted'] as const) {
      const widest = Math.max(
        ...showText(progressOf(state))
          .split('\n')
          .map((line) => line.length),
      );
      expect(widest).toBeLessThanOrEqual(80);
    }
  });
});
