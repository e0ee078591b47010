import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ClientRecords } from '#src/job/client/ClientRecords.js';
import { type ClientRecord, JobRecords } from '#src/job/index.js';

const folder = mkdtempSync(join(tmpdir(), 'bitmodel-records-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('records of jobs are read while another process makes the folder of its own', () => {
  const records = new JobRecords(folder);
  const record = { v: 1, id: 'ab'.repeat(32) } as const;
  records.save(record);
  mkdirSync(join(folder, 'cd'.repeat(32)));
  expect(records.all()).toEqual([record]);
  expect(() => records.load('cd')).toThrow(expect.objectContaining({ code: 'UNKNOWN_JOB' }));
});

describe('the record of a job', () => {
  const records = new ClientRecords(join(folder, 'client'));
  const id = 'ef'.repeat(32);
  const record = { v: 1, id, phase: 'announced' } as ClientRecord;
  const escrow = { txid: 'aa'.repeat(32) } as ClientRecord['escrow'] & object;
  const changed = expect.objectContaining({ code: 'JOB_CHANGED' });

  it('that has an escrow is never replaced by one without it, or with another', () => {
    records.save(record);
    records.save({ ...record, phase: 'escrowed', escrow });
    const sent = {
      ...record,
      phase: 'escrowed' as const,
      escrow: { ...escrow, sent: true as const },
    };
    records.save(sent);
    const closed: ClientRecord = { ...record, phase: 'ended', outcome: 'closed' };
    expect(() => records.save(closed)).toThrow(changed);
    expect(() => records.save({ ...sent, escrow: { ...escrow, txid: 'bb' } })).toThrow(changed);
    expect(() => records.save({ ...closed, escrow })).toThrow(changed);
    expect(records.newest(closed)).toEqual(sent);
    expect(records.load(id)).toEqual(sent);
    records.save({ ...sent, phase: 'ended', outcome: 'refunded' });
  });

  it('that was given up is never replaced by one that was not', () => {
    const other = { ...record, id: '12'.repeat(32) };
    records.save({ ...other, phase: 'ended', outcome: 'closed', givenUp: true });
    expect(() => records.save({ ...other, phase: 'escrowed', escrow })).toThrow(changed);
  });
});
