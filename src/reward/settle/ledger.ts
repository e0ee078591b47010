import { existsSync, mkdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import {
  BitmodelError,
  EXIT,
  formatAmount,
  parseAmount,
  toHex,
  writeFileAtomic,
} from '../../base/index.js';
import { holdFileLock } from '../../chain/index.js';
import type { Amounts } from './batch.js';
import { amountsHash } from './payoutMark.js';

/** Blocks on top of a transaction after which it is taken to stay. */
export const BURIED = 6;

/** One transaction of a batch, as it was signed before any was sent. */
export interface LedgerTransaction {
  /** Printed id. */
  readonly txid: string;
  /** The signed transaction; absent once a block buries it. */
  readonly hex?: string | undefined;
  /** Those that it replaced with the same payments; absent once a block buries it. */
  readonly replaced?: readonly { readonly txid: string; readonly hex: string }[] | undefined;
}

/** A batch that was paid, or is being paid. */
export interface LedgerBatch {
  /** `batchName`. */
  readonly name: string;
  readonly height: number;
  /** Base units paid to owners. */
  readonly paid: bigint;
  /** `amountsHash` of what it began with by owner, hex: the amounts lie beside the ledger, see `readCarried`. */
  readonly began: string;
  /** The amounts themselves, of a ledger of version 1: they are put beside it when it is written. */
  readonly carriedBefore?: Amounts;
  /** Parents before children: the one that funds the others first, where there is one. */
  readonly transactions: readonly LedgerTransaction[];
  /** Whether the node has taken all of them. */
  readonly isSent: boolean;
}

/** What was carried and paid by batches: the file that makes the next one take dust along, and none be paid twice. */
export interface Ledger {
  /** Printed id of the chain's first block. */
  readonly genesis: string;
  /** Base units by owner that the next batch begins with. */
  readonly carried: Amounts;
  /** Oldest first. */
  readonly batches: readonly LedgerBatch[];
}

const amounts = z.record(z.string(), z.string().regex(/^\d{1,12}\.\d{8}$/));
const id = z.string().regex(/^[0-9a-f]{64}$/);
const hex = z.string().regex(/^(?:[0-9a-f]{2})+$/);
const batch = {
  name: z.string().regex(/^[0-9a-f]{128}\d+$/),
  height: z.int().min(0),
  paid: z.string().regex(/^\d{1,12}\.\d{8}$/),
  isSent: z.boolean(),
};
const first = z.strictObject({
  v: z.literal(1),
  genesis: id,
  carried: amounts,
  batches: z.array(
    z.strictObject({
      ...batch,
      carriedBefore: amounts,
      transactions: z.array(z.strictObject({ txid: id, hex: hex.optional() })),
    }),
  ),
});
const second = z.strictObject({
  v: z.literal(2),
  genesis: id,
  carried: amounts,
  batches: z.array(
    z.strictObject({
      ...batch,
      began: id,
      transactions: z.array(
        z.strictObject({
          txid: id,
          hex: hex.optional(),
          replaced: z.array(z.strictObject({ txid: id, hex })).optional(),
        }),
      ),
    }),
  ),
});
const schema = z.discriminatedUnion('v', [first, second]);
/** What lies beside a ledger: what some batch began with. */
const carriedSchema = z.strictObject({ v: z.literal(1), genesis: id, carried: amounts });

/** Longest ledger that is read. */
const MAXIMUM_BYTES = 400_000_000;

const NEXT = 'Name the file that earlier batches wrote, or a new one';

function badLedger(path: string, why: string, next: string): BitmodelError {
  return new BitmodelError('BAD_LEDGER', `${path} is no ledger of batches: ${why}.`, {
    next,
    exitCode: EXIT.usage,
  });
}

const unitsOf = (texts: Readonly<Record<string, string>>): Amounts =>
  new Map(Object.entries(texts).map(([owner, text]) => [owner, parseAmount(text)]));
const textsOf = (units: Amounts): Record<string, string> =>
  Object.fromEntries([...units].map(([owner, amount]) => [owner, formatAmount(amount)]));

function jsonOf(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw badLedger(path, 'it is not JSON', NEXT);
  }
}

/** A ledger's text, of this version or the first. @throws BitmodelError `BAD_LEDGER` */
export function parseLedger(text: string, path = 'this'): Ledger {
  const { data, error } = schema.safeParse(jsonOf(text, path));
  if (!data) throw badLedger(path, error.issues[0]!.message, NEXT);
  const { genesis, carried } = data;
  const batches =
    data.v === 2
      ? data.batches.map((each) => ({ ...each, paid: parseAmount(each.paid) }))
      : data.batches.map((each) => {
          const carriedBefore = unitsOf(each.carriedBefore);
          const began = toHex(amountsHash(carriedBefore));
          return { ...each, paid: parseAmount(each.paid), carriedBefore, began };
        });
  return { genesis, carried: unitsOf(carried), batches };
}

/** A ledger as text. */
export function formatLedger({ genesis, carried, batches }: Ledger): string {
  const json = {
    v: 2,
    genesis,
    carried: textsOf(carried),
    batches: batches.map(({ carriedBefore: _, ...each }) => ({
      ...each,
      paid: formatAmount(each.paid),
    })),
  };
  return `${JSON.stringify(json, undefined, 1)}\n`;
}

function readWhole(path: string): string {
  if (!statSync(path).isFile() || statSync(path).size > MAXIMUM_BYTES) {
    throw badLedger(path, 'it is no file of such a size', 'Name another file');
  }
  return readFileSync(path, 'utf8');
}

function assertChain(path: string, its: string, genesis: string): void {
  if (its === genesis) return;
  throw badLedger(path, 'it is about another chain', 'Name the one of this network');
}

/** The ledger in a file, an empty one where there is none. @throws BitmodelError `BAD_LEDGER`, also for one of another chain */
export function readLedger(path: string, genesis: string): Ledger {
  if (!existsSync(path)) return { genesis, carried: new Map(), batches: [] };
  const ledger = parseLedger(readWhole(path), path);
  assertChain(path, ledger.genesis, genesis);
  return ledger;
}

/** Where amounts lie that a batch of the ledger began with, by the hex of their hash. */
function carriedPath(ledger: string, hash: string): string {
  return join(`${ledger}.carried`, `${hash}.json`);
}

/** Puts what a batch begins with beside the ledger: only audits read it, so that the ledger itself stays short. */
export function writeCarried(ledger: string, genesis: string, carried: Amounts): void {
  const path = carriedPath(ledger, toHex(amountsHash(carried)));
  if (carried.size === 0 || existsSync(path)) return;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const json = { v: 1, genesis, carried: textsOf(carried) };
  writeFileAtomic(path, `${JSON.stringify(json, undefined, 1)}\n`, { mode: 0o600 });
}

/**
 * What a batch began with.
 * @param path a ledger, or the file beside one that has these amounts
 * @param hash their `amountsHash`, hex
 * @returns undefined where neither the file nor what lies beside it has them
 * @throws BitmodelError `BAD_LEDGER`
 */
export function readCarried(path: string, genesis: string, hash: string): Amounts | undefined {
  if (!existsSync(path)) return undefined;
  const text = readWhole(path);
  const alone = carriedSchema.safeParse(jsonOf(text, path));
  if (alone.success) {
    assertChain(path, alone.data.genesis, genesis);
    const units = unitsOf(alone.data.carried);
    return toHex(amountsHash(units)) === hash ? units : undefined;
  }
  const ledger = parseLedger(text, path);
  assertChain(path, ledger.genesis, genesis);
  const inside = ledger.batches.find(({ began, carriedBefore }) => carriedBefore && began === hash);
  if (inside) return inside.carriedBefore;
  const beside = carriedPath(realpathSync(path), hash);
  return existsSync(beside) ? readCarried(beside, genesis, hash) : undefined;
}

/** Writes a ledger whole or not at all, on the disk when it returns. @throws BitmodelError `WRITE_FAILED` */
export function writeLedger(path: string, ledger: Ledger): void {
  for (const { carriedBefore } of ledger.batches) {
    if (carriedBefore) writeCarried(path, ledger.genesis, carriedBefore);
  }
  writeFileAtomic(path, formatLedger(ledger), { mode: 0o600 });
}

/**
 * The one place that a ledger's name stands for: a ledger by two names would be held by two processes, and paid by twice.
 * @throws BitmodelError `NO_SUCH_FOLDER`: a mistyped name would begin a new ledger, which knows of no payment
 */
export function ledgerPlace(path: string): string {
  const folder = dirname(resolve(path));
  if (!existsSync(folder)) {
    throw new BitmodelError('NO_SUCH_FOLDER', `There is no folder ${folder} for a ledger.`, {
      next: 'Make it first, or name the ledger that the batches before this one were paid by',
      exitCode: EXIT.notFound,
    });
  }
  return existsSync(path) ? realpathSync(path) : join(realpathSync(folder), basename(path));
}

/**
 * Runs what pays by a ledger while no other process does.
 * @throws BitmodelError `LEDGER_BUSY`, and what the body throws
 */
export async function withLedger<T>(path: string, body: () => Promise<T>): Promise<T> {
  const hold = holdFileLock(`${path}.lock`);
  if ('pid' in hold) {
    throw new BitmodelError('LEDGER_BUSY', `Process ${hold.pid} is paying a batch by ${path}.`, {
      next: 'Wait until it has ended',
      exitCode: EXIT.notAllowed,
    });
  }
  try {
    return await body();
  } finally {
    hold.release();
  }
}
