import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ChainClient,
  createKey,
  hash160,
  type KeyPair,
  LocalChain,
  networkParameters,
  p2pkhScript,
  RpcClient,
  type RunningNode,
  runNode,
  Wallet,
} from '#src/chain/index.js';
import {
  JobClient,
  type JobEvent,
  type JobModel,
  JobVerifier,
  JobWorker,
  jobModel,
  registerJobPool,
  registerMailbox,
  type WorkerOptions,
} from '#src/job/index.js';
import { LanguageModel, modelId } from '#src/model/index.js';

const params = networkParameters('regtest');
const TINY = 'fixtures/bitmodel-tiny';
/** What a buyer waits for that blocks alone don't bring: its window must not be mined at once where it is on its way. */
const UNHURRIED = 'the answer to be delivered';
const COIN = 100_000_000n;

/** A whole market in one process: a node, a buyer, a seller, three verifiers, and a miner that works on demand. */
export class Market {
  readonly dir = mkdtempSync(join(tmpdir(), 'bitmodel-market-'));
  readonly events: JobEvent[] = [];
  readonly stop = new AbortController();
  #bank!: Wallet;
  #mining: Promise<void> = Promise.resolve();
  readonly #running: Promise<unknown>[] = [];
  readonly #ends: (() => Promise<void>)[] = [];
  node!: RunningNode;
  chain!: ChainClient;
  model!: JobModel;
  miner!: KeyPair;
  client!: JobClient;
  clientKey!: KeyPair;
  verifiers: JobVerifier[] = [];
  /** Whether blocks come by {@link steadily}, also for an answer that is on its way. */
  isSteady = false;
  /** Sellers at work. */
  sellers: JobWorker[] = [];

  static async open(): Promise<Market> {
    const market = new Market();
    await market.#startNode(0);
    market.chain = new ChainClient(market.rpc());
    market.model = jobModel(
      await modelId(TINY),
      await LanguageModel.open(TINY, { file: 'onnx/model.onnx', threads: 1 }),
    );
    market.miner = createKey(params);
    market.#bank = new Wallet({ client: market.chain, keys: [market.miner], params });
    await market.mine(103);
    market.clientKey = await market.funded();
    market.client = market.newClient();
    for (let i = 0; i < 3; i++) {
      const key = await market.funded(1n);
      const verifier = new JobVerifier({
        ...market.common(key, `verifier${i}`),
        fee: 50_000n,
      });
      market.verifiers.push(verifier);
      market.start(verifier);
    }
    return market;
  }

  async #startNode(rpcPort: number): Promise<void> {
    this.node = await runNode({
      datadir: this.dir,
      network: 'regtest',
      version: 'test',
      rpcPort,
      extend: (server, node) => {
        const pool = registerJobPool(server, new LocalChain(node));
        registerMailbox(server);
        node.on('block', () => void pool.advance());
      },
    });
  }

  /** Ends the node and starts it again where it was: its job pool is lost. */
  async restartNode(): Promise<void> {
    const { port } = new URL(this.node.url);
    await this.node.stop();
    await this.#startNode(Number(port));
  }

  common(key: KeyPair, name: string) {
    const { chain, model } = this;
    const wallet = new Wallet({ client: chain, keys: [key], params });
    const directory = join(this.dir, name);
    return { chain, params, wallet, key, models: [model], directory, interval: 30 };
  }

  rpc(): RpcClient {
    return RpcClient.forNode({ datadir: this.dir, network: 'regtest', rpc: undefined });
  }

  /** @param disturb may change its way to the node */
  newClient(disturb?: (rpc: RpcClient) => void): JobClient {
    const rpc = this.rpc();
    disturb?.(rpc);
    const chain = disturb ? new ChainClient(rpc) : this.chain;
    const client = new JobClient({ ...this.common(this.clientKey, 'client'), chain });
    this.watch(client);
    return client;
  }

  /** A seller at work; `end` sends it home, `restart` starts another one from what it left on disk. */
  async worker(options: Partial<WorkerOptions> = {}) {
    return this.hire(await this.funded(), options);
  }

  /** A seller at work with a key that has coins already. */
  hire(key: KeyPair, options: Partial<WorkerOptions> = {}) {
    const name = `worker ${key.address}`;
    const worker = new JobWorker({
      ...this.common(key, name),
      price: 1000n,
      acceptVerifiers: 'any',
      ...options,
    });
    const stop = new AbortController();
    this.sellers.push(worker);
    this.watch(worker);
    const running = worker.run(stop.signal);
    const end = async (): Promise<void> => {
      stop.abort();
      await running;
    };
    this.#ends.push(end);
    return { key, worker, end, restart: () => this.hire(key, options) };
  }

  /** Waits until somebody has come to a step of a job. */
  async until(role: JobEvent['role'], step: JobEvent['step'], jobId: string): Promise<void> {
    await this.happens(() => this.steps(role, jobId).includes(step));
  }

  /** Waits until something is so. */
  async happens(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  watch(participant: JobClient | JobWorker | JobVerifier): void {
    participant.on('event', (event) => {
      this.events.push(event);
      if (event.step !== 'waiting' || (this.isSteady && event.detail === UNHURRIED)) return;
      // a node that is away mines nothing: who waits says so again
      this.mineTo(event.untilHeight!).catch(() => undefined);
    });
  }

  start(participant: JobVerifier): void {
    this.watch(participant);
    this.#running.push(participant.run(this.stop.signal));
  }

  /** Mines up to a height, one caller after another, so that two who wait for one block get one. */
  mineTo(height: number): Promise<void> {
    this.#mining = this.#mining
      .catch(() => undefined)
      .then(async () => {
        const tip = await this.chain.height();
        if (tip < height) await this.mine(height - tip);
      });
    return this.#mining;
  }

  /** Does something while a block comes now and then, though nobody waits for it. */
  async steadily<T>(milliseconds: number, body: () => Promise<T>): Promise<T> {
    this.isSteady = true;
    const mining = (async () => {
      while (this.isSteady) {
        await new Promise((done) => setTimeout(done, milliseconds));
        // the node may be away
        if (this.isSteady) await this.mine(1).catch(() => undefined);
      }
    })();
    try {
      return await body();
    } finally {
      this.isSteady = false;
      await mining;
    }
  }

  async mine(count: number): Promise<void> {
    await this.chain.generate(count, this.miner.address);
  }

  async funded(coins = 10n): Promise<KeyPair> {
    const key = createKey(params);
    await this.pay(key, [coins * COIN]);
    return key;
  }

  /** Gives a key coins of these values, base units, and mines a block. */
  async pay(key: KeyPair, values: readonly bigint[]): Promise<void> {
    const lockingScript = p2pkhScript(hash160(key.publicKey));
    await this.#bank.send(values.map((value) => ({ value, lockingScript })));
    await this.mine(1);
  }

  async balance(key: KeyPair): Promise<bigint> {
    const { confirmed } = await new Wallet({ client: this.chain, keys: [key], params }).balance();
    return confirmed;
  }

  steps(role: JobEvent['role'], jobId: string): string[] {
    return this.events
      .filter((event) => event.role === role && event.jobId === jobId)
      .map(({ step }) => step);
  }

  problems(): JobEvent[] {
    return this.events.filter(({ step }) => step === 'problem');
  }

  /** Sends all sellers home. */
  async endShifts(): Promise<void> {
    this.sellers = [];
    await Promise.all(this.#ends.splice(0).map((end) => end()));
  }

  async close(): Promise<void> {
    this.stop.abort();
    await this.endShifts();
    await Promise.all(this.#running);
    await this.model.model.close();
    this.chain.rpc.close?.();
    await this.node.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export const request = (market: Market) => ({
  model: market.model.id,
  promptIds: market.model.model.tokenizer.encode('The people of'),
  sampling: { temperatureMilli: 0, topK: 0, topPMilli: 1000 },
  maxTokens: 12,
  pricePerToken: 20_000n,
  verifiers: 'auto' as const,
});

export { COIN };
