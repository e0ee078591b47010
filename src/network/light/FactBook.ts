import { sha256, toHex, utf8 } from '../../base/index.js';
import {
  type Coin,
  decodePin,
  hashKey,
  isUnspendable,
  type Outpoint,
  outpointKey,
  type Transaction,
} from '../../chain/index.js';
import type { Fact } from './facts.js';
import { outpointOfKey } from './lookup.js';
import { isBefore, type Kind } from './question.js';

/** The input that spent an output. */
export interface SpentBy {
  readonly fact: Fact;
  readonly inputIndex: number;
}

/** An output and where it is. */
export interface FoundCoin {
  readonly outpoint: Outpoint;
  readonly coin: Coin;
}

function push<T>(map: Map<string, Set<T>>, key: string, value: T): void {
  const set = map.get(key);
  if (set) set.add(value);
  else map.set(key, new Set([value]));
}

function removeFrom<T>(map: Map<string, Set<T>>, key: string, value: T): void {
  const set = map.get(key);
  set?.delete(value);
  if (set?.size === 0) map.delete(key);
}

function inOrder(facts: Iterable<Fact>): Fact[] {
  return [...facts].sort((a, b) => (isBefore(a, b) ? -1 : 1));
}

/** SHA-256 of the path of the pin that a transaction says, as a key. */
function pathKey({ transaction }: Fact): string | undefined {
  for (const { lockingScript } of transaction.outputs) {
    const pin = decodePin(lockingScript);
    if (pin) return hashKey(sha256(utf8(pin.path)));
  }
  return undefined;
}

/** Proven transactions, and what follows from them: coins, spends, histories. */
export class FactBook {
  readonly #facts = new Map<string, Fact>();
  readonly #spenders = new Map<string, SpentBy>();
  readonly #paying = new Map<string, Set<Fact>>();
  readonly #jobs = new Map<string, Set<Fact>>();
  readonly #paths = new Map<string, Set<Fact>>();
  #bytes = 0;

  get size(): number {
    return this.#facts.size;
  }

  /** Bytes of all transactions. */
  get bytes(): number {
    return this.#bytes;
  }

  all(): Iterable<Fact> {
    return this.#facts.values();
  }

  get(txid: string): Fact | undefined {
    return this.#facts.get(txid);
  }

  add(fact: Fact): void {
    if (this.#facts.has(fact.txid)) return;
    this.#facts.set(fact.txid, fact);
    this.#bytes += fact.bytes.length;
    for (const [inputIndex, { outpoint }] of spentBy(fact).entries()) {
      this.#spenders.set(outpointKey(outpoint), { fact, inputIndex });
    }
    this.#index(fact, push);
  }

  remove(fact: Fact): void {
    if (!this.#facts.delete(fact.txid)) return;
    this.#bytes -= fact.bytes.length;
    for (const { outpoint } of spentBy(fact)) {
      this.#spenders.delete(outpointKey(outpoint));
    }
    this.#index(fact, removeFrom);
  }

  /** Forgets what was proven by blocks above a height. @returns what was forgotten */
  removeAbove(height: number): Fact[] {
    const gone = [...this.#facts.values()].filter((fact) => fact.height > height);
    for (const fact of gone) this.remove(fact);
    return gone;
  }

  /** A proven output, whether it is spent or not. */
  coin({ hash, index }: Outpoint): Coin | undefined {
    const fact = this.#facts.get(toHex(Uint8Array.from(hash).reverse()));
    const output = fact?.transaction.outputs[index];
    if (!fact || !output) return undefined;
    return { output, height: fact.height, coinbase: fact.position === 0 };
  }

  spender(outpoint: Outpoint): SpentBy | undefined {
    return this.#spenders.get(outpointKey(outpoint));
  }

  /** Outputs to a script that nothing proven spends. @param scriptHash SHA-256 of it */
  unspent(scriptHash: Uint8Array): FoundCoin[] {
    const key = hashKey(scriptHash);
    return inOrder(this.#paying.get(key) ?? []).flatMap((fact) =>
      this.#outputsTo(fact, key).flatMap((outpoint) =>
        this.spender(outpoint) ? [] : [{ outpoint, coin: this.coin(outpoint)! }],
      ),
    );
  }

  /** What is proven in answer to a question's key, in the chain's order. */
  answering(kind: Kind, key: Uint8Array): Fact[] {
    switch (kind) {
      case 'history':
        return this.#history(hashKey(key));
      case 'transactions':
        return present([this.#facts.get(toHex(Uint8Array.from(key).reverse()))]);
      case 'outputs': {
        const outpoint = outpointOfKey(key);
        const maker = this.#facts.get(toHex(outpoint.hash.slice().reverse()));
        return inOrder(new Set(present([maker, this.spender(outpoint)?.fact])));
      }
      case 'jobs':
        return inOrder(this.#jobs.get(hashKey(key)) ?? []);
      case 'pins':
        return inOrder(this.#paths.get(hashKey(key)) ?? []);
    }
  }

  /** Whether a transaction that is not in the book yet answers one of a question's keys. */
  answers(fact: Fact, kind: Kind, keys: ReadonlySet<string>): boolean {
    const { transaction, hash } = fact;
    switch (kind) {
      case 'history':
        return (
          transaction.outputs.some(({ lockingScript }) => keys.has(scriptKey(lockingScript))) ||
          transaction.inputs.some(({ outpoint }) => {
            const coin = this.coin(outpoint);
            return coin !== undefined && keys.has(scriptKey(coin.output.lockingScript));
          })
        );
      case 'transactions':
        return keys.has(hashKey(hash));
      case 'outputs':
        return (
          transaction.inputs.some(({ outpoint }) => keys.has(outpointKey(outpoint))) ||
          [...keys].some((key) => key.startsWith(hashKey(hash)))
        );
      case 'jobs':
        return keys.has(hashKey(transaction.jobId));
      case 'pins': {
        const path = pathKey(fact);
        return path !== undefined && keys.has(path);
      }
    }
  }

  #history(key: string): Fact[] {
    const found = new Set<Fact>();
    for (const fact of this.#paying.get(key) ?? []) {
      found.add(fact);
      for (const outpoint of this.#outputsTo(fact, key)) {
        const spent = this.spender(outpoint);
        if (spent) found.add(spent.fact);
      }
    }
    return inOrder(found);
  }

  #outputsTo({ transaction, hash }: Fact, key: string): Outpoint[] {
    return transaction.outputs.flatMap(({ lockingScript }, index) =>
      !isUnspendable(lockingScript) && scriptKey(lockingScript) === key ? [{ hash, index }] : [],
    );
  }

  #index(fact: Fact, change: (map: Map<string, Set<Fact>>, key: string, fact: Fact) => void): void {
    const { outputs, jobId } = fact.transaction;
    for (const { lockingScript } of outputs) {
      if (!isUnspendable(lockingScript)) change(this.#paying, scriptKey(lockingScript), fact);
    }
    if (jobId.some((byte) => byte !== 0)) change(this.#jobs, hashKey(jobId), fact);
    const path = pathKey(fact);
    if (path !== undefined) change(this.#paths, path, fact);
  }
}

function present<T>(values: readonly (T | undefined)[]): T[] {
  return values.filter((value) => value !== undefined);
}

/** Inputs that spend something: a coinbase's doesn't. */
function spentBy({ transaction, position }: Fact): Transaction['inputs'] {
  return position === 0 ? [] : transaction.inputs;
}

function scriptKey(lockingScript: Uint8Array): string {
  return hashKey(sha256(lockingScript));
}
