import { BitmodelError, messageOf, sha256, toHex } from '../../base/index.js';
import {
  type ChainClient,
  estimateFeeRate,
  hashToId,
  idToHash,
  isConflict,
  isMature,
  RpcError,
  type Utxo,
  type Wallet,
} from '../../chain/index.js';
import { submitContract } from '../contracts/submit.js';
import type { Published, Registry } from '../declared/registry.js';
import { parseSplitScript } from '../split/split.js';
import { type SplitSpend, unlockSplit } from '../split/splitSpend.js';
import { chooseContracts } from './contracts.js';
import { firmCoins, SpareCoins } from './feeCoins.js';
import type { SettleOptions, SettleResult } from './settle.js';
import { type Settlement, settlementOf } from './settlement.js';
import { type LeftAlone, type LeftReason, type WeighedSpend, weighContract } from './weigh.js';

/** Stands for the id of a transaction that was only planned. */
const NOT_SENT = '0'.repeat(64);
/**
 * Blocks that one transaction is waited for: what a wallet has just sent is in one of them unless the fees have risen, and
 * what strangers left unmined may never be.
 */
const PATIENCE = 6;

/** What a contract can't be settled for now, by what the node or the wallet says; undefined for other errors. */
function reasonOf(thrown: unknown): LeftReason | undefined {
  if (!(thrown instanceof BitmodelError)) return undefined;
  if (thrown.code === 'INSUFFICIENT_FUNDS') return 'funds';
  if (thrown.code === 'COINS_TAKEN') return 'taken';
  if (!(thrown instanceof RpcError)) return undefined;
  if (/^too-long-mempool-chain/.test(thrown.message)) return 'chain';
  if (isConflict(thrown)) return 'taken';
  return thrown.code === 'TX_REJECTED' ? 'refused' : undefined;
}

const nameOf = ({ outpoint }: Pick<Utxo, 'outpoint'>): string =>
  `${hashToId(outpoint.hash)}:${outpoint.index}`;

/** The coins worth most in each of these contracts, by the hex of their script's hash, as the node tells. */
async function coinsIn(
  client: ChainClient,
  contracts: readonly Published[],
): Promise<Map<string, Utxo[]>> {
  const found = new Map<string, Utxo[]>();
  for (const utxo of await client.largestUtxos(contracts.map(({ split }) => split))) {
    const key = toHex(sha256(utxo.output.lockingScript));
    const held = found.get(key);
    if (held) held.push(utxo);
    else found.set(key, [utxo]);
  }
  return found;
}

/** The fees have come to what they may. */
class OverBudget extends Error {}

/** Settles, or only says what settling would do: one walk from the contracts that jobs pay to those that they pay. */
export class Settling {
  readonly #client: ChainClient;
  readonly #wallet: Wallet | undefined;
  readonly #options: SettleOptions;
  readonly #registry: Registry;
  readonly #settled: Settlement[] = [];
  readonly #left: LeftAlone[] = [];
  readonly #sent = new Set<string>();
  readonly #ways: Map<string, bigint>;
  readonly #spare: SpareCoins;
  #feeRate = 0n;
  #fees = 0n;
  #lacking: unknown;
  /** Blocks waited for since something was settled: what made no progress in so many is waited for no more. */
  #waited = 0;

  /** @param wallet pays the fees; without one nothing is sent */
  constructor(
    client: ChainClient,
    registry: Registry,
    wallet: Wallet | undefined,
    options: SettleOptions,
  ) {
    this.#client = client;
    this.#registry = registry;
    this.#wallet = wallet;
    this.#options = options;
    this.#ways = options.ways ?? new Map();
    this.#spare = options.spare ?? new SpareCoins();
  }

  /** Walks once over the contracts that are meant. @throws as `settleSplits` */
  async run(): Promise<SettleResult> {
    const contracts = chooseContracts(this.#registry, this.#options);
    const coins = await coinsIn(this.#client, contracts);
    const height = await this.#client.height();
    this.#feeRate = await estimateFeeRate(this.#client);
    for (const source of contracts) await this.#contract(source, coins, height);
    // what was paid must be told of all the same
    if (this.#lacking !== undefined && this.#settled.length === 0) throw this.#lacking;
    return { settled: this.#settled, left: this.#left };
  }

  #isOurs = ({ outpoint }: Pick<Utxo, 'outpoint'>): boolean =>
    this.#sent.has(hashToId(outpoint.hash));

  #isFirm = (coin: Utxo): boolean => coin.height > 0 || this.#isOurs(coin);

  async #contract(source: Published, coins: Map<string, Utxo[]>, height: number): Promise<void> {
    const there = coins.get(toHex(sha256(source.split))) ?? [];
    const { minedOnly = false } = this.#options;
    const young = there.filter((coin) => !isMature(coin, height));
    if (young.length > 0) this.#leave(source, young, 'immature');
    const usable = there.filter(
      (coin) => isMature(coin, height) && (!minedOnly || this.#isFirm(coin)),
    );
    const spends = this.#weigh(source, usable);
    for (let each = spends.shift(); each; each = spends.shift()) {
      this.#options.signal?.throwIfAborted();
      const paid = this.#wallet
        ? await this.#send(this.#wallet, source, each)
        : this.#plan(source, each);
      if (paid === 'held') spends.unshift(...this.#parted(source, each));
      else if (paid) this.#note(source, each, paid, coins);
    }
  }

  #weigh(source: Published, usable: readonly Utxo[]): WeighedSpend[] {
    const { spends, left } = weighContract(this.#registry, source, usable, {
      feeRate: this.#feeRate,
      minimum: this.#options.minimum,
      carried: (coin) => this.#ways.get(nameOf(coin)) ?? 0n,
    });
    this.#left.push(...left);
    return [...spends];
  }

  /**
   * Coins of others that wait behind too many transactions must not keep those in blocks: they are parted from them, and
   * only waited for.
   */
  #parted(source: Published, { spend }: WeighedSpend): WeighedSpend[] {
    const all = spend.coins as readonly Utxo[];
    const firm = this.#weigh(source, all.filter(this.#isFirm));
    const held = all.filter((coin) => !this.#isFirm(coin));
    if (this.#options.wait) return [...firm, ...this.#weigh(source, held)];
    this.#leave(source, held, 'chain');
    return firm;
  }

  #note(
    source: Published,
    each: WeighedSpend,
    paid: { readonly txid: string; readonly fee: bigint },
    coins: Map<string, Utxo[]>,
  ): void {
    this.#waited = 0;
    this.#fees += paid.fee;
    const settlement = settlementOf(source, each, paid);
    this.#settled.push(settlement);
    this.#sent.add(paid.txid);
    this.#options.onSettled?.(settlement);
    this.#passOn(each, paid, coins);
  }

  /** What a settlement brought to other contracts can be settled from there in the same walk. */
  #passOn(
    { spend, amount }: WeighedSpend,
    { txid, fee }: { readonly txid: string; readonly fee: bigint },
    coins: Map<string, Utxo[]>,
  ): void {
    const hash = idToHash(txid);
    const cost = spend.coins.reduce((sum, coin) => sum + (this.#ways.get(nameOf(coin)) ?? 0n), fee);
    for (const coin of spend.coins) this.#ways.delete(nameOf(coin));
    spend.outputs.forEach((output, index) => {
      if (!parseSplitScript(output.lockingScript)) return;
      const key = toHex(sha256(output.lockingScript));
      const coin = { outpoint: { hash, index }, output, height: 0, coinbase: false };
      coins.set(key, [...(coins.get(key) ?? []), coin]);
      // each part bears its share of what has been paid for the whole, rounded up
      this.#ways.set(nameOf(coin), (cost * output.value + amount - 1n) / amount);
    });
  }

  #leave(
    source: Published,
    coins: readonly Pick<Utxo, 'output'>[],
    reason: LeftReason,
    more: Pick<LeftAlone, 'fee' | 'detail' | 'waited'> = {},
  ): void {
    const { id, name } = source;
    const amount = coins.reduce((sum, { output }) => sum + output.value, 0n);
    this.#left.push({ id, name, reason, amount, coins: coins.length, ...more });
  }

  /** Base units that fees may still come to. */
  #budget(): bigint | undefined {
    const { maxFees } = this.#options;
    return maxFees === undefined ? undefined : maxFees - this.#fees;
  }

  #plan(
    source: Published,
    { spend, size }: WeighedSpend,
  ): { txid: string; fee: bigint } | undefined {
    const fee = BigInt(size) * this.#feeRate;
    const most = this.#budget();
    if (most === undefined || fee <= most) return { fee, txid: NOT_SENT };
    this.#leave(source, spend.coins, 'budget', { fee });
    return undefined;
  }

  /** @returns what was sent; `held` where others' unmined coins keep it from being sent; undefined where it was left */
  async #send(
    wallet: Wallet,
    source: Published,
    each: WeighedSpend,
  ): Promise<{ txid: string; fee: bigint } | 'held' | undefined> {
    const { wait = false, signal } = this.#options;
    const coins = each.spend.coins as readonly Utxo[];
    for (;;) {
      const height = await this.#client.height();
      try {
        return await this.#pay(wallet, each);
      } catch (thrown) {
        const reason = thrown instanceof OverBudget ? 'budget' : reasonOf(thrown);
        if (reason === undefined) throw thrown;
        if (reason === 'funds') this.#lacking ??= thrown;
        if (reason === 'chain' && new Set(coins.map(this.#isFirm)).size === 2) return 'held';
        if (reason === 'chain' && wait && this.#waited < PATIENCE) {
          await this.#client.waitForBlock(height, signal);
          this.#waited += 1;
          continue;
        }
        this.#leave(source, coins, reason, {
          ...(reason === 'budget' ? { fee: BigInt(each.size) * this.#feeRate } : {}),
          ...(reason === 'refused' ? { detail: messageOf(thrown) } : {}),
          ...(reason === 'chain' && wait ? { waited: this.#waited } : {}),
        });
        return undefined;
      }
    }
  }

  /** Funds, signs and sends one settlement. @throws OverBudget; what the wallet and the node say; the wallet's coins are free again */
  async #pay(
    wallet: Wallet,
    { spend, size }: WeighedSpend,
  ): Promise<{ txid: string; fee: bigint }> {
    const most = this.#budget();
    const funded = await this.#fund(wallet, spend, BigInt(size) * this.#feeRate);
    const unlocked = { ...funded, transaction: unlockSplit(funded.transaction, spend) };
    const agree = ({ fee }: { readonly fee: bigint }): void => {
      if (most !== undefined && fee > most) throw new OverBudget();
    };
    // a token that somebody laid into the contract is nobody's share, and must not keep the rest there
    return submitContract(this.#client, wallet, unlocked, {
      agree,
      allowBurn: true,
      usualFeeRate: true,
    });
  }

  async #fund(wallet: Wallet, spend: SplitSpend, about: bigint): ReturnType<Wallet['fund']> {
    const inputs = spend.coins.map(({ outpoint, output }, i) => ({
      outpoint,
      output,
      unlockingSize: spend.unlockingScripts[i]!.length,
    }));
    const feeRate = this.#feeRate;
    const request = { inputs, outputs: spend.outputs, feeRate };
    if (this.#options.spareOnly) {
      const from = (free: readonly Utxo[]) => this.#spare.next(free, about, feeRate);
      return wallet.fund({ ...request, from });
    }
    try {
      return await wallet.fund({ ...request, from: (free) => firmCoins(free, this.#isOurs) });
    } catch (thrown) {
      if (reasonOf(thrown) !== 'funds') throw thrown;
      return wallet.fund(request);
    }
  }
}
