import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  blockHash,
  ChainClient,
  type ContractSpend,
  createKey,
  idToHash,
  type KeyPair,
  networkParameters,
  type Outpoint,
  RpcClient,
  type RunningNode,
  runNode,
  type SpendContext,
  type Transaction,
  type TransactionOutput,
  unlockContract,
  Wallet,
} from '#src/chain/index.js';

export const REGTEST = networkParameters('regtest');
export const GENESIS = blockHash(REGTEST.genesis.header);

/** A transaction that is in a block. */
export interface Mined {
  readonly txid: string;
  readonly transaction: Transaction;
  outpoint(index: number): Outpoint;
}

/** A real node on regtest, with a wallet that has coins: contracts are put on its chain and spent there. */
export class Regtest {
  readonly chain: ChainClient;
  readonly wallet: Wallet;
  readonly key: KeyPair;
  readonly #node: RunningNode;
  readonly #datadir: string;

  private constructor(node: RunningNode, datadir: string) {
    this.#node = node;
    this.#datadir = datadir;
    this.key = createKey(REGTEST);
    this.chain = new ChainClient(
      RpcClient.forNode({ datadir, network: 'regtest', rpc: undefined }),
    );
    this.wallet = new Wallet({ client: this.chain, keys: [this.key], params: REGTEST });
  }

  static async open(): Promise<Regtest> {
    const datadir = mkdtempSync(join(tmpdir(), 'bitmodel-regtest-'));
    const node = await runNode({ datadir, network: 'regtest', version: 'test', rpcPort: 0 });
    const regtest = new Regtest(node, datadir);
    await regtest.mine(103);
    return regtest;
  }

  /** Where the node's chain, its cookie and its address lie: what the real binary finds it by. */
  get datadir(): string {
    return this.#datadir;
  }

  /** The node itself, in this process. */
  get node(): RunningNode['node'] {
    return this.#node.node;
  }

  async mine(count = 1): Promise<void> {
    await this.chain.generate(count, this.key.address);
  }

  async mineTo(height: number): Promise<void> {
    const missing = height - (await this.chain.height());
    if (missing > 0) await this.mine(missing);
  }

  /** Pays outputs, in a block. */
  async pay(outputs: readonly TransactionOutput[], jobId?: Uint8Array): Promise<Mined> {
    const { txid } = await this.wallet.send(outputs, {
      allowHighFee: true,
      ...(jobId && { jobId }),
    });
    return this.#mined(txid);
  }

  /** Spends contracts, with the wallet's coins for the fee. @throws what the node says of it */
  async spend(
    spend: ContractSpend,
    unlock: (context: SpendContext) => Uint8Array | readonly Uint8Array[],
  ): Promise<Mined> {
    const funded = await this.wallet.fund(spend);
    const unlocking = unlock(funded);
    const unlocked =
      unlocking instanceof Uint8Array
        ? unlockContract(funded.transaction, unlocking)
        : withUnlocking(funded.transaction, unlocking);
    try {
      return await this.#mined(
        await this.chain.send(this.wallet.sign(unlocked, funded.spentOutputs)),
      );
    } catch (thrown) {
      this.wallet.release(funded.transaction);
      throw thrown;
    }
  }

  async close(): Promise<void> {
    this.chain.rpc.close();
    await this.#node.stop();
    rmSync(this.#datadir, { recursive: true, force: true });
  }

  async #mined(txid: string): Promise<Mined> {
    await this.mine();
    const { transaction } = (await this.chain.transaction(txid))!;
    return { txid, transaction, outpoint: (index) => ({ hash: idToHash(txid), index }) };
  }
}

function withUnlocking(transaction: Transaction, scripts: readonly Uint8Array[]): Transaction {
  const inputs = transaction.inputs.map((input, index) => ({
    ...input,
    unlockingScript: scripts[index] ?? input.unlockingScript,
  }));
  return { ...transaction, inputs };
}
