import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { StreamSlots } from '#src/network/host/StreamSlots.js';

describe('the slots of streams', () => {
  it('come to all who wait, also where others were faster when some became free', async () => {
    const slots = new StreamSlots();
    const { signal } = new AbortController();
    const had: string[] = [];
    const take = (name: string): Promise<void> =>
      slots.take('peer', 2, signal).then(() => void had.push(name));
    const takeBoth = () => [slots.tryTake('peer', 2), slots.tryTake('peer', 2)];
    const freeBoth = () => [slots.free('peer'), slots.free('peer')];
    expect(takeBoth()).toEqual([true, true]);
    void take('a');
    void take('b');
    freeBoth();
    expect(takeBoth()).toEqual([true, true]);
    await setImmediate();
    expect(had).toEqual([]);
    freeBoth();
    await setImmediate();
    expect(had).toEqual(['a', 'b']);
  });
});
