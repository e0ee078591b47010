import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joinSignals } from '#src/base/index.js';
import { keptBy } from '../signals.js';

describe('a signal joined of several', () => {
  it('aborts with the first of them, and with its reason', () => {
    const [a, b] = [new AbortController(), new AbortController()];
    const { signal } = joinSignals(a.signal, undefined, b.signal);
    expect(signal.aborted).toBe(false);
    b.abort('enough');
    a.abort('too late');
    expect(signal.aborted).toBe(true);
    expect(signal.reason).toBe('enough');
  });

  it('is aborted from the start where one of them is', () => {
    const { signal } = joinSignals(new AbortController().signal, AbortSignal.abort('before'));
    expect(signal.reason).toBe('before');
  });

  it('aborts when a time is over', async () => {
    const { signal } = joinSignals(AbortSignal.timeout(5));
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    expect(signal.reason).toMatchObject({ name: 'TimeoutError' });
  });

  it('aborts no more once it is released', () => {
    const owner = new AbortController();
    const { signal, release } = joinSignals(owner.signal);
    release();
    owner.abort();
    expect(signal.aborted).toBe(false);
  });

  it('can be made of one as often as wanted at once, without a warning', async () => {
    const warnings: Error[] = [];
    const hear = (warning: Error): void => void warnings.push(warning);
    process.on('warning', hear);
    const owner = new AbortController();
    const joined = Array.from({ length: 50 }, () => joinSignals(owner.signal));
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', hear);
    expect(warnings).toEqual([]);
    owner.abort();
    expect(joined.every(({ signal }) => signal.aborted)).toBe(true);
  });

  it('leaves nothing behind in those that live on, however it ended', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('released', 'aborted', 'from the start')), (ends) => {
        const owner = new AbortController();
        for (const end of ends) {
          const call = new AbortController();
          if (end === 'from the start') call.abort();
          const { release } = joinSignals(owner.signal, call.signal);
          if (end === 'aborted') call.abort();
          if (end === 'released') release();
        }
        expect(keptBy(owner.signal)).toBe(0);
      }),
    );
  });
});
