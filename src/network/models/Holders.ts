import { randomInt } from 'node:crypto';
import { fromHex, sha256, toHex } from '../../base/index.js';
import {
  BLOCK,
  type BundleInfo,
  blockCount,
  blockLength,
  HASH,
  isBlockOf,
  PIECE,
  parseInfo,
  proofLength,
} from '../../model/index.js';
import type { Host, PeerId } from '../host/Host.js';
import { addressGroup, readMultiaddr } from '../peers/addresses.js';
import type { Penalties } from '../peers/offences.js';
import { ChunkStream } from './ChunkStream.js';
import type { Claims } from './Claims.js';
import { decodeHaveAnswer, encodeHaveQuestion } from './chunkCodec.js';
import { HAVE } from './protocols.js';

/** How long a proof counts. */
const PROOF_TTL = 30 * 60_000;
/** Peers challenged for one model in one look, and at the same time. */
const MOST_CHALLENGED = 32;
const AT_ONCE = 8;
const DIAL_MS = 5_000;
const ASK_MS = 5_000;
const CHALLENGE_MS = 10_000;
/** Models whose descriptions and proofs are remembered. */
const MOST_MODELS = 256;
const BLOCKS_PER_PIECE = PIECE / BLOCK;

/** A peer that has shown that it holds a model. */
export interface Holder {
  readonly peer: PeerId;
  /** Whom its address probably belongs to: many peers of one group may be one hand. */
  readonly group: string;
  /** When it showed so, milliseconds since 1970. */
  readonly checkedAt: number;
}

/** Whom holders are looked for with. */
export interface HoldersOptions {
  readonly host: Host;
  readonly penalties: Penalties;
  readonly claims: Claims;
}

/**
 * Who holds a model, checked: a peer counts once it has given a random block of it with the proof that the block belongs to
 * the model, which nobody can who has not got the block at that moment. It is no proof that peers are different people, nor
 * that a peer does not fetch the block from another one.
 */
export class Holders {
  readonly #options: HoldersOptions;
  readonly #infos = new Map<string, BundleInfo>();
  readonly #proven = new Map<string, Map<PeerId, Holder>>();

  constructor(options: HoldersOptions) {
    this.#options = options;
  }

  /** Takes a description that was checked elsewhere. */
  learn(info: BundleInfo): void {
    remember(this.#infos, info.id, info);
  }

  infoOf(id: string): BundleInfo | undefined {
    return this.#infos.get(id);
  }

  /** Peers that lately showed that they hold a model. */
  proven(id: string): Holder[] {
    const oldest = Date.now() - PROOF_TTL;
    return [...(this.#proven.get(id)?.values() ?? [])].filter(
      ({ checkedAt }) => checkedAt > oldest,
    );
  }

  /**
   * Connected peers that say they hold a model, asked now.
   * @param except peers that need not be asked
   */
  async ask(id: string, except: ReadonlySet<PeerId> = new Set()): Promise<PeerId[]> {
    const { host } = this.#options;
    const peers = new Set(host.connections().map(({ peer }) => peer));
    const able = [...peers].filter(
      (peer) => !except.has(peer) && host.protocolsOf(peer).includes(HAVE.name),
    );
    const held = await Promise.all(able.map((peer) => this.#asksFor(peer, id)));
    return able.filter((_, i) => held[i]);
  }

  /** Connects to peers that announced a model and are not connected. @returns those that are connected now */
  async reach(id: string, most: number): Promise<PeerId[]> {
    const { host, claims } = this.#options;
    const far = claims.holding(id).filter((peer) => !host.isConnected(peer));
    const tried = await Promise.all(far.slice(0, most).map((peer) => this.#dial(peer)));
    return far.slice(0, most).filter((_, i) => tried[i]);
  }

  /**
   * Challenges peers that hold a model, as they say, and were not challenged lately.
   * @returns all that lately showed it
   */
  async check(id: string): Promise<Holder[]> {
    const known = new Set(this.proven(id).map(({ peer }) => peer));
    await this.reach(id, AT_ONCE);
    const asked = (await this.ask(id, known)).slice(0, MOST_CHALLENGED);
    for (let at = 0; at < asked.length; at += AT_ONCE) {
      await Promise.all(asked.slice(at, at + AT_ONCE).map((peer) => this.#challenge(peer, id)));
    }
    return this.proven(id);
  }

  /**
   * The description of a model from one peer, checked.
   * @returns undefined when the peer has none, or gave another one
   * @throws BitmodelError `BAD_INFO`, `BAD_BENCODE` when the id itself is that of no model; and as `ChunkStream.ask`
   */
  async fetchInfo(stream: ChunkStream, id: string): Promise<BundleInfo | undefined> {
    const known = this.#infos.get(id);
    if (known) return known;
    const bytes = await stream.ask({ kind: 'info' });
    if (bytes === undefined) return undefined;
    if (toHex(sha256(bytes)) !== id) {
      this.#options.penalties.penalise(stream.peer, 'bad-proof', 'a description of another model');
      return undefined;
    }
    const info = parseInfo(new Uint8Array(bytes));
    this.learn(info);
    return info;
  }

  async #asksFor(peer: PeerId, id: string): Promise<boolean> {
    const { host, penalties } = this.#options;
    let answer: Uint8Array;
    try {
      const question = encodeHaveQuestion([fromHex(id)]);
      answer = await host.request(peer, HAVE, question, { timeout: ASK_MS });
    } catch {
      return false;
    }
    try {
      return decodeHaveAnswer(answer, 1)[0]!;
    } catch {
      penalties.penalise(peer, 'garbage', 'an answer who holds a model');
      return false;
    }
  }

  async #dial(peer: PeerId): Promise<boolean> {
    for (const address of this.#options.claims.of(peer)?.addresses ?? []) {
      try {
        const whole = address.includes('/p2p/') ? address : `${address}/p2p/${peer}`;
        const connection = await this.#options.host.dial(whole, { timeout: DIAL_MS });
        // its address may be another node's
        if (connection.peer === peer) return true;
      } catch {
        // the next address
      }
    }
    return false;
  }

  async #challenge(peer: PeerId, id: string): Promise<void> {
    let stream: ChunkStream | undefined;
    const timer = setTimeout(() => stream?.abort(), CHALLENGE_MS);
    try {
      stream = await ChunkStream.open(this.#options, peer, fromHex(id));
      const info = await this.fetchInfo(stream, id);
      if (info && (await this.#proves(stream, info))) this.#note(peer, id);
      await stream.close();
    } catch {
      // whatever it is, the peer has not shown that it holds the model
      stream?.abort();
    } finally {
      clearTimeout(timer);
    }
  }

  async #proves(stream: ChunkStream, info: BundleInfo): Promise<boolean> {
    // by bytes, so that a large file is not hidden behind many small ones
    let at = randomBelow(info.size);
    const file = info.files.findIndex(({ size }) => {
      if (at < size) return true;
      at -= size;
      return false;
    });
    const entry = info.files[file];
    if (entry === undefined) return false;
    const number = Math.min(Math.floor(at / BLOCK), blockCount(entry.size) - 1);
    const index = Math.floor(number / BLOCKS_PER_PIECE);
    const block = number % BLOCKS_PER_PIECE;
    const body = await stream.ask({ kind: 'proof', file, index, block });
    if (body === undefined) return false;
    const length = proofLength(entry.size) * HASH;
    const isWhole = body.length === length + blockLength(entry.size, number);
    if (isWhole && isBlockOf(entry, number, body.subarray(length), body.subarray(0, length))) {
      return true;
    }
    this.#options.penalties.penalise(stream.peer, 'bad-proof', 'a block of a model');
    return false;
  }

  #note(peer: PeerId, id: string): void {
    const { host } = this.#options;
    const connection = host.connections().find((each) => each.peer === peer);
    const at = connection && readMultiaddr(connection.address);
    const group = connection?.isRelayed || !at ? `relayed ${peer}` : addressGroup(at);
    const holders = this.#proven.get(id) ?? new Map<PeerId, Holder>();
    holders.set(peer, { peer, group, checkedAt: Date.now() });
    remember(this.#proven, id, holders);
    this.#options.claims.prove(peer);
  }
}

/** Any number below `size`, up to 2⁵³. */
function randomBelow(size: number): number {
  const LARGEST = 2 ** 47;
  return size <= LARGEST
    ? randomInt(Math.max(1, size))
    : randomInt(Math.ceil(size / LARGEST)) * LARGEST + randomInt(LARGEST);
}

/** Puts an entry last, and drops the first where there are too many. */
function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > MOST_MODELS) map.delete(map.keys().next().value!);
}
