import { equalBytes, mapConcurrently, toHex } from '../../base/index.js';
import {
  type ChainClient,
  formatOutpoint,
  hashToId,
  idToHash,
  type Outpoint,
  type Transaction,
} from '../../chain/index.js';
import {
  type Delivery,
  GRANT_PATH,
  grantScript,
  parsePledge,
  pledgeScript,
} from '../contracts/assurance.js';
import { parseGrant, pathOf, pledgeSpending } from '../contracts/assuranceReads.js';
import type { PledgeCoin } from '../contracts/assuranceSpends.js';
import {
  MAXIMUM_REVEAL,
  MAXIMUM_SAYING,
  parseDeliveryPin,
  parseJudgementPin,
  parsePledgePin,
  parseRevealPin,
  parseVotePin,
  type Reveal,
  type SignedDelivery,
  type SignedJudgement,
  sayingPath,
} from './pins.js';
import { minimumPledge } from './task.js';
import { type PinnedTask, type PinPlace, readPins } from './tasks.js';

/** A pledge that the chain holds, or held. */
export interface KnownPledge extends PledgeCoin {
  /** Block that holds it; 0 while it waits. */
  readonly height: number;
  readonly state: 'pledged' | 'accepted' | 'refunded';
  /** Whether it is large enough to count towards the goal. */
  readonly counts: boolean;
}

/** A grant that an acceptance made. */
export interface KnownGrant extends PledgeCoin {
  readonly state: 'waiting' | 'withdrawn' | 'taken';
}

/** A transaction that accepted a delivery. */
export interface Acceptance extends Delivery {
  readonly txid: string;
  /** Block that holds it; 0 while it waits. */
  readonly height: number;
  /** Base units. */
  readonly value: bigint;
  /** None where judges accept: they pay at once. */
  readonly grants: readonly KnownGrant[];
}

/** A delivery on the chain. */
export interface PinnedDelivery extends Delivery {
  readonly place: PinPlace;
  /** Whether it was pinned before the test set was shown; always so while it is not, and where backers accept. */
  readonly inTime: boolean;
}

/** All that the chain says about a task. */
export interface TaskProgress {
  readonly known: PinnedTask;
  /** Of the tip. */
  readonly height: number;
  readonly pledges: readonly KnownPledge[];
  readonly deliveries: readonly PinnedDelivery[];
  /** Of backers, each once for a delivery. */
  readonly votes: readonly SignedDelivery[];
  /** Of the task's judges, each once for a delivery. */
  readonly judgements: readonly SignedJudgement[];
  readonly reveal: (Reveal & { readonly place: PinPlace }) | undefined;
  readonly acceptances: readonly Acceptance[];
}

/** Whether two deliveries are of the same bundle for the same payee. */
export function isSameDelivery(one: Delivery, other: Delivery): boolean {
  return equalBytes(one.delivery, other.delivery) && equalBytes(one.payee, other.payee);
}

/** Unspent outputs of many scripts, none of a coinbase, none with a token, by `txid:vout`. */
async function unspentOf(client: ChainClient, scripts: readonly Uint8Array[]) {
  const found = new Map<
    string,
    { outpoint: Outpoint; value: bigint; height: number; script: Uint8Array }
  >();
  for (const { outpoint, output, height, coinbase } of await client.largestUtxos(scripts)) {
    if (coinbase || output.token) continue;
    const { value, lockingScript: script } = output;
    found.set(formatOutpoint(outpoint), { outpoint, value, height, script });
  }
  return found;
}

/** A pledge with what spent it. */
type Spent = KnownPledge & { readonly spentBy?: string };

/**
 * All pledges that pins announce, and others of the same backers. A pin counts only where its own transaction holds the
 * pledge that it names, so that nobody can announce money that is not there.
 */
async function readPledges(client: ChainClient, known: PinnedTask): Promise<Spent[]> {
  const { terms } = known;
  const counts = (value: bigint): boolean => value >= minimumPledge(known.task);
  const path = sayingPath('pledge', terms.task);
  const pins = await readPins(client, path, MAXIMUM_SAYING, (payload) =>
    parsePledgePin(terms.task, payload),
  );
  const announced = (
    await mapConcurrently(pins, async ({ said, place }) => {
      const transaction = (await client.transaction(place.txid))?.transaction;
      const output = transaction?.outputs[said];
      const backer = output && parsePledge(terms, output);
      if (!backer) return [];
      const { value } = output;
      const outpoint = { hash: idToHash(place.txid), index: said };
      return [{ outpoint, value, backer, height: place.height, counts: counts(value) }];
    })
  ).flat();
  const backers = new Map(
    announced.map(({ backer }) => [toHex(pledgeScript(terms, backer)), backer]),
  );
  const unspent = await unspentOf(
    client,
    [...backers.keys()].map((hex) => Buffer.from(hex, 'hex')),
  );
  const names = new Set(announced.map(({ outpoint }) => formatOutpoint(outpoint)));
  const silent = [...unspent].flatMap(([name, { outpoint, value, height, script }]) =>
    names.has(name) || height === 0
      ? []
      : [{ outpoint, value, backer: backers.get(toHex(script))!, height, counts: counts(value) }],
  );
  return mapConcurrently([...announced, ...silent], async (pledge): Promise<Spent> => {
    const isThere = unspent.has(formatOutpoint(pledge.outpoint));
    const spender = isThere ? undefined : await client.spender(pledge.outpoint);
    const transaction = spender && (await client.transaction(spender.txid))?.transaction;
    const spending = transaction && pledgeSpending(terms, transaction, spender.inputIndex);
    if (!spending) return { ...pledge, state: 'pledged' };
    return spending.path === 'refund'
      ? { ...pledge, state: 'refunded' }
      : { ...pledge, state: 'accepted', spentBy: spender.txid };
  });
}

async function readGrants(
  client: ChainClient,
  { terms }: PinnedTask,
  transaction: Transaction,
  txid: string,
): Promise<KnownGrant[]> {
  const { acceptance } = terms;
  if (acceptance.by !== 'backers') return [];
  const grants = transaction.outputs.flatMap((output, index) => {
    const grant = parseGrant(acceptance, output);
    return grant
      ? [{ ...grant, outpoint: { hash: idToHash(txid), index }, value: output.value }]
      : [];
  });
  const scripts = grants.map(({ backer, ...delivery }) =>
    grantScript(acceptance, backer, delivery),
  );
  const unique = new Map(scripts.map((script) => [toHex(script), script]));
  const unspent = await unspentOf(client, [...unique.values()]);
  return mapConcurrently(grants, async ({ outpoint, value, backer }): Promise<KnownGrant> => {
    const isThere = unspent.has(formatOutpoint(outpoint));
    const spender = isThere ? undefined : await client.spender(outpoint);
    const spending = spender && (await client.transaction(spender.txid))?.transaction;
    const path = spending && pathOf(spending, spender.inputIndex);
    const state = path === undefined ? 'waiting' : path === GRANT_PATH.take ? 'taken' : 'withdrawn';
    return { outpoint, value, backer, state };
  });
}

async function readAcceptances(
  client: ChainClient,
  known: PinnedTask,
  pledges: readonly Spent[],
): Promise<Acceptance[]> {
  const { terms } = known;
  const txids = [...new Set(pledges.flatMap(({ spentBy }) => spentBy ?? []))];
  const found = await mapConcurrently(txids, async (txid) => {
    const mined = await client.transaction(txid);
    const spending = mined && pledgeSpending(terms, mined.transaction, 0);
    if (!mined || spending?.path !== 'accept') return [];
    const { delivery, payee } = spending;
    const grants = await readGrants(client, known, mined.transaction, txid);
    const value =
      terms.acceptance.by === 'judges'
        ? mined.transaction.outputs[0]!.value
        : grants.reduce((sum, grant) => sum + grant.value, 0n);
    return [{ txid, height: mined.height, delivery, payee, value, grants }];
  });
  return found.flat();
}

/** Each signer's first word on each of the deliveries. */
function firstWords<T extends SignedDelivery>(
  words: readonly { readonly said: T }[],
  signers: ReadonlySet<string>,
  deliveries: readonly Delivery[],
): T[] {
  const found = new Map<string, T>();
  for (const { said } of words) {
    const name = [said.signer, said.delivery, said.payee].map(toHex).join();
    const isAbout = deliveries.some((delivery) => isSameDelivery(delivery, said));
    if (isAbout && signers.has(toHex(said.signer)) && !found.has(name)) found.set(name, said);
  }
  return [...found.values()];
}

async function readDeliveries(
  client: ChainClient,
  { terms }: PinnedTask,
  reveal: Reveal | undefined,
): Promise<PinnedDelivery[]> {
  const path = sayingPath('delivery', terms.task);
  const pins = await readPins(client, path, MAXIMUM_SAYING, (payload) =>
    parseDeliveryPin(terms.task, payload),
  );
  const found = new Map<string, PinnedDelivery>();
  for (const { said, place } of pins) {
    const name = `${toHex(said.delivery)}${toHex(said.payee)}`;
    const inTime = reveal === undefined || place.height <= reveal.upTo;
    if (!found.has(name)) found.set(name, { ...said, place, inTime });
  }
  return [...found.values()];
}

async function readReveal(client: ChainClient, { terms, task }: PinnedTask) {
  if (terms.acceptance.by !== 'judges') return undefined;
  const path = sayingPath('reveal', terms.task);
  const reveals = await readPins(client, path, MAXIMUM_REVEAL, (payload) =>
    parseRevealPin(terms, task.creator, payload),
  );
  // nobody knows what is pinned in the reveal's own block, or later, when it is signed
  const first = reveals.find(({ said, place }) => said.upTo < place.height);
  return first && { ...first.said, place: first.place };
}

/** Reads all that the chain says about a task: the same for every node at the same block. */
export async function readProgress(client: ChainClient, known: PinnedTask): Promise<TaskProgress> {
  const { terms } = known;
  const { acceptance } = terms;
  const words = <T>(saying: 'vote' | 'judgement', parse: (payload: Uint8Array) => T | undefined) =>
    readPins(client, sayingPath(saying, terms.task), MAXIMUM_SAYING, parse);
  const [height, spent, reveal] = await Promise.all([
    client.height(),
    readPledges(client, known),
    readReveal(client, known),
  ]);
  const deliveries = await readDeliveries(client, known, reveal);
  const signers =
    acceptance.by === 'judges' ? acceptance.judges : spent.map(({ backer }) => backer);
  const names = new Set(signers.map(toHex));
  const votes =
    acceptance.by === 'judges' ? [] : await words('vote', (bytes) => parseVotePin(terms, bytes));
  const judgements =
    acceptance.by === 'backers'
      ? []
      : await words('judgement', (bytes) => parseJudgementPin(terms, bytes));
  return {
    known,
    height,
    pledges: spent.map(({ spentBy: _, ...pledge }) => pledge),
    deliveries,
    votes: firstWords(votes, names, deliveries),
    judgements: firstWords(judgements, names, deliveries),
    reveal,
    acceptances: await readAcceptances(client, known, spent),
  };
}

/** A coin's name, `txid:vout`. */
export const coinName = ({ outpoint }: { readonly outpoint: Outpoint }): string =>
  `${hashToId(outpoint.hash)}:${outpoint.index}`;
