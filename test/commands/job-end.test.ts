import { describe, expect, it } from 'vitest';
import { notDone } from '#src/commands/shared/job-end.js';
import type { ClientRecord } from '#src/job/index.js';

const here = { datadir: '/data', namesDatadir: false, flags: {} };
const record = (changes: Partial<ClientRecord>): ClientRecord =>
  ({ id: 'ab'.repeat(32), phase: 'ended', ...changes }) as ClientRecord;

describe('the end of a job without an answer', () => {
  it('is said to be paid for where the buyer came back after the dispute window', () => {
    const away = notDone(record({ outcome: 'released' }), 1, here);
    expect(away.message).toBe(
      'The job is paid for, since nobody contested it while its dispute window was open, and the answer is no longer in the pool.',
    );
    expect(away.next).toContain('job resume in time');
    expect(away.next).not.toContain('--retry');
    const cheated = record({ outcome: 'released', verdict: { result: 'invalid', kind: 'count' } });
    expect(notDone(cheated, 1, here).message).toMatch(/paid for.* the answer is false\.$/);
  });

  it('is said to be paid for where its verifiers were silent', () => {
    const verdict = { result: 'invalid', kind: 'count' } as const;
    const silent = notDone(record({ outcome: 'lapsed', verdict }), 1, here);
    expect(silent.message).toMatch(
      /^The job is paid for, though the answer is false: .*bond is back/,
    );
  });

  it('is said to be without an answer, and how to go on, where the money is back', () => {
    const back = notDone(record({ outcome: 'refunded' }), 3, here);
    expect(back.message).toBe('The job ended without an answer after 3 attempts: refunded.');
    const closed = notDone(record({ outcome: 'closed', why: 'nobody offered' }), 1, here);
    expect(closed.message).toBe('The job ended without an answer: closed (nobody offered).');
    expect(closed.next).toContain('--price');
  });
});
