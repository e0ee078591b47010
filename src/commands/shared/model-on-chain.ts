import { BitmodelError, EXIT, formatAmount } from '../../base/index.js';
import type { ChainClient } from '../../chain/index.js';
import { feeJson, modelIncome, publishedModels, readRegistry } from '../../reward/index.js';
import { countHolders, holdersOf } from './model-holders.js';
import type { Settings } from './settings.js';
import { pinHolder } from './source-view.js';
import { nodeClient } from './wallet.js';

/** What a node says of one model. */
export interface ModelOnChain {
  /** undefined where nobody published it. */
  readonly published?: {
    readonly name: string;
    /** Address that holds the pin, or the NFT whose holder does. */
    readonly publisher: string | undefined;
    /** Block of the pin. */
    readonly height: number;
    readonly feePpm: number;
    /** Coins for each job, as a decimal string; absent where it asks none. */
    readonly feePerJob?: string;
    /** Coins, as a decimal string. */
    readonly income: string;
    readonly payments: number;
    readonly incomeIsPartial: boolean;
  };
  /** Names that the chain has for parents, by their ids. */
  readonly names: Readonly<Record<string, string>>;
  /** undefined where the node asks nobody: it is alone, or a light one. */
  readonly holders?: { readonly count: number; readonly groups: number; readonly here: boolean };
}

async function ask(client: ChainClient, id: string, settings: Settings): Promise<ModelOnChain> {
  const registry = await readRegistry(client);
  const models = publishedModels(registry);
  const names = Object.fromEntries(models.map((each) => [each.id, each.name]));
  const found = models.find((each) => each.id === id);
  const held = (await holdersOf(client.rpc, [id]))?.get(id);
  const holders = held && { count: countHolders(held), groups: held.groups, here: held.here };
  const about = { names, ...(holders ? { holders } : {}) };
  if (!found) return about;
  const income = await modelIncome(client, registry, id);
  return {
    ...about,
    published: {
      name: found.name,
      publisher: pinHolder(found.pin.owner, settings),
      height: found.pin.height,
      ...feeJson(found),
      income: formatAmount(income.amount),
      payments: income.payments,
      incomeIsPartial: income.isPartial,
    },
  };
}

/**
 * What the running node knows of a model.
 * @returns undefined where no node is reached
 * @throws BitmodelError what a node that is reached ends in
 */
export async function modelOnChain(
  settings: Settings,
  id: string,
): Promise<ModelOnChain | undefined> {
  let client: ChainClient | undefined;
  try {
    client = nodeClient(settings);
    return await ask(client, id, settings);
  } catch (thrown) {
    if (thrown instanceof BitmodelError && thrown.exitCode === EXIT.unreachable) return undefined;
    throw thrown;
  } finally {
    client?.rpc.close();
  }
}
