/**
 * Rules that always hold on the chain; a conformance run switches single ones off to play public vectors.
 */
export interface ScriptFlags {
  /** Signatures are strict DER (BIP66). */
  readonly strictDer: boolean;
  /**
   * Signatures sign BIP143's fields, and their hash types have FORKID. Off: they sign what Bitcoin's first ones did
   * (legacy-sighash.ts), and FORKID is no hash type.
   */
  readonly forkId: boolean;
  /** The hash type byte is a defined one. */
  readonly hashType: boolean;
  /** Public keys have a compressed or uncompressed form. */
  readonly publicKeyType: boolean;
  readonly lowS: boolean;
  /** A failed signature check had an empty signature (BIP146). */
  readonly nullFail: boolean;
  /** CHECKMULTISIG's extra element is empty (BIP147). */
  readonly nullDummy: boolean;
  /** Executed pushes are in their shortest form. */
  readonly minimalPush: boolean;
  /** Numbers are in their shortest form. */
  readonly minimalNumber: boolean;
  /** One element is left on the stack. */
  readonly cleanStack: boolean;
  /** The unlocking script only pushes. */
  readonly pushOnly: boolean;
  /** OP_CHECKLOCKTIMEVERIFY checks (BIP65); a no-op otherwise. */
  readonly lockTime: boolean;
  /** OP_CHECKSEQUENCEVERIFY checks (BIP112); a no-op otherwise. */
  readonly sequence: boolean;
  /** Operation cost and hash iterations are bounded. Off only for trusted scripts: loops may not end. */
  readonly cost: boolean;
}

/** The rules of the chain: all on. */
export const CONSENSUS_FLAGS: ScriptFlags = {
  strictDer: true,
  forkId: true,
  hashType: true,
  publicKeyType: true,
  lowS: true,
  nullFail: true,
  nullDummy: true,
  minimalPush: true,
  minimalNumber: true,
  cleanStack: true,
  pushOnly: true,
  lockTime: true,
  sequence: true,
  cost: true,
};
