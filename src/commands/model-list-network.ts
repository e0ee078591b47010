import { formatAmount } from '../base/index.js';
import type { Pin } from '../chain/index.js';
import { modelIncome, publishedModels, readRegistry } from '../reward/index.js';
import type { ActionContext } from './shared/action.js';
import { cutTo } from './shared/columns.js';
import { countHolders, holdersOf, isLightNode } from './shared/model-holders.js';
import { pinHolder } from './shared/source-view.js';
import { suspectLines, suspectsShown } from './shared/suspects.js';
import { listTable } from './shared/tables.js';
import { nodeClient } from './shared/wallet.js';

const NAME_WIDTH = 18;
const ID_WIDTH = 16;

/** Who answers for a model: whoever holds its pin, or where that lies with an NFT, whoever published it. */
function addressBehind({ owner, creator }: Pin): string | undefined {
  const isScript = owner !== undefined && /^(?:[0-9a-f]{2}){35,}$/.test(owner);
  return isScript ? creator : owner;
}

/** `model list --network`: all published models, with who holds them and what they earned. */
export async function listEverywhere({ settings, terminal }: ActionContext<object>): Promise<void> {
  const client = nodeClient(settings);
  try {
    const registry = await readRegistry(client);
    const published = publishedModels(registry);
    const ids = published.map(({ id }) => id);
    const holders = await holdersOf(client.rpc, ids);
    const owners = published.map(({ pin }) => addressBehind(pin));
    const suspects = await suspectsShown(client, owners);
    const models = [];
    for (const { id, name, licence, size, feePpm, parents, pin } of published) {
      const income = await modelIncome(client, registry, id);
      const held = holders?.get(id);
      models.push({
        id,
        name,
        licence,
        size,
        feePpm,
        owner: pinHolder(pin.owner, settings),
        suspect: suspects.get(addressBehind(pin) ?? ''),
        holders: held && countHolders(held),
        groups: held?.groups,
        here: held?.here,
        income: formatAmount(income.amount),
        payments: income.payments,
        incomeIsPartial: income.isPartial,
        parents: parents.map((parent) => ({ id: parent.id, ppm: parent.ppm })),
      });
    }
    if (!holders) {
      const isLight = await isLightNode(client.rpc);
      terminal.note(
        isLight
          ? 'A light node asks nobody who holds them; use a full node.'
          : 'The node has no network, so nobody can be asked who holds them.',
      );
    }
    if (models.length === 0) terminal.note('No model is published on this chain yet.');
    if (models.length === 0 && !settings.json) return;
    const text = await listTable(
      ['name', 'id', 'holders', 'groups', 'income', 'parents'],
      models.map((model) => [
        cutTo(model.suspect ? `${model.name} (suspect)` : model.name, NAME_WIDTH),
        cutTo(model.id, ID_WIDTH),
        String(model.holders ?? '?'),
        String(model.groups ?? '?'),
        `${model.incomeIsPartial ? '≥ ' : ''}${model.income}`,
        String(model.parents.length),
      ]),
    );
    terminal.result({ models }, `${text}${suspectLines(suspects)}`, ids.join('\n'));
  } finally {
    client.rpc.close();
  }
}
