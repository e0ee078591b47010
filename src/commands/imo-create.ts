import type { Command } from 'commander';
import { formatAmount, parseAmount } from '../base/index.js';
import { networkParameters } from '../chain/index.js';
import {
  checkDraft,
  createOffering,
  type ImoCriteria,
  type ImoDraft,
  type ImoMaking,
  imoRules,
  parseWeight,
} from '../reward/index.js';
import { action } from './shared/action.js';
import { openIssuer } from './shared/imo-issuer.js';
import { unitsOf } from './shared/imo-options.js';
import { figureLines, figuresJson } from './shared/imo-view.js';
import { wholeOption } from './shared/number-options.js';
import { idOf } from './shared/source-view.js';
import { nodeClient, WALLET_OPTIONS, type WalletChoice } from './shared/wallet.js';

interface CreateOptions extends WalletChoice {
  readonly model: string;
  readonly supply: string;
  readonly price: string;
  readonly lot: string;
  readonly income: string;
  readonly leastBurnt?: string;
  readonly leastBurners?: string;
  readonly leastDependents?: string;
  readonly leastIncome?: string;
  readonly dryRun?: boolean;
}

const STEPS: Readonly<Record<string, string>> = {
  source: "The holders' contract is published",
  share: "The model's pin lets their part of its income go there",
  offering: 'The units are minted and on sale',
};

function criteriaOf(options: CreateOptions, minimum: ImoCriteria): ImoCriteria {
  const { leastBurnt, leastBurners, leastDependents, leastIncome } = options;
  const count = (text: string | undefined, option: string, least: number): number =>
    text === undefined ? least : wholeOption(text, option, 0, 1_000_000);
  return {
    burnt: leastBurnt === undefined ? minimum.burnt : parseAmount(leastBurnt),
    burners: count(leastBurners, '--least-burners', minimum.burners),
    dependents: count(leastDependents, '--least-dependents', minimum.dependents),
    income: leastIncome === undefined ? minimum.income : parseAmount(leastIncome),
  };
}

const create = action<CreateOptions>(async (_args, context) => {
  const { options, settings, terminal, signal } = context;
  const params = networkParameters(settings.network);
  const criteria = criteriaOf(options, imoRules(params.name).minimum);
  const draft: ImoDraft = {
    model: idOf(options.model, settings),
    supply: unitsOf(options.supply, '--supply'),
    lot: unitsOf(options.lot, '--lot'),
    price: parseAmount(options.price),
    incomePpm: parseWeight(options.income),
    criteria,
  };
  const client = nodeClient(settings);
  const making: ImoMaking = {
    client,
    params,
    signal,
    ...(await openIssuer(client, settings, options, signal)),
    onStep: ({ step, txid, fee }) =>
      terminal.note(`${STEPS[step]}: ${txid}, fee ${formatAmount(fee)}.`),
  };
  if (options.dryRun) {
    const { figures, text } = await checkDraft(draft, making);
    terminal.note('Nothing was sent.');
    const lines = [text, ...figureLines(figures, criteria)];
    terminal.result({ model: draft.model, figures: figuresJson(figures) }, lines.join('\n'));
    return;
  }
  // nobody is asked about what can't be
  if (!settings.yes) await checkDraft(draft, making);
  await terminal.confirm(
    `Offer ${draft.supply} units of model ${draft.model}? A model has one offering, for ever.`,
  );
  const { txid, figures, steps } = await createOffering(draft, making);
  if (steps.length === 0) terminal.note('It was there already.');
  terminal.note('It counts once it is in a block.');
  const json = {
    id: txid,
    model: draft.model,
    figures: figuresJson(figures),
    steps: steps.map((step) => ({ ...step, fee: formatAmount(step.fee) })),
  };
  terminal.result(json, [`offering ${txid}`, ...figureLines(figures, criteria)].join('\n'), txid);
});

/** Adds `imo create`. */
export function registerCreate(imo: Command): void {
  const command = imo
    .command('create')
    .summary('offer units of a model that share in its income')
    .description(
      "Checks that the chain shows enough of a model, lets a part of its income go to the holders' contract, mints a fixed number of units and puts them on sale, in three transactions that wait for a block each. Run again after it was cut off, it goes on where it was. The key must hold the model's pin.",
    )
    .requiredOption('--model <model>', 'id of the model, or the name or folder of one here')
    .requiredOption('--supply <units>', 'units there will ever be: a whole number of lots')
    .requiredOption('--price <coins>', 'price of a lot')
    .option('--lot <units>', 'units of a lot', '1')
    .requiredOption('--income <weight>', "the holders' part of the model's income, such as 20%")
    .option('--least-burnt <coins>', 'ask for more than the network does')
    .option('--least-burners <count>', 'the same for distinct burners')
    .option('--least-dependents <count>', 'the same for owners of what stands on the model')
    .option('--least-income <coins>', 'the same for what jobs paid')
    .option('--dry-run', 'check everything, and send nothing');
  const [key, passphrase] = WALLET_OPTIONS;
  command
    .requiredOption(...key)
    .option(...passphrase)
    .addHelpText(
      'after',
      `
Example:
  $ bitmodel imo create --model 5f0c…e1 --supply 1000000 --lot 100 \\
      --price 0.05 --income 20% --key ann`,
    )
    .action(create);
}
