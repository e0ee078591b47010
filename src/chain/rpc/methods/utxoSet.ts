import { hashToId } from '../../codec/transaction.js';
import type { ChainNode } from '../../node/ChainNode.js';
import { type UtxoSetInfo, utxoSetInfo } from '../../store/utxoSet.js';
import { JsonAmount } from '../../wire/json.js';
import { RPC_CODE, RpcError } from '../../wire/RpcError.js';
import type { MethodHelp } from '../method.js';
import { Params } from '../Params.js';
import type { RpcServer } from '../RpcServer.js';

const HASH_TYPES = ['hash_serialized_3', 'none'];

const HELP: MethodHelp = {
  group: 'Blockchain',
  summary:
    'Returns statistics about the set of unspent outputs. It reads the whole set: that takes a while.',
  params: [
    {
      name: 'hash_type',
      type: 'string',
      about: 'Which hash of the set is returned: "hash_serialized_3" or "none".',
      default: '"hash_serialized_3"',
    },
    {
      name: 'hash_or_height',
      type: ['string', 'number'],
      about: 'A block other than the tip; as in Bitcoin Core without coinstatsindex it is refused.',
      optional: true,
    },
    {
      name: 'use_index',
      type: 'boolean',
      about: 'Taken and without effect: there is no coinstatsindex.',
      default: 'true',
    },
  ],
  result:
    '{"height", "bestblock", "txouts", "bogosize", "hash_serialized_3", "total_amount", "transactions", "disk_size"}, all as of one block.',
  errors: [
    [
      RPC_CODE.invalidParameter,
      'The hash type is unknown, or a block other than the tip is asked for.',
    ],
  ],
  example: 'hash_serialized_3',
};

/** What `gettxoutsetinfo` answers, in Bitcoin Core's order. */
async function setInfo(walk: () => Promise<UtxoSetInfo>, params: Params): Promise<object> {
  const type = params.has(0) ? params.string(0, 'hash_type') : HASH_TYPES[0]!;
  if (!HASH_TYPES.includes(type)) {
    throw new RpcError(RPC_CODE.invalidParameter, `'${type}' is not a valid hash_type`);
  }
  if (params.has(1)) {
    const message = 'Querying specific block heights requires coinstatsindex';
    throw new RpcError(RPC_CODE.invalidParameter, message);
  }
  const info = await walk();
  return {
    height: info.tip.height,
    bestblock: hashToId(info.tip.hash),
    txouts: info.txouts,
    bogosize: info.bogosize,
    ...(type === 'none' ? {} : { hash_serialized_3: hashToId(info.hash) }),
    total_amount: new JsonAmount(info.totalAmount),
    transactions: info.transactions,
    disk_size: info.diskSize,
  };
}

/** Walks the set once for all who ask while the tip is the same. */
function sharedWalk({ store }: ChainNode): () => Promise<UtxoSetInfo> {
  let running: { readonly tip: string; readonly info: Promise<UtxoSetInfo> } | undefined;
  return () => {
    const tip = hashToId(store.tip().hash);
    if (running?.tip === tip) return running.info;
    const walk = { tip, info: utxoSetInfo(store) };
    const end = (): void => {
      if (running === walk) running = undefined;
    };
    walk.info.then(end, end);
    running = walk;
    return walk.info;
  };
}

/** The method about the set of unspent outputs as a whole, as Bitcoin Core's. */
export function registerUtxoSetMethods(server: RpcServer, node: ChainNode): void {
  const walk = sharedWalk(node);
  server.register('gettxoutsetinfo', (values) => setInfo(walk, new Params(values)), HELP);
}
