import { isLoopback } from './address.js';
import type { Gate } from './Host.js';

/** Bounds of a host; each holds before the work or memory it bounds is spent. */
export interface HostLimits {
  /** Most connections that others made to us. */
  readonly inbound: number;
  /** Most connections that we made. */
  readonly outbound: number;
  /** Most connections, finished or being made, from one IP address; loopback is free of it unless stated. */
  readonly perAddress: number | undefined;
  /** Most connections to one peer, both directions together. */
  readonly perPeer: number;
  /** Most inbound connections whose handshake is not finished. */
  readonly pending: number;
  /** Milliseconds for the whole handshake of an inbound connection. */
  readonly handshakeTimeout: number;
  /** Most streams of all protocols that one connection may hold open towards us. */
  readonly streamsPerConnection: number;
}

/** The bounds of docs/network.md. */
export const DEFAULT_LIMITS: HostLimits = {
  inbound: 96,
  outbound: 64,
  perAddress: undefined,
  perPeer: 4,
  pending: 128,
  handshakeTimeout: 10_000,
  streamsPerConnection: 256,
};

/** Connections from one address that is not loopback, unless stated otherwise: an office behind one NAT fits in. */
const PER_ADDRESS = 8;

/** Most connections from an IP address: what the limits state, or without bound from this machine and a few from others. */
export function mostFrom(host: string, { perAddress }: Pick<HostLimits, 'perAddress'>): number {
  return perAddress ?? (isLoopback(host) ? Number.POSITIVE_INFINITY : PER_ADDRESS);
}

/**
 * Whether one more may come from an IP address.
 * @param present addresses of those who are there, by whatever tells them apart
 * @param most how many may be there of all addresses together
 */
export function hasRoomFor(
  host: string,
  present: ReadonlyMap<unknown, string>,
  most: number,
  limits: Pick<HostLimits, 'perAddress'>,
): boolean {
  if (present.size >= most) return false;
  let own = 0;
  for (const each of present.values()) if (each === host) own++;
  return own < mostFrom(host, limits);
}

/** What {@link createHost} needs. */
export interface HostOptions {
  /** `main`, `test` or `regtest`; stands before every protocol and topic. */
  readonly network: string;
  /** File of the node's key; made on first use, mode 0600. */
  readonly keyFile: string;
  /** `host:port`, `[v6]:port` or multiaddrs; none: this host only dials. Port 0 is any free port. */
  readonly listen?: readonly string[];
  /** Addresses told to others beside those listened on, such as one that a router forwards. */
  readonly announce?: readonly string[];
  readonly gate?: Gate;
  readonly limits?: Partial<HostLimits>;
  /** Whether to pass on connections to nodes that nobody can dial (it does not unless stated). */
  readonly relayService?: boolean;
  /**
   * For a node that nobody can dial: `auto` keeps a place at relays among its peers, so that others reach it through them;
   * addresses are relays to connect to for that, beside those that come along. `later`: as `auto`, but only while
   * `Host.setReach` says that nobody can dial it.
   */
  readonly relays?: 'auto' | 'later' | readonly string[];
}
