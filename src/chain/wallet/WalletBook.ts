import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { BitmodelError, EXIT, messageOf, writeFileAtomic } from '../../base/index.js';
import { formatOutpoint, type Outpoint } from '../codec/transaction.js';
import type { AccountIndexes } from './Account.js';
import { withFileLock } from './fileLock.js';
import { decodeNotes, EMPTY_NOTES, encodeNotes, heldByOther, type Notes } from './walletNotes.js';

/** No file of notes is longer, in bytes. */
const LIMIT = 1 << 22;
const RESERVED_FOR = 10 * 60_000;

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
      if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return EMPTY_NOTES;
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
