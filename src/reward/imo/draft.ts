import { BitmodelError, EXIT } from '../../base/index.js';
import {
  type ChainClient,
  hash160,
  type KeyPair,
  type NetworkParameters,
  p2pkhScript,
  type Wallet,
} from '../../chain/index.js';
import { type Registry, unknownSource } from '../declared/registry.js';
import { isPinHolder } from './assess.js';
import { demandStrict, type ImoCriteria } from './criteria.js';
import type { ImoFigures } from './figures.js';

/** What an issuer wants to offer. */
export interface ImoDraft {
  /** Id of the model, 64 hex digits. */
  readonly model: string;
  /** Units, a whole number of lots. */
  readonly supply: bigint;
  /** Base units for a lot. */
  readonly price: bigint;
  /** Units of a lot. */
  readonly lot: bigint;
  /** The holders' part of the model's income, in parts per million. */
  readonly incomePpm: number;
  /** What the chain must show of the model; what the network asks unless stated. */
  readonly criteria?: ImoCriteria;
}

/** One transaction on the way to an offering. */
export interface ImoStep {
  /** `source` names the holders' contract, `share` lets the model pay it, `offering` mints, offers and promises. */
  readonly step: 'source' | 'share' | 'offering';
  readonly txid: string;
  /** Base units. */
  readonly fee: bigint;
}

/** An offering that was made, by this call or an earlier one that was cut off. */
export interface CreatedImo {
  /** Id of the offering. */
  readonly txid: string;
  readonly figures: ImoFigures;
  /** Transactions of this call; none where all was there. */
  readonly steps: readonly ImoStep[];
}

/** Everything that making an offering needs. */
export interface ImoMaking {
  readonly client: ChainClient;
  /** Holds the key's coins, and pays. */
  readonly wallet: Wallet;
  /** Holds the model's pin. */
  readonly key: KeyPair;
  readonly params: NetworkParameters;
  /** Told of each transaction as it is sent. */
  readonly onStep?: (step: ImoStep) => void;
  readonly signal?: AbortSignal;
}

/** Largest supply that token amounts have room for. */
const MOST_UNITS = (1n << 63n) - 1n;

/** Where an issuer's key is paid, and must hold the model's pin. */
export const issuerScript = ({ publicKey }: KeyPair): Uint8Array => p2pkhScript(hash160(publicKey));

/** Demands that something can be offered on these terms. @throws BitmodelError `BAD_IMO`, `BAD_CRITERIA` */
export function demandDraft(
  { supply, lot, price, incomePpm, criteria }: ImoDraft,
  making: ImoMaking,
): void {
  const wrong =
    lot < 1n || price < 1n
      ? 'a lot has at least one unit and costs at least one base unit'
      : supply < lot || supply > MOST_UNITS || supply % lot !== 0n
        ? `the supply is a whole number of lots of ${lot}`
        : incomePpm < 1 || incomePpm > 1_000_000
          ? 'holders get more than nothing of the income, and at most all of it'
          : undefined;
  if (wrong !== undefined) {
    throw new BitmodelError('BAD_IMO', `This can't be offered: ${wrong}.`, {
      next: 'See bitmodel imo create --help',
      exitCode: EXIT.usage,
    });
  }
  if (criteria) demandStrict(criteria, making.params.name);
}

/** Demands that the key holds the model's pin. @throws BitmodelError `UNKNOWN_SOURCE`, `NOT_PIN_OWNER` */
export function demandHolder(registry: Registry, model: string, { key, params }: ImoMaking): void {
  if (registry.byId.get(model)?.kind !== 'model') throw unknownSource(model);
  if (isPinHolder(registry, model, issuerScript(key), params)) return;
  const owner = registry.byId.get(model)?.pin.owner ?? 'nobody';
  throw new BitmodelError('NOT_PIN_OWNER', `The pin of this model is held by ${owner}.`, {
    next: 'Name the key that holds it with --key',
    exitCode: EXIT.notAllowed,
  });
}
