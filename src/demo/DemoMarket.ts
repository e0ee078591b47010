import { createRequire } from 'node:module';
import { join } from 'node:path';
import {
  addressScript,
  ChainClient,
  createKey,
  type KeyPair,
  LocalChain,
  type NetworkParameters,
  networkParameters,
  RpcClient,
  type RunningNode,
  runNode,
  Wallet,
} from '../chain/index.js';
import { type JobPoolService, registerJobPool } from '../job/index.js';

/** Somebody in the demo, with a key and coins of their own. */
export interface Person {
  readonly name: string;
  readonly key: KeyPair;
  readonly wallet: Wallet;
  /** Where their records of jobs lie. */
  readonly directory: string;
}

/** Everybody of the market, and what they have open. */
export interface Cast {
  readonly market: DemoMarket;
  readonly buyer: Person;
  readonly seller: Person;
  readonly author: Person;
  readonly verifiers: readonly Person[];
}

/** Blocks mined before anything: the first coinbases must be mature. */
const FIRST_BLOCKS = 101;

/**
 * A chain of its own with one node in this process, reached as everybody reaches a node: over RPC with its cookie.
 * Blocks are mined when somebody waits for one.
 */
export class DemoMarket {
  readonly params: NetworkParameters;
  readonly chain: ChainClient;
  readonly miner: Person;
  readonly #running: RunningNode;
  readonly #rpc: RpcClient;
  readonly #folder: string;
  #mining: Promise<void> = Promise.resolve();

  private constructor(running: RunningNode, rpc: RpcClient, folder: string) {
    this.params = networkParameters('regtest');
    this.#running = running;
    this.#rpc = rpc;
    this.#folder = folder;
    this.chain = new ChainClient(rpc);
    this.miner = this.person('miner');
  }

  /** Opens an empty regtest chain in the folder and mines the first blocks. */
  static async open(folder: string): Promise<DemoMarket> {
    const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };
    const datadir = join(folder, 'node');
    let pool: JobPoolService | undefined;
    const running = await runNode({
      datadir,
      network: 'regtest',
      version,
      rpcPort: 0,
      extend: (server, node) => {
        pool = registerJobPool(server, new LocalChain(node));
      },
    });
    const rpc = RpcClient.forNode({ rpc: running.url, datadir, network: 'regtest' });
    const market = new DemoMarket(running, rpc, folder);
    // a failure to forget what is over harms nobody here: the market lives for seconds
    running.node.on('block', () => void pool?.advance().catch(() => undefined));
    await market.mine(FIRST_BLOCKS);
    return market;
  }

  /** Somebody new, with a fresh key. */
  person(name: string): Person {
    const key = createKey(this.params);
    const wallet = new Wallet({ client: this.chain, keys: [key], params: this.params });
    return { name, key, wallet, directory: join(this.#folder, name) };
  }

  /** Gives coins to people, in one transaction, and mines it. Base units. */
  async fund(gifts: readonly { readonly to: Person; readonly amount: bigint }[]): Promise<void> {
    const outputs = gifts.map(({ to, amount }) => ({
      value: amount,
      lockingScript: addressScript(to.key.address, this.params),
    }));
    await this.miner.wallet.send(outputs);
    await this.mine(1);
  }

  /** Height of the chain. */
  get height(): number {
    return this.#running.node.tip.height;
  }

  /** Mines so many blocks, paid to the miner. */
  async mine(count: number): Promise<void> {
    await this.chain.generate(count, this.miner.key.address);
  }

  /** Mines until the chain has this height; calls made meanwhile wait for each other. */
  mineTo(height: number): Promise<void> {
    this.#mining = this.#mining.then(async () => {
      const missing = height - (await this.chain.height());
      if (missing > 0) await this.mine(missing);
    });
    return this.#mining;
  }

  /** All coins of a person, waiting or immature ones included. Base units. */
  async balance({ wallet }: Person): Promise<bigint> {
    const { confirmed, pending, immature } = await wallet.balance();
    return confirmed + pending + immature;
  }

  async close(): Promise<void> {
    await this.#mining.catch(() => undefined);
    await this.#rpc.close();
    await this.#running.stop();
  }
}
