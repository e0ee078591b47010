import { join } from 'node:path';
import { type ChainNode, LocalChain, type RpcServer } from '../../chain/index.js';
import { CheckService, Checks, NeighbourBook, registerChecks } from '../../job/index.js';
import type { Host, Penalties } from '../../network/index.js';
import { closeModels, openJobModels } from './models.js';
import type { Settings } from './settings.js';

/** What checks need of a node's network. */
interface CheckNetwork {
  readonly host: Host;
  readonly penalties: Penalties;
}

/** A node's part in outsourced verification, to be ended before its network. */
export interface OutsourcedChecks {
  close(): Promise<void>;
}

/**
 * Lets a node's RPC have receipts checked by its peers (`startcheck`), and, where it is given models, answer such checks of
 * others.
 * @param models folders, ids or names; none are opened where there are none
 * @throws BitmodelError `UNKNOWN_MODEL` and what opening a model throws
 */
export async function attachChecks(
  server: RpcServer,
  node: ChainNode,
  { host, penalties }: CheckNetwork,
  settings: Settings,
  models: readonly string[] | undefined,
  threads?: number,
): Promise<OutsourcedChecks> {
  const checks = new Checks(host, new NeighbourBook(join(node.folder, 'neighbours.json')));
  registerChecks(server, () => checks);
  if (models === undefined) return { close: async () => checks.close() };
  const open = await openJobModels(models, settings, threads === undefined ? {} : { threads });
  const chain = new LocalChain(node);
  const service = new CheckService({ host, penalties, chain, models: open });
  return {
    close: async () => {
      checks.close();
      service.close();
      await closeModels(open);
    },
  };
}
