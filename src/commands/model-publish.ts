import type { Command } from 'commander';
import { BitmodelError, EXIT, formatAmount, messageOf, sha256, toHex } from '../base/index.js';
import { addressScript, type ChainClient, networkParameters } from '../chain/index.js';
import { type Bundle, ModelRegistry, readBundle } from '../model/index.js';
import { namedCalibrations } from '../rastic/index.js';
import {
  declareModel,
  feeJson,
  formatFee,
  formatWeight,
  type ModelDeclaration,
  parseFee,
  publishModel,
  readRegistry,
} from '../reward/index.js';
import { action } from './shared/action.js';
import { collect } from './shared/collect.js';
import { noteFee } from './shared/fee-note.js';
import { hasNoNetwork, holdersOf } from './shared/model-holders.js';
import { formatSize } from './shared/sizes.js';
import { usedNamed } from './shared/source-names.js';
import type { Terminal } from './shared/terminal.js';
import { nodeClient, openWallet, WALLET_OPTIONS, type WalletChoice } from './shared/wallet.js';

interface PublishOptions extends WalletChoice {
  readonly name?: string;
  readonly licence?: string;
  readonly fee: string;
  readonly owner?: string;
  readonly parent?: readonly string[];
  readonly dryRun?: boolean;
}

function licenceOf({ licence }: PublishOptions, bundle: Bundle): string {
  const known = licence ?? bundle.licence;
  if (known !== undefined) return known;
  throw new BitmodelError('NO_LICENCE', 'The bundle does not say under which licence it is.', {
    next: 'Name it with --licence, such as --licence MIT',
    exitCode: EXIT.usage,
  });
}

function toJson(model: ModelDeclaration): Record<string, unknown> {
  return {
    model: model.id,
    name: model.name,
    licence: model.licence,
    size: model.size,
    ...feeJson(model),
    owner: toHex(model.owner),
    split: toHex(model.split),
    splitHash: toHex(sha256(model.split)),
    parents: model.parents.map((parent) => ({ ...parent, pays: toHex(parent.pays) })),
    calibrations: model.calibrations ?? [],
  };
}

function toText(model: ModelDeclaration): string[] {
  return [
    `${model.name} ${model.id}`,
    `licence ${model.licence}, ${formatSize(model.size)}, ${formatFee(model)}`,
    ...model.parents.map(({ id, ppm }) => `  ${formatWeight(ppm)} of that to ${id}`),
    ...(model.calibrations ?? []).map(({ file, hash }) => `calibration of ${file}: ${hash}`),
  ];
}

/** Lets the node tell others that it holds the model, if it has a network and holds it. */
async function announce(client: ChainClient, id: string, terminal: Terminal): Promise<void> {
  try {
    await client.rpc.call('announcemodels');
    const holders = (await holdersOf(client.rpc, [id]))?.get(id);
    if (holders?.here) terminal.note('The node tells others that it holds the model.');
  } catch (thrown) {
    // it is published; that nobody is told yet takes nothing from that
    if (!hasNoNetwork(thrown))
      terminal.warn(`the node could not announce it: ${messageOf(thrown)}`);
  }
}

const publish = action<PublishOptions>(async ([named], { options, settings, terminal, signal }) => {
  const folder = new ModelRegistry(settings.datadir).resolve(named!);
  const bundle = readBundle(folder);
  const files = bundle.files.map(({ path }) => path).sort();
  const calibrations = namedCalibrations(folder, bundle.id, files);
  const client = nodeClient(settings);
  const registry = await readRegistry(client);
  const parents = options.parent?.map((text) => usedNamed(registry, text, settings));
  const wallet = await openWallet(client, settings, options, signal);
  const params = networkParameters(settings.network);
  const model = await declareModel(client, {
    id: bundle.id,
    name: options.name ?? bundle.name,
    licence: licenceOf(options, bundle),
    size: bundle.size,
    ...parseFee(options.fee),
    owner: addressScript(options.owner ?? wallet.addresses[0]!, params),
    parents: parents ?? bundle.parents ?? [],
    ...(calibrations.length === 0 ? {} : { calibrations }),
  });
  noteFee(terminal, model);
  const text = toText(model);
  if (options.dryRun) {
    terminal.note('Nothing was sent.');
    terminal.result(toJson(model), text.join('\n'), model.id);
    return;
  }
  if (registry.byId.has(model.id)) {
    throw new BitmodelError(
      'ALREADY_PUBLISHED',
      `${model.name} is published already; only the first pin counts.`,
      {
        next: `See it with: bitmodel reward show ${model.id}`,
        exitCode: EXIT.notAllowed,
      },
    );
  }
  const { txid, pin, fee } = await publishModel(wallet, model);
  terminal.note('It counts once it is in a block.');
  await announce(client, bundle.id, terminal);
  const sent = `published as pin ${pin} for a fee of ${formatAmount(fee)}`;
  const json = { ...toJson(model), txid, pin, fee: formatAmount(fee) };
  terminal.result(json, [...text, sent].join('\n'), model.id);
});

/** Adds the verb `publish` to the `model` command group. */
export function registerPublish(model: Command): void {
  const command = model
    .command('publish')
    .summary('declare a model on the chain: who is paid when it is used')
    .description(
      "Writes the model's pin: its id, what it asks of each job, and the split contract that passes this on to what it was built on. Parents must be published before it.",
    )
    .argument('<model>', 'folder, name or id of a packed model')
    .option(
      '--fee <fee>',
      'what the model asks of each job: a share of its price (5%), coins beside it (0.01), or both (5%+0.01)',
      '5%',
    )
    .option(
      '--parent <source=weight>',
      'what it was built on, [KIND:]ID or name, and how much of its income goes there; may be repeated',
      collect,
    )
    .option('--owner <address>', 'who is paid what the model keeps (default: the key)')
    .option('--name <name>', 'name to publish (default: as packed)')
    .option('--licence <licence>', 'licence to publish (default: as packed)')
    .option('--dry-run', 'show what would be published, and send nothing');
  const [key, passphrase] = WALLET_OPTIONS;
  command
    .requiredOption(...key)
    .option(...passphrase)
    .addHelpText(
      'after',
      `
Example:
  $ bitmodel model publish ./my-model --key ann --licence MIT --fee 5% \\
      --parent dataset:verses=20% --parent 77ab…02=5%`,
    )
    .action(publish);
}
