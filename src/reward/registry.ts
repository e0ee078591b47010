import { BitmodelError, EXIT, sha256, toHex } from '../base/index.js';
import type { ChainClient, Pin } from '../chain/index.js';
import type { Declaration, ModelDeclaration } from './declaration.js';
import { quoted } from './graph.js';
import { MODEL_PIN_PATH, parseModelPin, parseSourcePin, SOURCE_PIN_PATH } from './pin-payload.js';

/** A declaration with the pin that made it. */
export type Published<T extends Declaration = Declaration> = T & { readonly pin: Pin };

/**
 * What the chain says about sources, as of a height. Of several pins for one id the first valid one counts: the
 * lowest block, and in it the order of transactions; only pins of the operation `create`. Who is first may so be
 * somebody else than the author; a buyer names a model by its id and sees in the pin who is paid for it.
 */
export interface Registry {
  /** The first valid declaration of each id. */
  readonly byId: ReadonlyMap<string, Published>;
  /** Every locking script that a valid pin names, by the hex of its SHA-256. */
  readonly scripts: ReadonlyMap<string, Uint8Array>;
  /** The declaration that money in a script belongs to, by the hex of the script's SHA-256. */
  readonly byScript: ReadonlyMap<string, Published>;
}

function isOf(pin: Pin, atHeight: number): boolean {
  return pin.operation === 'create' && pin.height <= atHeight;
}

/** Reads all pins of models and sources. @param atHeight pins in later blocks don't count */
export async function readRegistry(
  client: ChainClient,
  atHeight = Number.POSITIVE_INFINITY,
): Promise<Registry> {
  const [models, sources] = await Promise.all([
    client.pins(MODEL_PIN_PATH),
    client.pins(SOURCE_PIN_PATH),
  ]);
  const pins = [
    ...models.map((pin) => ({ pin, declaration: parseModelPin(pin.payload) })),
    ...sources.map((pin) => ({ pin, declaration: parseSourcePin(pin.payload) })),
  ];
  // stable, so that within a block a path keeps the order of its transactions
  pins.sort((a, b) => a.pin.height - b.pin.height);
  const byId = new Map<string, Published>();
  const scripts = new Map<string, Uint8Array>();
  const byScript = new Map<string, Published>();
  for (const { pin, declaration } of pins) {
    if (!declaration || !isOf(pin, atHeight)) continue;
    const published = { ...declaration, pin };
    const destination = toHex(sha256(declaration.split));
    if (!byId.has(declaration.id)) byId.set(declaration.id, published);
    if (!byScript.has(destination)) byScript.set(destination, published);
    scripts.set(destination, declaration.split);
    scripts.set(toHex(sha256(declaration.owner)), declaration.owner);
  }
  return { byId, scripts, byScript };
}

/** The error for an id that nothing was published under. */
export function unknownSource(id: string): BitmodelError {
  return new BitmodelError('UNKNOWN_SOURCE', `Nothing is published under ${quoted(id)} yet.`, {
    next: 'Publish it first, and wait until its pin is in a block',
    exitCode: EXIT.notFound,
  });
}

/** The declaration of a source. @throws BitmodelError `UNKNOWN_SOURCE` (exit 3) */
export function findDeclaration(registry: Registry, id: string): Published {
  const source = registry.byId.get(id);
  if (!source) throw unknownSource(id);
  return source;
}

/**
 * The first valid pin of a model, by the rule of {@link Registry}.
 * @param modelId 64 hex digits
 * @param atHeight pins in later blocks don't count
 * @returns undefined when there is none
 */
export async function findModel(
  client: ChainClient,
  modelId: string,
  atHeight = Number.POSITIVE_INFINITY,
): Promise<Published<ModelDeclaration> | undefined> {
  for (const pin of await client.pins(MODEL_PIN_PATH)) {
    if (!isOf(pin, atHeight)) continue;
    const declaration = parseModelPin(pin.payload);
    if (declaration?.id === modelId) return { ...declaration, pin };
  }
  return undefined;
}
