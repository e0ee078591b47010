import { equalBytes } from '../../base/index.js';
import { idToHash, type NetworkParameters, type Outpoint } from '../../chain/index.js';
import { announcedBonds, type BondChain, bondTerms, type StandingBond } from '../bonds/bonds.js';
import { leavingScript } from '../contracts/bond.js';
import { looksLikeBondSlash } from './slashedVerifier.js';

/** A bond that a second jury burnt. */
export interface BurntBond extends StandingBond {
  /** Printed id of the transaction that burnt it, and the block that holds that. */
  readonly txid: string;
  readonly height: number;
}

/** A chain that also names what spent an output. */
type SpendChain = Omit<BondChain, 'spender'> & {
  spender(
    outpoint: Outpoint,
  ): Promise<{ readonly txid: string; readonly height: number } | undefined>;
};

/**
 * Bonds that were burnt up to a block, standing or leaving, of all that were ever announced. The chain alone says so: no
 * other path of either contract begins with a burnt output.
 */
export async function slashedBonds(
  chain: SpendChain,
  params: NetworkParameters,
  height: number,
): Promise<BurntBond[]> {
  const burnt: BurntBond[] = [];
  for (const bond of await announcedBonds(chain, params, height)) {
    const first = await mined(chain, bond.outpoint, height);
    if (!first) continue;
    if (looksLikeBondSlash(first.transaction)) {
      burnt.push({ ...bond, txid: first.txid, height: first.height });
      continue;
    }
    const leaving = first.transaction.outputs[0];
    const terms = bondTerms(bond.verifier, params);
    if (!leaving || !equalBytes(leaving.lockingScript, leavingScript(terms))) continue;
    const outpoint = { hash: idToHash(first.txid), index: 0 };
    const second = await mined(chain, outpoint, height);
    if (!second || !looksLikeBondSlash(second.transaction)) continue;
    burnt.push({ ...bond, outpoint, leaving: true, txid: second.txid, height: second.height });
  }
  return burnt;
}

async function mined(chain: SpendChain, outpoint: Outpoint, height: number) {
  const spender = await chain.spender(outpoint);
  if (!spender || spender.height === 0 || spender.height > height) return undefined;
  const known = await chain.transaction(spender.txid);
  return known && { ...spender, transaction: known.transaction };
}
