import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { JobRecords } from '#src/job/index.js';

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
