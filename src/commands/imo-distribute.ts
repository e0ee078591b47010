import type { Command } from 'commander';
import { formatAmount, toHex } from '../base/index.js';
import { networkParameters } from '../chain/index.js';
import {
  demandValid,
  findOffering,
  owedTotal,
  type PaymentPlan,
  paidTotal,
  planDistribution,
  sendDistribution,
} from '../reward/index.js';
import { action } from './shared/action.js';
import { openIssuer } from './shared/imo-issuer.js';
import { offeringId } from './shared/imo-options.js';
import { holderName } from './shared/imo-view.js';
import { wholeOption } from './shared/number-options.js';
import type { Settings } from './shared/settings.js';
import { nodeClient, WALLET_OPTIONS, type WalletChoice } from './shared/wallet.js';

interface DistributeOptions extends WalletChoice {
  readonly at?: string;
  readonly dryRun?: boolean;
}

/** Blocks above one that bury it: on regtest nobody but the user reorganises. */
function buriedBy({ network }: Settings): number {
  return network === 'regtest' ? 1 : 6;
}

/** Lines of holders that are shown to people. */
const SHOWN = 20;

function planJson({ snapshot, shared, paid, carried, ...rest }: PaymentPlan, settings: Settings) {
  return {
    snapshot: snapshot.height,
    root: toHex(snapshot.root),
    units: snapshot.units.toString(),
    shared: formatAmount(shared),
    paid: formatAmount(paidTotal({ paid })),
    carried: formatAmount(owedTotal(carried)),
    taken: formatAmount(rest.taken),
    payments: [...paid].map(([script, amount]) => ({
      holder: holderName(script, settings),
      amount: formatAmount(amount),
    })),
  };
}

function planText(plan: PaymentPlan, settings: Settings): string[] {
  const rows = [...plan.paid].slice(0, SHOWN).map(([script, amount]) => {
    return `  ${formatAmount(amount).padStart(20)}  ${holderName(script, settings)}`;
  });
  const more = plan.paid.size - rows.length;
  return [
    `${formatAmount(paidTotal(plan))} to ${plan.paid.size} holders of block ${plan.snapshot.height}`,
    ...rows,
    ...(more > 0 ? [`  and ${more} more`] : []),
    `${formatAmount(owedTotal(plan.carried))} carried to the next`,
  ];
}

const distribute = action<DistributeOptions>(
  async ([named], { options, settings, terminal, signal }) => {
    const client = nodeClient(settings);
    const params = networkParameters(settings.network);
    const assessed = await findOffering(client, params, offeringId(named!, settings));
    demandValid(assessed);
    const height = options.at === undefined ? undefined : wholeOption(options.at, '--at', 1);
    const due = await planDistribution(client, assessed, height, buriedBy(settings));
    const json = { id: assessed.offering.txid, ...planJson(due.plan, settings) };
    const lines = planText(due.plan, settings);
    if (options.dryRun) {
      terminal.note('Nothing was sent.');
      terminal.result(json, lines.join('\n'), json.paid);
      return;
    }
    const { key, wallet } = await openIssuer(client, settings, options, signal);
    const { txid, fee } = await sendDistribution(client, wallet, key, assessed, due);
    terminal.note(`Fee ${formatAmount(fee)}.`);
    const sent = { ...json, txid, fee: formatAmount(fee) };
    terminal.result(sent, [...lines, `in ${txid}`].join('\n'), txid);
  },
);

/** Adds `imo distribute`. */
export function registerDistribute(imo: Command): void {
  const command = imo
    .command('distribute')
    .summary('pay the income of an offering to its holders')
    .description(
      "Pays what lies in the holders' contract to those who held units at a block, in proportion, by the key of the issuer, who pays the fee. Whoever is owed too little for an output is paid by a later one. Anybody can check it: bitmodel imo audit.",
    )
    .argument('<id>', 'id of the offering or of its model, or the name or folder of the model here')
    .option(
      '--at <height>',
      'block at which units count (default: the one 6 below the tip, on regtest 1 below)',
    )
    .option('--dry-run', 'show who would be paid what, and send nothing');
  const [key, passphrase] = WALLET_OPTIONS;
  command
    .requiredOption(...key)
    .option(...passphrase)
    .addHelpText('after', '\nExample:\n  $ bitmodel imo distribute 77ab…02 --key ann')
    .action(distribute);
}
