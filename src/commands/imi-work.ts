import type { Command } from 'commander';
import { equalBytes, formatAmount, fromHex, toHex } from '../base/index.js';
import {
  deliverTo,
  findTask,
  keptTestSet,
  readProgress,
  revealTestSet,
  takeGrants,
  windowEnd,
} from '../reward/index.js';
import { testSetFolder } from './imi-create.js';
import { keyed, nothingToTake, printTaken, withHands } from './imi-fund.js';
import { type ActionContext, action } from './shared/action.js';
import type { WalletChoice } from './shared/wallet.js';

type DeliverOptions = WalletChoice & { readonly model: string };

async function deliver([id]: string[], context: ActionContext<DeliverOptions>): Promise<void> {
  const { locateModel } = await import('./shared/models.js');
  const model = await locateModel(context.options.model, context.settings);
  await withHands(context, async (hands) => {
    const progress = await readProgress(hands.chain, await findTask(hands.chain, id!));
    const payee = hands.key.publicKey;
    const { txid, pin, fee } = await deliverTo(hands, progress, {
      delivery: fromHex(model.id),
      payee,
    });
    const facts = {
      task: progress.known.id,
      model: model.id,
      payee: toHex(payee),
      pin,
      txid,
      fee: formatAmount(fee),
    };
    context.terminal.note(
      'It counts once it is in a block. Let others fetch the model: bitmodel model serve',
    );
    context.terminal.result(facts, `delivered ${model.id} as pin ${pin}`, pin);
  });
}

async function reveal([id]: string[], context: ActionContext<WalletChoice>): Promise<void> {
  await withHands(context, async (hands) => {
    const progress = await readProgress(hands.chain, await findTask(hands.chain, id!));
    const { known, height } = progress;
    const secret = keptTestSet(testSetFolder(context.settings), known.id);
    const { txid, pin, fee } = await revealTestSet(hands, progress, secret);
    const facts = { task: known.id, upTo: height, pin, txid, fee: formatAmount(fee) };
    const text = `the test set is shown in pin ${pin}; deliveries up to block ${height} count`;
    context.terminal.result(facts, text, pin);
  });
}

async function take([id]: string[], context: ActionContext<WalletChoice>): Promise<void> {
  await withHands(context, async (hands) => {
    const progress = await readProgress(hands.chain, await findTask(hands.chain, id!));
    const taken = await takeGrants(hands, progress);
    const { known, acceptances } = progress;
    if (taken.length === 0) {
      const own = acceptances.find(({ payee }) => equalBytes(payee, hands.key.publicKey));
      const end = own && windowEnd(progress, own);
      if (end !== undefined && end > progress.height + 1) {
        throw nothingToTake(
          'NOT_YET',
          `Dissenters have until block ${end - 1}.`,
          `Wait for block ${end}`,
        );
      }
      throw nothingToTake(
        'NO_GRANT',
        'Nothing is granted to this key that is still there.',
        'See bitmodel imi show',
      );
    }
    printTaken(
      context.terminal,
      taken.map((each) => ({ ...each, task: known.id })),
      '',
    );
  });
}

/** `imi deliver|reveal|take`. */
export function registerWork(imi: Command): void {
  keyed(
    imi
      .command('deliver <task>')
      .requiredOption('--model <model>', 'folder, name or id of a packed model'),
    'the key that is paid',
  )
    .description('pin a model as delivered, before the test set is shown')
    .addHelpText('after', '\nExample:\n  $ bitmodel imi deliver 5f0c1a --model sonnets')
    .action(action(deliver));
  keyed(imi.command('reveal <task>'), 'the key that made the task')
    .description('show the test set, once something is delivered')
    .addHelpText('after', '\nExample:\n  $ bitmodel imi reveal 5f0c1a')
    .action(action(reveal));
  keyed(imi.command('take <task>'), 'the key that is paid')
    .description('take what backers granted, once the window is over')
    .addHelpText('after', '\nExample:\n  $ bitmodel imi take 5f0c1a')
    .action(action(take));
}
