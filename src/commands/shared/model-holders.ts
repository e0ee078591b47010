import { BitmodelError, messageOf } from '../../base/index.js';
import { RPC_CODE, type RpcClient, RpcError } from '../../chain/index.js';

/** Who holds a model, as the node answers `listmodelholders`. */
export interface HoldersInfo {
  readonly peers: readonly { readonly peer: string; readonly group: string }[];
  /** Distinct address groups among them. */
  readonly groups: number;
  /** Whether the node itself gives it to others. */
  readonly here: boolean;
}

/** Models asked about in one call: each peer is challenged for each, so a call stays short. */
const AT_ONCE = 8;
/** Holders below which a model may soon be gone, and with it whoever could check an answer of it. */
const FEW_HOLDERS = 3;

/**
 * Who holds models, checked by the node.
 * @returns undefined when the node has no network
 */
export async function holdersOf(
  rpc: RpcClient,
  ids: readonly string[],
): Promise<ReadonlyMap<string, HoldersInfo> | undefined> {
  const found = new Map<string, HoldersInfo>();
  for (let at = 0; at < ids.length; at += AT_ONCE) {
    const batch = ids.slice(at, at + AT_ONCE);
    try {
      const answer = await rpc.call<Record<string, HoldersInfo>>('listmodelholders', batch);
      for (const [id, holders] of Object.entries(answer)) found.set(id, holders);
    } catch (thrown) {
      if (hasNoNetwork(thrown)) return undefined;
      throw thrown;
    }
  }
  return found;
}

/** Nodes that hold a model, this machine's own among them. */
export function countHolders({ peers, here }: HoldersInfo): number {
  return peers.length + (here ? 1 : 0);
}

/** Whether a call failed because the node is alone: its method is about other nodes. */
export function hasNoNetwork(thrown: unknown): boolean {
  return thrown instanceof RpcError && thrown.rpcCode === RPC_CODE.methodNotFound;
}

/** Whether the node is a light one: it has a network, but takes no part in passing models around. */
export async function isLightNode(rpc: RpcClient): Promise<boolean> {
  try {
    const status = await rpc.call<Readonly<Record<string, unknown>>>('getnodestatus');
    return status.light !== undefined;
  } catch (thrown) {
    // without a network there is no such status
    if (thrown instanceof RpcError) return false;
    throw thrown;
  }
}

/** What of {@link unsynced} the node answers. */
interface SyncFacts {
  readonly outbound: number;
  readonly inbound: number;
  readonly syncing?: {
    readonly isSyncing: boolean;
    readonly height: number;
    readonly headers: number;
  };
}

/** The error of a command that misses what the node may yet learn; undefined of a node in step with others, or alone on purpose. */
export async function unsynced(
  rpc: Pick<RpcClient, 'call'>,
  cause: BitmodelError,
): Promise<BitmodelError | undefined> {
  let facts: SyncFacts;
  try {
    facts = await rpc.call<SyncFacts>('getnodestatus');
  } catch (thrown) {
    // without a network there is no such status
    if (thrown instanceof RpcError) return undefined;
    throw thrown;
  }
  const { outbound, inbound, syncing } = facts;
  const { code, exitCode } = cause;
  const seen = cause.message.replace(/\.$/, '');
  if (outbound + inbound === 0) {
    return new BitmodelError(code, `${seen} as far as the node knows, which has no peers.`, {
      next: 'Try again when it has some (bitmodel node peers; bitmodel doctor says what it lacks)',
      exitCode,
      cause,
    });
  }
  if (!syncing) return undefined;
  const { isSyncing, height, headers } = syncing;
  const isBehind = isSyncing || height < headers;
  if (!isBehind && height > 0) return undefined;
  const far = isBehind
    ? `it still syncs, at block ${height} of ${Math.max(height, headers)}`
    : 'that is no block yet';
  return new BitmodelError(code, `${seen} in what the node has of the chain; ${far}.`, {
    next: 'Try again when it is in step with others: bitmodel node status',
    exitCode,
    cause,
  });
}

/** The error of a command about models that needs other nodes, where {@link hasNoNetwork} holds. */
export async function noModels(rpc: RpcClient, cause: unknown): Promise<BitmodelError> {
  if (await isLightNode(rpc)) {
    return new BitmodelError('NO_MODELS', 'A light node fetches no models.', {
      next: 'Use a full node: bitmodel node --seed-node ADDRESS',
      cause,
    });
  }
  return new BitmodelError('NO_NETWORK', 'The node has no network: it knows no other nodes.', {
    next: 'Start it with other nodes: bitmodel node --seed-node ADDRESS',
    cause,
  });
}

/**
 * What a buyer is told of a model that hardly anybody holds; undefined where there is nothing to say: enough hold it, or the
 * node is alone.
 */
export async function fewHoldersWarning(rpc: RpcClient, id: string): Promise<string | undefined> {
  let holders: HoldersInfo | undefined;
  try {
    holders = (await holdersOf(rpc, [id]))?.get(id);
  } catch (thrown) {
    // no reason to buy nothing, but the buyer should know
    return `it can't be told how many nodes hold this model: ${messageOf(thrown)}`;
  }
  if (holders === undefined) return undefined;
  const count = countHolders(holders);
  if (count >= FEW_HOLDERS) return undefined;
  const held =
    count === 0
      ? 'No node shows that it holds this model'
      : `Only ${count === 1 ? 'one node shows that it holds' : `${count} nodes show that they hold`} this model`;
  return `${held}; with fewer than ${FEW_HOLDERS} it may be gone when a verifier needs it`;
}
