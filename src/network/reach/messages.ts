import { isIP } from 'node:net';
import { BitmodelError } from '../../base/index.js';
import type { Protocol } from '../host/Host.js';

/**
 * `reach/1`: a node asks a peer to dial it back. The question names ports only: the peer dials the IP address that it
 * sees the asker at and no other, so that nobody can be made to dial somebody else.
 *
 * Question: `count u8` (1 to 4), then as many ports, `u16` each, little-endian and no two alike.
 * Answer: `length u8` and text of the IP address that was dialled, then a byte a port: {@link OUTCOMES}.
 */
export const REACH: Protocol = {
  name: 'reach/1',
  maxFrame: 64,
  idleTimeout: 30_000,
  streamsPerPeer: 2,
};

/** Ports that one question may name. */
export const MOST_PORTS = 4;
const LONGEST_IP = 45;

/** What came of dialling a port: nobody answered there, the asker did, or it was not dialled. */
export const OUTCOMES = ['closed', 'open', 'untried'] as const;
/** What came of dialling back. */
export type Outcome = (typeof OUTCOMES)[number];

/** What a peer says of the asker's ports. */
export interface ReachAnswer {
  /** IP address at which the peer sees the asker; empty where it sees none, as through a relay. */
  readonly host: string;
  /** One a port, in the order of the question. */
  readonly outcomes: readonly Outcome[];
}

/** @throws BitmodelError `BAD_REACH` for no ports, too many, or one twice */
export function encodeQuestion(ports: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(1 + 2 * ports.length);
  bytes[0] = ports.length;
  ports.forEach((port, index) => {
    bytes.writeUInt16LE(port, 1 + 2 * index);
  });
  decodeQuestion(bytes);
  return bytes;
}

/** @throws BitmodelError `BAD_REACH` */
export function decodeQuestion(bytes: Uint8Array): number[] {
  const count = bytes[0] ?? 0;
  if (count === 0 || count > MOST_PORTS) throw bad('it asks for no port, or for too many');
  if (bytes.length !== 1 + 2 * count) throw bad('its length is wrong');
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const ports = Array.from({ length: count }, (_, index) => view.readUInt16LE(1 + 2 * index));
  if (ports.includes(0) || new Set(ports).size < count) throw bad('a port is 0, or there twice');
  return ports;
}

/** Bytes of an answer of `reach/1`. */
export function encodeAnswer({ host, outcomes }: ReachAnswer): Uint8Array {
  const codes = outcomes.map((outcome) => OUTCOMES.indexOf(outcome));
  return Buffer.concat([Uint8Array.of(host.length), Buffer.from(host), Uint8Array.from(codes)]);
}

/**
 * @param count ports that were asked for
 * @throws BitmodelError `BAD_REACH`
 */
export function decodeAnswer(bytes: Uint8Array, count: number): ReachAnswer {
  const length = bytes[0] ?? 0;
  if (length > LONGEST_IP || bytes.length !== 1 + length + count) throw bad('its length is wrong');
  const host = Buffer.from(bytes.subarray(1, 1 + length)).toString('latin1');
  if (length > 0 && isIP(host) === 0) throw bad('it names no IP address');
  const outcomes = Array.from(bytes.subarray(1 + length), (code) => {
    const outcome = OUTCOMES[code];
    if (outcome === undefined) throw bad('it says what cannot be');
    return outcome;
  });
  return { host, outcomes };
}

function bad(why: string): BitmodelError {
  return new BitmodelError('BAD_REACH', `This is no message about reachability: ${why}.`);
}
