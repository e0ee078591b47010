import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canonicalBytes, sha256, toHex } from '#src/base/index.js';
import { type CalibrationRef, ModelRegistry } from '#src/model/index.js';
import { ModelExchange, Peers, type PullStatus } from '#src/network/index.js';
import { type Calibration, isCalibrationOf } from '#src/rastic/index.js';
import { makeModel } from '../../model/store/setup.js';
import { until } from '../../until.js';

/** A node's peers and models, without a chain. */
export interface Party {
  readonly peers: Peers;
  readonly exchange: ModelExchange;
  readonly datadir: string;
  readonly warnings: string[];
  readonly id: string;
  readonly address: string;
}

/** Real nodes on loopback that pass models around. */
export class Parties {
  readonly folder = mkdtempSync(join(tmpdir(), 'bitmodel-models-'));
  readonly #all: Party[] = [];
  #given = 0;

  async start(name: string, { listen = ['/ip4/127.0.0.1/tcp/0'] } = {}): Promise<Party> {
    const datadir = join(this.folder, name);
    const warnings: string[] = [];
    const onWarning = (message: string): void => void warnings.push(message);
    const peers = await Peers.start({
      folder: join(datadir, 'regtest'),
      network: 'regtest',
      listen,
      onWarning,
    });
    // nobody is dialled but those that a test names, and holders that announce themselves
    peers.dialler.isActive = false;
    const { host, penalties } = peers;
    const network = 'regtest';
    const exchange = new ModelExchange({
      host,
      penalties,
      datadir,
      network,
      isCalibration: isCalibrationOf,
      onWarning,
    });
    const address = host.addresses()[0] ?? '';
    const party = { peers, exchange, datadir, warnings, id: host.id, address };
    this.#all.push(party);
    return party;
  }

  /** Gives parties a model, in a folder of their own each. */
  async give(parties: readonly Party[], files?: Readonly<Record<string, number>>): Promise<string> {
    let id = '';
    this.#given++;
    for (const { datadir } of parties) {
      const dir = join(datadir, `given-${this.#given}`);
      mkdirSync(dir, { recursive: true });
      ({ id } = await makeModel(dir, files));
      new ModelRegistry(datadir).register(id, dir, 'a model');
    }
    for (const { exchange } of parties) exchange.models?.forget();
    return id;
  }

  async close(): Promise<void> {
    for (const { exchange, peers } of this.#all) {
      await exchange.close();
      await peers.close();
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A calibration of a model's graph, and how a pin names it. */
export function calibrationOf(
  model: string,
  file: string,
): CalibrationRef & { readonly bytes: Uint8Array } {
  const pair = { seller: 'fp32/0/cpu', verifier: 'fp32/0/cpu', tauMicro: 1_000, positions: 9 };
  const none = [9, 0, 0, 0, 0, 0, 0, 0, 0];
  const margins = { greedy: none, sampled: none };
  const shifts = { greatestShiftMicro: 3, greatestMarginMicro: 0, margins };
  const calibration: Calibration = { v: 2, model, file, pairs: [{ ...pair, ...shifts }] };
  const bytes = canonicalBytes(calibration);
  return { file, hash: toHex(sha256(bytes)), bytes };
}

/** Connects a party to others, and waits until each has said what it speaks. */
export async function connect({ peers }: Party, to: readonly { address: string }[]): Promise<void> {
  for (const { address } of to) {
    const { peer } = await peers.host.dial(address);
    await until(() => peers.host.protocolsOf(peer).length > 0);
  }
}

/** The end of a download. */
export async function ended({ exchange }: Party, id: string): Promise<PullStatus> {
  const isOver = (): boolean => ['done', 'failed'].includes(exchange.pulls.status(id).state);
  await until(isOver);
  return exchange.pulls.status(id);
}
