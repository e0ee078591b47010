import { randomBytes } from 'node:crypto';
import { sha256 } from '../../base/index.js';
import { type SignatureCheck, verifyEcdsa } from './ecdsa.js';

const SALT_SIZE = 32;
const ENTRY_WORDS = 8;
/** Entries that share a place: an entry may stand in any of them. */
const WAYS = 4;
const DEFAULT_ENTRIES = 1 << 18;

/** How many signatures are remembered. */
export interface SignatureCacheOptions {
  /** Memory of a cache that exists already, on another thread. */
  readonly memory?: SharedArrayBuffer;
  /** Signatures that a new one holds; a power of two from 4 on. */
  readonly entries?: number;
  /** Checks what is not known; libsecp256k1 unless stated. */
  readonly verify?: SignatureCheck;
}

/**
 * Signatures known to be valid, so that what was checked on its way into the mempool need not be checked in a block. It
 * has a fixed size and lies in shared memory, so that every thread reads it. A key is SHA-256 over a secret salt, the
 * public key, the digest and the signature: nobody can aim at a place. A new entry takes an old one's place when its own
 * are full. Two threads may meet in an entry: what is torn is no key of anything, so it can only be missed.
 */
export class SignatureCache {
  /** What another thread needs to read the same cache. */
  readonly memory: SharedArrayBuffer;
  readonly #salt: Uint8Array;
  readonly #words: Uint32Array;
  readonly #mask: number;

  readonly #verify: SignatureCheck;

  constructor(options: SignatureCacheOptions = {}) {
    this.memory = options.memory ?? newMemory(options.entries ?? DEFAULT_ENTRIES);
    this.#verify = options.verify ?? verifyEcdsa;
    this.#salt = Uint8Array.from(new Uint8Array(this.memory, 0, SALT_SIZE));
    this.#words = new Uint32Array(this.memory, SALT_SIZE);
    this.#mask = this.#words.length / ENTRY_WORDS / WAYS - 1;
  }

  /** Checks a signature, or finds that it was checked before. */
  readonly check: SignatureCheck = (der, digest, publicKey) =>
    this.#has(this.#key(der, digest, publicKey)) || this.#verify(der, digest, publicKey);

  /** As {@link check}, and remembers the signature if it is valid. */
  readonly checkAndKeep: SignatureCheck = (der, digest, publicKey) => {
    const key = this.#key(der, digest, publicKey);
    if (this.#has(key)) return true;
    if (!this.#verify(der, digest, publicKey)) return false;
    this.#add(key);
    return true;
  };

  #key(der: Uint8Array, digest: Uint8Array, publicKey: Uint8Array): Uint32Array {
    const message = new Uint8Array(SALT_SIZE + 1 + publicKey.length + digest.length + der.length);
    message.set(this.#salt);
    message[SALT_SIZE] = publicKey.length;
    message.set(publicKey, SALT_SIZE + 1);
    message.set(digest, SALT_SIZE + 1 + publicKey.length);
    message.set(der, SALT_SIZE + 1 + publicKey.length + digest.length);
    return new Uint32Array(Uint8Array.from(sha256(message)).buffer);
  }

  #has(key: Uint32Array): boolean {
    for (let way = 0; way < WAYS; way++) {
      const at = this.#place(key, way);
      let word = 0;
      while (word < ENTRY_WORDS && this.#words[at + word] === key[word]) word++;
      if (word === ENTRY_WORDS) return true;
    }
    return false;
  }

  #add(key: Uint32Array): void {
    let way = 0;
    while (way < WAYS && this.#words[this.#place(key, way)] !== 0) way++;
    // the last word is as good as chance, and no sender knows it
    this.#words.set(key, this.#place(key, way === WAYS ? key[ENTRY_WORDS - 1]! % WAYS : way));
  }

  #place(key: Uint32Array, way: number): number {
    return ((key[0]! & this.#mask) * WAYS + way) * ENTRY_WORDS;
  }
}

function newMemory(entries: number): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(SALT_SIZE + entries * ENTRY_WORDS * 4);
  new Uint8Array(memory).set(randomBytes(SALT_SIZE));
  return memory;
}
