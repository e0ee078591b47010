import { fromHex } from '../../base/index.js';
import type { ChainClient, NetworkParameters, Wallet } from '../../chain/index.js';
import { bondTerms } from '../bonds/bonds.js';
import type { ProvenCase } from '../cases/onChain.js';
import { bondSlashSpend, bondSlashUnlocking, gatherRejudgement } from '../contracts/bondSpends.js';
import type { Message } from '../messages.js';
import { sendSpend, signSpend } from '../signing.js';
import { isDrawn } from '../terms.js';
import { type OwnBond, ownBonds } from './bonding.js';

/** What bonds are slashed with. */
export interface SlashHands {
  readonly chain: ChainClient;
  readonly wallet: Wallet;
  readonly params: NetworkParameters;
}

/** A bond that burns. */
export interface SlashedBond {
  readonly bond: OwnBond;
  readonly txid: string;
  readonly fee: bigint;
}

/** The signatures by which a bond of the accused can be slashed; undefined while too few of the jury have signed. */
function rejudgementOf(
  { accused, message, second }: ProvenCase,
  { body }: Message<'appeal'>,
  said: readonly Message<'rejudgement'>[],
) {
  const received = said.flatMap(({ author, body: { signature } }) =>
    signature ? [{ verifier: fromHex(author), signature: fromHex(signature) }] : [],
  );
  const jury = gatherRejudgement(accused, message, second, received);
  return jury && { verdictMessage: message, verdictSignature: fromHex(body.signature), jury };
}

/**
 * Burns every bond of the accused, standing or leaving, once two thirds of the second jury have signed. Anybody may do it;
 * whoever does pays the fees of the transactions. One that somebody else was faster with is left out.
 * @returns what was sent; undefined while too few have signed
 */
export async function slashBonds(
  { chain, wallet, params }: SlashHands,
  proven: ProvenCase,
  appeal: Message<'appeal'>,
  said: readonly Message<'rejudgement'>[],
): Promise<SlashedBond[] | undefined> {
  const rejudgement = rejudgementOf(proven, appeal, said);
  const { verifiers } = proven.terms;
  if (!rejudgement || !isDrawn(verifiers)) return undefined;
  const terms = bondTerms(proven.accused, params);
  const slashed: SlashedBond[] = [];
  for (const bond of await ownBonds(chain, params, proven.accused)) {
    const spend = bondSlashSpend(terms, bond, verifiers.size, rejudgement);
    const signed = await signSpend(chain, wallet, spend, () => bondSlashUnlocking(rejudgement));
    try {
      slashed.push({ bond, txid: await sendSpend(chain, wallet, signed), fee: signed.fee });
    } catch (thrown) {
      if (!(await chain.spender(bond.outpoint))) throw thrown;
    }
  }
  return slashed;
}
