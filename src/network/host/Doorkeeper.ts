import type {
  ConnectionGater,
  PeerId as Libp2pPeerId,
  MultiaddrConnection,
} from '@libp2p/interface';
import type { Multiaddr } from '@multiformats/multiaddr';
import { hostOf } from './address.js';
import type { Gate } from './Host.js';
import { type HostLimits, mostFrom } from './HostOptions.js';

/** What the doorkeeper must know about the connections there are. */
export interface Household {
  /** Connections that others made to us. */
  inbound(): number;
  /** Connections to a peer. */
  to(peer: string): number;
  /** A connection was upgraded; called in the same tick in which its multiplexer was made. */
  upgraded(peer: string): void;
}

/** Decides about connections by the limits of a host and by its {@link Gate}. */
export class Doorkeeper implements ConnectionGater {
  readonly #limits: HostLimits;
  readonly #gate: Gate | undefined;
  readonly #household: Household;
  readonly #perAddress = new Map<string, number>();

  constructor(limits: HostLimits, gate: Gate | undefined, household: Household) {
    this.#limits = limits;
    this.#gate = gate;
    this.#household = household;
  }

  /** Connections from other machines, finished or not, by address; for tests of the bounds. */
  get addresses(): ReadonlyMap<string, number> {
    return this.#perAddress;
  }

  denyDialMultiaddr(address: Multiaddr): boolean {
    return !this.#allowsAddress(address, 'outbound');
  }

  denyDialPeer(peer: Libp2pPeerId): boolean {
    return !this.#allowsPeer(peer, 'outbound');
  }

  denyInboundConnection(connection: MultiaddrConnection): boolean {
    if (this.#household.inbound() >= this.#limits.inbound) return true;
    if (!this.#allowsAddress(connection.remoteAddr, 'inbound')) return true;
    const host = hostOf(connection.remoteAddr);
    return host !== undefined && !this.#count(host, connection);
  }

  denyInboundEncryptedConnection(peer: Libp2pPeerId): boolean {
    return (
      this.#household.to(peer.toString()) >= this.#limits.perPeer ||
      !this.#allowsPeer(peer, 'inbound')
    );
  }

  denyOutboundEncryptedConnection(peer: Libp2pPeerId): boolean {
    return !this.#allowsPeer(peer, 'outbound');
  }

  denyInboundUpgradedConnection(peer: Libp2pPeerId): boolean {
    this.#household.upgraded(peer.toString());
    return this.#household.inbound() >= this.#limits.inbound;
  }

  denyOutboundUpgradedConnection(peer: Libp2pPeerId): boolean {
    this.#household.upgraded(peer.toString());
    return false;
  }

  #allowsAddress(address: Multiaddr, direction: 'inbound' | 'outbound'): boolean {
    return this.#gate?.allowsAddress(address.toString(), direction) ?? true;
  }

  #allowsPeer(peer: Libp2pPeerId, direction: 'inbound' | 'outbound'): boolean {
    return this.#gate?.allowsPeer(peer.toString(), direction) ?? true;
  }

  /** Counts a connection from an address until it closes; false when there are too many already. */
  #count(host: string, connection: MultiaddrConnection): boolean {
    const before = this.#perAddress.get(host) ?? 0;
    if (before >= mostFrom(host, this.#limits)) return false;
    this.#perAddress.set(host, before + 1);
    connection.addEventListener('close', () => this.#uncount(host), { once: true });
    return true;
  }

  #uncount(host: string): void {
    const left = (this.#perAddress.get(host) ?? 1) - 1;
    if (left === 0) this.#perAddress.delete(host);
    else this.#perAddress.set(host, left);
  }
}
