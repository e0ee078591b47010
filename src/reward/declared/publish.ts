import { sha256 } from '../../base/index.js';
import {
  type ChainClient,
  createPin,
  modifyPin,
  type Pin,
  type PinWrite,
  type Wallet,
} from '../../chain/index.js';
import type { ParentShare } from '../graph/graph.js';
import {
  completeDeclaration,
  type DeclarationBase,
  type DeclarationDraft,
  type ModelDeclaration,
  type OtherDeclaration,
} from './declaration.js';
import {
  MODEL_PIN_PATH,
  modelPinPayload,
  SOURCE_PIN_PATH,
  sourcePinPayload,
} from './pinPayload.js';
import { readRegistry, unknownSource } from './registry.js';

/** A parent to declare; `pays` is looked up on the chain unless it is known. */
export interface ParentDraft extends ParentShare {
  /** SHA-256 of the locking script that the parent is paid at, 32 bytes. */
  readonly pays?: Uint8Array;
}

type Draft<T extends DeclarationBase> = Omit<DeclarationDraft<T>, 'parents'> & {
  readonly parents: readonly ParentDraft[];
};
/** A model that is to be published. */
export type ModelDraft = Omit<Draft<ModelDeclaration>, 'kind'>;
/** A source that is to be published. */
export type SourceDraft = Draft<OtherDeclaration>;

/** Completes parents with where they are paid, as their own first valid pins say. */
async function resolveParents(client: ChainClient, parents: readonly ParentDraft[]) {
  const known = parents.every((parent) => parent.pays !== undefined);
  const byId = known ? undefined : (await readRegistry(client)).byId;
  return parents.map(({ id, ppm, pays }) => {
    if (pays) return { id, ppm, pays };
    const parent = byId?.get(id);
    if (!parent) throw unknownSource(id);
    return { id, ppm, pays: sha256(parent.split) };
  });
}

/**
 * A model's declaration with its split contract: what its parents get goes to where their pins say.
 * @throws BitmodelError `UNKNOWN_SOURCE` for a parent without a pin in a block, and as {@link completeDeclaration}
 */
export async function declareModel(
  client: ChainClient,
  draft: ModelDraft,
): Promise<ModelDeclaration> {
  const parents = await resolveParents(client, draft.parents);
  return completeDeclaration<ModelDeclaration>({ ...draft, kind: 'model', parents });
}

/** As {@link declareModel}, for a source of another kind. */
export async function declareSource(
  client: ChainClient,
  draft: SourceDraft,
): Promise<OtherDeclaration> {
  const parents = await resolveParents(client, draft.parents);
  return completeDeclaration<OtherDeclaration>({ ...draft, parents });
}

const JSON_TYPE = 'application/json';

/** Publishes a model: its pin is held by its owner. @throws as `createPin` */
export function publishModel(wallet: Wallet, model: ModelDeclaration): Promise<PinWrite> {
  const content = { contentType: JSON_TYPE, payload: modelPinPayload(model) };
  return createPin(wallet, MODEL_PIN_PATH, content, model.owner);
}

/**
 * Changes what a model's pin declares, from the block on that takes it in: new parents and weights make a new split
 * contract, and what was paid to the old one is still shared by the old one.
 * @param wallet holds the pin
 * @throws BitmodelError `NOT_PIN_OWNER`, `PIN_REVOKED`, as `modifyPin`
 */
export function updateModel(
  client: ChainClient,
  wallet: Wallet,
  pin: Pin,
  model: ModelDeclaration,
): Promise<PinWrite> {
  const content = { contentType: JSON_TYPE, payload: modelPinPayload(model) };
  return modifyPin(client, wallet, pin, content);
}

/** As {@link publishModel}, for a source that is not a model. */
export function publishSource(wallet: Wallet, source: OtherDeclaration): Promise<PinWrite> {
  const content = { contentType: JSON_TYPE, payload: sourcePinPayload(source) };
  return createPin(wallet, SOURCE_PIN_PATH, content, source.owner);
}
