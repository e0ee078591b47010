import { BitmodelError } from '../../base/index.js';
import type { Host, PeerConnection, PeerId } from '../host/Host.js';
import { hostAndPort, readMultiaddr } from './addresses.js';
import { around } from './around.js';

/** A multiaddr that is dialled for ever. */
interface Fixed {
  readonly address: string;
  /** What it is to people. */
  readonly name: string;
  /** The peer that was found there. */
  peer: PeerId | undefined;
  /** Dials since a connection lasted. */
  attempts: number;
  /** When it may be dialled next, by the clock that never goes back. */
  next: number;
  /** When a connection was made. */
  since: number;
  isDialling: boolean;
  /** Whether somebody was told that nobody is there, since somebody was. */
  isTold: boolean;
}

/** What dials addresses for ever. */
export interface FixedAddressesOptions {
  readonly host: Host;
  readonly dial: (address: string) => Promise<PeerConnection>;
  /** Told once of an address at which nobody answers, or somebody of another network. */
  readonly onWarning: (message: string) => void;
}

/** Waits between dials of one address: doubled each time, up to a minute, and each varied by half. */
const FIRST_WAIT = 1_000;
const LAST_WAIT = 60_000;
/** Time in which a peer of the own network has said what it speaks. */
const IDENTIFIED = 10_000;
/** Time after which a connection counts as one that lasts. */
const LASTING = 30_000;

/** The addresses that a node was told of, dialled whenever nobody from there is connected, for ever. */
export class FixedAddresses {
  readonly #options: FixedAddressesOptions;
  readonly #fixed = new Map<string, Fixed>();

  constructor(options: FixedAddressesOptions) {
    this.#options = options;
  }

  /** The addresses, and the peers found there. */
  list(): { readonly address: string; readonly peer: PeerId | undefined }[] {
    return [...this.#fixed.values()].map(({ address, peer }) => ({ address, peer }));
  }

  /** Whether an address was not there before. @param name what it is to people */
  add(address: string, name: string): boolean {
    if (this.#fixed.has(address)) return false;
    this.#fixed.set(address, {
      address,
      name,
      peer: readMultiaddr(address)?.peer,
      attempts: 0,
      next: 0,
      since: 0,
      isDialling: false,
      isTold: false,
    });
    return true;
  }

  /** Whether there was such an address to forget; the connection stays. */
  remove(address: string): boolean {
    return this.#fixed.delete(address);
  }

  /** Dials what may be dialled now. @param now by the clock that never goes back */
  tick(now: number): void {
    for (const each of this.#fixed.values()) {
      const isThere = each.peer !== undefined && this.#options.host.isConnected(each.peer);
      // one that lets go at once is dialled as rarely as one that isn't there
      if (isThere && now - each.since > LASTING) each.attempts = 0;
      if (isThere) this.#weigh(each);
      if (!isThere && !each.isDialling && each.next <= now) void this.#dial(each);
    }
  }

  /** Whether the peer at an address is of the own network; one of another says nothing that is understood. */
  #weigh(fixed: Fixed): void {
    const { host } = this.#options;
    const there = host.connections().find(({ peer }) => peer === fixed.peer);
    if (host.protocolsOf(fixed.peer!).length > 0) fixed.isTold = false;
    else if (there && Date.now() - there.openedAt > IDENTIFIED) {
      this.#tell(fixed, 'is of another network');
    }
  }

  #tell(fixed: Fixed, what: string): void {
    if (fixed.isTold) return;
    fixed.isTold = true;
    const at = readMultiaddr(fixed.address);
    const place = at ? hostAndPort(at) : fixed.address;
    this.#options.onWarning(`${fixed.name} ${place} ${what}; it is tried again and again`);
  }

  async #dial(fixed: Fixed): Promise<void> {
    fixed.isDialling = true;
    const wait = Math.min(LAST_WAIT, FIRST_WAIT * 2 ** Math.min(fixed.attempts, 10));
    fixed.attempts++;
    try {
      const { peer } = await this.#options.dial(fixed.address);
      fixed.peer = peer;
      fixed.since = performance.now();
    } catch (thrown) {
      // it is dialled again: a seed that is down may come back, whatever it said
      const code = thrown instanceof BitmodelError ? thrown.code : undefined;
      const bare = fixed.address.replace(/\/p2p\/[^/]+$/, '');
      // a node may be a seed of its own, as where all nodes of a house are given one list
      const isSelf = this.#options.host.addresses().some((own) => own.startsWith(`${bare}/`));
      const what = code === 'NAME_REFUSED' ? 'leads into a private network' : 'does not answer';
      if (code !== 'PEER_REFUSED' && !isSelf) this.#tell(fixed, what);
    } finally {
      fixed.next = performance.now() + around(wait);
      fixed.isDialling = false;
    }
  }
}
