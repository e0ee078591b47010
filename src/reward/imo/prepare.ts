import { equalBytes, mapConcurrently, sha256, toHex } from '../../base/index.js';
import { createPin, decodePin, type Transaction, type Utxo } from '../../chain/index.js';
import { holderScript, nftBehind } from '../contracts/holder.js';
import {
  completeDeclaration,
  type DeclaredParent,
  type ModelDeclaration,
  type OtherDeclaration,
} from '../declared/declaration.js';
import type { PublishedModel } from '../declared/names.js';
import {
  parseModelPin,
  parseSourcePin,
  SOURCE_PIN_PATH,
  sourcePinPayload,
} from '../declared/pinPayload.js';
import { updateModel } from '../declared/publish.js';
import type { Registry } from '../declared/registry.js';
import { updateHeldModel } from '../nft/held.js';
import { type ImoDraft, type ImoMaking, type ImoStep, issuerScript } from './draft.js';
import { paidShare } from './figures.js';
import { incomeScript, incomeSourceId } from './incomeContract.js';

/** The transactions of the wallet's that are in no block yet, and those in blocks above one. */
export async function newOf(
  { client, wallet }: Pick<ImoMaking, 'client' | 'wallet'>,
  above = Number.POSITIVE_INFINITY,
): Promise<Transaction[]> {
  const isNew = ({ height }: { readonly height: number }): boolean =>
    height === 0 || height > above;
  const places = (await wallet.history()).filter(isNew);
  const found = await mapConcurrently(places, ({ txid }) => client.transaction(txid));
  return found.flatMap((known) => known?.transaction ?? []);
}

/** Whether a transaction of the wallet's that is in no block yet, or in one after the registry's, says what is to be said. */
async function isWaiting(
  making: ImoMaking,
  registry: Registry,
  says: (payload: Uint8Array) => boolean,
): Promise<boolean> {
  const outputs = (await newOf(making, registry.height)).flatMap((each) => each.outputs);
  return outputs.some(({ lockingScript }) => {
    const pin = decodePin(lockingScript);
    return pin !== undefined && says(pin.payload);
  });
}

/** The model's declaration with the holders' contract among its parents. @throws BitmodelError `BAD_SPLIT` */
export function withShare(registry: Registry, draft: ImoDraft, script: Uint8Array) {
  const { pin, since: _since, split: _split, ...kept } = registry.byId.get(draft.model)!;
  const id = incomeSourceId(script);
  const share: DeclaredParent = { id, ppm: draft.incomePpm, pays: sha256(script) };
  const parents = [...kept.parents.filter((parent) => parent.id !== id), share];
  const held = nftBehind(pin.owner);
  const owner = held ? holderScript(held) : kept.owner;
  const model = kept as ModelDeclaration;
  const after = completeDeclaration<ModelDeclaration>({ ...model, owner, parents });
  return { pin, after };
}

/** Publishes the holders' contract as a source, so that everybody who settles knows its script. */
async function publishContract(
  { wallet, key }: ImoMaking,
  registry: Registry,
  model: string,
  script: Uint8Array,
): Promise<ImoStep> {
  const name = `holders of ${registry.byId.get(model)!.name}`.slice(0, 128);
  const source = completeDeclaration<OtherDeclaration>({
    id: incomeSourceId(script),
    kind: 'service',
    name,
    owner: script,
    parents: [],
  });
  const content = { contentType: 'application/json', payload: sourcePinPayload(source) };
  // the pin's coin stays with the issuer: in the contract it would count as income
  const { txid, fee } = await createPin(wallet, SOURCE_PIN_PATH, content, issuerScript(key));
  return { step: 'source', txid, fee };
}

/**
 * Sends the next of what must be in a block before the offering: the holders' contract as a source, then the model's pin with
 * it as a parent. Undefined when all of it is there; `waits` when it was sent already.
 * @param nft the one that the model's pin lies with, where it does
 * @throws BitmodelError `BAD_SPLIT` where the parents leave too little, and what the wallet and the node say
 */
export async function prepare(
  draft: ImoDraft,
  making: ImoMaking,
  registry: Registry,
  nft?: Utxo,
): Promise<ImoStep | 'waits' | undefined> {
  const { model, incomePpm } = draft;
  const { client, wallet, key } = making;
  const script = incomeScript(model, key.publicKey);
  const hash = sha256(script);
  if (!registry.scripts.has(toHex(hash))) {
    const isMine = (payload: Uint8Array): boolean => {
      const source = parseSourcePin(payload);
      return source !== undefined && equalBytes(source.owner, script);
    };
    if (await isWaiting(making, registry, isMine)) return 'waits';
    return publishContract(making, registry, model, script);
  }
  if (paidShare(registry, model, script) >= incomePpm) return undefined;
  const { pin, after } = withShare(registry, draft, script);
  const isMine = (payload: Uint8Array): boolean => {
    const said = parseModelPin(payload);
    return said !== undefined && said.id === model && equalBytes(said.split, after.split);
  };
  if (await isWaiting(making, registry, isMine)) return 'waits';
  const published = registry.byId.get(model) as PublishedModel;
  const { txid, fee } = nft
    ? await updateHeldModel(client, wallet, nft, published, { parents: after.parents })
    : await updateModel(client, wallet, pin, after);
  return { step: 'share', txid, fee };
}
