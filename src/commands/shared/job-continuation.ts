import { resolve } from 'node:path';
import { BitmodelError, EXIT } from '../../base/index.js';
import type { ChainClient, NetworkParameters } from '../../chain/index.js';
import { type BoughtWith, type ClientRecord, returnBy } from '../../job/index.js';
import { span } from './node-view.js';
import { type ProposalSettings, proposal } from './proposal.js';
import type { Terminal } from './terminal.js';

/** Milliseconds that a node has to say how far the job is: whoever pressed Ctrl-C wants to be gone. */
const PATIENCE = 3_000;

/** What a job was driven with when it stopped. */
export interface Continuation extends BoughtWith {
  readonly passphraseFile?: string | undefined;
  readonly settings: ProposalSettings;
}

/** The command that goes on with a job: what its record does not know is in it. */
export function resumeCommand({ id, boughtWith }: ClientRecord, used: Continuation): string {
  const { key, model, passphraseFile: file, settings } = used;
  return proposal(
    settings,
    ...['job', 'resume', id],
    ...(key === boughtWith?.key ? [] : ['--key', key]),
    ...(model === boughtWith?.model ? [] : ['--model', model]),
    ...(file === undefined ? [] : ['--passphrase-file', file === '-' ? file : resolve(file)]),
  );
}

/** By when the buyer of a job that stops here has to be back, in a sentence; empty where it is all the same. */
export async function returnWords(
  record: ClientRecord,
  chain: ChainClient,
  params: NetworkParameters,
): Promise<string> {
  if (record.phase === 'ended') return '';
  if (!record.escrow?.sent) return 'Nothing is locked, and nothing will be before you go on.';
  const fate = 'an answer that nobody has contested by then is paid for, whatever it is worth';
  const within = `Be back within ${params.disputeWindow} blocks of the seller's claim: ${fate}.`;
  let by: Awaited<ReturnType<typeof returnBy>> | 'late';
  try {
    by = await Promise.race([returnBy(chain, record, params), late()]);
  } catch (thrown) {
    if (thrown instanceof BitmodelError) return within;
    throw thrown;
  }
  if (by === 'late') return within;
  if (by === undefined) return '';
  const blocks = by.height - by.tip;
  if (blocks <= 0) return `Go on at once: ${fate.replace('by then', 'in time')}.`;
  const about = params.name === 'regtest' ? '' : `, about ${span(blocks * params.blockSpacing)}`;
  return `Be back by block ${by.height} (now ${by.tip}${about}): ${fate}.`;
}

function late(): Promise<'late'> {
  return new Promise((done) => setTimeout(done, PATIENCE, 'late').unref());
}

/**
 * Tells how to go on with a job that something stopped, and by when.
 * @returns what is to be thrown: of an interruption an error that says it, too
 */
export async function tellContinuation(
  thrown: unknown,
  record: ClientRecord,
  used: Continuation,
  { chain, params, terminal }: ContinuationTeller,
): Promise<unknown> {
  // what another process has in hand goes on there
  if (thrown instanceof BitmodelError && thrown.code === 'JOB_IN_HAND') return thrown;
  const command = resumeCommand(record, used);
  const words = await returnWords(record, chain, params);
  terminal.note(`Nothing is lost. Go on with: ${command}`);
  if (words) terminal.note(words);
  const isStopped = thrown instanceof Error && thrown.name === 'AbortError';
  if (!isStopped || !(terminal.json || terminal.quiet)) return thrown;
  const next = `Go on with: ${command}${words && ` (${words.replace(/\.$/, '')})`}`;
  return new BitmodelError('INTERRUPTED', 'Interrupted.', { next, exitCode: EXIT.interrupted });
}

/** What {@link tellContinuation} asks and tells. */
export interface ContinuationTeller {
  readonly chain: ChainClient;
  readonly params: NetworkParameters;
  readonly terminal: Terminal;
}
