import { toHex } from '../../base/index.js';
import {
  addressScript,
  type MethodHelp,
  metaIdOf,
  type NetworkParameters,
  OWN_GROUP,
  RPC_CODE,
  RpcError,
} from '../../chain/index.js';
import type { MethodTable } from '../pool/methods.js';
import type { SuspectIndex } from './SuspectIndex.js';

/** Identities asked for at once, and suspicions on a page. */
export const MOST_ASKED = 1_000;
const PAGE = 1_000;

const LISTSUSPECTS: MethodHelp = {
  group: OWN_GROUP,
  summary:
    'Identities whose stake, or whose bond, was slashed on the chain, in the order of the blocks that show it.',
  params: [
    {
      name: 'options',
      type: 'object',
      optional: true,
      about:
        '{"of": only these addresses or MetaIDs (at most 1,000), "after": next of the page before, "limit": at most so many (1,000)}.',
    },
  ],
  result:
    'An object: suspects (each as, txid, height, jobId, metaId, address, publicKey and, of a seller, judges), height up to which the chain was read, from (blocks below it were dropped unread), and next where there are more.',
  errors: [
    [-8, 'An option is malformed.'],
    [-50, 'A light node does not read blocks, and can not know.'],
  ],
  example: `'{"limit":10}'`,
};

const GETSUSPECT: MethodHelp = {
  group: OWN_GROUP,
  summary: 'What is held against one identity: at most its first eight slashes.',
  params: [{ name: 'who', type: 'string', about: 'An address, or a MetaID (64 hex digits).' }],
  result: 'An object as that of listsuspects; suspects is empty for one that was never slashed.',
  errors: [
    [-8, 'It is neither an address of this network nor a MetaID.'],
    [-50, 'A light node does not read blocks, and can not know.'],
  ],
  example: 'mgA7SfyBBrVGVSpQ7oqGHPhxpp2gUZWtfc',
};

const invalid = (message: string): RpcError => new RpcError(RPC_CODE.invalidParameter, message);

function metaIdFrom(who: unknown, params: NetworkParameters): string {
  if (typeof who === 'string' && /^[0-9a-f]{64}$/i.test(who)) return who.toLowerCase();
  try {
    if (typeof who !== 'string') throw new TypeError('not a text');
    addressScript(who, params);
  } catch (thrown) {
    throw new RpcError(
      RPC_CODE.invalidParameter,
      'Pass an address of this network, or a MetaID of 64 hex digits.',
      { cause: thrown },
    );
  }
  return toHex(metaIdOf(who));
}

interface ListOptions {
  readonly of?: unknown;
  readonly after?: unknown;
  readonly limit?: unknown;
}

function list(index: SuspectIndex, value: unknown, params: NetworkParameters) {
  if (value !== undefined && value !== null && typeof value !== 'object') {
    throw invalid('Pass {of, after, limit}.');
  }
  const { of, after, limit = PAGE } = (value ?? {}) as ListOptions;
  if (of !== undefined) {
    if (!Array.isArray(of) || of.length > MOST_ASKED) {
      throw invalid(`of must be a list of at most ${MOST_ASKED} addresses or MetaIDs.`);
    }
    return index.of(of.map((who) => metaIdFrom(who, params)));
  }
  if (after !== undefined && (typeof after !== 'string' || !/^68[0-9a-f]{136}$/.test(after))) {
    throw invalid('after must be next of the page before.');
  }
  if (!Number.isInteger(limit) || (limit as number) < 1 || (limit as number) > PAGE) {
    throw invalid(`limit must be a whole number from 1 to ${PAGE}.`);
  }
  return index.page(after, limit as number);
}

/** Gives a node's RPC `listsuspects` and `getsuspect`. */
export function registerSuspects(
  server: MethodTable,
  index: SuspectIndex,
  params: NetworkParameters,
): void {
  server.register('listsuspects', ([options]) => list(index, options, params), LISTSUSPECTS);
  server.register('getsuspect', ([who]) => index.of([metaIdFrom(who, params)]), GETSUSPECT);
}

/** Registers the same methods at a node without blocks, which says that it can't know. */
export function registerNoSuspects(server: MethodTable): void {
  const refuse = (): never => {
    throw new RpcError(
      RPC_CODE.headersOnly,
      'A light node does not read blocks, so it can not know who was slashed.',
    );
  };
  server.register('listsuspects', refuse, LISTSUSPECTS);
  server.register('getsuspect', refuse, GETSUSPECT);
}
