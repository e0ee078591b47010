import { BitmodelError, EXIT, equalBytes } from '../../base/index.js';
import {
  type ChainClient,
  type ContractSpend,
  formatOutpoint,
  type KeyPair,
  type NetworkParameters,
  signContract,
  type Wallet,
} from '../../chain/index.js';
import { bondTerms } from '../bonds/bonds.js';
import { type BondTerms, bondScript, leavingScript, MINIMUM_BOND } from '../contracts/bond.js';
import {
  type BondCoin,
  bondReleaseSpend,
  bondReleaseUnlocking,
  leaveSpend,
  leaveUnlocking,
} from '../contracts/bondSpends.js';
import { type SignedSpend, sendSpend, signSpend } from '../signing.js';

/** What a verifier moves its bonds with. */
export interface BondHands {
  readonly chain: ChainClient;
  readonly wallet: Wallet;
  readonly key: KeyPair;
  readonly params: NetworkParameters;
}

/** A verifier's own bond. */
export interface OwnBond extends BondCoin {
  /** Block that holds it; 0 while it waits for one. */
  readonly height: number;
}

/** A bond that could not be moved now, and why. */
export interface UnmovedBond {
  readonly bond: OwnBond;
  readonly error: Error;
}

/** What became of a verifier's bonds: one that can't be moved does not hold up the others. */
export interface MovedBonds {
  readonly moved: readonly MovedBond[];
  readonly failed: readonly UnmovedBond[];
}

/** A bond that was moved. */
export interface MovedBond {
  readonly bond: OwnBond;
  readonly txid: string;
  /** Base units. */
  readonly fee: bigint;
}

/**
 * A verifier's bonds, standing and leaving. Anybody can send a coin to the script of a bond: what is below
 * {@link MINIMUM_BOND}, or carries a token or a pin, is no bond.
 */
export async function ownBonds(
  chain: ChainClient,
  params: NetworkParameters,
  verifier: Uint8Array,
): Promise<OwnBond[]> {
  const terms = bondTerms(verifier, params);
  const leaving = leavingScript(terms);
  const found = await chain.largestUtxos([bondScript(terms), leaving]);
  const bonds = found.filter(
    ({ output, pins }) =>
      output.value >= MINIMUM_BOND && output.token === undefined && !pins?.length,
  );
  return bonds.map(({ outpoint, output, height }) => ({
    outpoint,
    token: output.token,
    value: output.value,
    leaving: equalBytes(output.lockingScript, leaving),
    height,
  }));
}

/** Blocks until a leaving bond can be taken; counted for one that waits for its block as if it had it. */
export function blocksUntilFree(bond: OwnBond, params: NetworkParameters, tip: number): number {
  const since = bond.height === 0 ? tip + 1 : bond.height;
  return Math.max(0, since + params.bondExit - (tip + 1));
}

/**
 * Turns every standing bond of the key into a leaving one: from the next block on it is in no registry.
 * @throws BitmodelError `NO_BOND`, and what wallet and node say where none could be moved
 */
export function leaveBonds(hands: BondHands): Promise<MovedBonds> {
  return moveBonds(hands, false, (terms, bond) => [leaveSpend(terms, bond), leaveUnlocking]);
}

/**
 * Takes every leaving bond of the key back whose exit is over.
 * @throws BitmodelError `NO_BOND` where none leaves, `BOND_LEAVING` where none is free yet
 */
export async function releaseBonds(hands: BondHands): Promise<MovedBonds> {
  const { chain, params } = hands;
  const tip = await chain.height();
  const isFree = (bond: OwnBond): boolean =>
    bond.height > 0 && blocksUntilFree(bond, params, tip) === 0;
  return moveBonds(
    hands,
    true,
    (terms, bond) => [bondReleaseSpend(terms, bond), bondReleaseUnlocking],
    (bonds) => {
      const free = bonds.filter(isFree);
      if (free.length > 0) return free;
      const blocks = Math.min(...bonds.map((bond) => blocksUntilFree(bond, params, tip)));
      throw new BitmodelError(
        'BOND_LEAVING',
        `The bond is free in ${Math.max(1, blocks)} blocks.`,
        {
          next: 'Wait, then run bitmodel verifier release again',
        },
      );
    },
  );
}

async function moveBonds(
  hands: BondHands,
  leaving: boolean,
  move: (terms: BondTerms, bond: OwnBond) => [ContractSpend, (signature: Uint8Array) => Uint8Array],
  choose: (bonds: OwnBond[]) => OwnBond[] = (bonds) => bonds,
): Promise<MovedBonds> {
  const { chain, wallet, key, params } = hands;
  const all = await ownBonds(chain, params, key.publicKey);
  const bonds = all.filter((bond) => bond.leaving === leaving);
  if (bonds.length === 0) {
    throw new BitmodelError(
      'NO_BOND',
      `This key has no ${leaving ? 'leaving' : 'standing'} bond.`,
      {
        next: leaving ? 'First: bitmodel verifier leave' : 'Make one with: bitmodel verifier bond',
        exitCode: EXIT.notFound,
      },
    );
  }
  const moved: MovedBond[] = [];
  const failed: UnmovedBond[] = [];
  for (const bond of choose(bonds)) {
    const [spend, unlock] = move(bondTerms(key.publicKey, params), bond);
    try {
      const signed: SignedSpend = await signSpend(chain, wallet, spend, (funded) =>
        unlock(signContract(funded, key.privateKey)),
      );
      moved.push({ bond, txid: await sendSpend(chain, wallet, signed), fee: signed.fee });
    } catch (thrown) {
      if (!(thrown instanceof BitmodelError)) throw thrown;
      failed.push({ bond, error: thrown });
    }
  }
  if (moved.length === 0) throw failed[0]!.error;
  return { moved, failed };
}

/** How a bond is named to people: its outpoint. */
export function bondName({ outpoint }: BondCoin): string {
  return formatOutpoint(outpoint);
}
