import { join } from 'node:path';
import { holdKey, type JobEvents, type JobModel } from '../../job/index.js';
import type { ActionContext } from './action.js';
import { eventJson, eventLine } from './job-events.js';
import { closeModels, openJobModels } from './models.js';
import { type OpenParticipant, openParticipant } from './participant.js';
import type { Terminal } from './terminal.js';
import type { WalletChoice } from './wallet.js';

/** Options of every command that plays a role in the market until it is stopped. */
export interface RoleChoice extends WalletChoice {
  readonly model?: readonly string[];
  readonly threads?: number;
  /** Most outputs that are decoded in one run; 1 unless stated. */
  readonly batch?: number;
  /** Files with the shares of protected models. */
  readonly share?: string[];
}

/** What such a command works with. */
export interface RoleDesk extends OpenParticipant {
  readonly models: readonly JobModel[];
  /** Where this key's jobs of this role are kept. */
  readonly directory: string;
}

/**
 * Opens key, chain and models for a role, plays it, and closes all of them. One process at a time plays a role with a key.
 * @throws BitmodelError `WORKER_RUNNING`, `VERIFIER_RUNNING`, `WATCHER_RUNNING`, as {@link openParticipant} and
 *   {@link openJobModels}, and what `play` throws
 */
export async function playRole(
  role: Parameters<typeof holdKey>[0],
  { options, settings, signal }: Pick<ActionContext<RoleChoice>, 'options' | 'settings' | 'signal'>,
  play: (desk: RoleDesk) => Promise<number>,
): Promise<number> {
  const opened = await openParticipant(settings, options, signal);
  const folder = join(settings.datadir, settings.network, role);
  const release = holdKey(role, folder, opened.key);
  let models: JobModel[] = [];
  try {
    models = await openJobModels(options.model, settings, {
      ...(options.threads === undefined ? {} : { threads: options.threads }),
      ...(options.batch === undefined ? {} : { batch: options.batch }),
      ...(options.share === undefined ? {} : { share: options.share }),
    });
    return await play({ ...opened, models, directory: join(folder, options.key) });
  } finally {
    await closeModels(models);
    release();
    opened.chain.rpc.close();
  }
}

/** Tells what happens in a role: a line of JSON each with `--json`, else on stderr. Single tokens are left out. */
export function tellRole(role: Pick<JobEvents, 'on'>, terminal: Terminal): void {
  role.on('event', (event) => {
    if (event.step === 'token') return;
    if (terminal.json) return terminal.line(JSON.stringify(eventJson(event)));
    const line = eventLine(event);
    if (line !== undefined) terminal.note(line);
  });
}
