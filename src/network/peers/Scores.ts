import { z } from 'zod';
import { oneLine } from '../../base/index.js';
import { machineOf, readMultiaddr, scopeOf } from './addresses.js';
import type { BanList } from './BanList.js';
import {
  BAN_SCORE,
  FORGIVEN_PER_MINUTE,
  OFFENCES,
  type Offence,
  type Penalties,
} from './offences.js';
import { SavedFile } from './SavedFile.js';

/** What scores need. */
export interface ScoresOptions {
  readonly bans: BanList;
  /** File that keeps them over restarts. */
  readonly path: string;
  readonly onWarning: (message: string) => void;
  /** Addresses that a peer is connected from, as multiaddrs. */
  readonly addressesOf: (peer: string) => readonly string[];
  /** Ends all connections of a peer that is banned. */
  readonly disconnect: (peer: string) => void;
  /** Milliseconds since 1970; `Date.now` unless stated. */
  readonly now?: () => number;
}

interface Score {
  points: number;
  /** When `points` was right, milliseconds since 1970. */
  at: number;
}

/** Milliseconds for which whoever misbehaves is banned, as in Bitcoin Core. */
export const BAN_TIME = 24 * 3600 * 1000;
/** Peers whose points are kept; beyond, the one longest without an offence is forgotten. */
const MAX_SCORES = 10_000;
const MAX_BYTES = 2_000_000;
const SAVE_DELAY = 5_000;

const SAVED = z.array(z.tuple([z.string().max(80), z.number().positive(), z.number().int()]));

/** Points held against peers, over restarts; {@link BAN_SCORE} of them ban. */
export class Scores implements Penalties {
  readonly #options: ScoresOptions;
  readonly #now: () => number;
  /** The longest without an offence first. */
  readonly #scores = new Map<string, Score>();
  readonly #file: SavedFile<[string, number, number][]>;

  constructor(options: ScoresOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#file = new SavedFile({
      path: options.path,
      maxBytes: MAX_BYTES,
      delay: SAVE_DELAY,
      onWarning: options.onWarning,
      decode: (value) => SAVED.parse(value),
      encode: () => [...this.#scores].map(([peer, { points, at }]) => [peer, points, at]),
    });
    for (const [peer, points, at] of this.#file.load()?.slice(0, MAX_SCORES) ?? []) {
      this.#scores.set(peer, { points, at: Math.min(at, this.#now()) });
    }
  }

  /** Points held against a peer now. */
  scoreOf(peer: string): number {
    const score = this.#scores.get(peer);
    if (!score) return 0;
    // whole minutes, so that two halves of a ban are one within the minute
    const minutes = Math.max(0, Math.floor((this.#now() - score.at) / 60_000));
    return Math.max(0, score.points - minutes * FORGIVEN_PER_MINUTE);
  }

  penalise(peer: string, offence: Offence, detail?: string): void {
    const points = this.scoreOf(peer) + OFFENCES[offence];
    this.#scores.delete(peer);
    if (points >= BAN_SCORE) {
      this.#ban(peer, detail === undefined ? offence : `${offence}: ${oneLine(detail)}`);
    } else {
      this.#scores.set(peer, { points, at: this.#now() });
      if (this.#scores.size > MAX_SCORES) this.#scores.delete(this.#scores.keys().next().value!);
    }
    this.#file.changed();
  }

  close(): void {
    this.#file.close();
  }

  /**
   * Bans a peer's id, and the machine it came from, which could have another id in no time; except where that machine
   * is this one, whose other programs have done nothing, or a relay.
   */
  #ban(peer: string, reason: string): void {
    const until = this.#now() + BAN_TIME;
    const { bans, addressesOf, disconnect } = this.#options;
    bans.add(peer, until, reason.slice(0, 200));
    for (const text of addressesOf(peer)) {
      const address = readMultiaddr(text);
      if (!address || address.isName || address.isRelayed) continue;
      if (scopeOf(address.host) === 'loopback') continue;
      bans.add(machineOf(address.host), until, reason.slice(0, 200));
    }
    disconnect(peer);
  }
}
