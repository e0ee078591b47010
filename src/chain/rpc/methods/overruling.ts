import { BitmodelError } from '../../../base/index.js';
import type { ChainNode } from '../../node/ChainNode.js';
import type { HeaderRecord } from '../../store/records.js';
import { RPC_CODE, RpcError } from '../../wire/RpcError.js';
import type { MethodHelp } from '../method.js';
import { Params } from '../Params.js';
import type { RpcServer } from '../RpcServer.js';

const COMMON: Pick<MethodHelp, 'group' | 'params' | 'result' | 'example'> = {
  group: 'Blockchain',
  params: [{ name: 'blockhash', type: 'string', about: "The block's id." }],
  result: 'Null.',
  example: '08b681803f22ee7c6be8015cf6f72d37605498ff8cba5a332c922874fd433f83',
};
const UNKNOWN = [-5, 'No block has this id.'] as const;
const MALFORMED = [-8, 'The id is not 64 hexadecimal digits.'] as const;

const INVALIDATEBLOCK: MethodHelp = {
  ...COMMON,
  summary:
    'Refuses a block, and all that is built on it, as if it broke a rule; the chain goes on with the best branch without it.',
  errors: [UNKNOWN, MALFORMED, [-20, 'It is the genesis block, or what is below it was pruned.']],
};

const RECONSIDERBLOCK: MethodHelp = {
  ...COMMON,
  summary: 'Takes back invalidateblock of this block, and of those below and above it.',
  errors: [UNKNOWN, MALFORMED],
};

const PRECIOUSBLOCK: MethodHelp = {
  ...COMMON,
  summary: 'Prefers a block to others that have as much work, as if it had come first.',
  errors: [UNKNOWN, MALFORMED, [-26, 'It, or one below it, breaks a rule.']],
};

function entryOf(node: ChainNode, values: unknown[]): HeaderRecord {
  const entry = node.store.header(new Params(values).hash(0, 'blockhash'));
  if (!entry) throw new RpcError(RPC_CODE.notFound, 'Block not found');
  return entry;
}

async function refuse(node: ChainNode, entry: HeaderRecord): Promise<void> {
  try {
    await node.overruling.refuse(entry);
  } catch (thrown) {
    const expected = ['GENESIS_REFUSED', 'REORG_PRUNED'];
    if (!(thrown instanceof BitmodelError) || !expected.includes(thrown.code)) throw thrown;
    throw new RpcError(RPC_CODE.database, thrown.message, { cause: thrown });
  }
}

/** Methods by which the operator overrules which branch is the chain, named and shaped as Bitcoin Core's. */
export function registerOverrulingMethods(server: RpcServer, node: ChainNode): void {
  const { overruling } = node;
  server.register(
    'invalidateblock',
    (values) => refuse(node, entryOf(node, values)),
    INVALIDATEBLOCK,
  );
  server.register(
    'reconsiderblock',
    (values) => overruling.reconsider(entryOf(node, values)),
    RECONSIDERBLOCK,
  );
  server.register(
    'preciousblock',
    (values) => overruling.prefer(entryOf(node, values)),
    PRECIOUSBLOCK,
  );
}
