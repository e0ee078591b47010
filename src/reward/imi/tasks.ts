import { BitmodelError, EXIT, toHex } from '../../base/index.js';
import { type ChainClient, decodePin, idToHash, type Pin } from '../../chain/index.js';
import type { PledgeTerms } from '../contracts/assurance.js';
import { type ImiTask, parseTask, TASK_PIN_PATH, taskTerms } from './task.js';

/** Where and when something was pinned. */
export interface PinPlace {
  readonly pin: string;
  /** Printed id of the transaction. */
  readonly txid: string;
  /** Block that holds it. */
  readonly height: number;
}

/** A task on the chain. */
export interface PinnedTask {
  /** 64 hex digits. */
  readonly id: string;
  readonly task: ImiTask;
  /** What its pledges are locked to on this chain. */
  readonly terms: PledgeTerms;
  readonly place: PinPlace;
}

/**
 * What a pin said in the transaction that made it, whatever its holder made of it since: pledges stand on these words.
 * @param most a longer payload gives undefined
 */
async function firstSaid(
  client: ChainClient,
  pin: Pin,
  most: number,
): Promise<Uint8Array | undefined> {
  const [first] = pin.versions;
  if (first?.txid === pin.txid && first.size > most) return undefined;
  // the node tells of the last hundred versions, and of no long ones
  if (first?.txid === pin.txid && first.payload.length === first.size) return first.payload;
  const known = await client.transaction(pin.txid);
  for (const { lockingScript } of known?.transaction.outputs ?? []) {
    const said = decodePin(lockingScript);
    if (said) return said.payload.length <= most ? said.payload : undefined;
  }
  return undefined;
}

/**
 * Everything that pins at a path say in full, in the order in which they were made; what later became of the pins does
 * not matter, and what is none of it is passed over.
 * @param most longest payload that is read
 */
export async function readPins<T>(
  client: ChainClient,
  path: string,
  most: number,
  parse: (payload: Uint8Array) => T | undefined,
): Promise<{ readonly said: T; readonly place: PinPlace }[]> {
  const found: { said: T; place: PinPlace }[] = [];
  for await (const pin of client.eachPin(path, { all: true, maxPayload: most })) {
    const payload = await firstSaid(client, pin, most);
    const said = payload && parse(payload);
    const { id, txid, height } = pin;
    if (said !== undefined) found.push({ said, place: { pin: id, txid, height } });
  }
  return found;
}

/** Longest payload of a task. */
const MAXIMUM_TASK = 65_536;

/** All tasks on the chain, in the order of their pins; the same task pinned twice counts once. */
export async function readTasks(client: ChainClient): Promise<PinnedTask[]> {
  const genesis = idToHash(await client.genesisId());
  const tasks = new Map<string, PinnedTask>();
  for (const { said, place } of await readPins(client, TASK_PIN_PATH, MAXIMUM_TASK, parseTask)) {
    const terms = taskTerms(said, genesis);
    const id = toHex(terms.task);
    if (!tasks.has(id)) tasks.set(id, { id, task: said, terms, place });
  }
  return [...tasks.values()];
}

/** Digits of a task's id that must be given at least. */
const SHORTEST = 6;

/**
 * The task that a text means: its id, or the beginning of it.
 * @throws BitmodelError `UNKNOWN_TASK` (exit 3), `AMBIGUOUS_TASK`
 */
export async function findTask(client: ChainClient, text: string): Promise<PinnedTask> {
  const wanted = text.toLowerCase();
  const isBeginning = wanted.length >= SHORTEST && /^[0-9a-f]{1,64}$/.test(wanted);
  const tasks = isBeginning ? await readTasks(client) : [];
  const [found, other] = tasks.filter(({ id }) => id.startsWith(wanted));
  if (!found) {
    const message =
      wanted.length < SHORTEST
        ? `A task is named by its id or the first ${SHORTEST} digits of it or more, which "${text}" is not.`
        : `The chain has no task "${text.slice(0, 64)}".`;
    throw new BitmodelError('UNKNOWN_TASK', message, {
      next: 'See bitmodel imi list; a new one counts once it is in a block',
      exitCode: EXIT.notFound,
    });
  }
  if (!other) return found;
  throw new BitmodelError('AMBIGUOUS_TASK', `Several tasks begin with ${wanted}.`, {
    next: 'Give more of the id',
    exitCode: EXIT.usage,
  });
}
