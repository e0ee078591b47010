import { describe, expect, it } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import type { ChainClient } from '#src/chain/index.js';
import { networkParameters } from '#src/chain/index.js';
import {
  type Continuation,
  resumeCommand,
  returnWords,
  tellContinuation,
} from '#src/commands/shared/job-continuation.js';
import { resolveSettings } from '#src/commands/shared/settings.js';
import { Terminal } from '#src/commands/shared/terminal.js';
import type { ClientRecord } from '#src/job/index.js';

const params = networkParameters('test');
const boughtWith = { key: 'ann', model: '/models/tiny' };
const record = { id: 'ab', phase: 'announced', boughtWith } as unknown as ClientRecord;
const locked = {
  ...record,
  phase: 'escrowed',
  escrow: { txid: 'cd'.repeat(32), sent: true },
} as unknown as ClientRecord;

function used(changes: Partial<Continuation> = {}, flags: object = {}): Continuation {
  return { ...boughtWith, settings: resolveSettings({ ...flags }, {}), ...changes };
}

/** A node that says nothing but this. */
const nodeThat = (height: () => Promise<number>) => ({ height }) as unknown as ChainClient;
const away = nodeThat(async () => {
  throw new BitmodelError('NODE_UNREACHABLE', 'No node answers.', { exitCode: 5 });
});

describe('the line that goes on with a job', () => {
  it('names key, model and passphrase file only where the job does not know them', () => {
    expect(resumeCommand(record, used())).toBe('bitmodel job resume ab');
    const other = used({ key: 'ben', model: '/m', passphraseFile: '/p' });
    expect(resumeCommand(record, other)).toBe(
      'bitmodel job resume ab --key ben --model /m --passphrase-file /p',
    );
  });

  it('is part of the error where nothing but results and errors is printed', async () => {
    const aborted = new DOMException('stopped', 'AbortError');
    const terminal = new Terminal(resolveSettings({ json: true }, {}));
    const now = used({}, { network: 'test' });
    const tell = (thrown: unknown) =>
      tellContinuation(thrown, record, now, { chain: away, params, terminal });
    expect(await tell(aborted)).toMatchObject({
      code: 'INTERRUPTED',
      exitCode: 130,
      next: 'Go on with: bitmodel job resume ab --network test (Nothing is locked, and nothing will be before you go on)',
    });
    const other = new BitmodelError('RETRY_TOO_DEAR', 'Too dear.', { exitCode: 4 });
    expect(await tell(other)).toBe(other);
  });
});

describe('by when a buyer has to be back', () => {
  it('is said without a block where the node is away, or slow', async () => {
    const words = `Be back within ${params.disputeWindow} blocks of the seller's claim`;
    expect(await returnWords(locked, away, params)).toContain(words);
    const slow = nodeThat(() => new Promise(() => undefined));
    expect(await returnWords(locked, slow, params)).toContain(words);
  });

  it('is not said of a job that is over', async () => {
    expect(await returnWords({ ...locked, phase: 'ended' }, away, params)).toBe('');
  });
});
