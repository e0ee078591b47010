import type { Command } from 'commander';
import { BitmodelError, EXIT, formatAmount, parseAmount } from '../base/index.js';
import {
  DEFAULT_MAX_FEES,
  type PlannedSettlement,
  planSettlement,
  readRegistry,
  type SettleOptions,
  settleSplits,
  type WatchEvent,
  watchSettlements,
} from '../reward/index.js';
import { type ActionContext, action } from './shared/action.js';
import { namesBatch } from './shared/batch-source.js';
import { type BatchOptions, settleBatch } from './shared/pay-batch.js';
import { leftJson, settlementJson, settleText } from './shared/settle-view.js';
import { tellWatch } from './shared/settle-watch.js';
import { sourceNamed } from './shared/source-names.js';
import { nodeClient, openWallet, WALLET_OPTIONS, watchWallet } from './shared/wallet.js';

/** Options of `reward settle`. */
interface SettleCommandOptions extends BatchOptions {
  readonly key?: string;
  readonly own?: boolean;
  readonly maxFees?: string;
  readonly watch?: boolean;
}

function usage(message: string, next: string): BitmodelError {
  return new BitmodelError('BAD_OPTION', message, { next, exitCode: EXIT.usage });
}

/** The key that pays. @throws BitmodelError `BAD_OPTION` */
function keyOf({ key }: SettleCommandOptions): string {
  if (key !== undefined) return key;
  throw usage('Settling takes a key that pays the fees.', 'Name it with --key NAME');
}

async function settle(
  models: readonly string[],
  context: ActionContext<SettleCommandOptions>,
): Promise<void> {
  const { options } = context;
  if (!namesBatch(options)) return settleContracts(models, context);
  if (models.length > 0 || options.own || options.watch) {
    throw usage(
      'A batch pays the owners of a graph, not the contracts of models.',
      'Leave out the models, --own and --watch, or --graph, --amount and --demand',
    );
  }
  return settleBatch(keyOf(options), context);
}

async function settleContracts(
  models: readonly string[],
  { options, settings, terminal, signal }: ActionContext<SettleCommandOptions>,
): Promise<void> {
  const client = nodeClient(settings);
  const { own = false, wait = false, dryRun = false, minimum } = options;
  const registry = await readRegistry(client);
  const ids = models.map((model) => sourceNamed(registry, model, settings).id);
  const chosen: SettleOptions = {
    ...(ids.length > 0 ? { ids } : {}),
    ...(minimum === undefined ? {} : { minimum: parseAmount(minimum) }),
    maxFees: options.maxFees === undefined ? DEFAULT_MAX_FEES : parseAmount(options.maxFees),
    signal,
  };
  const mine = (wallet: { owns(script: Uint8Array): boolean }): SettleOptions =>
    own ? { ...chosen, pays: (script) => wallet.owns(script) } : chosen;
  const nameOf = (id: string): string => registry.byId.get(id)?.name ?? id;
  if (dryRun && options.watch) {
    throw usage('--watch settles what comes, and --dry-run nothing.', 'Leave out one of them');
  }
  if (dryRun) {
    const watched = own ? mine(watchWallet(client, settings, keyOf(options))) : chosen;
    const { planned, left } = await planSettlement(client, watched);
    terminal.result(
      {
        dryRun: true,
        settlements: planned.map((each) => settlementJson(each, settings)),
        left: left.map(leftJson),
        fees: formatAmount(feesOf(planned)),
      },
      () => `${settleText(planned, left, settings, nameOf)}\nNothing was sent (--dry-run).`,
      planned.map(({ id }) => id).join('\n'),
    );
    return;
  }
  const wallet = await openWallet(client, settings, { ...options, key: keyOf(options) }, signal);
  if (options.watch) {
    const tell = (event: WatchEvent): void => tellWatch(event, terminal, settings);
    await watchSettlements(client, wallet, { ...mine(wallet), signal, onEvent: tell });
    return;
  }
  const { settled, left } = await settleSplits(client, wallet, { ...mine(wallet), wait });
  terminal.result(
    {
      settlements: settled.map((each) => settlementJson(each, settings)),
      left: left.map(leftJson),
      fees: formatAmount(feesOf(settled)),
    },
    () => settleText(settled, left, settings, nameOf),
    settled.map(({ txid }) => txid).join('\n'),
  );
}

function feesOf(settlements: readonly PlannedSettlement[]): bigint {
  return settlements.reduce((sum, { fee }) => sum + fee, 0n);
}

/** Adds `reward settle`. */
export function registerSettle(reward: Command): void {
  const [key, passphrase] = WALLET_OPTIONS;
  reward
    .command('settle')
    .summary('pay out what waits in split contracts')
    .description(
      'Pays out what waits in the split contracts of models, then what that brought to the contracts of their parents, and so on until all of it lies at addresses. Anybody may; where it goes is fixed, and the key pays the fees. Without a model: whatever waits anywhere. With an amount or a demand it pays the owners of a contribution graph from the key instead, circles included.',
    )
    .argument(
      '[models...]',
      'ids, names or kind:name of models and sources, or folders of models here',
    )
    .option('--own', 'only contracts by which money comes to the key')
    .option(
      '--minimum <coins>',
      'settle every contract in which so much lies (default: what leaves no share below 546 base units, and pays more than it costs)',
    )
    .option(
      '--max-fees <coins>',
      'most that the fees of this run come to; with --watch, of any 24 hours (default: 0.01)',
    )
    .option(
      '--wait',
      "wait for blocks: where more than 25 transactions hang on each other, or a batch's coins are not yet six blocks deep; gives up after six blocks without progress",
    )
    .option('--watch', 'go on after each block that brought something, until stopped')
    .option('--amount <coins>', 'pay this much in a batch, to the owners of a graph')
    .option(
      '--source <source>',
      'of a batch: id or name of what was paid for (default: what no other uses)',
    )
    .option('--demand <file>', 'of a batch: amounts for several sources, JSON {"SOURCE": "1.5", …}')
    .option('--graph <file>', 'of a batch: the graph, - for stdin (default: that on the chain)')
    .option('--format <format>', 'of that file')
    .option('--share <part>', 'what each source passes its parents, in a CSV without weights')
    .option('--at <height>', 'of a batch: the graph on the chain as of this block')
    .option('--carry <file>', "of a batch: its ledger (default: the key's, in the data folder)")
    .option('--again', 'of a batch: pay it although the ledger has it already')
    .option('--dry-run', 'show the transactions, amounts and fees, and send nothing')
    .option(...key)
    .option(...passphrase)
    .addHelpText(
      'after',
      '\nExample:\n  $ bitmodel reward settle --dry-run\n  $ bitmodel reward settle 5f0c…e1 --key ann\n  $ bitmodel reward settle --graph graph.json --amount 100 --key ann',
    )
    .action(action<SettleCommandOptions>((models, context) => settle(models, context)));
}
