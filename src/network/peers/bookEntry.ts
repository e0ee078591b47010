import { z } from 'zod';
import { isPeerId, readMultiaddr } from './addresses.js';

/** How a peer came to be known. */
export type Origin = 'seed' | 'exchange' | 'inbound' | 'dialled';

/** What is known of a peer, whether it is connected or not. Times are milliseconds since 1970, 0 for never. */
export interface BookEntry {
  readonly peer: string;
  /** Multiaddrs without `/p2p/ID`, the best first. */
  addresses: string[];
  /** Its signed record in base64, which can be passed on; undefined where only others say where it is. */
  record: string | undefined;
  /** Number of that record; 0 without one. */
  sequence: number;
  readonly origin: Origin;
  /** Group of the address that whoever told of it has. */
  readonly source: string;
  /** Last time it was connected, or that a record of its own showed it alive. */
  lastSeen: number;
  lastTried: number;
  lastSuccess: number;
  /** Dials that failed since the last success. */
  failures: number;
  /** Protocols that it speaks. */
  services: string[];
  /** Whether it was reached at its address: it then lies in another table. */
  tried: boolean;
}

/** Addresses that are kept of one peer. */
export const MAX_ADDRESSES = 8;
const MAX_SERVICES = 64;
const time = z.number().int().nonnegative();

const ENTRY = z.strictObject({
  peer: z.string().refine(isPeerId),
  addresses: z
    .array(z.string().refine((text) => readMultiaddr(text) !== undefined))
    .min(1)
    .max(MAX_ADDRESSES),
  record: z.base64().max(1_400).optional(),
  sequence: time,
  origin: z.enum(['seed', 'exchange', 'inbound', 'dialled']),
  source: z.string().max(300),
  lastSeen: time,
  lastTried: time,
  lastSuccess: time,
  failures: time,
  services: z.array(z.string().max(64)).max(MAX_SERVICES),
  tried: z.boolean(),
});

const BOOK = z.strictObject({
  format: z.literal(1),
  key: z.string().regex(/^[0-9a-f]{32}$/),
  anchors: z.array(z.string().refine(isPeerId)).max(8),
  entries: z.array(ENTRY),
});

/** What the file of a peer book holds. */
export interface SavedBook {
  readonly format: 1;
  /** Secret that places entries, in hex: nobody else can tell which share an address falls into. */
  readonly key: string;
  /** Peers to go back to first. */
  readonly anchors: readonly string[];
  readonly entries: readonly BookEntry[];
}

/** Reads the file of a peer book. @throws ZodError */
export function decodeBook(value: unknown): SavedBook {
  const book = BOOK.parse(value);
  const entries = book.entries.map((entry) => ({ ...entry, record: entry.record }));
  return { ...book, entries };
}

/** The services of a peer within the bounds of an entry. */
export function boundedServices(services: readonly string[]): string[] {
  return services.slice(0, MAX_SERVICES).map((name) => name.slice(0, 64));
}

const DAY = 24 * 3600 * 1000;

/**
 * Whether nothing is lost with an entry: it failed thrice and never worked, ten times in a week, or said nothing of
 * itself for a month (as in Bitcoin Core's address manager). What was tried within the last minute is never.
 */
export function isTerrible(entry: BookEntry, now: number): boolean {
  if (now - entry.lastTried < 60_000) return false;
  if (now - Math.max(entry.lastSeen, entry.lastSuccess) > 30 * DAY) return true;
  if (entry.lastSuccess === 0) return entry.failures >= 3;
  return now - entry.lastSuccess > 7 * DAY && entry.failures >= 10;
}

const FIRST_RETRY = 5_000;
const LAST_RETRY = 3600_000;

/** When a peer may be dialled again: after ever longer, the more often it failed. */
export function nextTry(entry: BookEntry): number {
  return entry.lastTried + Math.min(LAST_RETRY, FIRST_RETRY * 2 ** Math.min(entry.failures, 20));
}
