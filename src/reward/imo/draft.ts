import { BitmodelError, EXIT } from '../../base/index.js';
import {
  type ChainClient,
  hash160,
  hashToId,
  type KeyPair,
  type NetworkParameters,
  p2pkhScript,
  type Utxo,
  type Wallet,
} from '../../chain/index.js';
import { nftBehind } from '../contracts/holder.js';
import { type Registry, unknownSource } from '../declared/registry.js';
import { demandStrict, type ImoCriteria } from './criteria.js';
import type { ImoFigures } from './figures.js';
import { pinHeldBy } from './holding.js';

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
  /** Holds the model's pin, or the NFT that it lies with. */
  readonly key: KeyPair;
  readonly params: NetworkParameters;
  /** Told of each transaction as it is sent. */
  readonly onStep?: (step: ImoStep) => void;
  readonly signal?: AbortSignal;
}

/** Largest supply that token amounts have room for. */
const MOST_UNITS = (1n << 63n) - 1n;

/** Where an issuer's key is paid, and must hold the model's pin or its NFT. */
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

/**
 * Demands that the key holds the model's pin, by itself or with the model's NFT.
 * @returns the NFT that the pin lies with, as it lies at the key's address; undefined where the pin itself lies there
 * @throws BitmodelError `UNKNOWN_SOURCE`, `NOT_PIN_OWNER`
 */
export async function demandHolder(
  registry: Registry,
  model: string,
  { key, params, wallet }: ImoMaking,
): Promise<Utxo | undefined> {
  const source = registry.byId.get(model);
  if (source?.kind !== 'model') throw unknownSource(model);
  const held = await pinHeldBy(registry, model, wallet, issuerScript(key), params);
  if (held === 'address') return undefined;
  if (held) return held;
  const { owner = 'nobody' } = source.pin;
  const nft = nftBehind(owner);
  const message = nft
    ? `The pin of this model is held by whoever holds its NFT, of category ${hashToId(nft.category)}, and this key does not.`
    : `The pin of this model is held by ${owner}.`;
  throw new BitmodelError('NOT_PIN_OWNER', message, {
    next: nft
      ? 'Name the key at whose address the NFT lies'
      : 'Name the key that holds it with --key',
    exitCode: EXIT.notAllowed,
  });
}
