import { setTimeout } from 'node:timers/promises';
import type { Command } from 'commander';
import { EXIT } from '../base/index.js';
import { type ChainClient, networkParameters } from '../chain/index.js';
import { type ClientRecord, JobRecords, NodeAbsence, termsOf, traceJob } from '../job/index.js';
import { action } from './shared/action.js';
import { jobsFolder } from './shared/participant.js';
import type { Settings } from './shared/settings.js';
import { nodeClient } from './shared/wallet.js';

/** Milliseconds after which a node that was away is asked again. */
const LOOK_AGAIN = 1_000;

/** Where a job stands at a height of the chain. */
interface Sight {
  readonly id: string;
  readonly height: number;
  readonly stage: string;
  readonly outcome: string | undefined;
}

/** Where a job is on the chain, from its record alone. */
async function stageOf(
  chain: ChainClient,
  record: ClientRecord,
  settings: Settings,
): Promise<string> {
  if (!record.escrow) return 'announced';
  const terms = termsOf(record.job, record.escrow.offer, networkParameters(settings.network));
  return (await traceJob(chain, terms, record.escrow.txid)).stage;
}

/** What is seen of a job at each block, until it has ended; a node that goes away meanwhile is waited for. */
async function* sights(
  chain: ChainClient,
  id: string,
  settings: Settings,
  absence: NodeAbsence,
  signal: AbortSignal,
): AsyncGenerator<Sight, void> {
  const records = new JobRecords<ClientRecord>(jobsFolder(settings));
  let isFound = false;
  for (;;) {
    try {
      const record = records.load(id);
      const height = await chain.height();
      absence.end();
      isFound = true;
      const stage = await stageOf(chain, record, settings);
      yield { id: record.id, height, stage, outcome: record.outcome };
      if (record.outcome) return;
      await chain.waitForBlock(height, signal);
    } catch (thrown) {
      // one that isn't there at the start is not waited for
      if (!isFound || !absence.note(thrown)) throw thrown;
      await setTimeout(LOOK_AGAIN, undefined, { signal });
    }
  }
}

/** `bitmodel job watch`. */
export function registerWatch(job: Command): void {
  job
    .command('watch')
    .description('follow a job on the chain, without taking part')
    .argument('<id>', 'its id, or the first digits')
    .addHelpText('after', '\nExample:\n  $ bitmodel job watch 3fa9')
    .action(
      action(async ([id], { settings, terminal, signal }) => {
        const chain = nodeClient(settings);
        const absence = new NodeAbsence({
          away: (detail) => terminal.warn(detail),
          back: () => terminal.note('the node answers again'),
        });
        let before = '';
        try {
          for await (const sight of sights(chain, id!, settings, absence, signal)) {
            const { height, stage, outcome = '' } = sight;
            const state = `${stage} ${outcome}`.trim();
            const line = terminal.json ? JSON.stringify(sight) : `block ${height}: ${state}`;
            if (state !== before) terminal.line(line);
            before = state;
          }
          return EXIT.done;
        } finally {
          chain.rpc.close();
        }
      }),
    );
}
