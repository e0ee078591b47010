import { toHex } from '../../../base/index.js';
import { type AddressParameters, addressScript } from '../../address/address.js';
import { formatOutpoint, hashToId, type Outpoint } from '../../codec/transaction.js';
import type { ChainNode } from '../../node/ChainNode.js';
import { metaIdOf } from '../../pins/identity.js';
import { formatPinId, type PinData, parsePinId } from '../../pins/pin.js';
import type { PinQueries, PinQuery, PinState } from '../../store/PinQueries.js';
import type { PinEvent } from '../../store/pinRecords.js';
import { RPC_CODE, RpcError } from '../../wire/RpcError.js';
import { BoundedList } from '../BoundedList.js';
import { PIN_HELP } from '../help/pins.js';
import { Params } from '../Params.js';
import type { RpcServer } from '../RpcServer.js';

const LIST_LIMIT = 1_000;
const NO_LIMIT = 0xffff_ffff;
const NO_HEIGHT = 0xffff_ffff;
/** Most events of one pin in one answer. */
const HISTORY_LIMIT = 1_000;
/** Longest payload that a list holds unless told otherwise: declarations of models are shorter. */
const LISTED_PAYLOAD = 131_072;
/** Where pins are looked up: a node, or no more of one than its index of pins. */
export interface PinSource {
  readonly parameters: AddressParameters;
  readonly store: { readonly pins: PinQueries };
}

type Selector = Readonly<Record<string, unknown>>;

function idParameter(value: unknown, name: string): Outpoint {
  const outpoint = typeof value === 'string' ? parsePinId(value) : undefined;
  if (!outpoint) throw new RpcError(RPC_CODE.invalidParameter, `${name} must be TXIDiOUTPUT`);
  return outpoint;
}

/** What was said; a payload beyond the limit is left out, and its size is told in any case. */
function contentView({ contentType, payload }: PinData, most: number): object {
  const shown = payload.length > most ? {} : { payload: toHex(payload) };
  return { contentType, size: payload.length, ...shown };
}

function versionView({ data, hash, height }: PinEvent, most: number): object {
  const { operation, encryption, version } = data!;
  const txid = hashToId(hash);
  return { operation, ...contentView(data!, most), encryption, version, height, txid };
}

function holderView({ owner, location }: PinEvent): object {
  return owner && location
    ? { owner: owner.text, location: formatOutpoint(location.outpoint) }
    : {};
}

function pinView(state: PinState, versions: readonly PinEvent[], most: number): object {
  const { id, pin, last, said } = state;
  const { creator } = pin;
  return {
    id: formatPinId(id),
    path: pin.path,
    status: last.status,
    ...(creator === '' ? {} : { creator, metaId: toHex(metaIdOf(creator)) }),
    ...holderView(last),
    ...contentView(said.data!, most),
    height: pin.height,
    txid: hashToId(id.hash),
    versions: versions.map((event) => versionView(event, Math.min(most, LISTED_PAYLOAD))),
  };
}

function find(node: PinSource, selector: Selector, query: PinQuery): void {
  const { path, owner, id, metaId } = selector;
  const { pins } = node.store;
  if (id !== undefined) {
    const state = pins.get(idParameter(id, 'id'), query.atHeight);
    if (state) query.enough!(state);
  } else if (typeof path === 'string') pins.byPath(path, query);
  else if (typeof owner === 'string') pins.byOwner(addressScript(owner, node.parameters), query);
  else if (metaId !== undefined) pins.byMetaId(new Params([metaId]).hex(0, 'metaId', 32), query);
  else throw new RpcError(RPC_CODE.invalidParameter, 'Name a path, an owner, a metaId or an id');
}

/** What `getpins` answers. */
export function listPins(node: PinSource, params: Params): object[] {
  const given = params.raw(0);
  const selector = (typeof given === 'string' ? { path: given } : (given ?? {})) as Selector;
  const { limit, atHeight, all, after, maxPayload, id } = selector;
  const read = new Params([limit, atHeight, all, maxPayload]);
  // whoever asks for one pin wants to see it
  const usual = id === undefined ? LISTED_PAYLOAD : NO_LIMIT;
  const most = read.integer(3, 'maxPayload', 0, NO_LIMIT, usual);
  const views = new BoundedList();
  const query: PinQuery = {
    limit: read.integer(0, 'limit', 1, LIST_LIMIT, LIST_LIMIT),
    atHeight: read.integer(1, 'atHeight', 0, NO_HEIGHT, NO_HEIGHT),
    all: read.boolean(2, 'all', false),
    ...(after === undefined ? {} : { after: idParameter(after, 'after') }),
    enough: (state) => views.add(pinView(state, node.store.pins.versions(state), most)),
  };
  find(node, selector, query);
  return views.items;
}

function eventView(event: PinEvent): object {
  return {
    operation: event.data?.operation ?? 'transfer',
    txid: hashToId(event.hash),
    height: event.height,
    status: event.status,
    ...holderView(event),
    ...(event.location ? { offset: Number(event.location.offset) } : {}),
    ...(event.data ? contentView(event.data, LISTED_PAYLOAD) : {}),
  };
}

/** What `getpinhistory` answers. */
export function pinHistory(node: PinSource, params: Params): object[] {
  const id = idParameter(params.string(0, 'id'), 'id');
  const limit = params.integer(1, 'limit', 1, HISTORY_LIMIT, HISTORY_LIMIT);
  const events = node.store.pins.events(id, limit, params.integer(2, 'skip', 0, NO_LIMIT, 0));
  if (!node.store.pins.get(id)) throw new RpcError(RPC_CODE.notFound, 'No such pin on the chain');
  const views = new BoundedList();
  for (const event of events) if (views.add(eventView(event))) break;
  return views.items;
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
