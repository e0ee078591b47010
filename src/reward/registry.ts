import { BitmodelError, EXIT, sha256, toHex } from '../base/index.js';
import type { ChainClient, Pin } from '../chain/index.js';
import type { Declaration, ModelDeclaration } from './declaration.js';
import { quoted } from './graph.js';
import { MODEL_PIN_PATH, parseModelPin, parseSourcePin, SOURCE_PIN_PATH } from './pinPayload.js';

/** A declaration with the pin that made it. */
export type Published<T extends Declaration = Declaration> = T & { readonly pin: Pin };

/**
 * What the chain says about sources, as of a height. Of several pins for one id the first valid one counts: the
 * lowest block, and in it the order of transactions. Whoever holds that pin may modify it, and so change weights and
 * owner from that block on: of its versions the last valid one counts, so that a broken one changes nothing. A revoked
 * pin declares nothing. Who is first may be somebody else than the author; a buyer names a model by its id and sees in
 * the pin who is paid for it.
 */
export interface Registry {
  /** The declaration in force of each id. */
  readonly byId: ReadonlyMap<string, Published>;
  /** Every locking script that any version of a valid pin names, by the hex of its SHA-256. */
  readonly scripts: ReadonlyMap<string, Uint8Array>;
  /** The declaration that money in a script belongs to, by the hex of the script's SHA-256. */
  readonly byScript: ReadonlyMap<string, Published>;
}

type Parse<T extends Declaration> = (payload: Uint8Array) => T | undefined;

/** The valid versions of a pin, oldest first: all about the id that the first of them is about. */
function declarations<T extends Declaration>(pin: Pin, parse: Parse<T>): T[] {
  const valid = pin.versions.flatMap(({ payload }) => parse(payload) ?? []);
  return valid.filter(({ id }) => id === valid[0]!.id);
}

/** Reads all pins of models and sources. @param atHeight what happened in later blocks does not count */
export async function readRegistry(client: ChainClient, atHeight?: number): Promise<Registry> {
  const options = { all: true, ...(atHeight === undefined ? {} : { atHeight }) };
  const [models, sources] = await Promise.all([
    client.pins(MODEL_PIN_PATH, options),
    client.pins(SOURCE_PIN_PATH, options),
  ]);
  const pins: { pin: Pin; versions: Declaration[] }[] = [
    ...models.map((pin) => ({ pin, versions: declarations(pin, parseModelPin) })),
    ...sources.map((pin) => ({ pin, versions: declarations(pin, parseSourcePin) })),
  ];
  // stable, so that within a block a path keeps the order of its transactions
  pins.sort((a, b) => a.pin.height - b.pin.height);
  const byId = new Map<string, Published>();
  const scripts = new Map<string, Uint8Array>();
  const byScript = new Map<string, Published>();
  for (const { pin, versions } of pins) {
    // money already paid to an earlier version's split can still be settled
    for (const declaration of versions) {
      const destination = toHex(sha256(declaration.split));
      if (!byScript.has(destination)) byScript.set(destination, { ...declaration, pin });
      scripts.set(destination, declaration.split);
      scripts.set(toHex(sha256(declaration.owner)), declaration.owner);
    }
    const current = versions.at(-1);
    if (!current || pin.status === 'revoked' || byId.has(current.id)) continue;
    byId.set(current.id, { ...current, pin });
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
 * A model's declaration in force, by the rule of {@link Registry}.
 * @param modelId 64 hex digits
 * @param atHeight what happened in later blocks does not count
 * @returns undefined when there is none
 */
export async function findModel(
  client: ChainClient,
  modelId: string,
  atHeight?: number,
): Promise<Published<ModelDeclaration> | undefined> {
  const options = { all: true, ...(atHeight === undefined ? {} : { atHeight }) };
  for await (const pin of client.eachPin(MODEL_PIN_PATH, options)) {
    const current = declarations(pin, parseModelPin).at(-1);
    if (current?.id === modelId && pin.status !== 'revoked') return { ...current, pin };
  }
  return undefined;
}
