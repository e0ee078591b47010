import { existsSync } from 'node:fs';
import { BitmodelError, EXIT, formatAmount, messageOf, parseAmount } from '../../base/index.js';
import { networkParameters, Wallet } from '../../chain/index.js';
import {
  type AnswerReader,
  bringHome,
  type ClientRecord,
  ClientRecords,
  type DetachedJob,
  detachedKey,
  type HandoverHands,
  handOver,
  homeText,
  type JobRequest,
  prepareResumed,
  quoteDetached,
  takeBack,
} from '../../job/index.js';
import { loadTokenizer, ModelRegistry, modelId } from '../../model/index.js';
import type { ActionContext } from './action.js';
import { jobsFolder, type OpenParticipant } from './participant.js';
import { proposal } from './proposal.js';
import type { Settings } from './settings.js';
import type { Terminal } from './terminal.js';
import { nodeClient } from './wallet.js';
import { parseWatcher, watcherName } from './watcher-name.js';

/** Options of `job submit` about a watcher. */
export interface DetachOptions {
  readonly detach?: boolean;
  readonly watcher?: string;
  readonly watcherFee: string;
  readonly retry?: string;
}

/** @throws BitmodelError `BAD_OPTION` for options that do not go together */
export function assertDetachable({ detach, watcher, retry }: DetachOptions): void {
  const refuse = (message: string, next: string): never => {
    throw new BitmodelError('BAD_OPTION', message, { next, exitCode: EXIT.usage });
  };
  if (detach && watcher === undefined) {
    refuse('A detached job needs somebody who drives it.', 'Name one with --watcher KEY[@NODE]');
  }
  if (!detach && watcher !== undefined) {
    refuse('A watcher drives detached jobs only.', 'Pass --detach, too, or leave --watcher out');
  }
  if (detach && retry !== undefined) {
    refuse('A detached job is announced once.', 'Leave --retry out, or --detach');
  }
}

/**
 * Hands a job to a watcher and goes away.
 * @param agree asks the buyer
 * @throws BitmodelError of `quoteDetached` and `handOver`
 */
export async function submitDetached(
  hands: HandoverHands,
  request: JobRequest,
  { options, terminal, signal, settings }: ActionContext<DetachOptions>,
  agree: (quote: Awaited<ReturnType<typeof quoteDetached>>) => Promise<void>,
): Promise<number> {
  const named = parseWatcher(options.watcher!);
  const fee = parseAmount(options.watcherFee);
  const quote = await quoteDetached(hands, request, { ...named, fee });
  try {
    terminal.note(
      `the watcher ${watcherName(named)} will see prompt and answer, and has the key that holds the ${formatAmount(quote.locked)} coins of this job, nothing else of yours; it keeps ${formatAmount(fee)} of them`,
    );
    await agree(quote);
  } catch (thrown) {
    quote.release();
    throw thrown;
  }
  const records = new ClientRecords(jobsFolder(settings));
  const { id } = await handOver(hands, records, quote.record, signal);
  terminal.note(
    `The watcher has taken the job; you may go away. Come back with: ${proposal(settings, 'job', 'fetch', id.slice(0, 12))}`,
  );
  terminal.result(
    { id, state: 'detached', watcher: watcherName(named), fee: formatAmount(fee) },
    id,
    id,
  );
  return EXIT.done;
}

/** What a detached job is driven with: the key that was made for it, and its coins. */
export function openDetached(settings: Settings, detached: DetachedJob): OpenParticipant {
  const params = networkParameters(settings.network);
  const chain = nodeClient(settings);
  const key = detachedKey(detached, params);
  return { chain, params, key, wallet: new Wallet({ client: chain, keys: [key], params }) };
}

/**
 * Decodes a detached job's answer with the buyer's own tokenizer, which the model's folder has; undefined where the model
 * is not there, or has changed.
 */
export async function ownReader(
  { job, boughtWith }: ClientRecord,
  settings: Settings,
): Promise<AnswerReader | undefined> {
  const known = new ModelRegistry(settings.datadir).listIds().find(({ id }) => id === job.model);
  for (const folder of [boughtWith?.model, known?.dir]) {
    if (folder === undefined || !existsSync(folder)) continue;
    if ((await modelId(folder)) !== job.model) continue;
    const tokenizer = loadTokenizer(folder);
    return (ids, finish) => tokenizer.decode(finish === 'eos' ? ids.slice(0, -1) : ids);
  }
  return undefined;
}

/** Takes a detached job back from its watcher, so that it can be driven here. */
export async function regain(
  record: ClientRecord,
  { chain, params }: OpenParticipant,
  read: AnswerReader,
  { settings, terminal, signal }: Pick<ActionContext<unknown>, 'settings' | 'terminal' | 'signal'>,
): Promise<ClientRecord> {
  const records = new ClientRecords(jobsFolder(settings));
  return records.inHand(record.id, async () => {
    const taken = await takeBack({ chain, params, read }, records, record, signal);
    if (!taken.isReleased) {
      terminal.warn(
        'The watcher does not answer, and may be at work still: both of you have the key of this job, and whoever spends a coin of it first has spent it. What is left goes to your address in either case.',
      );
    }
    return prepareResumed({ chain, params }, records, taken.record, signal);
  });
}

/** Brings what is left of a job that has ended, whoever says so, back to the buyer's address, and says so. */
export async function settleHome(
  id: string,
  { chain, params }: OpenParticipant,
  {
    settings,
    terminal,
    signal,
  }: { readonly settings: Settings; readonly terminal: Terminal; readonly signal: AbortSignal },
): Promise<void> {
  const records = new ClientRecords(jobsFolder(settings));
  const record = records.load(id);
  if (record.phase !== 'ended' || !record.detached) return;
  try {
    const { detached } = await bringHome(
      { chain, params },
      records,
      record,
      (sent) => terminal.note(`${homeText(sent)} in ${sent.txid}`),
      signal,
    );
    if (detached?.state === 'over') return;
    terminal.warn(
      `The watcher holds a signed payment of this job that it could still send. What it brings lies on the job's key: look again with ${proposal(settings, 'job', 'resume', id.slice(0, 12))}`,
    );
  } catch (thrown) {
    terminal.warn(
      `What is left of this job is not home yet (${messageOf(thrown)}); go on with: ${proposal(settings, 'job', 'resume', id.slice(0, 12))}`,
    );
  }
}
