import type { ChainClient, Pin, PinVersion } from '../../chain/index.js';
import type { Declaration } from './declaration.js';
import { pinEvents } from './pinEvents.js';
import { MODEL_PIN_PATH, parseModelPin, parseSourcePin, SOURCE_PIN_PATH } from './pinPayload.js';

/** What a claim declared from some block on. */
export interface ClaimVersion {
  readonly declaration: Declaration;
  /** Block that holds it. */
  readonly height: number;
  /** Printed id of the transaction that wrote it. */
  readonly txid: string;
}

/** A pin that declares a source, with everything valid that it ever said about it. */
export interface Claim {
  /** The pin as of the height that was asked for; it may be revoked. */
  readonly pin: Pin;
  /** Oldest first; the first is what the pin was made with. */
  readonly versions: readonly [ClaimVersion, ...ClaimVersion[]];
}

type Path = typeof MODEL_PIN_PATH | typeof SOURCE_PIN_PATH;
type Parse = (payload: Uint8Array) => Declaration | undefined;
/** Operations whose payload a pin says from then on. */
const SAYS: ReadonlySet<string> = new Set(['create', 'init', 'modify']);

type Said = Pick<PinVersion, 'payload' | 'height' | 'txid'>;

/**
 * All that a pin has said as of a height. A list of pins tells the last versions of each, and who may change a pin could
 * so hide what it was about at first: a longer one is asked for whole.
 */
async function allSaid(client: ChainClient, pin: Pin, atHeight: number): Promise<readonly Said[]> {
  if (pin.versions[0]?.operation !== 'modify') return pin.versions;
  const said: Said[] = [];
  for await (const { operation, payload, height, txid } of pinEvents(client, pin, atHeight)) {
    // what comes with hiding or revoking says nothing
    if (payload && SAYS.has(operation)) said.push({ payload, height, txid });
  }
  return said;
}

/** The claim in a pin; undefined unless it was made as one. */
async function claimOf(
  client: ChainClient,
  pin: Pin,
  parse: Parse,
  atHeight: number,
): Promise<Claim | undefined> {
  const [made, ...changes] = await allSaid(client, pin, atHeight);
  const first = made && parse(made.payload);
  if (!first) return undefined;
  const later = changes.flatMap(({ payload, height, txid }): ClaimVersion[] => {
    const declaration = parse(payload);
    return declaration?.id === first.id ? [{ declaration, height, txid }] : [];
  });
  return {
    pin,
    versions: [{ declaration: first, height: made.height, txid: made.txid }, ...later],
  };
}

const PARSE: Readonly<Record<Path, Parse>> = {
  [MODEL_PIN_PATH]: parseModelPin,
  [SOURCE_PIN_PATH]: parseSourcePin,
};

/** The claims at a path, in the order of their pins. */
async function* claimsAt(client: ChainClient, path: Path, atHeight: number): AsyncGenerator<Claim> {
  for await (const pin of client.eachPin(path, { all: true, atHeight })) {
    const claim = await claimOf(client, pin, PARSE[path], atHeight);
    if (claim) yield claim;
  }
}

async function allAt(client: ChainClient, path: Path, atHeight: number): Promise<Claim[]> {
  const claims: Claim[] = [];
  for await (const claim of claimsAt(client, path, atHeight)) claims.push(claim);
  return claims;
}

/** The first claim to an id at a path that is not revoked, of those in blocks below one. */
async function firstAt(
  client: ChainClient,
  path: Path,
  id: string,
  atHeight: number,
  below = Number.POSITIVE_INFINITY,
): Promise<Claim | undefined> {
  for await (const claim of claimsAt(client, path, atHeight)) {
    if (claim.pin.height >= below) return undefined;
    if (claim.versions[0].declaration.id === id && claim.pin.status !== 'revoked') return claim;
  }
  return undefined;
}

/**
 * The claim to an id that counts, as in {@link readClaims}. It reads no further than it has to, so that what is pinned later,
 * however much, takes no time from whoever asks for a model that was there before.
 */
export async function findClaim(
  client: ChainClient,
  id: string,
  atHeight: number,
): Promise<Claim | undefined> {
  const model = await firstAt(client, MODEL_PIN_PATH, id, atHeight);
  return (await firstAt(client, SOURCE_PIN_PATH, id, atHeight, model?.pin.height)) ?? model;
}

/**
 * Every pin that was made as a valid declaration, those of lower blocks first, and in a block models before others, each in
 * the order of their transactions. A pin that was made as something else never declares anything: or whoever keeps an old
 * one could have it say, and so be the first to say, what somebody else published since. For the same reason a pin stays
 * with the id that it was made with.
 */
export async function readClaims(client: ChainClient, atHeight: number): Promise<Claim[]> {
  const [models, sources] = await Promise.all([
    allAt(client, MODEL_PIN_PATH, atHeight),
    allAt(client, SOURCE_PIN_PATH, atHeight),
  ]);
  // stable, so that each path keeps its order within a block
  return [...models, ...sources].sort((a, b) => a.pin.height - b.pin.height);
}
