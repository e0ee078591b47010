import { isProcessAlive } from '../../base/index.js';
import { parseOutpoint } from '../codec/transaction.js';
import type { AccountIndexes } from './Account.js';

/** A coin that a process has chosen and may be about to spend. */
export interface Reservation {
  readonly pid: number;
  /** Milliseconds since 1970 after which it no longer counts. */
  readonly until: number;
}

/** What {@link WalletBook} keeps in its file. */
export interface Notes {
  readonly v: 1;
  /** Per extended public key. */
  readonly accounts: Record<string, AccountIndexes>;
  /** Printed outpoints that the owner has locked. */
  readonly locked: readonly string[];
  /** By printed outpoint. */
  readonly reserved: Record<string, Reservation>;
}

/** Of a wallet that has none yet. */
export const EMPTY_NOTES: Notes = { v: 1, accounts: {}, locked: [], reserved: {} };

const MOST_INDEX = 0x7fff_ffff;

/** Whether another running process has chosen the coin. */
export function heldByOther({ pid, until }: Reservation): boolean {
  return pid !== process.pid && until > Date.now() && isProcessAlive(pid);
}

/** The file's text; reservations that no longer count are left out. */
export function encodeNotes({ accounts, locked, reserved }: Notes): string {
  const live = Object.entries(reserved).filter(
    ([, each]) => heldByOther(each) || (each.pid === process.pid && each.until > Date.now()),
  );
  return `${JSON.stringify({ v: 1, accounts, locked, reserved: Object.fromEntries(live) })}\n`;
}

function isCount(value: unknown, most: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most;
}

function entries(value: unknown, name: string): [string, Record<string, unknown>][] {
  const valid =
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((each) => typeof each === 'object' && each !== null);
  if (!valid) throw new TypeError(`"${name}" is not a table`);
  return Object.entries(value) as [string, Record<string, unknown>][];
}

/** Reads the file's text. @throws TypeError, SyntaxError, BitmodelError `BAD_OUTPOINT` */
export function decodeNotes(text: string): Notes {
  const json = JSON.parse(text) as Record<string, unknown> | null;
  if (json?.v !== 1) throw new TypeError('its version is not 1');
  const { locked } = json;
  if (!Array.isArray(locked) || !locked.every((each) => typeof each === 'string')) {
    throw new TypeError('"locked" is not a list');
  }
  for (const outpoint of locked as string[]) parseOutpoint(outpoint);
  const accounts = entries(json.accounts, 'accounts').map(([xpub, { receive, change }]) => {
    if (isCount(receive, MOST_INDEX) && isCount(change, MOST_INDEX)) {
      return [xpub, { receive, change }] as const;
    }
    throw new TypeError('an index of an account is out of range');
  });
  const reserved = entries(json.reserved, 'reserved').map(([outpoint, { pid, until }]) => {
    parseOutpoint(outpoint);
    if (isCount(pid, MOST_INDEX) && pid > 0 && isCount(until, Number.MAX_SAFE_INTEGER)) {
      return [outpoint, { pid, until }] as const;
    }
    throw new TypeError('a reservation is out of range');
  });
  return {
    v: 1,
    accounts: Object.fromEntries(accounts),
    locked: locked as string[],
    reserved: Object.fromEntries(reserved),
  };
}
