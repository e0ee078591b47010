import { BitmodelError, EXIT, messageOf, sha256, toHex } from '../../base/index.js';
import {
  type ChainClient,
  estimateFeeRate,
  hashToId,
  idToHash,
  RpcError,
  type TransactionOutput,
  type Utxo,
  type Wallet,
} from '../../chain/index.js';
import { parseHolderScript } from '../contracts/holder.js';
import { type Published, type Registry, readRegistry } from '../declared/registry.js';
import { parseSplitScript } from '../split/split.js';
import { type SplitSpend, unlockSplit } from '../split/splitSpend.js';
import { type ContractChoice, chooseContracts } from './contracts.js';
import { type LeftAlone, type LeftReason, type WeighedSpend, weighContract } from './weigh.js';

/** One output of a settlement. */
export interface SettledShare {
  /** Id of the parent, or of the source itself for what it keeps. */
  readonly id: string;
  /** Whether it went to another split contract (and from there on), to an NFT's holder, or to an address. */
  readonly to: 'split' | 'holder' | 'address';
  readonly lockingScript: Uint8Array;
  /** Base units. */
  readonly amount: bigint;
}

/** One transaction that paid out what lay in a split contract. */
export interface Settlement {
  readonly txid: string;
  /** Id and name of the source whose contract it was. */
  readonly id: string;
  readonly name: string;
  /** Base units that lay in the contract, in this many coins. */
  readonly amount: bigint;
  readonly coins: number;
  readonly shares: readonly SettledShare[];
  /** Base units that the wallet paid; of a planned one, what it would pay about. */
  readonly fee: bigint;
}

/** A settlement that was not made. */
export type PlannedSettlement = Omit<Settlement, 'txid'>;

/** What was paid out, in order, and what stays in contracts. */
export interface SettleResult {
  readonly settled: readonly Settlement[];
  readonly left: readonly LeftAlone[];
}

/** What is settled, what is left alone, and who can end it. */
export interface SettleOptions extends ContractChoice {
  /** Settle what comes to at least this much (base units), whatever it costs; see `weighContract` for the default. */
  readonly minimum?: bigint | undefined;
  /** Wait for a block where the mempool takes no more of the chain of transactions, and go on. */
  readonly wait?: boolean;
  /** Leave coins alone that are not in a block yet. */
  readonly minedOnly?: boolean;
  /** Base units of fees that all settlements together cost at most; no bound where undefined. */
  readonly maxFees?: bigint | undefined;
  /**
   * Base units that were paid to bring a coin into its contract, by the coin's transaction and index; filled and used by
   * several runs that count as one walk.
   */
  readonly ways?: Map<string, bigint>;
  readonly signal?: AbortSignal;
  /** Told of each transaction when the node has it. */
  readonly onSettled?: (settlement: Settlement) => void;
}

/** Blocks until a mined coin may be spent: the same on every network (DESIGN 4.1). */
const COINBASE_MATURITY = 100;
/** Base units of fees after which a stranger's contracts are not worth more, unless somebody says otherwise: 0.01 coins. */
export const DEFAULT_MAX_FEES = 1_000_000n;
/** Stands for the id of a transaction that was only planned. */
const NOT_SENT = '0'.repeat(64);

/** What a contract can't be settled for now, by what the node or the wallet says; undefined for other errors. */
function reasonOf(thrown: unknown): LeftReason | undefined {
  if (!(thrown instanceof BitmodelError)) return undefined;
  if (thrown.code === 'INSUFFICIENT_FUNDS') return 'funds';
  if (thrown.code === 'COINS_TAKEN') return 'taken';
  if (!(thrown instanceof RpcError)) return undefined;
  if (/^too-long-mempool-chain/.test(thrown.message)) return 'chain';
  const isTaken = /^(?:txn-mempool-conflict|bad-txns-inputs-missingorspent|insufficient fee)/;
  if (isTaken.test(thrown.message)) return 'taken';
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

/** Ids of those that the outputs of a source's contract pay, in order. */
export function payees(source: Published, count: number): string[] {
  const paid = source.parents.filter(({ ppm }) => ppm > 0).map(({ id }) => id);
  return paid.length === count ? paid : [...paid, source.id];
}

function kindOf(lockingScript: Uint8Array): SettledShare['to'] {
  if (parseSplitScript(lockingScript)) return 'split';
  return parseHolderScript(lockingScript) ? 'holder' : 'address';
}

/** What a settlement's outputs pay to whom. */
export function sharesPaid(
  source: Published,
  outputs: readonly TransactionOutput[],
): SettledShare[] {
  const ids = payees(source, outputs.length);
  return outputs.map(({ value, lockingScript }, i) => ({
    id: ids[i]!,
    to: kindOf(lockingScript),
    lockingScript,
    amount: value,
  }));
}

function settlementOf(
  source: Published,
  { spend, amount }: WeighedSpend,
  paid: { readonly txid: string; readonly fee: bigint },
): Settlement {
  const { id, name } = source;
  const shares = sharesPaid(source, spend.outputs);
  return { ...paid, id, name, amount, coins: spend.coins.length, shares };
}

/** The fees have come to what they may. */
class OverBudget extends Error {}

/** Funds, signs and sends one settlement. @throws OverBudget where its fee is above `most`; what the wallet and the node say; the wallet's coins are free again */
async function pay(
  client: ChainClient,
  wallet: Wallet,
  spend: SplitSpend,
  feeRate: bigint,
  most: bigint | undefined,
): Promise<{ txid: string; fee: bigint }> {
  const inputs = spend.coins.map(({ outpoint, output }, i) => ({
    outpoint,
    output,
    unlockingSize: spend.unlockingScripts[i]!.length,
  }));
  const { transaction, spentOutputs, fee } = await wallet.fund({
    inputs,
    outputs: spend.outputs,
    feeRate,
  });
  try {
    if (most !== undefined && fee > most) throw new OverBudget();
    const signed = wallet.sign(unlockSplit(transaction, spend), spentOutputs);
    return { txid: await client.send(signed), fee };
  } catch (thrown) {
    // a node that could not be reached may have taken it all the same: its coins stay locked
    const lost = thrown instanceof BitmodelError && thrown.exitCode === EXIT.unreachable;
    if (!lost) wallet.release(transaction);
    throw thrown;
  }
}

/** Settles, or only says what settling would do: one walk from the contracts that jobs pay to those that they pay. */
class Settling {
  readonly #client: ChainClient;
  readonly #wallet: Wallet | undefined;
  readonly #options: SettleOptions;
  readonly #registry: Registry;
  readonly settled: Settlement[] = [];
  readonly left: LeftAlone[] = [];
  readonly #sent = new Set<string>();
  readonly #ways: Map<string, bigint>;
  #fees = 0n;
  #lacking: unknown;

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
  }

  async run(): Promise<SettleResult> {
    const contracts = chooseContracts(this.#registry, this.#options);
    const coins = await coinsIn(this.#client, contracts);
    const height = await this.#client.height();
    const feeRate = await estimateFeeRate(this.#client);
    for (const source of contracts) {
      const key = toHex(sha256(source.split));
      await this.#contract(source, coins.get(key) ?? [], coins, height, feeRate);
    }
    // what was paid must be told of all the same
    if (this.#lacking !== undefined && this.settled.length === 0) throw this.#lacking;
    return { settled: this.settled, left: this.left };
  }

  async #contract(
    source: Published,
    there: readonly Utxo[],
    coins: Map<string, Utxo[]>,
    height: number,
    feeRate: bigint,
  ): Promise<void> {
    const { minimum, minedOnly = false } = this.#options;
    const isMature = (coin: Utxo): boolean =>
      !coin.coinbase || height + 1 - coin.height >= COINBASE_MATURITY;
    const isOurs = ({ outpoint }: Utxo): boolean => this.#sent.has(hashToId(outpoint.hash));
    const isMined = (coin: Utxo): boolean => coin.height > 0 || isOurs(coin);
    const usable = there.filter((coin) => isMature(coin) && (!minedOnly || isMined(coin)));
    const young = there.filter((coin) => !isMature(coin));
    if (young.length > 0) this.#leave(source, young, 'immature');
    const weighed = weighContract(this.#registry, source, usable, {
      feeRate,
      minimum,
      carried: (coin) => this.#ways.get(nameOf(coin)) ?? 0n,
    });
    this.left.push(...weighed.left);
    for (const each of weighed.spends) {
      this.#options.signal?.throwIfAborted();
      const fee = BigInt(each.size) * feeRate;
      const paid = this.#wallet
        ? await this.#send(this.#wallet, source, each, feeRate)
        : this.#plan(source, each, fee);
      if (!paid) continue;
      this.#fees += paid.fee;
      const settlement = settlementOf(source, each, paid);
      this.settled.push(settlement);
      this.#sent.add(paid.txid);
      this.#options.onSettled?.(settlement);
      this.#passOn(each, paid, coins);
    }
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
    more: Pick<LeftAlone, 'fee' | 'detail'> = {},
  ): void {
    const { id, name } = source;
    const amount = coins.reduce((sum, { output }) => sum + output.value, 0n);
    this.left.push({ id, name, reason, amount, coins: coins.length, ...more });
  }

  /** Base units that fees may still come to. */
  #budget(): bigint | undefined {
    const { maxFees } = this.#options;
    return maxFees === undefined ? undefined : maxFees - this.#fees;
  }

  #plan(
    source: Published,
    { spend }: WeighedSpend,
    fee: bigint,
  ): { txid: string; fee: bigint } | undefined {
    const most = this.#budget();
    if (most === undefined || fee <= most) return { fee, txid: NOT_SENT };
    this.#leave(source, spend.coins, 'budget', { fee });
    return undefined;
  }

  async #send(
    wallet: Wallet,
    source: Published,
    { spend, size }: WeighedSpend,
    feeRate: bigint,
  ): Promise<{ txid: string; fee: bigint } | undefined> {
    const { wait = false, signal } = this.#options;
    for (;;) {
      const height = await this.#client.height();
      try {
        return await pay(this.#client, wallet, spend, feeRate, this.#budget());
      } catch (thrown) {
        if (thrown instanceof OverBudget) {
          this.#leave(source, spend.coins, 'budget', { fee: BigInt(size) * feeRate });
          return undefined;
        }
        const reason = reasonOf(thrown);
        if (reason === undefined) throw thrown;
        if (reason === 'funds') this.#lacking ??= thrown;
        if (reason === 'chain' && wait) {
          await this.#client.waitForBlock(height, signal);
          continue;
        }
        const detail = reason === 'refused' ? { detail: messageOf(thrown) } : {};
        this.#leave(source, spend.coins, reason, detail);
        return undefined;
      }
    }
  }
}

/**
 * Pays out what lies in split contracts, then what that brought to the contracts that they pay, and so on until all lies
 * at addresses: a tree of transactions, one or more for each contract. Anybody may do this, with a wallet that pays the
 * fees; where the money goes is fixed. What would be dust or cost more than it pays is left where it is, for what comes
 * later (DESIGN 9). One contract that can't be settled is left, and holds up no other.
 * @throws BitmodelError `UNKNOWN_SOURCE`; `INSUFFICIENT_FUNDS` when nothing could be paid; and what the node says
 */
export async function settleSplits(
  client: ChainClient,
  wallet: Wallet,
  options: SettleOptions = {},
): Promise<SettleResult> {
  return new Settling(client, await readRegistry(client), wallet, options).run();
}

/** What {@link settleSplits} would do now, at about which fees; nothing is sent. */
export async function planSettlement(
  client: ChainClient,
  options: Omit<SettleOptions, 'onSettled' | 'wait'> = {},
): Promise<{ planned: PlannedSettlement[]; left: readonly LeftAlone[] }> {
  const registry = await readRegistry(client);
  const { settled, left } = await new Settling(client, registry, undefined, options).run();
  return { planned: settled.map(({ txid: _, ...planned }) => planned), left };
}
