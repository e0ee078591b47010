import { mapConcurrently } from '../../base/index.js';
import type { ChainClient, Pin } from '../../chain/index.js';
import { nftBehind } from '../contracts/holder.js';
import type { Standing } from '../graph/graph.js';
import {
  CONTRIBUTION_PIN_PATH,
  type Dispute,
  parseStatement,
  type Statement,
} from './contribution.js';
import { spendsNft } from './nftWord.js';
import { readOwnWords } from './ownWord.js';
import { pinEvents } from './pinEvents.js';
import type { Registry } from './registry.js';

/** Who said something in a pin, and when. */
export interface Said {
  /** Id of the pin. */
  readonly pin: string;
  /** Address whose coin made the pin. */
  readonly creator: string;
  /** SHA-256 of the address, hex (MetaID v2). */
  readonly metaId: string;
  /** Block since which it says so. */
  readonly height: number;
}

/** A dispute on the chain that its author has not taken back. */
export interface PublishedDispute extends Dispute, Said {
  /** Whether whoever made it held the pin of the parent that it names, so that it decides how the claim stands. */
  readonly byParent: boolean;
}

/** The last word of a parent's holder on one claim. */
export interface ParentsWord extends Said {
  readonly statement: Statement;
}

/** How claims stand, as of the block of a registry. */
export interface Standings {
  /** How the claim stands that `child` gives `parent` this weight. */
  of(child: string, parent: string, ppm: number): Standing;
  /** What the holder of the parent's pin said of the claim last; undefined for nothing. */
  wordOf(child: string, parent: string): ParentsWord | undefined;
  /** Disputes about a source, oldest first. */
  disputes(child: string): readonly PublishedDispute[];
}

interface StatementPin extends Said {
  readonly statement: Statement;
  /** What the pin was made with. */
  readonly made: { readonly statement: Statement; readonly height: number };
}

/** Something that a pin said, and who held it just before; undefined where its creator made it so. */
interface Version {
  readonly payload: Uint8Array | undefined;
  readonly height: number;
  readonly by?: string | undefined;
}

/** All that a pin said. One that was changed is asked for whole: who held it when is in no list of pins. */
async function versionsOf(client: ChainClient, pin: Pin, atHeight: number): Promise<Version[]> {
  if (pin.versions.length === 1 && pin.versions[0]!.operation !== 'modify')
    return [...pin.versions];
  const said: Version[] = [];
  let holder: string | undefined;
  for await (const { operation, payload, height, owner } of pinEvents(client, pin, atHeight)) {
    if (said.length === 0) said.push({ payload, height });
    else if (operation === 'modify') said.push({ payload, height, by: holder ?? '' });
    holder = owner;
  }
  return said;
}

/** Whether the creator of a revoked pin revoked it, and not somebody whom it was handed on to. */
async function isTakenBack(client: ChainClient, pin: Pin, atHeight: number): Promise<boolean> {
  let holder: string | undefined;
  for await (const { operation, owner } of pinEvents(client, pin, atHeight)) {
    if (operation === 'revoke') return holder === pin.creator;
    holder = owner;
  }
  return true;
}

/**
 * What the creator of a pin says by it: its last valid version that was made while the creator held it. It stays about what
 * it was made about. So whoever gets the pin, by whatever spend of its coin, can't speak for its creator.
 * @returns undefined for nothing, and for a pin that nobody can answer for
 */
async function statementOf(
  client: ChainClient,
  pin: Pin,
  atHeight: number,
): Promise<StatementPin | undefined> {
  const { id, status, creator, metaId } = pin;
  if (creator === undefined || metaId === undefined) return undefined;
  if (status === 'revoked' && (await isTakenBack(client, pin, atHeight))) return undefined;
  const [made, ...changes] = await versionsOf(client, pin, atHeight);
  const first = made?.payload && parseStatement(made.payload);
  if (!made || !first) return undefined;
  let said = { statement: first, height: made.height };
  for (const { payload, height, by } of changes) {
    const statement = by === creator && payload && parseStatement(payload);
    if (!statement) continue;
    const { child, parent } = statement;
    if (child === first.child && parent === first.parent) said = { statement, height };
  }
  return {
    ...said,
    pin: id,
    creator,
    metaId,
    made: { statement: first, height: made.height },
  };
}

/** Since which block who holds a pin, in order. */
type Holders = readonly { readonly height: number; readonly owner: string | undefined }[];

async function holdersOf(client: ChainClient, pin: Pin, atHeight: number): Promise<Holders> {
  const holders: { height: number; owner: string | undefined }[] = [];
  for await (const { height, owner } of pinEvents(client, pin, atHeight)) {
    if (holders.at(-1)?.owner !== owner) holders.push({ height, owner });
  }
  return holders;
}

/** Who held a pin when a block had passed. */
function holderAt(holders: Holders, height: number): string | undefined {
  return holders.findLast((each) => each.height <= height)?.owner;
}

/** Items of a stream, so many at a time; the last may be fewer. */
async function* inBatches<T>(stream: AsyncIterable<T>, size: number): AsyncGenerator<T[], void> {
  let batch: T[] = [];
  for await (const item of stream) {
    if (batch.push(item) < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

const keyOf = (child: string, parent: string): string => `${child}:${parent}`;

/** The parents whose holders are asked for, each once, so many at a time. */
const AT_ONCE = 16;

async function holdersOfParents(
  client: ChainClient,
  { byId, height }: Registry,
  statements: readonly StatementPin[],
): Promise<Map<string, Holders>> {
  const parents = [...new Set(statements.flatMap(({ statement }) => statement.parent ?? []))];
  const found = new Map<string, Holders>();
  for (let at = 0; at < parents.length; at += AT_ONCE) {
    await Promise.all(
      parents.slice(at, at + AT_ONCE).map(async (parent) => {
        const source = byId.get(parent);
        if (source) found.set(parent, await holdersOf(client, source.pin, height));
      }),
    );
  }
  return found;
}

/** A statement with whether it is the parent's word. */
interface Heard extends StatementPin {
  readonly byParent: boolean;
}

/**
 * Whether a statement is the word of the holder of the parent that it names: made from a coin of the address that held the parent's
 * pin; or, where that lay with an NFT, in a transaction that spends the NFT. Then the words that the pin was made with are
 * the word, since the NFT was not there when it was changed.
 */
async function heard(client: ChainClient, said: StatementPin, held: Holders): Promise<Heard> {
  const { made } = said;
  const nft = nftBehind(holderAt(held, made.height));
  if (nft === undefined) {
    return { ...said, byParent: holderAt(held, said.height) === said.creator };
  }
  const byParent = await spendsNft(client, said.pin.slice(0, 64), nft);
  return byParent ? { ...said, ...made, byParent } : { ...said, byParent };
}

/**
 * How claims stand, from the pins of those who confirm and dispute them. A word counts as the parent's if whoever made its
 * pin held the parent's pin in force when the block had passed in which it was said, or spent the NFT that it lies with; of several the last counts, as long as
 * its pin is not revoked. A confirmation holds for weights from the one it names up: a claim of less is unconfirmed again.
 * Where nothing was said, one holder has both pins, and made the child's say what it says, nobody else could confirm it: it is
 * confirmed. A pin that was only sent to the parent's holder says nothing for it.
 * @param about read only what concerns these sources; all unless stated
 */
export async function readStandings(
  client: ChainClient,
  registry: Registry,
  about?: ReadonlySet<string>,
): Promise<Standings> {
  const { byId, height: atHeight } = registry;
  const statements: StatementPin[] = [];
  const options = { all: true, atHeight, maxPayload: 4_096 };
  for await (const pins of inBatches(client.eachPin(CONTRIBUTION_PIN_PATH, options), AT_ONCE)) {
    for (const said of await mapConcurrently(pins, (pin) => statementOf(client, pin, atHeight))) {
      if (said && (about?.has(said.statement.child) ?? true)) statements.push(said);
    }
  }
  const own = await readOwnWords(client, registry, about);
  const holders = await holdersOfParents(client, registry, statements);
  const words = new Map<string, ParentsWord>();
  const disputes = new Map<string, PublishedDispute[]>();
  const all = await mapConcurrently(statements, (said) =>
    heard(client, said, holders.get(said.statement.parent ?? '') ?? []),
  );
  // stable, so that within a block the order of the pins decides
  for (const said of all.sort((a, b) => a.height - b.height)) {
    const { statement, byParent, made: _made, ...who } = said;
    const { child, parent } = statement;
    if (byParent && parent !== undefined) words.set(keyOf(child, parent), { ...who, statement });
    if (statement.standing !== 'disputed') continue;
    const list = disputes.get(child) ?? [];
    list.push({ ...statement, ...who, byParent });
    disputes.set(child, list);
  }
  return {
    of(child, parent, ppm) {
      const said = words.get(keyOf(child, parent))?.statement;
      if (said?.standing === 'disputed') return 'disputed';
      if (said) return ppm >= said.ppm ? 'confirmed' : 'unconfirmed';
      const holder = byId.get(child)?.pin.owner;
      const isOwn = own.has(child) && holder === byId.get(parent)?.pin.owner;
      return isOwn ? 'confirmed' : 'unconfirmed';
    },
    wordOf: (child, parent) => words.get(keyOf(child, parent)),
    disputes: (child) => disputes.get(child) ?? [],
  };
}
