import { join } from 'node:path';
import { RpcClient } from '#src/chain/index.js';
import { Place, type Running } from './harness.js';

/** A node in a process of its own, with a data folder of its own, and how others find it. */
export class NodeProcess {
  readonly name: string;
  /** `BITMODEL_DATADIR` of its commands: `place.json(['node', 'peers'], { env: node.env })`. */
  readonly env: Readonly<Record<string, string>>;
  readonly folder: string;
  /** What other nodes know it by. */
  readonly id: string;
  /** A multiaddr for `--seed-node`; empty for one that nobody can dial. */
  readonly address: string;
  readonly running: Running;
  readonly #rpc: RpcClient;

  constructor(name: string, folder: string, running: Running) {
    const line = JSON.parse(running.line) as { url: string; id?: string; addresses?: string[] };
    this.name = name;
    this.folder = folder;
    this.env = { BITMODEL_DATADIR: folder };
    this.id = line.id ?? '';
    this.address = line.addresses?.[0] ?? '';
    this.running = running;
    this.#rpc = RpcClient.forNode({ datadir: folder, network: 'regtest' });
  }

  /** Calls a method of its RPC. */
  rpc<T = unknown>(method: string, ...params: unknown[]): Promise<T> {
    return this.#rpc.call<T>(method, ...params);
  }

  /** Ids of the peers that it is connected to, sorted. */
  async peers(): Promise<string[]> {
    const list = await this.rpc<{ peer: string }[]>('getpeerinfo');
    return list.map(({ peer }) => peer).sort();
  }

  /** Sends a signal, SIGINT unless stated, and waits for the end. */
  async stop(signal?: NodeJS.Signals): Promise<number | null> {
    await this.#rpc.close();
    return this.running.stop(signal);
  }
}

/** Nodes of the real binary on this machine, each in its own process and folder. */
export class Nodes {
  /** Runs other commands; theirs is the data folder of the node whose `env` they are given. */
  readonly place = new Place();

  /**
   * Starts a regtest node with a network on loopback. One that was stopped comes back with its folder; on its old
   * address with `--listen`, {@link listenAgain}.
   */
  async start(name: string, ...args: string[]): Promise<NodeProcess> {
    const folder = join(this.place.folder, name);
    const env = { BITMODEL_DATADIR: folder };
    const own = ['node', '--regtest', '--rpc-port', '0', '--p2p-port', '0', '--json'];
    return new NodeProcess(name, folder, await this.place.start([...own, ...args], env));
  }

  close(): void {
    this.place.close();
  }
}

/** Options by which a node comes back at the address that another run of it had. */
export function listenAgain(address: string): string[] {
  return ['--listen', address.replace(/\/p2p\/.*$/, '')];
}
