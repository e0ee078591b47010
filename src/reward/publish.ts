import { sha256 } from '../base/index.js';
import { type ChainClient, DUST, encodePin, type Wallet } from '../chain/index.js';
import {
  completeDeclaration,
  type DeclarationBase,
  type DeclarationDraft,
  type ModelDeclaration,
  type OtherDeclaration,
} from './declaration.js';
import type { ParentShare } from './graph.js';
import {
  MODEL_PIN_PATH,
  modelPinPayload,
  SOURCE_PIN_PATH,
  sourcePinPayload,
} from './pin-payload.js';
import { readRegistry, unknownSource } from './registry.js';

/** A parent to declare; `pays` is looked up on the chain unless it is known. */
export interface ParentDraft extends ParentShare {
  /** SHA-256 of the locking script that the parent is paid at, 32 bytes. */
  readonly pays?: Uint8Array;
}

type Draft<T extends DeclarationBase> = Omit<DeclarationDraft<T>, 'parents'> & {
  readonly parents: readonly ParentDraft[];
};
export type ModelDraft = Omit<Draft<ModelDeclaration>, 'kind'>;
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

/** What came of publishing. */
export interface Publication {
  readonly txid: string;
  /** `<txid>i0`. */
  readonly pin: string;
  /** Base units. */
  readonly fee: bigint;
}

/**
 * Writes a declaration's pin: output 0 gives the owner the coin that is the pin, output 1 says it. It counts once it
 * is in a block.
 * @param wallet pays the fee and the coin
 * @throws BitmodelError `INSUFFICIENT_FUNDS`, and what the node says
 */
async function publish(
  wallet: Wallet,
  owner: Uint8Array,
  path: string,
  payload: Uint8Array,
): Promise<Publication> {
  const pin = encodePin({
    operation: 'create',
    path,
    contentType: 'application/json',
    payload,
  });
  const outputs = [
    { value: DUST, lockingScript: owner },
    { value: 0n, lockingScript: pin },
  ];
  // a pin carries next to no money, so its fee is always a large part of it
  const { txid, fee } = await wallet.send(outputs, { allowHighFee: true });
  return { txid, pin: `${txid}i0`, fee };
}

/** Publishes a model; see {@link publish}. */
export function publishModel(wallet: Wallet, model: ModelDeclaration): Promise<Publication> {
  return publish(wallet, model.owner, MODEL_PIN_PATH, modelPinPayload(model));
}

/** Publishes a source that is not a model; see {@link publish}. */
export function publishSource(wallet: Wallet, source: OtherDeclaration): Promise<Publication> {
  return publish(wallet, source.owner, SOURCE_PIN_PATH, sourcePinPayload(source));
}
