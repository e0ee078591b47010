import { equalBytes, sha256 } from '../../base/index.js';
import {
  type Coin,
  encodeOutpoint,
  type HeaderEntry,
  hashKey,
  hashToId,
  idToHash,
  type KnownTransaction,
  type LightStore,
  type NetworkParameters,
  type Outpoint,
  outpointKey,
  type PinQueries,
  type Transaction,
} from '../../chain/index.js';
import type { Host, PeerId } from '../host/Host.js';
import type { Penalties } from '../peers/offences.js';
import { type Claim, Claims } from './Claims.js';
import { FactBook, type FoundCoin } from './FactBook.js';
import type { Fact } from './facts.js';
import type { HeaderChain } from './HeaderChain.js';
import { KeptFacts } from './KeptFacts.js';
import { Outbox } from './Outbox.js';
import { ProofClient } from './ProofClient.js';
import { type PinsOf, pinsByOutput, pinTrails } from './pins.js';
import { Unconfirmed } from './Unconfirmed.js';

/** What a light node's view of the chain stands on. */
export interface LightChainOptions {
  readonly host: Host;
  readonly penalties: Penalties;
  readonly headers: HeaderChain;
  readonly store: LightStore;
  /** Asks a peer for its headers. */
  readonly learnHeaders: (peer: PeerId) => Promise<void>;
  /** Milliseconds that a peer has for an answer. */
  readonly patience?: number | undefined;
}

/** A transaction and where it is. */
export interface KnownPlace {
  readonly txid: string;
  /** 0 while it waits for a block. */
  readonly height: number;
}

/** An unspent output, and the ids of the pins that lie in it. */
export interface LightCoin extends FoundCoin {
  readonly pins?: readonly string[];
}

const UNCONFIRMED = 0;

/**
 * The chain as a node sees it that keeps only headers: everything else is asked of peers that nobody trusts, and
 * counts when a Merkle proof leads from it to a header here. Amounts of coins always come from proven transactions.
 * What waits for a block can't be proven: it is shown (at height 0) when its signatures hold and the coins that it
 * spends are proven.
 */
export class LightChain {
  readonly host: Host;
  readonly headers: HeaderChain;
  readonly facts = new FactBook();
  readonly claims = new Claims();
  readonly client: ProofClient;
  readonly unconfirmed: Unconfirmed;
  readonly outbox: Outbox;
  readonly #store: LightStore;
  readonly #kept: KeptFacts;

  constructor(options: LightChainOptions) {
    const { host, penalties, headers, store, learnHeaders, patience } = options;
    const { facts, claims } = this;
    this.host = host;
    this.headers = headers;
    this.#store = store;
    this.#kept = new KeptFacts(facts, store);
    this.client = new ProofClient({
      host,
      penalties,
      headers,
      facts,
      claims,
      learnHeaders,
      patience,
      onFact: (fact, kind) => this.#kept.sort(fact, kind),
    });
    this.unconfirmed = new Unconfirmed(claims, facts, this.client);
    this.outbox = new Outbox({ host, store, facts, claims, client: this.client, patience });
    this.outbox.recall(this.#kept.recall(headers));
    headers.on('block', (_, forkHeight) => this.#kept.reorganised(forkHeight));
  }

  get parameters(): NetworkParameters {
    return this.headers.parameters;
  }

  /** Height of the tip. */
  height(): number {
    return this.headers.tip.height;
  }

  /**
   * Every unspent output of some locking scripts: the proven ones, and what waits of them at height 0. Pins in them are
   * told as far as these scripts' own history shows them.
   */
  async coins(scripts: readonly Uint8Array[]): Promise<LightCoin[]> {
    const hashes = scripts.map((script) => sha256(script));
    await this.#watch(hashes);
    const waiting = await this.#waitingOf(hashes);
    const spent = new Set(
      waiting.flatMap(({ transaction }) =>
        transaction.inputs.map(({ outpoint }) => outpointKey(outpoint)),
      ),
    );
    const wanted = new Set(hashes.map(hashKey));
    const proven = hashes.flatMap((hash) => this.facts.unspent(hash));
    const made = waiting.flatMap(({ hash, transaction }) =>
      transaction.outputs.flatMap((output, index) =>
        wanted.has(hashKey(sha256(output.lockingScript)))
          ? [{ outpoint: { hash, index }, coin: unconfirmedCoin(output) }]
          : [],
      ),
    );
    const found = [...proven, ...made].filter(({ outpoint }) => !spent.has(outpointKey(outpoint)));
    const pinsIn = pinsByOutput(this, this.#store, hashes);
    return found.map((each) => {
      const pins = pinsIn(each.outpoint);
      return pins.length === 0 ? each : { ...each, pins };
    });
  }

  /** Transactions that pay to or spend from some locking scripts, oldest first, those that wait last. */
  async history(scripts: readonly Uint8Array[]): Promise<KnownPlace[]> {
    const hashes = scripts.map((script) => sha256(script));
    await this.#watch(hashes);
    const waiting = await this.#waitingOf(hashes);
    const proven = new Map<string, Fact>();
    for (const hash of hashes) {
      for (const fact of this.facts.answering('history', hash)) proven.set(fact.txid, fact);
    }
    return [
      ...[...proven.values()].sort((a, b) => a.height - b.height || a.position - b.position),
      ...waiting.map(({ txid }) => ({ txid, height: UNCONFIRMED })),
    ].map(({ txid, height }) => ({ txid, height }));
  }

  /** An output, whether it is spent or not; undefined when nobody proves it. */
  async anyOutput(outpoint: Outpoint): Promise<Coin | undefined> {
    if (!this.facts.coin(outpoint)) await this.#askOutput(outpoint);
    const proven = this.facts.coin(outpoint);
    if (proven) return proven;
    const claim = this.claims.get(hashToId(outpoint.hash));
    const output = claim?.transaction.outputs[outpoint.index];
    if (!claim || !output || !(await this.unconfirmed.isPossible(claim))) return undefined;
    return unconfirmedCoin(output);
  }

  /** An output that nothing proven spends, and nothing that waits. */
  async output(outpoint: Outpoint): Promise<Coin | undefined> {
    if (await this.spender(outpoint)) return undefined;
    return this.anyOutput(outpoint);
  }

  /** What spent an output; at height 0 what waits to. */
  async spender(
    outpoint: Outpoint,
  ): Promise<{ txid: string; inputIndex: number; height: number } | undefined> {
    if (!this.facts.spender(outpoint)) await this.#askOutput(outpoint);
    const proven = this.facts.spender(outpoint);
    if (proven) {
      const { fact, inputIndex } = proven;
      return { txid: fact.txid, inputIndex, height: fact.height };
    }
    const claimed = this.claims.spender(outpoint);
    if (!claimed || !(await this.unconfirmed.isPossible(claimed.claim))) return undefined;
    return { txid: claimed.claim.txid, inputIndex: claimed.inputIndex, height: UNCONFIRMED };
  }

  /** A transaction by its printed id. */
  async transaction(txid: string): Promise<KnownTransaction | undefined> {
    const fact = await this.fact(txid);
    if (fact) {
      const { transaction, height, blockHash } = fact;
      const { time } = this.headers.headerAt(height)!.header;
      return { transaction, height, blockHash: hashToId(blockHash), time };
    }
    const claim = this.claims.get(txid);
    if (!claim || !(await this.unconfirmed.isPossible(claim))) return undefined;
    return { transaction: claim.transaction, height: UNCONFIRMED };
  }

  /** A proven transaction by its printed id. */
  async fact(txid: string): Promise<Fact | undefined> {
    if (!this.facts.get(txid)) {
      await this.client.ask('transactions', [idToHash(txid)]);
      this.#kept.bound();
    }
    return this.facts.get(txid);
  }

  /** Transactions that carry a job id, oldest first, those that wait last. */
  async jobTransactions(jobId: Uint8Array): Promise<KnownPlace[]> {
    await this.client.ask('jobs', [jobId]);
    this.#kept.bound();
    const proven = this.facts.answering('jobs', jobId);
    const claimed = [...this.claims.all()].filter(({ transaction }) =>
      equalBytes(transaction.jobId, jobId),
    );
    const waiting = await this.unconfirmed.possible(claimed);
    return [
      ...proven.map(({ txid, height }) => ({ txid, height })),
      ...waiting.map(({ txid }) => ({ txid, height: UNCONFIRMED })),
    ];
  }

  /** Asks the index of pins, as if it knew no others than those at a path, or one, and all that became of them. */
  async withPins<T>(of: PinsOf, body: (pins: PinQueries) => T): Promise<T> {
    const trails = await pinTrails(this, this.#store, of);
    this.#kept.bound();
    return this.#store.withPins(trails, this.parameters, body);
  }

  /** The proven coins that a transaction spends, by its inputs. */
  async spentCoins({ inputs }: Transaction): Promise<(Coin | undefined)[]> {
    const outpoints = inputs.map(({ outpoint }) => outpoint);
    const unknown = outpoints.filter((outpoint) => !this.facts.coin(outpoint));
    const hashes = new Map(unknown.map(({ hash }) => [hashKey(hash), hash]));
    if (hashes.size > 0) await this.client.ask('transactions', [...hashes.values()]);
    return outpoints.map((outpoint) => this.facts.coin(outpoint));
  }

  header(hash: Uint8Array): HeaderEntry | undefined {
    return this.headers.header(hash);
  }

  async #askOutput(outpoint: Outpoint): Promise<void> {
    await this.client.ask('outputs', [encodeOutpoint(outpoint)]);
    this.#kept.bound();
  }

  /** Asks for the histories of scripts, and writes down what is proven of them. */
  async #watch(hashes: readonly Uint8Array[]): Promise<void> {
    await this.client.ask('history', hashes);
    for (const hash of hashes) {
      // what was proven in another way before belongs to the script no less
      for (const fact of this.facts.answering('history', hash)) this.#kept.sort(fact, 'history');
    }
    this.#kept.write();
    this.outbox.settle();
  }

  /** Claims that could be true and pay to or spend from some scripts. */
  async #waitingOf(hashes: readonly Uint8Array[]): Promise<Claim[]> {
    const wanted = new Set(hashes.map(hashKey));
    const isOurs = (script: Uint8Array | undefined): boolean =>
      script !== undefined && wanted.has(hashKey(sha256(script)));
    const touches = ({ transaction }: Claim): boolean =>
      transaction.outputs.some(({ lockingScript }) => isOurs(lockingScript)) ||
      transaction.inputs.some(({ outpoint }) => {
        const claimed = this.claims.get(hashToId(outpoint.hash))?.transaction;
        const output = this.facts.coin(outpoint)?.output ?? claimed?.outputs[outpoint.index];
        return isOurs(output?.lockingScript);
      });
    const possible = await this.unconfirmed.possible([...this.claims.all()].filter(touches));
    return withoutRivals(possible);
  }
}

function unconfirmedCoin(output: Coin['output']): Coin {
  return { output, height: UNCONFIRMED, coinbase: false };
}

/** Of claims that spend the same coin the last one: it is the newest word. */
function withoutRivals(claims: readonly Claim[]): Claim[] {
  const taken = new Set<string>();
  const kept: Claim[] = [];
  for (const claim of claims.toReversed()) {
    const keys = claim.transaction.inputs.map(({ outpoint }) => outpointKey(outpoint));
    if (keys.some((key) => taken.has(key))) continue;
    for (const key of keys) taken.add(key);
    kept.unshift(claim);
  }
  return kept;
}
