import { BitmodelError, EXIT, equalBytes, fromHex } from '../../base/index.js';
import {
  type ChainClient,
  estimateFeeRate,
  formatOutpoint,
  P2PKH_UNLOCKING_SIZE,
  proveCoins,
  provePin,
  type Sent,
  TOKEN_FEES,
  type TransactionOutput,
  type Utxo,
  type Wallet,
} from '../../chain/index.js';
import { type HolderTerms, holderScript, holderUnlocking } from '../contracts/holder.js';
import { sameAgain } from '../contracts/sameAgain.js';
import { withUnlocking } from '../contracts/submit.js';
import { completeDeclaration, type ModelDeclaration } from '../declared/declaration.js';
import { type ModelFee, withFee } from '../declared/fee.js';
import type { PublishedModel } from '../declared/names.js';
import { modelRewrite } from './mint.js';

/** Bytes of a model's id. */
const MODEL_ID = 32;

/** What the holder of a model's NFT can have its pin say; what is left out stays. */
export interface HeldChanges
  extends Partial<
    Pick<ModelDeclaration, 'parents' | 'uses' | 'name' | 'licence' | 'calibrations'>
  > {
  readonly fee?: ModelFee;
}

/**
 * What the NFT in an output opens.
 * @throws BitmodelError `NO_MODEL_NFT` for an NFT that can be changed, or commits to no model
 */
export function modelTerms({ token }: Pick<TransactionOutput, 'token'>): HolderTerms {
  const nft = token?.nft;
  if (token && nft?.capability === 'none' && nft.commitment.length === MODEL_ID) {
    return { category: token.category, modelId: nft.commitment };
  }
  throw new BitmodelError(
    'NO_MODEL_NFT',
    'This NFT commits to no model, so that no fee is its own.',
    {
      next: 'See what it commits to with: bitmodel nft show',
      exitCode: EXIT.usage,
    },
  );
}

/**
 * Changes what a model's pin says, where it lies in the holder script of its NFT: the NFT stands among the inputs and goes
 * back where it lay. The model's owner stays the NFT's holder, whatever the draft says.
 * @param nft the NFT, which the wallet holds
 * @throws BitmodelError `NOT_PIN_OWNER` where the pin lies elsewhere; `NO_MODEL_NFT`, `BAD_DECLARATION`, and as
 *   `Wallet.submit`
 */
export async function updateHeldModel(
  client: ChainClient,
  wallet: Wallet,
  nft: Utxo,
  model: PublishedModel,
  { fee, ...changes }: HeldChanges,
): Promise<Sent> {
  const owner = holderScript(modelTerms(nft.output));
  const pin = await provePin(client, model.pin);
  const isFor = equalBytes(modelTerms(nft.output).modelId, fromHex(model.id));
  if (!isFor || !equalBytes(pin.output.lockingScript, owner)) {
    throw new BitmodelError(
      'NOT_PIN_OWNER',
      `The pin of ${model.name} does not lie with this NFT, but with ${model.pin.owner ?? 'nobody'}.`,
      { next: 'See the NFT with: bitmodel nft show', exitCode: EXIT.notAllowed },
    );
  }
  if (!(await client.output(pin.outpoint))) {
    throw new BitmodelError(
      'PIN_MOVING',
      `The pin at ${formatOutpoint(pin.outpoint)} is about to move.`,
      {
        next: 'Try again after a block',
      },
    );
  }
  await proveCoins(client, [nft]);
  const asks = fee ? withFee(model, fee) : model;
  const declared = completeDeclaration<ModelDeclaration>({ ...asks, ...changes, owner });
  const unlocking = holderUnlocking(1);
  const { outpoint, output } = nft;
  const funded = await wallet.fund({
    inputs: [
      { outpoint: pin.outpoint, output: pin.output, unlockingSize: unlocking.length },
      { outpoint, output, unlockingSize: P2PKH_UNLOCKING_SIZE },
    ],
    outputs: [
      pin.output,
      sameAgain(nft),
      { value: 0n, lockingScript: modelRewrite(model.pin.id, declared) },
    ],
    feeRate: await estimateFeeRate(client),
  });
  return wallet.submit(withUnlocking(funded, [unlocking]), TOKEN_FEES);
}
