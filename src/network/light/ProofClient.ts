import { BitmodelError, EXIT, messageOf } from '../../base/index.js';
import { hashKey } from '../../chain/index.js';
import type { Host, PeerId } from '../host/Host.js';
import type { Penalties } from '../peers/offences.js';
import { type Answer, decodeAnswer } from './answer.js';
import { type Claims, claimOf } from './Claims.js';
import type { FactBook } from './FactBook.js';
import { type Fact, factsOf } from './facts.js';
import type { HeaderChain } from './HeaderChain.js';
import { choosePeers, noPeers } from './peers.js';
import { MAX_KEYS, PROOFS } from './protocols.js';
import { encodeQuestion, isBefore, type Kind } from './question.js';
import { questionKey, Testimonies, type Testimony } from './Testimonies.js';

/** Whom proofs are asked of, and what is made of them. */
export interface ProofClientOptions {
  readonly host: Host;
  readonly penalties: Penalties;
  readonly headers: HeaderChain;
  readonly facts: FactBook;
  readonly claims: Claims;
  /** Told of each proven transaction that a peer gave in answer to a question, new or not. */
  readonly onFact?: ((fact: Fact, kind: Kind) => void) | undefined;
  /** Asks a peer for its headers: it speaks of a block that is not known here. */
  readonly learnHeaders: (peer: PeerId) => Promise<void>;
  /** Milliseconds that a peer has for each answer; 5,000 unless stated. */
  readonly patience?: number | undefined;
}

/** Milliseconds for which an answer is not asked for again while the tip stays the same. */
const FRESH = 500;
const PATIENCE = 5_000;
/** Milliseconds that a peer has for all answers to one question, and more for each that brings something new. */
const OVERALL = 15_000;
/** Most answers to one question from one peer: each brings it further by a megabyte or a thousand transactions. */
const MOST_PAGES = 500;

/**
 * Asks several peers the same, believes what they prove, and takes all of it together: so one honest peer among them is
 * enough. Who proves falsely, tells of what was not asked, or keeps back what another proves, is scored.
 */
export class ProofClient {
  readonly #options: ProofClientOptions;
  readonly #testimonies: Testimonies;
  readonly #fresh = new Map<string, { at: number; tip: string }>();

  constructor(options: ProofClientOptions) {
    const { host, headers, facts, penalties } = options;
    this.#options = options;
    this.#testimonies = new Testimonies(headers, facts, penalties);
    host.on('disconnect', (peer) => this.#testimonies.forget(peer));
    headers.on('block', (_, forkHeight) => this.#testimonies.reorganised(forkHeight));
  }

  /**
   * Asks for everything about some keys; what is proven is in the books afterwards.
   * @throws BitmodelError `NO_PEERS` when nobody can be asked, `NO_ANSWER` when nobody answered
   */
  async ask(kind: Kind, keys: readonly Uint8Array[]): Promise<void> {
    // nobody answers a question in which a key stands twice
    const unique = [...new Map(keys.map((key) => [hashKey(key), key])).values()];
    const stale = unique.filter((key) => !this.#isFresh(kind, key));
    for (let at = 0; at < stale.length; at += MAX_KEYS) {
      await this.#askSome(kind, stale.slice(at, at + MAX_KEYS));
    }
  }

  async #askSome(kind: Kind, keys: readonly Uint8Array[]): Promise<void> {
    const peers = choosePeers(this.#options.host, PROOFS.asking.name);
    if (peers.length === 0) throw noPeers();
    const answers = await Promise.all(peers.map((peer) => this.#askPeer(peer, kind, keys)));
    const said = answers.flat();
    if (!said.some(({ isDone }) => isDone)) {
      throw new BitmodelError('NO_ANSWER', 'No node has answered in time.', {
        next: 'Try again in a moment; see bitmodel node peers',
        exitCode: EXIT.unreachable,
      });
    }
    this.#testimonies.scoreOmissions(kind, said);
    const { hash: tip } = this.#options.headers.tip;
    const at = performance.now();
    for (const key of keys) this.#fresh.set(questionKey(kind, key), { at, tip });
    if (this.#fresh.size > 100_000) this.#fresh.clear();
  }

  #isFresh(kind: Kind, key: Uint8Array): boolean {
    const asked = this.#fresh.get(questionKey(kind, key));
    if (!asked || asked.tip !== this.#options.headers.tip.hash) return false;
    return performance.now() - asked.at < FRESH;
  }

  /** What a peer says to the questions that are open to it, up to the first that it fails at. */
  async #askPeer(peer: PeerId, kind: Kind, keys: readonly Uint8Array[]): Promise<Testimony[]> {
    const said: Testimony[] = [];
    for (const each of this.#testimonies.questions(peer, kind, keys)) {
      said.push(each);
      if (!(await this.#askPages(kind, each))) break;
    }
    return said;
  }

  /** @returns false when the peer failed or broke a rule */
  async #askPages(kind: Kind, said: Testimony): Promise<boolean> {
    const { host, penalties, patience = PATIENCE } = this.#options;
    const wanted = new Set(said.keys.map(hashKey));
    let { from } = said;
    // what is new gives more time, so that nobody can spin out what is known
    let deadline = performance.now() + OVERALL;
    for (let page = 0; page < MOST_PAGES; page++) {
      if (performance.now() > deadline) {
        penalties.penalise(said.peer, 'slow', 'proofs');
        return false;
      }
      const before = this.#options.facts.size;
      const frame = encodeQuestion({ kind, from, keys: said.keys });
      let bytes: Uint8Array;
      try {
        bytes = await host.request(said.peer, PROOFS.asking, frame, { timeout: patience });
      } catch (thrown) {
        if (isSlow(thrown)) penalties.penalise(said.peer, 'stall', messageOf(thrown));
        return false;
      }
      const answer = this.#decoded(said.peer, bytes);
      if (!answer || !(await this.#take(kind, said, wanted, answer))) return false;
      if (this.#options.facts.size > before) deadline += patience;
      if (!answer.next) {
        this.#testimonies.settle(kind, said);
        return true;
      }
      if (!isBefore(from, answer.next)) {
        penalties.penalise(said.peer, 'bad-proof', 'an answer that goes on where it began');
        return false;
      }
      from = answer.next;
    }
    return false;
  }

  #decoded(peer: PeerId, bytes: Uint8Array): Answer | undefined {
    try {
      return decodeAnswer(bytes);
    } catch (thrown) {
      this.#options.penalties.penalise(peer, 'bad-proof', messageOf(thrown));
      return undefined;
    }
  }

  async #take(
    kind: Kind,
    said: Testimony,
    wanted: ReadonlySet<string>,
    answer: Answer,
  ): Promise<boolean> {
    const { headers, facts, penalties } = this.#options;
    await this.#knowBlocks(said.peer, answer);
    let proven: Fact[];
    try {
      proven = answer.blocks.flatMap((block) => {
        // of a branch that has less work than ours: nothing to go by, and no offence
        const header = headers.header(block.hash);
        return header ? factsOf(block, header) : [];
      });
    } catch (thrown) {
      penalties.penalise(said.peer, 'bad-proof', messageOf(thrown));
      return false;
    }
    for (const fact of proven) {
      if (!facts.get(fact.txid)) {
        if (!facts.answers(fact, kind, wanted)) {
          penalties.penalise(said.peer, 'unasked', `transaction ${fact.txid}`);
          return false;
        }
        facts.add(fact);
        this.#testimonies.blameSilent(said, fact);
      }
      said.proven.add(fact.txid);
      this.#options.onFact?.(facts.get(fact.txid)!, kind);
    }
    said.tips.push(answer.tip);
    return this.#takeClaims(said.peer, answer);
  }

  #takeClaims(peer: PeerId, { waiting }: Answer): boolean {
    const { claims, facts, penalties } = this.#options;
    try {
      for (const bytes of waiting) {
        const claim = claimOf(bytes, false);
        if (!facts.get(claim.txid)) claims.add(claim);
      }
      return true;
    } catch (thrown) {
      penalties.penalise(peer, 'bad-proof', messageOf(thrown));
      return false;
    }
  }

  /** Where an answer is about blocks that are not known here, the peer is asked for its headers first. */
  async #knowBlocks(peer: PeerId, { blocks, tip }: Answer): Promise<void> {
    const { headers, learnHeaders } = this.#options;
    const isKnown = ({ hash }: { hash: Uint8Array }): boolean => headers.header(hash) !== undefined;
    if (blocks.every(isKnown) && isKnown(tip)) return;
    await learnHeaders(peer);
  }
}

function isSlow(thrown: unknown): boolean {
  return thrown instanceof BitmodelError && thrown.code === 'STREAM_TIMEOUT';
}
