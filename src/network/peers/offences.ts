import type { WireOffence } from '../host/Host.js';

/** What a peer can do wrong, and how many points it costs; at {@link BAN_SCORE} it is banned. */
export const OFFENCES = {
  /** Bytes that are no message of the protocol. */
  garbage: 50,
  'oversized-frame': 100,
  'stream-flood': 20,
  'invalid-gossip': 20,
  slow: 10,
  /** A header that breaks a rule, or one without its work. */
  'invalid-header': 100,
  'invalid-block': 100,
  'invalid-transaction': 10,
  'invalid-job-message': 20,
  /** An answer to a question that was not asked, or not of this peer. */
  unasked: 20,
  /** A height or work that its headers do not bear out. */
  'false-height': 50,
  /** A piece of a model that does not hash to its root. */
  'bad-piece': 100,
  /** A Merkle proof that proves nothing. */
  'bad-proof': 100,
  /** Left out of a complete answer what another peer proves to belong there. */
  omission: 50,
  /** A signed record that is not signed by its peer. */
  'bad-record': 50,
  /** More than its share of questions, messages or bytes. */
  flood: 10,
  /** No answer to what it said it has. */
  stall: 10,
} as const satisfies Record<WireOffence, number> & Record<string, number>;

/** A kind of misbehaviour. */
export type Offence = keyof typeof OFFENCES;

/** Points at which a peer is banned. */
export const BAN_SCORE = 100;

/** Points forgiven per minute. */
export const FORGIVEN_PER_MINUTE = 1;

/** Holds offences against peers; {@link BAN_SCORE} points end the connection and ban the peer, across restarts. */
export interface Penalties {
  penalise(peer: string, offence: Offence, detail?: string): void;
}
