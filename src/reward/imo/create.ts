import { BitmodelError, EXIT, equalBytes, formatAmount } from '../../base/index.js';
import {
  type ChainClient,
  estimateFeeRate,
  type FundedTransaction,
  fundFrom,
  idToHash,
  type NetworkParameters,
  P2PKH_UNLOCKING_SIZE,
  proveCoins,
  TOKEN_FEES,
  type TransactionOutput,
  type Utxo,
} from '../../chain/index.js';
import { saleScript } from '../contracts/sale.js';
import { sameAgain } from '../contracts/sameAgain.js';
import { readRegistry } from '../declared/registry.js';
import { assessOfferings } from './assess.js';
import { type ImoCriteria, imoRules, unmet } from './criteria.js';
import {
  type CreatedImo,
  demandDraft,
  demandHolder,
  type ImoDraft,
  type ImoMaking,
  type ImoStep,
  issuerScript,
} from './draft.js';
import { type ImoFigures, imoFigures } from './figures.js';
import { firstSpent } from './holding.js';
import { incomeScript } from './incomeContract.js';
import { type ImoOffering, imoOutputs, imoTerms, parseOffering } from './offering.js';
import { newOf, prepare, withShare } from './prepare.js';

/** What a coin is worth that is made for a category to be born from, in base units. */
const BIRTH_VALUE = 10_000n;
/**
 * Checks whether a model's figures allow an offering now, by the network's criteria or stricter ones.
 * @throws BitmodelError `CRITERIA_NOT_MET` with the figures, `BAD_CRITERIA`
 */
export async function demandFigures(
  client: ChainClient,
  params: NetworkParameters,
  model: string,
  atHeight: number,
  criteria: ImoCriteria = imoRules(params.name).minimum,
): Promise<ImoFigures> {
  const figures = await imoFigures(client, model, atHeight, imoRules(params.name), criteria);
  const short = unmet(figures, criteria);
  if (short.length === 0) return figures;
  throw new BitmodelError(
    'CRITERIA_NOT_MET',
    `The chain does not show enough of this model at block ${atHeight}: ${short.join('; ')}.`,
    {
      next: 'See the figures with: bitmodel imo check MODEL, and burn for it with: bitmodel imo burn',
      exitCode: EXIT.notAllowed,
    },
  );
}

/** The offering of this model on these terms that the key has sent and that waits for a block. */
async function waitingOffering(
  { model }: ImoDraft,
  making: ImoMaking,
  sale: Uint8Array,
): Promise<ImoOffering | undefined> {
  const issuer = issuerScript(making.key);
  for (const transaction of await newOf(making)) {
    const offering = parseOffering(transaction);
    if (offering?.model !== model || !equalBytes(offering.sale, sale)) continue;
    // anybody can send one on the very same terms
    const [first] = await firstSpent(making.client, transaction);
    if (first && equalBytes(first.lockingScript, issuer)) return offering;
  }
  return undefined;
}

/** The offering of this model that the very same terms made before, in a block or waiting for one. */
async function earlierOffering(draft: ImoDraft, making: ImoMaking): Promise<string | undefined> {
  const { client, params, key } = making;
  const { model, price, lot } = draft;
  const sale = saleScript(imoTerms({ seller: key.publicKey, price, lot }));
  const waiting = await waitingOffering(draft, making, sale);
  const assessed = await assessOfferings(client, params, { model });
  const valid = assessed.find(({ faults }) => faults.length === 0)?.offering;
  const found = valid ?? waiting;
  if (!found) return undefined;
  if (found.supply === draft.supply && equalBytes(found.sale, sale)) return found.txid;
  throw new BitmodelError('IMO_EXISTS', `This model has an offering already: ${found.txid}.`, {
    next: `See it with: bitmodel imo show ${found.txid}`,
    exitCode: EXIT.notAllowed,
  });
}

/** A coin at the issuer's address that a category can be born from: it is there, or it is made. */
async function birthCoin({ wallet, key }: ImoMaking): Promise<Utxo> {
  const script = issuerScript(key);
  const fits = (await wallet.utxos()).filter(
    ({ outpoint, output }) => outpoint.index === 0 && equalBytes(output.lockingScript, script),
  );
  const found = fits.find(({ height }) => height > 0) ?? fits[0];
  if (found) return found;
  const output = { value: BIRTH_VALUE, lockingScript: script };
  const { txid } = await wallet.send([output], { allowHighFee: true });
  return { outpoint: { hash: idToHash(txid), index: 0 }, output, height: 0, coinbase: false };
}

/** Funds an offering that shows the NFT with which the model's pin lies: it goes back where it lay. */
async function fundShowing(
  { client, wallet }: ImoMaking,
  birth: Utxo,
  nft: Utxo,
  outputs: readonly TransactionOutput[],
): Promise<FundedTransaction> {
  const coins = [birth, nft];
  for (const { outpoint } of coins) wallet.lock(outpoint);
  try {
    await proveCoins(client, coins);
    const inputs = coins.map(({ outpoint, output }) => ({
      outpoint,
      output,
      unlockingSize: P2PKH_UNLOCKING_SIZE,
    }));
    const feeRate = await estimateFeeRate(client);
    return await wallet.fund({ outputs: [...outputs, sameAgain(nft)], inputs, feeRate });
  } catch (thrown) {
    for (const { outpoint } of coins) wallet.unlock(outpoint);
    throw thrown;
  }
}

/** Mints the category, locks all of it in the sale contract and writes the pin, in one transaction. */
async function offer(
  draft: ImoDraft,
  making: ImoMaking,
  height: number,
  nft: Utxo | undefined,
): Promise<ImoStep> {
  const { model, supply, price, lot, incomePpm } = draft;
  const { client, wallet, key, params } = making;
  const birth = await birthCoin(making);
  const criteria = draft.criteria ?? imoRules(params.name).minimum;
  const promise = { model, incomePpm, criteria, height };
  const choice = { seller: key.publicKey, price, lot };
  const outputs = imoOutputs(promise, choice, birth.outpoint.hash, supply);
  const plan = await (nft
    ? fundShowing(making, birth, nft, outputs)
    : fundFrom(client, wallet, birth, outputs));
  const { txid, fee } = await wallet.submit(plan, TOKEN_FEES);
  return { step: 'offering', txid, fee };
}

/**
 * Makes an offering: the model's criteria are checked, its holders' contract is published, the model's pin lets a part of
 * its income go there, and then one transaction mints the category, puts it on sale and promises. Each step waits for
 * the one before to be in a block. Cut off anywhere, the same call goes on where it was: what was sent is found on the
 * chain or in the mempool, and nothing is minted twice.
 * @throws BitmodelError `BAD_IMO`, `BAD_CRITERIA`, `CRITERIA_NOT_MET`, `NOT_PIN_OWNER`, `UNKNOWN_SOURCE`, `IMO_EXISTS`,
 *   `BAD_SPLIT` where the parents leave too little, and what the wallet and the node say
 */
export async function createOffering(draft: ImoDraft, making: ImoMaking): Promise<CreatedImo> {
  demandDraft(draft, making);
  const { client, params, signal } = making;
  const steps: ImoStep[] = [];
  for (;;) {
    signal?.throwIfAborted();
    const registry = await readRegistry(client);
    const { height } = registry;
    const nft = await demandHolder(registry, draft.model, making);
    const txid = await earlierOffering(draft, making);
    if (txid !== undefined) {
      const figures = await imoFigures(client, draft.model, height, imoRules(params.name));
      return { txid, figures, steps };
    }
    const figures = await demandFigures(client, params, draft.model, height, draft.criteria);
    const prepared = await prepare(draft, making, registry, nft);
    const step = prepared ?? (await offer(draft, making, height, nft));
    if (step !== 'waits') {
      steps.push(step);
      making.onStep?.(step);
      if (step.step === 'offering') return { txid: step.txid, figures, steps };
    }
    await client.waitForBlock(height, signal);
  }
}

/**
 * What {@link createOffering} would check, without sending anything.
 * @throws BitmodelError as it, apart from what the wallet says
 */
export async function checkDraft(
  draft: ImoDraft,
  making: ImoMaking,
): Promise<{ readonly figures: ImoFigures; readonly text: string }> {
  demandDraft(draft, making);
  const registry = await readRegistry(making.client);
  await demandHolder(registry, draft.model, making);
  const { client, params, key } = making;
  const figures = await demandFigures(client, params, draft.model, registry.height, draft.criteria);
  await earlierOffering(draft, making);
  withShare(registry, draft, incomeScript(draft.model, key.publicKey));
  const all = (draft.supply / draft.lot) * draft.price;
  return { figures, text: `All of it would bring ${formatAmount(all)} coins.` };
}
