import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Heap } from '#src/base/index.js';

it('a heap gives what comes before all others first, however pushes and pops are mixed', () => {
  const steps = fc.array(fc.option(fc.integer({ min: 0, max: 20 })), { maxLength: 60 });
  fc.assert(
    fc.property(steps, (each) => {
      const heap = new Heap<number>((a, b) => a > b);
      let held: number[] = [];
      for (const step of each) {
        if (step !== null) {
          heap.push(step);
          held.push(step);
        } else {
          const [first, ...rest] = held.sort((a, b) => b - a);
          expect(heap.pop()).toBe(first);
          held = rest;
        }
        expect(heap.size).toBe(held.length);
      }
    }),
  );
});
