import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RepeatedWarnings } from '#src/commands/shared/repeated-warnings.js';

describe('warnings of a node', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const listen = () => {
    const told: string[] = [];
    const warnings = new RepeatedWarnings((text) => told.push(text));
    const add = (count: number, from = 0): void => {
      for (let i = from; i < from + count; i++) {
        warnings.add(`A question of 12D3KooWpeer${i} (headers/1) failed here: ${i} is odd.`);
      }
    };
    return { told, warnings, add };
  };

  it('are told at once, and once a minute with their number where they repeat', () => {
    const { told, add } = listen();
    add(50);
    expect(told).toHaveLength(1);
    vi.advanceTimersByTime(59_000);
    expect(told).toHaveLength(1);
    vi.advanceTimersByTime(1_000);
    expect(told[1]).toMatch(/12D3KooWpeer49 .*\(49 of this kind within a minute\)$/);
    vi.advanceTimersByTime(600_000);
    expect(told).toHaveLength(2);
    add(1, 50);
    expect(told).toHaveLength(3);
  });

  it('of another kind are not held up by them', () => {
    const { told, warnings, add } = listen();
    add(3);
    warnings.add('The disk is full.');
    expect(told).toHaveLength(2);
  });

  it('that are untold are told at the end', () => {
    const { told, warnings, add } = listen();
    add(2);
    warnings.end();
    expect(told).toHaveLength(2);
    vi.advanceTimersByTime(600_000);
    expect(told).toHaveLength(2);
  });

  it('are few lines however many kinds somebody makes up', () => {
    const { told, warnings } = listen();
    for (let i = 0; i < 5_000; i++) {
      const name = [...String(i)].map((digit) => 'abcdefghij'[Number(digit)]).join('');
      warnings.add(`garbage ${name}`);
    }
    vi.advanceTimersByTime(60_000);
    expect(told.length).toBeLessThan(250);
  });
});
