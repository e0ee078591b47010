import type { PeerId } from '@libp2p/interface';
import type { TransportManager } from '@libp2p/interface-internal';
import type { Multiaddr } from '@multiformats/multiaddr';
import { parseAddress } from './address.js';
import type { OwnReach } from './Host.js';

/** What the library hands to a service of which {@link OwnAddresses} needs something. */
interface Components {
  readonly peerId: PeerId;
  readonly transportManager: TransportManager;
}

/**
 * Which addresses a host tells others. The library holds back those of the internet on which it listens until its own
 * AutoNAT has confirmed them; whether others reach them is found out above, and until then they are told.
 */
export class OwnAddresses {
  #components: Components | undefined;
  #reach: OwnReach | undefined;

  /** Makes the library say where it listens. */
  service(): (components: Components) => object {
    return (components) => {
      this.#components = components;
      return {};
    };
  }

  /** Says what was found out of the addresses. */
  set reach(reach: OwnReach) {
    this.#reach = reach;
  }

  /** All that are told, of those of which the library is sure, those listened on and those found out. */
  told(sure: readonly Multiaddr[]): Multiaddr[] {
    const { transportManager, peerId } = this.#components ?? {};
    const listened = transportManager?.getAddrs() ?? [];
    const found = this.#reach?.found ?? [];
    const all = new Map(sure.map((address) => [address.toString(), address]));
    for (const text of [...listened.map(String), ...found]) {
      const whole = text.includes('/p2p/') ? text : `${text}/p2p/${peerId}`;
      // a place at a relay is told when the library says so
      if (!whole.includes('/p2p-circuit') && !all.has(whole)) all.set(whole, parseAddress(whole));
    }
    return [...all].flatMap(([text, address]) => (this.#reach?.isHidden(text) ? [] : [address]));
  }
}
