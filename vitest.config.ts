import { defineConfig } from 'vitest/config';

/** Tests import the built package (`#src/…` and `bitmodel/…` resolve to dist/), so that worker threads and the binary are the real ones. */
export default defineConfig({
  test: {
    // programs that are not ours take part in the conformance checks: npm run conformance
    include: process.env.CONFORMANCE ? ['test/conformance/*.check.ts'] : ['test/**/*.test.ts'],
    testTimeout: 240_000,
    hookTimeout: 240_000,
    // what comes for certain is waited for as long as a busy machine may need
    expect: { poll: { timeout: 120_000 } },
    pool: 'forks',
    maxWorkers: 2,
  },
});
