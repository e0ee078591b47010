import { expect, it } from 'vitest';
import { isAsked } from '#src/job/verifier/asked.js';
import { contest, hash, makeJob, publicKey } from '../make.js';

const own = publicKey('verifier');
const drawn = (count: number) =>
  makeJob({
    verifiers: { registry: hash('registry'), size: 40, count, drawHash: hash('c') },
    threshold: Math.floor(count / 2) + 1,
  });

it('asks a verifier that the job lists, or that the client of a draw calls', () => {
  const listed = makeJob({ verifiers: [own, publicKey('b'), publicKey('c')] });
  expect(isAsked(own, { spec: listed, contests: [] })).toBe(true);
  expect(isAsked(publicKey('d'), { spec: listed, contests: [] })).toBe(false);
  const spec = drawn(3);
  expect(isAsked(own, { spec, contests: [] })).toBe(false);
  expect(isAsked(own, { spec, contests: [contest(spec, 'claim', 8, 0, [own])] })).toBe(true);
  expect(isAsked(own, { spec, contests: [contest(spec, 'claim', 8, 0, [publicKey('b')])] })).toBe(
    false,
  );
});

it('asks no verifier to risk its bond in a draw of fewer than three', () => {
  for (const count of [1, 2]) {
    const spec = drawn(count);
    expect(isAsked(own, { spec, contests: [contest(spec, 'claim', 8, 0, [own])] })).toBe(false);
  }
});
