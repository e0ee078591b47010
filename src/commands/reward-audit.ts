import type { Command } from 'commander';
import { BitmodelError, EXIT, toHex } from '../base/index.js';
import { networkParameters } from '../chain/index.js';
import {
  auditBatch,
  auditSettlement,
  type BatchTransactions,
  readBatch,
  readCarried,
  readRegistry,
} from '../reward/index.js';
import { type ActionContext, action } from './shared/action.js';
import { auditJson, auditText } from './shared/audit-view.js';
import { type BatchSource, readBatchSource } from './shared/batch-source.js';
import { nodeClient } from './shared/wallet.js';

interface AuditOptions extends Omit<BatchSource, 'at'> {
  readonly carry?: string;
}

/** @throws BitmodelError `NO_EVIDENCE` */
async function batch(
  found: BatchTransactions,
  { options, settings, signal }: ActionContext<AuditOptions>,
): ReturnType<typeof auditBatch> {
  const client = nodeClient(settings);
  const { mark } = found;
  const hasAmounts = options.amount !== undefined || options.demand !== undefined;
  if (!hasAmounts || (mark.origin === 'file' && options.graph === undefined)) {
    const what = mark.origin === 'file' ? 'the graph and the amounts' : 'the amounts';
    throw new BitmodelError('NO_EVIDENCE', `This batch can be computed again from ${what}.`, {
      next: `Name them: ${mark.origin === 'file' ? '--graph FILE ' : ''}--demand FILE`,
      exitCode: EXIT.usage,
    });
  }
  const { graph: _, ...amounts } = options;
  const source = mark.origin === 'chain' ? { ...amounts, at: `${mark.height}` } : options;
  const { graph, demand } = await readBatchSource(client, source, settings, signal);
  const carried =
    options.carry === undefined
      ? undefined
      : readCarried(options.carry, await client.genesisId(), toHex(mark.carried));
  return auditBatch(client, found, {
    graph,
    demand,
    carried,
    params: networkParameters(settings.network),
  });
}

async function audit(txid: string, context: ActionContext<AuditOptions>): Promise<number> {
  const { settings, terminal } = context;
  const client = nodeClient(settings);
  if (!/^[0-9a-f]{64}$/i.test(txid)) {
    throw new BitmodelError('BAD_OPTION', 'A transaction id has 64 hexadecimal digits.', {
      next: 'Take one that reward settle printed',
      exitCode: EXIT.usage,
    });
  }
  const found = await readBatch(client, txid.toLowerCase());
  const done = found
    ? await batch(found, context)
    : await auditSettlement(client, txid.toLowerCase());
  if (!done) {
    throw new BitmodelError('NOT_A_PAYOUT', `${txid} pays out no split contract and no batch.`, {
      next: 'Name a transaction that reward settle printed; see others with bitmodel tx show',
      exitCode: EXIT.notFound,
    });
  }
  const { byId } = await readRegistry(client);
  const nameOf = (id: string): string => byId.get(id)?.name ?? id;
  terminal.result(auditJson(done, settings), () => auditText(done, settings, nameOf), done.verdict);
  return done.verdict === 'right' ? EXIT.done : EXIT.invalid;
}

/** Adds `reward audit`. */
export function registerAudit(reward: Command): void {
  reward
    .command('audit')
    .summary('whether a payout is right, from chain data alone')
    .description(
      'Computes a payout again from what the chain shows: whose contract, declared where, what came in by which jobs, what each share should be and is, and where it is now. Exit code 0: right, 10: wrong or incomplete, 3: not a payout.',
    )
    .argument('<txid>', 'transaction that settled a split contract, or that paid a batch')
    .option('--graph <file>', 'of a batch by a graph in a file: that graph')
    .option('--format <format>', 'of that file')
    .option('--share <part>', 'what each source passes its parents, in a CSV without weights')
    .option('--demand <file>', 'of a batch: the amounts that it divided, JSON {"ID": "1.5", …}')
    .option('--amount <coins>', 'of a batch: the one amount that it divided')
    .option('--source <source>', 'id or name of what that amount was paid for')
    .option(
      '--carry <file>',
      'of a batch that paid carried dust: its ledger, or the file beside it',
    )
    .addHelpText(
      'after',
      '\nExample:\n  $ bitmodel reward audit 3b1f…9a\n  $ bitmodel reward audit 77c0…42 --graph graph.json --demand paid.json',
    )
    .action(action<AuditOptions>(([txid], context) => audit(txid!, context)));
}
