import { BitmodelError } from '../../base/index.js';
import { ServedModels } from '../../model/index.js';
import type { Host } from '../host/Host.js';
import type { NetworkFeature } from '../Network.js';
import type { Penalties } from '../peers/offences.js';
import { Announcer } from './Announcer.js';
import { ChunkServer } from './ChunkServer.js';
import { Claims } from './Claims.js';
import type { CalibrationTest } from './fetchCalibrations.js';
import { type Holder, Holders } from './Holders.js';
import { Pulls } from './Pulls.js';

/** What the exchange of models stands on. */
export interface ModelExchangeOptions {
  readonly host: Host;
  readonly penalties: Penalties;
  /** Folder of the user, which lists the models that are shared and takes those that are fetched. */
  readonly datadir: string;
  /** `main`, `test` or `regtest`. */
  readonly network: string;
  /** Whether models are given to others; they are unless stated. */
  readonly isServing?: boolean | undefined;
  /** Looked at with what is fetched as a calibration, before it is kept. */
  readonly isCalibration: CalibrationTest;
  /** Told of what goes wrong and the node goes on without, in one sentence each. */
  readonly onWarning: (message: string) => void;
}

/** A node's part in passing models around: it gives, announces and fetches them, and knows who holds which. */
export class ModelExchange implements NetworkFeature {
  readonly pulls: Pulls;
  readonly models: ServedModels | undefined;
  readonly #holders: Holders;
  readonly #announcer: Announcer;
  readonly #server: ChunkServer | undefined;

  constructor(options: ModelExchangeOptions) {
    const { host, penalties, datadir, network, onWarning, isServing = true } = options;
    const { isCalibration } = options;
    const claims = new Claims();
    const models = isServing ? new ServedModels(datadir, onWarning) : undefined;
    this.models = models;
    this.#holders = new Holders({ host, penalties, claims });
    this.#announcer = new Announcer({ host, network, claims, models, onWarning });
    this.#server = models && new ChunkServer({ host, penalties, models, onWarning });
    const onDone = (): Promise<void> => this.#announcer.announce();
    const shared = { host, penalties, datadir, models, isCalibration, onDone, onWarning };
    this.pulls = new Pulls({ ...shared, holders: this.#holders });
  }

  /**
   * Challenges peers that say they hold a model, and tells who showed it lately.
   * @throws BitmodelError `BAD_MODEL_ID`
   */
  async holders(id: string): Promise<Holder[]> {
    assertModelId(id);
    return this.#holders.check(id);
  }

  /** Whether this node gives the model itself. */
  async isHeldHere(id: string): Promise<boolean> {
    return (await this.models?.find(id)) !== undefined;
  }

  /** Tells others at once what is held here. */
  announce(): Promise<void> {
    this.models?.forget();
    return this.#announcer.announce();
  }

  status(): Readonly<Record<string, unknown>> {
    const fetching = this.pulls.list().filter(({ state }) => state !== 'done');
    return { models: { bytesServed: this.#server?.bytesServed ?? 0, fetching } };
  }

  async close(): Promise<void> {
    this.#announcer.close();
    await this.pulls.close();
    await this.models?.close();
  }
}

/** @throws BitmodelError `BAD_MODEL_ID` */
function assertModelId(id: string): void {
  if (/^[0-9a-f]{64}$/.test(id)) return;
  throw new BitmodelError('BAD_MODEL_ID', `"${id.slice(0, 80)}" is no model id.`, {
    next: 'Give the 64 hexadecimal digits that pack or publish printed',
  });
}
