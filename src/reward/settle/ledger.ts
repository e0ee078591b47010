import { existsSync, mkdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import {
  BitmodelError,
  EXIT,
  formatAmount,
  parseAmount,
  writeFileAtomic,
} from '../../base/index.js';
import { holdFileLock } from '../../chain/index.js';
import type { Amounts } from './batch.js';

/** One transaction of a batch, as it was signed before any was sent. */
export interface LedgerTransaction {
  /** Printed id. */
  readonly txid: string;
  /** The signed transaction; absent once a block buries it. */
  readonly hex?: string | undefined;
}

/** A batch that was paid, or is being paid. */
export interface LedgerBatch {
  /** `batchName`. */
  readonly name: string;
  readonly height: number;
  /** Base units paid to owners. */
  readonly paid: bigint;
  /** Base units by owner that it began with. */
  readonly carriedBefore: Amounts;
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
const schema = z.strictObject({
  v: z.literal(1),
  genesis: id,
  carried: amounts,
  batches: z.array(
    z.strictObject({
      name: z.string().regex(/^[0-9a-f]{128}\d+$/),
      height: z.int().min(0),
      paid: z.string().regex(/^\d{1,12}\.\d{8}$/),
      carriedBefore: amounts,
      transactions: z.array(
        z.strictObject({
          txid: id,
          hex: z
            .string()
            .regex(/^(?:[0-9a-f]{2})+$/)
            .optional(),
        }),
      ),
      isSent: z.boolean(),
    }),
  ),
});

/** Longest ledger that is read. */
const MAXIMUM_BYTES = 400_000_000;

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

/** A ledger's text. @throws BitmodelError `BAD_LEDGER` */
export function parseLedger(text: string, path = 'this'): Ledger {
  const next = 'Name the file that earlier batches wrote, or a new one';
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw badLedger(path, 'it is not JSON', next);
  }
  const { data, error } = schema.safeParse(json);
  if (!data) throw badLedger(path, error.issues[0]!.message, next);
  const { genesis, carried, batches } = data;
  return {
    genesis,
    carried: unitsOf(carried),
    batches: batches.map((batch) => ({
      ...batch,
      paid: parseAmount(batch.paid),
      carriedBefore: unitsOf(batch.carriedBefore),
    })),
  };
}

/** A ledger as text. */
export function formatLedger({ genesis, carried, batches }: Ledger): string {
  const json = {
    v: 1,
    genesis,
    carried: textsOf(carried),
    batches: batches.map((batch) => ({
      ...batch,
      paid: formatAmount(batch.paid),
      carriedBefore: textsOf(batch.carriedBefore),
    })),
  };
  return `${JSON.stringify(json, undefined, 1)}\n`;
}

/** The ledger in a file, an empty one where there is none. @throws BitmodelError `BAD_LEDGER`, also for one of another chain */
export function readLedger(path: string, genesis: string): Ledger {
  if (!existsSync(path)) return { genesis, carried: new Map(), batches: [] };
  if (!statSync(path).isFile() || statSync(path).size > MAXIMUM_BYTES) {
    throw badLedger(path, 'it is no file of such a size', 'Name another file');
  }
  const ledger = parseLedger(readFileSync(path, 'utf8'), path);
  if (ledger.genesis === genesis) return ledger;
  throw badLedger(path, 'it is about another chain', 'Name the one of this network');
}

/** Writes a ledger whole or not at all, on the disk when it returns. @throws BitmodelError `WRITE_FAILED` */
export function writeLedger(path: string, ledger: Ledger): void {
  writeFileAtomic(path, formatLedger(ledger), { mode: 0o600 });
}

/**
 * The one place that a ledger's name stands for, its folder made where it is missing: a ledger by two names would be held
 * by two processes, and paid by twice.
 */
export function ledgerPlace(path: string): string {
  const folder = dirname(resolve(path));
  mkdirSync(folder, { recursive: true });
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
