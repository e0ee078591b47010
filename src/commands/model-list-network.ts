import { formatAmount } from '../base/index.js';
import type { Pin } from '../chain/index.js';
import {
  feeJson,
  modelIncome,
  orItsError,
  publishedModels,
  readRegistry,
} from '../reward/index.js';
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
    const held = await orItsError(client, () => holdersOf(client.rpc, ids));
    if (held instanceof Error) terminal.warn(`who holds them can't be read: ${held.message}`);
    const holders = held instanceof Error ? undefined : held;
    const owners = published.map(({ pin }) => addressBehind(pin));
    const suspects = await suspectsShown(client, owners);
    const models = [];
    const unread: { readonly id: string; readonly code: string; readonly reason: string }[] = [];
    for (const { id, name, licence, size, parents, pin, ...fee } of published) {
      const income = await orItsError(client, () => modelIncome(client, registry, id));
      const isRead = !(income instanceof Error);
      if (!isRead) {
        unread.push({ id, code: income.code, reason: income.message });
        terminal.warn(`the income of ${id} can't be read: ${income.message}`);
      }
      const holding = holders?.get(id);
      models.push({
        id,
        name,
        licence,
        size,
        ...feeJson(fee),
        owner: pinHolder(pin.owner, settings),
        suspect: suspects.get(addressBehind(pin) ?? ''),
        holders: holding && countHolders(holding),
        groups: holding?.groups,
        here: holding?.here,
        income: isRead ? formatAmount(income.amount) : null,
        payments: isRead ? income.payments : null,
        incomeIsPartial: isRead ? income.isPartial : null,
        parents: parents.map((parent) => ({ id: parent.id, ppm: parent.ppm })),
      });
    }
    if (!held) {
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
        model.income === null ? '?' : `${model.incomeIsPartial ? '≥ ' : ''}${model.income}`,
        String(model.parents.length),
      ]),
    );
    terminal.result({ models, unread }, `${text}${suspectLines(suspects)}`, ids.join('\n'));
  } finally {
    client.rpc.close();
  }
}
