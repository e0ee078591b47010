import { toHex } from '../../base/index.js';
import { type AddressParameters, addressScript } from '../address/address.js';
import type { ChainClient, Utxo } from '../client/ChainClient.js';
import { formatOutpoint } from '../codec/transaction.js';
import { type Account, GAP_LIMIT } from './Account.js';
import { badNodeAnswer } from './check.js';
import { accountUtxos, inBatches, lastUsedChange } from './discovery.js';
import type { HistoryEntry } from './history.js';

function isEntry({ txid, height }: { txid: unknown; height: unknown }): boolean {
  const isId = typeof txid === 'string' && /^[0-9a-f]{64}$/.test(txid);
  return isId && Number.isSafeInteger(height);
}

/** Where a wallet's coins come from: some addresses, and the addresses of an account as they come to be used. */
export class WalletCoins {
  readonly #client: ChainClient;
  readonly #parameters: AddressParameters;
  readonly #single: readonly string[];
  readonly #account: Account | undefined;
  readonly #scripts: ReadonlySet<string>;

  constructor(
    client: ChainClient,
    parameters: AddressParameters,
    single: readonly string[],
    account: Account | undefined,
  ) {
    this.#client = client;
    this.#parameters = parameters;
    this.#single = single;
    this.#account = account;
    this.#scripts = new Set(single.map((each) => toHex(addressScript(each, parameters))));
  }

  get addresses(): readonly string[] {
    return this.#account ? [...this.#single, ...this.#account.addresses] : this.#single;
  }

  get changeScript(): Uint8Array {
    const address = this.#account?.changeAddress ?? this.#single[0]!;
    return addressScript(address, this.#parameters);
  }

  owns(lockingScript: Uint8Array): boolean {
    return this.#scripts.has(toHex(lockingScript)) || this.#account?.owns(lockingScript) === true;
  }

  /**
   * Whether an output to this script is change: of an account one on its change chain, which only its owner's own
   * transactions pay.
   */
  isChange(lockingScript: Uint8Array): boolean {
    return this.#account?.isChange(lockingScript) === true;
  }

  /**
   * All coins, whether they can be spent or not, each once, and the height of the tip.
   * @throws BitmodelError `BAD_NODE_ANSWER` when the node calls somebody else's coin one of these
   */
  async utxos(): Promise<[Utxo[], number]> {
    const account = this.#account;
    const [single, more, height] = await Promise.all([
      inBatches(this.#single, (addresses) => this.#client.utxos(addresses)),
      account ? accountUtxos(account, this.#client) : [],
      this.#single.length > 0 || account ? this.#client.height() : 0,
    ]);
    const all = new Map([...single, ...more].map((utxo) => [formatOutpoint(utxo.outpoint), utxo]));
    for (const [outpoint, { output }] of all) {
      if (!this.owns(output.lockingScript)) throw badNodeAnswer(`The node calls ${outpoint} ours.`);
    }
    if (account) await this.#boundChange(account);
    return [[...all.values()], height];
  }

  /**
   * Keeps change where whoever has nothing but the words finds it: never further than {@link GAP_LIMIT} beyond the last
   * address of the chain that the node knows to be used, whatever other nodes have said before.
   */
  async #boundChange(account: Account): Promise<void> {
    const { change } = account.indexes;
    if (change < GAP_LIMIT) return;
    const last = await lastUsedChange(account, change, this.#client);
    account.boundChange(last + GAP_LIMIT < change ? last + 1 : change);
  }

  /**
   * Transactions of all addresses, oldest first, those of the mempool (height 0) last.
   * @throws BitmodelError `BAD_NODE_ANSWER`
   */
  async history(): Promise<HistoryEntry[]> {
    // an account learns from its coins how many addresses are in use
    if (this.#account) await this.utxos();
    const found = await inBatches(this.addresses, (addresses) =>
      this.#client.rpc.call<HistoryEntry[]>('getaddresshistory', addresses),
    );
    if (!found.every(isEntry)) throw badNodeAnswer('The node lists what is no transaction id.');
    const unique = new Map(found.map((each) => [each.txid, each]));
    const order = ({ height }: { height: number }): number => height || Number.MAX_SAFE_INTEGER;
    return [...unique.values()].sort((a, b) => order(a) - order(b));
  }
}
