import { expect, it } from 'vitest';
import { parseParent } from '#src/commands/shared/parents.js';

const ID = '5f'.repeat(32);

it.each([
  [`${ID}=15%`, 150_000],
  [`${ID}=0.0001%`, 1],
  [`${ID}=150000ppm`, 150_000],
  [`${ID.toUpperCase()}=150000ppm`, 150_000],
  [`${ID}=0`, 0],
])('a parent may be written as %s, wherever one is asked for', (text, ppm) => {
  expect(parseParent(text)).toEqual({ id: ID, ppm });
});

it.each([
  ['x=1', 'BAD_PARENT'],
  [ID, 'BAD_PARENT'],
  [`${ID}=`, 'BAD_PARENT'],
  [`${ID}=a lot`, 'BAD_WEIGHT'],
  [`${ID}=1000001ppm`, 'BAD_WEIGHT'],
  [`${ID}=15`, 'BAD_WEIGHT'],
  [`${ID}=150000`, 'BAD_WEIGHT'],
])('%s is none: %s', (text, code) => {
  expect(() => parseParent(text)).toThrow(expect.objectContaining({ code, exitCode: 2 }));
});

it('a weight without its unit that can be no percentage is not called one', () => {
  expect(() => parseParent(`${ID}=150000`)).toThrow(
    expect.objectContaining({
      next: 'Write 150000ppm (parts per million), or a percentage, as 15%',
    }),
  );
});

it('a weight without its unit is refused with both that it might mean', () => {
  expect(() => parseParent(`${ID}=15`)).toThrow(
    expect.objectContaining({ next: 'Write 15% or 15ppm (parts per million)' }),
  );
});
