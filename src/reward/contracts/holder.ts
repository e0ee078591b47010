import { BitmodelError, concatBytes, EXIT, equalBytes, fromHex } from '../../base/index.js';
import { assemble, pushData, pushNumber, type TransactionOutput } from '../../chain/index.js';

/** Which NFT opens a holder script. */
export interface HolderTerms {
  /** 32 bytes, in byte order. */
  readonly category: Uint8Array;
  /** The model's id, 32 bytes: what the NFT commits to. */
  readonly modelId: Uint8Array;
}

/** Bytes of a category and of a model's id. */
const HASH_BYTES = 32;

// the category comes with a byte behind it where the NFT is mutable or minting, and the commitment is empty where there
// are fungible units alone: these two comparisons leave the immutable NFT of this commitment
const BEFORE_CATEGORY = assemble('OP_DUP OP_UTXOTOKENCATEGORY');
const BETWEEN = assemble('OP_EQUALVERIFY OP_UTXOTOKENCOMMITMENT');
const BEHIND_MODEL = assemble('OP_EQUAL');
const CATEGORY_AT = BEFORE_CATEGORY.length + 1;
const MODEL_AT = CATEGORY_AT + HASH_BYTES + BETWEEN.length + 1;
/** Bytes of every holder script: short enough to be a declaration's owner. */
export const HOLDER_SCRIPT_BYTES: number = MODEL_AT + HASH_BYTES + BEHIND_MODEL.length;

/**
 * The locking script of what is paid to whoever holds a model's NFT (DESIGN 9): only a transaction that spends the
 * immutable NFT of this category with this commitment takes it, whoever may spend that, and wherever it lies. How many
 * coins it takes, and where they go, is the holder's business.
 *
 * Stack: index of the input that spends the NFT → 1
 * @throws BitmodelError `BAD_TERMS`
 */
export function holderScript({ category, modelId }: HolderTerms): Uint8Array {
  if (category.length !== HASH_BYTES || modelId.length !== HASH_BYTES) {
    throw new BitmodelError(
      'BAD_TERMS',
      'A holder script names a category and a model of 32 bytes.',
      {
        next: 'Name an NFT that commits to a model',
        exitCode: EXIT.usage,
      },
    );
  }
  return concatBytes(BEFORE_CATEGORY, pushData(category), BETWEEN, pushData(modelId), BEHIND_MODEL);
}

/** The NFT that opens a script; undefined for every script that is no holder script. Never throws. */
export function parseHolderScript(script: Uint8Array): HolderTerms | undefined {
  if (script.length !== HOLDER_SCRIPT_BYTES) return undefined;
  const category = script.slice(CATEGORY_AT, CATEGORY_AT + HASH_BYTES);
  const modelId = script.slice(MODEL_AT, MODEL_AT + HASH_BYTES);
  const terms = { category, modelId };
  return equalBytes(holderScript(terms), script) ? terms : undefined;
}

/** The NFT whose holder alone can spend what lies with this owner, as pins name owners; undefined for all others. */
export function nftBehind(owner: string | undefined): HolderTerms | undefined {
  // an owner that is a bare script stands there in hex
  if (owner === undefined || owner.length !== 2 * HOLDER_SCRIPT_BYTES) return undefined;
  return /^[0-9a-f]*$/.test(owner) ? parseHolderScript(fromHex(owner)) : undefined;
}

/** Whether an output holds the NFT that opens a holder script: what the script itself asks for. */
export function isNftOf(
  { category, modelId }: HolderTerms,
  { token }: Pick<TransactionOutput, 'token'>,
): boolean {
  const nft = token?.nft;
  if (nft?.capability !== 'none' || !equalBytes(token!.category, category)) return false;
  return equalBytes(nft.commitment, modelId);
}

/** Unlocks a holder script. @param nftInput index of the input that spends the NFT */
export function holderUnlocking(nftInput: number): Uint8Array {
  return pushNumber(nftInput);
}
