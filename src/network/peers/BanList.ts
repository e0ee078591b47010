import { BlockList, isIP } from 'node:net';
import { z } from 'zod';
import { isPeerId } from './addresses.js';
import { SavedFile } from './SavedFile.js';

/** Somebody who may not connect: a peer by its id, or addresses. */
export interface Ban {
  /** A peer's id, an IP address, or a range as `192.0.2.0/24`. */
  readonly target: string;
  /** Milliseconds since 1970. */
  readonly created: number;
  readonly until: number;
  /** What for, as one word or sentence. */
  readonly reason: string;
}

/** What a ban list needs. */
export interface BanListOptions {
  /** File that keeps it over restarts. */
  readonly path: string;
  readonly onWarning: (message: string) => void;
  /** Milliseconds since 1970; `Date.now` unless stated. */
  readonly now?: () => number;
}

/** Bans that are kept; beyond, the one that ends first makes room. */
export const MAX_BANS = 10_000;
const MAX_BYTES = 8_000_000;
const SAVE_DELAY = 500;

const SAVED = z.array(
  z.strictObject({
    target: z.string().refine((text) => banTarget(text) === text),
    created: z.number().int(),
    until: z.number().int(),
    reason: z.string().max(300),
  }),
);

/** A ban's target in its one form, or undefined for a text that is none. */
export function banTarget(text: string): string | undefined {
  if (isPeerId(text)) return text;
  const [address, bits, ...rest] = text.split('/');
  const family = isIP(address!);
  if (family === 0 || rest.length > 0 || address!.includes('%')) return undefined;
  const most = family === 4 ? 32 : 128;
  if (bits === undefined) return address!.toLowerCase();
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > most) return undefined;
  return Number(bits) === most
    ? address!.toLowerCase()
    : `${address!.toLowerCase()}/${Number(bits)}`;
}

/** Who may not connect, over restarts. */
export class BanList {
  readonly #bans = new Map<string, Ban>();
  readonly #file: SavedFile<Ban[]>;
  readonly #now: () => number;
  /** The addresses among them; made anew when one changes. */
  #addresses: BlockList | undefined;

  constructor({ path, onWarning, now = Date.now }: BanListOptions) {
    this.#now = now;
    this.#file = new SavedFile({
      path,
      maxBytes: MAX_BYTES,
      delay: SAVE_DELAY,
      onWarning,
      decode: (value) => SAVED.parse(value),
      encode: () => this.list(),
    });
    for (const ban of this.#file.load()?.slice(0, MAX_BANS) ?? []) this.#bans.set(ban.target, ban);
  }

  /** Bans in force, the first made first. */
  list(): Ban[] {
    this.#sweep();
    return [...this.#bans.values()];
  }

  /** @param target as {@link banTarget} gives it */
  get(target: string): Ban | undefined {
    this.#sweep();
    return this.#bans.get(target);
  }

  /** Bans until a time, in place of an earlier ban of the same target. */
  add(target: string, until: number, reason: string): void {
    this.#bans.delete(target);
    if (this.#bans.size >= MAX_BANS) this.#dropOne();
    this.#bans.set(target, { target, created: this.#now(), until, reason });
    this.#changed();
  }

  /** Whether there was such a ban to lift. */
  remove(target: string): boolean {
    const removed = this.#bans.delete(target);
    if (removed) this.#changed();
    return removed;
  }

  clear(): void {
    this.#bans.clear();
    this.#changed();
  }

  hasPeer(peer: string): boolean {
    const ban = this.#bans.get(peer);
    return ban !== undefined && ban.until > this.#now();
  }

  /** @param host an IP address; a name is never banned */
  hasHost(host: string): boolean {
    const family = isIP(host);
    if (family === 0 || this.#bans.size === 0) return false;
    this.#sweep();
    this.#addresses ??= this.#blockList();
    return this.#addresses.check(host, family === 4 ? 'ipv4' : 'ipv6');
  }

  /** Writes now what would be written soon: an operator's word stands when the command returns. */
  save(): void {
    this.#file.save();
  }

  close(): void {
    this.#file.close();
  }

  #blockList(): BlockList {
    const list = new BlockList();
    for (const { target } of this.#bans.values()) {
      const [address, bits] = target.split('/') as [string, string?];
      const family = isIP(address);
      if (family === 0) continue;
      const type = family === 4 ? 'ipv4' : 'ipv6';
      if (bits === undefined) list.addAddress(address, type);
      else list.addSubnet(address, Number(bits), type);
    }
    return list;
  }

  #sweep(): void {
    const now = this.#now();
    for (const { target, until } of this.#bans.values()) {
      if (until > now) continue;
      this.#bans.delete(target);
      this.#changed();
    }
  }

  #dropOne(): void {
    let first: Ban | undefined;
    for (const ban of this.#bans.values()) if (!first || ban.until < first.until) first = ban;
    if (first) this.#bans.delete(first.target);
  }

  #changed(): void {
    this.#addresses = undefined;
    this.#file.changed();
  }
}
