import { describe, expect, it } from 'vitest';
import { toHex } from '#src/base/index.js';
import { debugInput, verifyInput } from '#src/chain/index.js';
import { contextOf } from './setup.js';

describe('the debugger', () => {
  it('gives the result of verifyInput and the stacks where the scripts end', () => {
    const context = contextOf('ADD 7 TOALTSTACK 5 NUMEQUAL', { unlocking: '2 3' });
    const { result, steps, stack, alternateStack } = debugInput(context);
    expect(result).toEqual(verifyInput(context));
    expect(steps).toBe(7);
    expect(stack.map(toHex)).toEqual(['01']);
    expect(alternateStack.map(toHex)).toEqual(['07']);
  });

  it('keeps the stack as it was before the opcode that failed', () => {
    const { result, steps, stack } = debugInput(contextOf('1 2 EQUALVERIFY'));
    expect(result).toMatchObject({ ok: false, error: 'equal-verify', offset: 2 });
    expect(steps).toBe(2);
    expect(stack.map(toHex)).toEqual(['01', '02']);
  });

  it('shows each step once', () => {
    const offsets: number[] = [];
    debugInput(contextOf('1 2 ADD'), ({ offset }) => offsets.push(offset));
    expect(offsets).toEqual([0, 1, 2]);
  });

  it('has empty stacks where nothing ran', () => {
    expect(debugInput(contextOf(''))).toMatchObject({ steps: 0, stack: [], alternateStack: [] });
  });
});
