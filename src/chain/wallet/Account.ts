import type { HDKey } from '@scure/bip32';
import { toHex } from '../../base/index.js';
import { type AddressParameters, encodeAddress } from '../address/address.js';
import type { TransactionOutput } from '../codec/transaction.js';
import { hash160, p2pkhHash } from '../script/standard.js';
import { type KeyPair, keyPair } from './keys.js';

/** Unused addresses in a row after which BIP44 looks no further. */
export const GAP_LIMIT = 20;
/** How far into each chain a script is looked for when it is none of the watched ones. */
const SEARCH_LIMIT = 1_000;

/** The two chains of a BIP44 account. */
const CHAIN = { receive: 0, change: 1 } as const;
/** One of the two chains of an account (BIP 44). */
export type ChainName = keyof typeof CHAIN;

/** Per chain, the index of the first address that was neither handed out nor seen used. */
export interface AccountIndexes {
  readonly receive: number;
  readonly change: number;
}

interface Place {
  readonly chain: ChainName;
  readonly index: number;
}

/**
 * A BIP44 account: a receiving chain and a change chain of addresses under one extended key. With a public one it can
 * be watched, with a private one its coins can be spent.
 */
export class Account {
  readonly #node: HDKey;
  readonly #parameters: AddressParameters;
  readonly #chains: Readonly<Record<ChainName, HDKey>>;
  /** Addresses by chain and index, and where each lies. */
  readonly #addresses: Readonly<Record<ChainName, string[]>> = { receive: [], change: [] };
  readonly #byHash = new Map<string, Place>();
  readonly #next: { receive: number; change: number };
  /** No change goes to an index above this one. */
  #mostChange = Number.POSITIVE_INFINITY;

  /** @param node the account's extended key, at depth three for BIP44 */
  constructor(
    node: HDKey,
    parameters: AddressParameters,
    indexes: AccountIndexes = { receive: 0, change: 0 },
  ) {
    this.#node = node;
    this.#parameters = parameters;
    this.#chains = {
      receive: node.deriveChild(CHAIN.receive),
      change: node.deriveChild(CHAIN.change),
    };
    this.#next = { ...indexes };
  }

  /** The account's extended public key, in Base58Check. */
  get xpub(): string {
    return this.#node.publicExtendedKey;
  }

  /** Whether coins can be spent with it. */
  get isPrivate(): boolean {
    return this.#node.privateKey !== null;
  }

  get indexes(): AccountIndexes {
    return { ...this.#next };
  }

  /** The address at an index of a chain. */
  address(chain: ChainName, index: number): string {
    const known = this.#addresses[chain];
    for (let i = known.length; i <= index; i++) {
      const hash = hash160(this.#chains[chain].deriveChild(i).publicKey!);
      this.#byHash.set(toHex(hash), { chain, index: i });
      known.push(encodeAddress(hash, this.#parameters));
    }
    return known[index]!;
  }

  /** The first receiving address, which stands for the account where one address is wanted. */
  get firstAddress(): string {
    return this.address('receive', 0);
  }

  /** The first receiving address that was neither handed out nor seen used. */
  get receiveAddress(): string {
    return this.address('receive', this.#next.receive);
  }

  /** Where change goes: the first address that was neither handed out nor seen used, within {@link boundChange}. */
  get changeAddress(): string {
    return this.address('change', Math.min(this.#next.change, this.#mostChange));
  }

  /** Lets change go no further than to this index; the addresses beyond stay watched. */
  boundChange(index: number): void {
    this.#mostChange = index;
  }

  /** Every address to be watched: those in use and {@link GAP_LIMIT} beyond, on both chains. */
  get addresses(): string[] {
    const all: string[] = [];
    for (const chain of ['receive', 'change'] as const) {
      const end = this.#next[chain] + GAP_LIMIT;
      for (let i = 0; i < end; i++) all.push(this.address(chain, i));
    }
    return all;
  }

  /** Steps to the next receiving address and returns it. */
  nextReceiveAddress(): string {
    this.#next.receive++;
    return this.receiveAddress;
  }

  /**
   * Notes that an address was used, so that it is not handed out again.
   * @returns whether more addresses are watched now
   */
  noteUsed(lockingScript: Uint8Array): boolean {
    const hash = p2pkhHash(lockingScript);
    const place = hash && this.#byHash.get(toHex(hash));
    if (!place || place.index < this.#next[place.chain]) return false;
    this.#next[place.chain] = place.index + 1;
    return true;
  }

  /** Whether a locking script pays to one of the addresses watched, or looked at so far. */
  owns(lockingScript: Uint8Array): boolean {
    const hash = p2pkhHash(lockingScript);
    if (!hash) return false;
    for (const chain of ['receive', 'change'] as const) {
      this.address(chain, this.#next[chain] + GAP_LIMIT - 1);
    }
    return this.#byHash.has(toHex(hash));
  }

  /** Whether a locking script pays to the change chain. */
  isChange(lockingScript: Uint8Array): boolean {
    return this.#find([lockingScript])[0]?.chain === 'change';
  }

  /** The key pair at an index of a chain. Only with a private extended key. */
  keyAt(chain: ChainName, index: number): KeyPair {
    return keyPair(this.#chains[chain].deriveChild(index).privateKey!, this.#parameters);
  }

  /** The key behind an address of the account, or undefined. Only with a private extended key. */
  keyFor(lockingScript: Uint8Array): KeyPair | undefined {
    const place = this.#find([lockingScript])[0];
    return place && this.keyAt(place.chain, place.index);
  }

  /** The keys that open these outputs, each once. Only with a private extended key. */
  keysFor(outputs: readonly TransactionOutput[]): KeyPair[] {
    const places = this.#find(outputs.map(({ lockingScript }) => lockingScript));
    const unique = new Map(places.map((place) => [`${place?.chain}/${place?.index}`, place]));
    return [...unique.values()].flatMap((place) =>
      place ? [this.keyAt(place.chain, place.index)] : [],
    );
  }

  /**
   * Where scripts lie. A script that is none of the watched addresses may have been handed out by another machine with
   * the same words: then the search goes on to {@link SEARCH_LIMIT}.
   */
  #find(scripts: readonly Uint8Array[]): (Place | undefined)[] {
    const hashes = scripts.map((script) => p2pkhHash(script)).map((hash) => hash && toHex(hash));
    const missing = (): boolean => hashes.some((hash) => hash && !this.#byHash.has(hash));
    const watched = Math.max(this.#next.receive, this.#next.change) + GAP_LIMIT;
    for (let end = watched; missing() && end <= Math.max(SEARCH_LIMIT, watched); end += 100) {
      for (const chain of ['receive', 'change'] as const) this.address(chain, end - 1);
    }
    return hashes.map((hash) => (hash ? this.#byHash.get(hash) : undefined));
  }
}
