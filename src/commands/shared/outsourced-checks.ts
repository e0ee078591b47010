import { join } from 'node:path';
import type { Command } from 'commander';
import { BitmodelError, EXIT } from '../../base/index.js';
import { type ChainNode, LocalChain, type RpcServer } from '../../chain/index.js';
import { CheckService, Checks, NeighbourBook, registerChecks } from '../../job/index.js';
import type { Host, Penalties } from '../../network/index.js';
import { closeModels, openJobModels, parseThreads } from './models.js';
import type { Settings } from './settings.js';

/** Options of `bitmodel node` about checks, as they are typed. */
export interface CheckOptionTexts {
  readonly checkModels?: string[];
  readonly checkThreads?: number;
}

/** What checks need of a node's network. */
interface CheckNetwork {
  readonly host: Host;
  readonly penalties: Penalties;
}

/** Adds the options to a command. */
export function addCheckOptions(command: Command): Command {
  return command
    .option(
      '--check-models <model...>',
      'answer peers that have outputs of these models checked (folders, ids or names)',
    )
    .option('--check-threads <n>', 'threads of each of them (all cores)', (text: string) =>
      parseThreads(text, undefined, '--check-threads'),
    );
}

/** Refuses what would be dropped without a word. @throws BitmodelError `BAD_OPTION` */
export function refuseIdleChecks(
  { checkModels, checkThreads }: CheckOptionTexts,
  hasNetwork: boolean,
): void {
  const refuse = (message: string, next: string): never => {
    throw new BitmodelError('BAD_OPTION', message, { next, exitCode: EXIT.usage });
  };
  if (checkThreads !== undefined && !checkModels) {
    refuse('--check-threads is for models that are checked with.', 'Pass --check-models, too');
  }
  if (checkModels && !hasNetwork) {
    refuse('Nobody can ask a node without a network.', 'Pass --p2p-port or --seed-node, too');
  }
}

/**
 * Lets a node's RPC have receipts checked by its peers (`startcheck`).
 * @param folder of the node; it remembers there how neighbours did
 * @param host undefined where there is no network: `startcheck` then says so
 * @returns what ends it, to be called before the network is closed
 */
export function attachAsking(
  server: RpcServer,
  folder: string,
  host: Host | undefined,
): () => void {
  const checks = host && new Checks(host, new NeighbourBook(join(folder, 'neighbours.json')));
  registerChecks(server, () => checks);
  return () => checks?.close();
}

/**
 * As {@link attachAsking}, and where it is given models, answers such checks of others.
 * @throws BitmodelError `UNKNOWN_MODEL` and what opening a model throws
 */
export async function attachChecks(
  server: RpcServer,
  node: ChainNode,
  network: CheckNetwork | undefined,
  { options, settings }: { readonly options: CheckOptionTexts; readonly settings: Settings },
): Promise<() => Promise<void>> {
  const endAsking = attachAsking(server, node.folder, network?.host);
  if (!network || !options.checkModels) return async () => endAsking();
  const { checkModels, checkThreads: threads } = options;
  const { host, penalties } = network;
  const models = await openJobModels(checkModels, settings, threads ? { threads } : {});
  const service = new CheckService({ host, penalties, chain: new LocalChain(node), models });
  return async () => {
    endAsking();
    service.close();
    await closeModels(models);
  };
}
