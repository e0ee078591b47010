import { expect } from 'vitest';
import {
  addressScript,
  ChainClient,
  createKey,
  type KeyPair,
  keyPath,
  networkParameters,
  RpcClient,
  sealKey,
  Wallet,
  writeKeyFile,
} from '#src/chain/index.js';
import type { ImiHands } from '#src/reward/index.js';
import { Regtest } from '../regtest.js';
import { Place, type RunOptions } from './harness.js';

const REGTEST = networkParameters('regtest');

/** What a run of the real binary came to. */
export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A data folder, and the passphrase of the keys in it. */
export type Home = Pick<Place, 'folder'> & { readonly passphrase: string };

/** The node that was started on a data folder, asked from this process: for what only sets the stage. */
export function clientOf({ folder }: Pick<Place, 'folder'>): ChainClient {
  const node = { datadir: folder, network: 'regtest', rpc: undefined } as const;
  return new ChainClient(RpcClient.forNode(node));
}

/** A key in the data folder, where the binary finds it. */
async function addKey({ folder, passphrase }: Home, name: string): Promise<KeyPair> {
  const key = createKey(REGTEST);
  writeKeyFile(keyPath(folder, REGTEST, name), await sealKey(key, passphrase, REGTEST));
  return key;
}

/** A key in the data folder, with coins of the faucet of the node there. */
export async function fund(home: Home, name: string, ...coins: readonly string[]): Promise<void> {
  const { address } = await addKey(home, name);
  const { rpc } = clientOf(home);
  for (const amount of coins) await rpc.call('faucet', address, amount);
  await rpc.close();
}

/** Somebody whose key lies in the data folder, and who acts from this process, too. */
export async function actor(home: Home, chain: ChainClient, name: string): Promise<ImiHands> {
  const key = await addKey(home, name);
  return { chain, key, wallet: new Wallet({ client: chain, keys: [key], params: REGTEST }) };
}

/** A node in this process, with coins to give, and the real binary on its data folder. */
export class Stage {
  readonly regtest: Regtest;
  readonly #place = new Place();

  private constructor(regtest: Regtest) {
    this.regtest = regtest;
  }

  static async open(): Promise<Stage> {
    return new Stage(await Regtest.open());
  }

  /** Where tests put their files. */
  get folder(): string {
    return this.#place.folder;
  }

  /** Whose key lies in the data folder, with a coin of each of these values. */
  async actor(name: string, ...values: readonly bigint[]): Promise<ImiHands> {
    const { chain, datadir } = this.regtest;
    const hands = await actor({ ...this.#place, folder: datadir }, chain, name);
    const lockingScript = addressScript(hands.key.address, REGTEST);
    await this.regtest.pay(values.map((value) => ({ value, lockingScript })));
    return hands;
  }

  /** Options by which a command acts for somebody. */
  as(name: string): string[] {
    return ['--key', name, '--passphrase-file', this.#place.passphraseFile];
  }

  /** Runs a command to its end. */
  readonly run = async (args: readonly string[], options: RunOptions = {}): Promise<Ran> => {
    const env = { BITMODEL_DATADIR: this.regtest.datadir, ...options.env };
    const { code, ...said } = await this.#place.run(['--no-input', ...args], { ...options, env });
    return { status: code, ...said };
  };

  /** Ran without a complaint, its JSON. */
  readonly json = async (...args: string[]): Promise<Record<string, unknown>> => {
    const { status, stdout, stderr } = await this.run([...args, '--json']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return JSON.parse(stdout) as Record<string, unknown>;
  };

  /** The code of the error that it ended in. */
  readonly refusal = async (...args: string[]): Promise<unknown> => {
    const { status, stderr } = await this.run([...args, '--json']);
    expect(status).not.toBe(0);
    return (JSON.parse(stderr) as { error: { code: string } }).error.code;
  };

  async close(): Promise<void> {
    this.#place.close();
    await this.regtest.close();
  }
}
