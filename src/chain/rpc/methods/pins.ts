import { toHex } from '../../../base/index.js';
import { addressScript } from '../../address/address.js';
import { formatOutpoint, hashToId, type Outpoint } from '../../codec/transaction.js';
import type { ChainNode } from '../../node/ChainNode.js';
import { holderText } from '../../pins/identity.js';
import { formatPinId, parsePinId } from '../../pins/pin.js';
import type { PinQuery, PinState } from '../../store/PinQueries.js';
import type { PinEvent } from '../../store/pinRecords.js';
import { RPC_CODE, RpcError } from '../../wire/RpcError.js';
import { PIN_HELP } from '../help/pins.js';
import { Params } from '../params.js';
import type { RpcServer } from '../RpcServer.js';

/** No limit unless one is asked for: the first valid pin of a path may be the one that counts. */
const NO_LIMIT = 0xffff_ffff;
const NO_HEIGHT = 0xffff_ffff;
/** Most events of one pin in one answer. */
const HISTORY_LIMIT = 1_000;

type Selector = Readonly<Record<string, unknown>>;

function idParameter(value: unknown, name: string): Outpoint {
  const outpoint = typeof value === 'string' ? parsePinId(value) : undefined;
  if (!outpoint) throw new RpcError(RPC_CODE.invalidParameter, `${name} must be TXIDiOUTPUT`);
  return outpoint;
}

function versionView({ data, hash, height }: PinEvent): object {
  const { operation, contentType, encryption, version, payload } = data!;
  const txid = hashToId(hash);
  return { operation, contentType, encryption, version, payload: toHex(payload), height, txid };
}

function pinView(node: ChainNode, state: PinState): object {
  const { id, pin, last, said } = state;
  const text = (script: Uint8Array): string => holderText(script, node.parameters);
  const creator = pin.creatorScript.length > 0 ? text(pin.creatorScript) : undefined;
  return {
    id: formatPinId(id),
    path: pin.path,
    status: last.status,
    ...(creator === undefined ? {} : { creator, metaId: toHex(node.store.pins.metaIdOf(pin)!) }),
    ...(last.location
      ? { owner: text(last.ownerScript), location: formatOutpoint(last.location.outpoint) }
      : {}),
    contentType: said.data!.contentType,
    payload: toHex(said.data!.payload),
    height: pin.height,
    txid: hashToId(id.hash),
    versions: node.store.pins.versions(state).map(versionView),
  };
}

function find(node: ChainNode, selector: Selector, query: PinQuery): PinState[] {
  const { path, owner, id, metaId } = selector;
  const { pins } = node.store;
  if (id !== undefined) {
    const state = pins.get(idParameter(id, 'id'), query.atHeight);
    return state ? [state] : [];
  }
  if (typeof path === 'string') return pins.byPath(path, query);
  if (typeof owner === 'string') return pins.byOwner(addressScript(owner, node.parameters), query);
  if (metaId !== undefined) return pins.byMetaId(new Params([metaId]).hex(0, 'metaId', 32), query);
  throw new RpcError(RPC_CODE.invalidParameter, 'Name a path, an owner, a metaId or an id');
}

function listPins(node: ChainNode, params: Params): object[] {
  const given = params.raw(0);
  const selector = (typeof given === 'string' ? { path: given } : (given ?? {})) as Selector;
  const { limit, atHeight, all, after } = selector;
  const read = new Params([limit, atHeight, all]);
  const query: PinQuery = {
    limit: read.integer(0, 'limit', 1, NO_LIMIT, NO_LIMIT),
    atHeight: read.integer(1, 'atHeight', 0, NO_HEIGHT, NO_HEIGHT),
    all: read.boolean(2, 'all', false),
    ...(after === undefined ? {} : { after: idParameter(after, 'after') }),
  };
  return find(node, selector, query).map((state) => pinView(node, state));
}

function pinHistory(node: ChainNode, params: Params): object[] {
  const id = idParameter(params.string(0, 'id'), 'id');
  const limit = params.integer(1, 'limit', 1, HISTORY_LIMIT, HISTORY_LIMIT);
  const events = node.store.pins.events(id, limit, params.integer(2, 'skip', 0, NO_LIMIT, 0));
  if (!node.store.pins.get(id)) throw new RpcError(RPC_CODE.notFound, 'No such pin on the chain');
  return events.map((event) => ({
    operation: event.data?.operation ?? 'transfer',
    txid: hashToId(event.hash),
    height: event.height,
    status: event.status,
    ...(event.location
      ? {
          owner: holderText(event.ownerScript, node.parameters),
          location: formatOutpoint(event.location.outpoint),
          offset: Number(event.location.offset),
        }
      : {}),
    ...(event.data
      ? { contentType: event.data.contentType, payload: toHex(event.data.payload) }
      : {}),
  }));
}

/** What the index of pins knows (MetaID v2, DESIGN 4.4). */
export function registerPinMethods(server: RpcServer, node: ChainNode): void {
  server.register('getpins', (values) => listPins(node, new Params(values)), PIN_HELP.getpins);
  server.register(
    'getpinhistory',
    (values) => pinHistory(node, new Params(values)),
    PIN_HELP.getpinhistory,
  );
}
