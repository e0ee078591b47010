import { setTimeout } from 'node:timers/promises';
import { BitmodelError, EXIT, messageOf } from '../../base/index.js';
import { type ChainClient, nodeEvents, type Wallet } from '../../chain/index.js';
import { SpareCoins } from './feeCoins.js';
import { type SettleOptions, settleSplits } from './settle.js';
import type { Settlement } from './settlement.js';
import type { LeftAlone } from './weigh.js';

/** What happens while contracts are watched. */
export type WatchEvent =
  /** The node's tip is this block, and what lies in contracts has been looked at. */
  | { readonly event: 'block'; readonly height: number; readonly settled: number }
  | { readonly event: 'settled'; readonly settlement: Settlement }
  /** Something stays in a contract; told again only when it has changed. */
  | { readonly event: 'left'; readonly left: LeftAlone }
  /** The node does not answer; tried until it does. */
  | { readonly event: 'away'; readonly detail: string }
  | { readonly event: 'back' }
  /** A settlement failed for a reason that the next block may end. */
  | { readonly event: 'problem'; readonly detail: string };

/** What is watched, and who is told. */
export interface WatchOptions
  extends Omit<SettleOptions, 'wait' | 'minedOnly' | 'onSettled' | 'ways' | 'spare'> {
  /** Base units of fees in any 24 hours; no bound where undefined. */
  readonly maxFees?: bigint | undefined;
  readonly signal: AbortSignal;
  readonly onEvent: (event: WatchEvent) => void;
}

/** Milliseconds after which a node that was away is asked again. */
const LOOK_AGAIN = 1_000;
/** Milliseconds for which a fee counts. */
const DAY = 86_400_000;

/** Says that there is a new block, however many came since it was last asked. */
class NewBlock {
  #isNew = false;
  #wake: (() => void) | undefined;

  note(): void {
    this.#isNew = true;
    this.#wake?.();
  }

  /** Resolves once there is one. @throws the signal's reason */
  async next(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.#isNew) {
      await new Promise<void>((wake, fail) => {
        const end = (): void => fail(signal.reason as Error);
        signal.addEventListener('abort', end, { once: true });
        this.#wake = () => {
          signal.removeEventListener('abort', end);
          wake();
        };
      });
    }
    this.#isNew = false;
    this.#wake = undefined;
  }
}

function isAway(thrown: unknown): boolean {
  return thrown instanceof BitmodelError && thrown.exitCode === EXIT.unreachable;
}

/** One watch over contracts. */
class Watch {
  readonly #client: ChainClient;
  readonly #wallet: Wallet;
  readonly #options: WatchOptions;
  readonly #block = new NewBlock();
  #isAway = false;
  /** A walk that one block ends goes on after the next: what it cost is not forgotten. */
  readonly #ways = new Map<string, bigint>();
  #waysSince = Date.now();
  /** A node that was away gives the same block again: what its fees took counts until there is another. */
  #spare = { height: -1, coins: new SpareCoins() };
  #paid: { readonly at: number; readonly fee: bigint }[] = [];
  #problem: string | undefined;
  /** What was last told of each contract that something stays in. */
  #told = new Map<string, string>();

  constructor(client: ChainClient, wallet: Wallet, options: WatchOptions) {
    this.#client = client;
    this.#wallet = wallet;
    this.#options = options;
  }

  /** Listens to the node, and again whenever it has started anew: its tip comes first each time. */
  async listen(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        for await (const { event } of nodeEvents(this.#client.rpc, signal)) {
          this.#back();
          if (event === 'block') this.#block.note();
        }
      } catch (thrown) {
        if (signal.aborted) return;
        if (!isAway(thrown)) throw thrown;
        this.#away(thrown);
      }
      await setTimeout(LOOK_AGAIN, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Settles after each block, until the signal ends it. */
  async settle(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#block.next(signal);
      try {
        await this.#settleOnce(signal);
        this.#problem = undefined;
      } catch (thrown) {
        if (signal.aborted) return;
        if (!(thrown instanceof BitmodelError)) throw thrown;
        // the listener finds out when it is back, and a new tip then begins this anew
        if (isAway(thrown)) this.#away(thrown);
        else this.#fail(messageOf(thrown));
      }
    }
  }

  async #settleOnce(signal: AbortSignal): Promise<void> {
    const { onEvent, maxFees, ...chosen } = this.#options;
    this.#paid = this.#paid.filter(({ at }) => Date.now() - at < DAY);
    // small sums of one honest model can't outweigh what each cost on its way, or they would lie there for ever
    if (Date.now() - this.#waysSince >= DAY) {
      this.#ways.clear();
      this.#waysSince = Date.now();
    }
    const paid = this.#paid.reduce((sum, { fee }) => sum + fee, 0n);
    const height = await this.#client.height();
    if (height !== this.#spare.height) this.#spare = { height, coins: new SpareCoins() };
    const { settled, left } = await settleSplits(this.#client, this.#wallet, {
      ...chosen,
      ...(maxFees === undefined ? {} : { maxFees: maxFees - paid }),
      ways: this.#ways,
      spare: this.#spare.coins,
      signal,
      // what is not in a block may never be, and with it the settlement
      minedOnly: true,
      onSettled: (settlement) => {
        this.#paid.push({ at: Date.now(), fee: settlement.fee });
        onEvent({ event: 'settled', settlement });
      },
    });
    const telling = new Map<string, string>();
    for (const each of left) {
      const key = `${each.id} ${each.reason}`;
      const text = `${each.amount} ${each.coins}`;
      telling.set(key, text);
      if (this.#told.get(key) !== text) onEvent({ event: 'left', left: each });
    }
    this.#told = telling;
    onEvent({ event: 'block', height, settled: settled.length });
  }

  /** Tells what is wrong, once as long as nothing else is. */
  #fail(detail: string): void {
    if (this.#problem !== detail) this.#options.onEvent({ event: 'problem', detail });
    this.#problem = detail;
  }

  #away(thrown: unknown): void {
    if (!this.#isAway) this.#options.onEvent({ event: 'away', detail: messageOf(thrown) });
    this.#isAway = true;
  }

  #back(): void {
    if (this.#isAway) this.#options.onEvent({ event: 'back' });
    this.#isAway = false;
  }
}

/**
 * Settles contracts after each block that brought something into them, as {@link settleSplits} does, until the signal
 * ends it. What a reorganisation takes back lies in the contract again, and is settled after the next block; what another
 * settled first is a note.
 */
export async function watchSettlements(
  client: ChainClient,
  wallet: Wallet,
  options: WatchOptions,
): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const watch = new Watch(client, wallet, options);
  const listening = watch.listen(signal);
  // a listener that can't go on ends the watch
  const settling = Promise.race([watch.settle(signal), listening]);
  try {
    await settling;
  } catch (thrown) {
    if (!options.signal.aborted) throw thrown;
  } finally {
    stop.abort();
    await listening.catch(() => undefined);
  }
}
