import { BitmodelError, EXIT, fromHex } from '../../base/index.js';
import {
  type ChainClient,
  DUST,
  encodePin,
  estimateFeeRate,
  findBirthCoin,
  findCoin,
  type MintPlan,
  makeBirthCoin,
  P2PKH_UNLOCKING_SIZE,
  type ProvenPin,
  proveCoins,
  provePin,
  type TransactionOutput,
  tokenOutput,
  type Wallet,
} from '../../chain/index.js';
import { holderScript, parseHolderScript } from '../contracts/holder.js';
import { completeDeclaration, type ModelDeclaration } from '../declared/declaration.js';
import { type ModelFee, withFee } from '../declared/fee.js';
import type { PublishedModel } from '../declared/names.js';
import { modelPinPayload } from '../declared/pinPayload.js';
import { encodeRoyalty, type RoyaltyTerms } from './royalty.js';

/** What the NFT of a published model is to bring its holder, and its author. */
export interface ModelMint {
  /** What the model asks of each job, from the next block on. */
  readonly fee: ModelFee;
  /** The author's part of the price whenever the NFT is sold; parts per million. */
  readonly royaltyPpm: number;
  /** Who gets the NFT. */
  readonly holder: Uint8Array;
}

/** A mint that is planned: the NFT is output 1. */
export interface ModelMintPlan extends MintPlan {
  /** What the model's pin says from the block on. */
  readonly model: ModelDeclaration;
  readonly royalty: RoyaltyTerms;
}

/** Output of a mint that is the NFT; output 0 is the model's pin. */
export const MINTED_AT = 1;

/** A declaration under which the holder of an NFT is paid what the model keeps. */
function underHolder(model: PublishedModel, category: Uint8Array, fee: ModelFee): ModelDeclaration {
  const owner = holderScript({ category, modelId: fromHex(model.id) });
  return completeDeclaration<ModelDeclaration>({ ...withFee(model, fee), owner });
}

function refusal(code: string, message: string, next: string): BitmodelError {
  return new BitmodelError(code, message, { next, exitCode: EXIT.notAllowed });
}

/** Where the model's pin lies, alone, in a coin of the wallet's. */
async function ownPin(
  client: ChainClient,
  wallet: Wallet,
  { pin, owner, name }: PublishedModel,
): Promise<ProvenPin> {
  if (parseHolderScript(owner)) {
    throw refusal(
      'FEE_BOUND',
      `The fee of ${name} belongs to whoever holds its NFT already.`,
      'See it with: bitmodel nft show MODEL',
    );
  }
  if (pin.owner === undefined || !wallet.addresses.includes(pin.owner)) {
    throw refusal(
      'NOT_PIN_OWNER',
      `Pin ${pin.id} is held by ${pin.owner ?? 'nobody'}, not by this key.`,
      'Name the key that published the model with --key',
    );
  }
  const proven = await provePin(client, pin);
  const coin = await findCoin(client, pin.owner, proven.outpoint, { carrying: true });
  if (!coin) {
    throw refusal('PIN_MOVING', `Pin ${pin.id} is about to move.`, 'Try again after a block');
  }
  if (coin.output.token || (coin.pins?.length ?? 0) > 1) {
    throw refusal(
      'PIN_NOT_ALONE',
      `In the coin of pin ${pin.id} lies something else, which would go along.`,
      'Move the other pin or the token first: bitmodel id transfer, bitmodel nft send',
    );
  }
  return proven;
}

/** The coin that the category is born from: the pin's own where it is an output 0, which ties the two together. */
async function birthOf(client: ChainClient, wallet: Wallet, pin: ProvenPin) {
  if (pin.outpoint.index === 0) return undefined;
  const birth = (await findBirthCoin(wallet)) ?? (await makeBirthCoin(wallet));
  await proveCoins(client, [birth]);
  return birth;
}

/**
 * Makes the one NFT of a published model, and binds the model's fee to it, in one transaction: output 0 is the model's
 * pin, which lies in the holder script from then on, so that only the NFT's holder can change what it says; output 1 is
 * the NFT; output 2 makes the holder script the model's owner; output 3 says what its author gets when it is sold: the
 * owner up to then. Not signed, not sent (`sendMint`); `wallet.release(plan.transaction)` lets its coins go again.
 * @param model as the registry has it
 * @throws BitmodelError `FEE_BOUND`, `NOT_PIN_OWNER`, `PIN_NOT_ALONE`, `PIN_MOVING`, `INSUFFICIENT_FUNDS`, `BAD_TERMS`,
 *   `BAD_NODE_ANSWER`
 */
export async function planModelMint(
  client: ChainClient,
  wallet: Wallet,
  model: PublishedModel,
  { fee, royaltyPpm, holder }: ModelMint,
): Promise<ModelMintPlan> {
  const pin = await ownPin(client, wallet, model);
  const birth = await birthOf(client, wallet, pin);
  const category = (birth ?? pin).outpoint.hash;
  const declared = underHolder(model, category, fee);
  const royalty = { royaltyPpm, author: model.owner };
  const token = {
    category,
    amount: 0n,
    nft: { capability: 'none', commitment: fromHex(model.id) },
  } as const;
  const outputs: TransactionOutput[] = [
    { value: heldValue(pin), lockingScript: declared.owner },
    tokenOutput(token, holder),
    { value: 0n, lockingScript: modelRewrite(model.pin.id, declared) },
    { value: 0n, lockingScript: encodeRoyalty(royalty) },
  ];
  const inputs = [pin, ...(birth ? [birth] : [])].map(({ outpoint, output }) => ({
    outpoint,
    output,
    unlockingSize: P2PKH_UNLOCKING_SIZE,
  }));
  for (const { outpoint } of inputs) wallet.lock(outpoint);
  try {
    const feeRate = await estimateFeeRate(client);
    return {
      ...(await wallet.fund({ inputs, outputs, feeRate })),
      category,
      model: declared,
      royalty,
    };
  } catch (thrown) {
    for (const { outpoint } of inputs) wallet.unlock(outpoint);
    throw thrown;
  }
}

/** No more coins than keep the pin's unit in the output: the rest stays with the wallet. */
function heldValue({ output, offset }: ProvenPin): bigint {
  const least = offset + DUST;
  return output.value < least ? output.value : least;
}

/** The output script that makes a model's pin say something else. */
export function modelRewrite(pinId: string, model: ModelDeclaration): Uint8Array {
  return encodePin({
    operation: 'modify',
    path: `@${pinId}`,
    contentType: 'application/json',
    payload: modelPinPayload(model),
  });
}
