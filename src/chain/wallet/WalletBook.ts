import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { BitmodelError, EXIT, messageOf, writeFileAtomic } from '../../base/index.js';
import { formatOutpoint, type Outpoint, parseOutpoint } from '../codec/transaction.js';
import type { AccountIndexes } from './Account.js';
import { isProcessAlive, withFileLock } from './fileLock.js';

/** A coin that a process has chosen and may be about to spend. */
interface Reservation {
  readonly pid: number;
  /** Milliseconds since 1970 after which it no longer counts. */
  readonly until: number;
}

interface Notes {
  readonly v: 1;
  /** Per extended public key. */
  readonly accounts: Record<string, AccountIndexes>;
  /** Printed outpoints that the owner has locked. */
  readonly locked: readonly string[];
  /** By printed outpoint. */
  readonly reserved: Record<string, Reservation>;
}

const EMPTY: Notes = { v: 1, accounts: {}, locked: [], reserved: {} };
/** No file of notes is longer, in bytes. */
const LIMIT = 1 << 22;
const RESERVED_FOR = 10 * 60_000;
const MOST_INDEX = 0x7fff_ffff;

/**
 * What a wallet remembers between commands, in `DATADIR/NETWORK/wallet.json`: coins that its owner locked, coins that a
 * running process has chosen, and how many addresses of each account were handed out. Nothing in it is secret, and all
 * of it can be lost: coins come from the node. Processes change it one after the other.
 */
export class WalletBook {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  static of(datadir: string, network: string): WalletBook {
    return new WalletBook(join(datadir, network, 'wallet.json'));
  }

  /** Printed outpoints that the owner has locked, in the order of locking. */
  locked(): readonly string[] {
    return this.#read().locked;
  }

  /** Keeps a coin from being chosen until {@link unlock}. @returns whether it was free before */
  lock(outpoint: Outpoint): boolean {
    const text = formatOutpoint(outpoint);
    return this.#change((notes) =>
      notes.locked.includes(text)
        ? [notes, false]
        : [{ ...notes, locked: [...notes.locked, text] }, true],
    );
  }

  /** @returns whether it was locked before */
  unlock(outpoint: Outpoint): boolean {
    const text = formatOutpoint(outpoint);
    return this.#change((notes) => {
      const locked = notes.locked.filter((each) => each !== text);
      return [{ ...notes, locked }, locked.length < notes.locked.length];
    });
  }

  /** Printed outpoints that are not to be chosen: locked ones, and those that other running processes have chosen. */
  held(): Set<string> {
    const { locked, reserved } = this.#read();
    return new Set([
      ...locked,
      ...Object.keys(reserved).filter((key) => heldByOther(reserved[key]!)),
    ]);
  }

  /** Notes that this process is about to spend coins. @returns false, and notes nothing, when another was faster */
  reserve(outpoints: readonly Outpoint[]): boolean {
    const keys = outpoints.map(formatOutpoint);
    return this.#change((notes) => {
      const taken = keys.some((key) => notes.reserved[key] && heldByOther(notes.reserved[key]));
      if (taken) return [notes, false];
      const mine = { pid: process.pid, until: Date.now() + RESERVED_FOR };
      const reserved = { ...notes.reserved, ...Object.fromEntries(keys.map((key) => [key, mine])) };
      return [{ ...notes, reserved }, true];
    });
  }

  /** Gives back what {@link reserve} took. */
  release(outpoints: readonly Outpoint[]): void {
    const keys = new Set(outpoints.map(formatOutpoint));
    this.#change((notes) => {
      const rest = Object.entries(notes.reserved).filter(([key]) => !keys.has(key));
      return [{ ...notes, reserved: Object.fromEntries(rest) }, undefined];
    });
  }

  /** How many addresses of an account were handed out or seen used. */
  indexes(xpub: string): AccountIndexes {
    return this.#read().accounts[xpub] ?? { receive: 0, change: 0 };
  }

  /** Notes that so many addresses of an account are in use; never fewer than before. */
  advance(xpub: string, { receive, change }: AccountIndexes): void {
    this.#change((notes) => {
      const before = notes.accounts[xpub] ?? { receive: 0, change: 0 };
      const after = {
        receive: Math.max(before.receive, receive),
        change: Math.max(before.change, change),
      };
      return [{ ...notes, accounts: { ...notes.accounts, [xpub]: after } }, undefined];
    });
  }

  /** Reads, changes and writes the file while no other process does. */
  #change<T>(change: (notes: Notes) => [Notes, T]): T {
    return withFileLock(`${this.path}.lock`, () => {
      const before = this.#read();
      const [after, result] = change(before);
      if (after !== before) writeFileAtomic(this.path, encodeNotes(after), { mode: 0o600 });
      return result;
    });
  }

  #read(): Notes {
    try {
      if (statSync(this.path).size > LIMIT) throw new RangeError('it is too long');
      return decodeNotes(readFileSync(this.path, 'utf8'));
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return EMPTY;
      throw new BitmodelError(
        'CORRUPT_WALLET_NOTES',
        `The wallet's notes in ${this.path} can't be read: ${messageOf(thrown)}.`,
        {
          next: 'Mend its permissions or remove it: it holds no keys, only locks and how many addresses were handed out',
          exitCode: EXIT.notAllowed,
          cause: thrown,
        },
      );
    }
  }
}

function heldByOther({ pid, until }: Reservation): boolean {
  return pid !== process.pid && until > Date.now() && isProcessAlive(pid);
}

/** The file's text; reservations that no longer count are left out. */
function encodeNotes({ accounts, locked, reserved }: Notes): string {
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

function decodeNotes(text: string): Notes {
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
