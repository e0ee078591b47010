import { describe, expect, it } from 'vitest';
import { notDone, printEnd } from '#src/commands/shared/job-end.js';
import type { Terminal } from '#src/commands/shared/terminal.js';
import { type ClientRecord, ONLY_SUSPECTS } from '#src/job/index.js';
import { makeJob } from '../job/make.js';

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

  it('names --allow-suspects where nobody but suspects offered', () => {
    const left = notDone(record({ outcome: 'closed', why: ONLY_SUSPECTS }), 1, here);
    expect(left.message).toContain('the only offers were of suspects');
    expect(left.next).toContain('--allow-suspects');
  });
});

describe('the receipt at the end of a job', () => {
  const answer = { outputIds: [1], text: 'a', finish: 'length', k: '00'.repeat(32) };
  const opened = {
    outcome: 'slashed',
    job: makeJob(),
    salt: '',
    nonce: '',
    escrow: { offer: { author: '02', body: { pricePerToken: '0.001' } }, fee: '0' },
    answer: { ...answer, ciphertextHash: '', commitmentSignature: '' },
  } as unknown as Partial<ClientRecord>;
  const said = (changes: Partial<ClientRecord>): string => {
    const lines: string[] = [];
    const terminal = {
      ...{ json: false, quiet: false },
      ...{ result: () => {}, note: (line: string) => lines.push(line) },
    } as unknown as Terminal;
    printEnd([record(changes)], { terminal, settings: here });
    return lines.join('\n');
  };

  it('is where it was asked for, also for a buyer who was cheated', () => {
    expect(said({ ...opened, receiptFile: '/r.json' })).toMatch(
      /receipt \/r\.json; check it again/,
    );
  });

  it('can be had afterwards where it was not asked for', () => {
    expect(said(opened)).toMatch(/job show abababababab --receipt FILE/);
  });

  it('is said not to be there where no answer came', () => {
    const silent = {
      ...opened,
      answer: undefined,
      receiptFile: '/r.json',
    } as Partial<ClientRecord>;
    const verdict = { result: 'invalid', kind: 'undelivered' } as const;
    expect(said({ ...silent, verdict })).toContain('no receipt: the answer never came');
  });
});
