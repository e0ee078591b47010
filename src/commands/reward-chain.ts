import type { Command } from 'commander';
import { formatAmount, parseAmount, sha256, toHex } from '../base/index.js';
import { networkParameters, scriptAddress } from '../chain/index.js';
import { ModelRegistry, readBundle } from '../model/index.js';
import {
  findDeclaration,
  formatWeight,
  ownPpm,
  type Published,
  parseSplitScript,
  type Registry,
  readRegistry,
  type SettledShare,
  settleSplits,
} from '../reward/index.js';
import { action } from './shared/action.js';
import type { Settings } from './shared/settings.js';
import { nodeClient, openWallet, WALLET_OPTIONS, type WalletChoice } from './shared/wallet.js';

/** Where a script pays, for people: an address, or that it is a split contract. */
function destination(script: Uint8Array | undefined, { network }: Settings): string {
  if (!script) return 'not published';
  if (parseSplitScript(script)) return `split contract ${toHex(sha256(script)).slice(0, 16)}…`;
  return scriptAddress(script, networkParameters(network)) ?? toHex(script);
}

/** Everyone a source's money goes to, the owner last, as rows of text. */
function payees(source: Published, registry: Registry, settings: Settings): string[][] {
  const rows = source.parents.map(({ id, ppm, pays }) => {
    const parent = registry.byId.get(id);
    const script = registry.scripts.get(toHex(pays));
    return [
      parent?.name ?? '',
      parent?.kind ?? '',
      id,
      formatWeight(ppm),
      destination(script, settings),
    ];
  });
  const owner = destination(source.owner, settings);
  return [...rows, ['(owner)', '', source.id, formatWeight(ownPpm(source)), owner]];
}

/** The id of a source: 64 hexadecimal digits as they are, anything else a model on this machine. */
function idOf(text: string, { datadir }: Settings): string {
  if (/^[0-9a-f]{64}$/i.test(text)) return text.toLowerCase();
  return readBundle(new ModelRegistry(datadir).resolve(text)).id;
}

async function table(head: readonly string[], rows: readonly string[][]): Promise<string> {
  const { default: Table } = await import('cli-table3');
  const drawn = new Table({ head: [...head], style: { head: [], border: [] } });
  drawn.push(...rows);
  return drawn.toString();
}

const show = action(async ([id], { settings, terminal }) => {
  const client = nodeClient(settings);
  const registry = await readRegistry(client);
  const source = findDeclaration(registry, idOf(id!, settings));
  const contract = parseSplitScript(source.split) !== undefined;
  const coins = contract ? await client.scriptUtxos([source.split]) : [];
  const waiting = coins.reduce((sum, { output }) => sum + output.value, 0n);
  const { kind, name, owner, split, parents, pin } = source;
  const model =
    source.kind === 'model'
      ? {
          licence: source.licence,
          size: source.size,
          feePpm: source.feePpm,
          calibrations: source.calibrations ?? [],
        }
      : {};
  const json = {
    id: source.id,
    kind,
    name,
    ...model,
    owner: destination(owner, settings),
    ownPpm: ownPpm(source),
    split: toHex(split),
    splitHash: toHex(sha256(split)),
    parents: parents.map((parent) => ({ ...parent, pays: toHex(parent.pays) })),
    waiting: formatAmount(waiting),
    pin: { id: pin.id, height: pin.height, owner: pin.owner },
  };
  const rows = payees(source, registry, settings);
  const shares = await table(['name', 'kind', 'id', 'share', 'paid at'], rows);
  const lines = [
    `${name} (${kind}) ${source.id}`,
    ...(source.kind === 'model'
      ? [
          `licence ${source.licence}, ${source.size} bytes, ${formatWeight(source.feePpm)} of the price of a job`,
          ...(source.calibrations ?? []).map(({ file, hash }) => `calibration of ${file}: ${hash}`),
        ]
      : []),
    `published by ${pin.owner} in block ${pin.height}, pin ${pin.id}`,
    shares,
    contract
      ? `waiting in its split contract: ${formatAmount(waiting)}, in ${coins.length} output${coins.length === 1 ? '' : 's'}`
      : `paid straight to ${destination(split, settings)}`,
  ];
  terminal.result(json, lines.join('\n'), source.id);
});

interface SettleCommandOptions extends WalletChoice {
  readonly minimum?: string;
}

const settle = action<SettleCommandOptions>(
  async ([id], { options, settings, terminal, signal }) => {
    const client = nodeClient(settings);
    const wallet = await openWallet(client, settings, options, signal);
    const registry = await readRegistry(client);
    const minimum = options.minimum === undefined ? 1n : parseAmount(options.minimum);
    const done = await settleSplits(client, wallet, idOf(id!, settings), { minimum, signal });
    const shareJson = ({ lockingScript, amount, ...share }: SettledShare) => ({
      ...share,
      destination: destination(lockingScript, settings),
      amount: formatAmount(amount),
    });
    const settlements = done.map((settlement) => ({
      ...settlement,
      amount: formatAmount(settlement.amount),
      fee: formatAmount(settlement.fee),
      shares: settlement.shares.map(shareJson),
    }));
    const nameOf = (source: string): string => registry.byId.get(source)?.name ?? source;
    const rows = settlements.flatMap(({ name, shares, txid }) =>
      shares.map((share) => [name, nameOf(share.id), share.amount, share.destination, txid]),
    );
    const text =
      rows.length === 0
        ? 'Nothing waits in its split contract or those of its parents.'
        : await table(['from', 'to', 'amount', 'paid at', 'transaction'], rows);
    terminal.result({ settlements }, text, settlements.map(({ txid }) => txid).join('\n'));
  },
);

/** Adds the verbs of `bitmodel reward` that look at the chain. */
export function addChainVerbs(reward: Command): void {
  reward
    .command('show')
    .summary('who is paid for a published model or source')
    .description(
      'Shows what a published model or other source declares: its owner, its parents with their shares, and what waits in its split contract.',
    )
    .argument('<id>', 'id of the model or source, or the name or folder of a model here')
    .addHelpText('after', '\nExample:\n  $ bitmodel reward show 5f0c…e1')
    .action(show);
  const command = reward
    .command('settle')
    .summary('pay out what waits in the split contracts of a model and its parents')
    .description(
      'Pays out what waits in the split contract of a model, then what that brought to the contracts of its parents, and so on until all of it lies at addresses. Anybody may; where it goes is fixed.',
    )
    .argument('<id>', 'id of the model or source, or the name or folder of a model here')
    .option('--minimum <coins>', 'leave contracts alone in which less than this lies');
  const [key, passphrase] = WALLET_OPTIONS;
  command
    .requiredOption(...key)
    .option(...passphrase)
    .addHelpText('after', '\nExample:\n  $ bitmodel reward settle 5f0c…e1 --key ann')
    .action(settle);
}
