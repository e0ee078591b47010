import { sha256, sha256d } from '../../../base/index.js';
import { compactFromDer, isLowS, isStrictDer } from '../der.js';
import { verifyEcdsa } from '../ecdsa.js';
import { legacyScriptCode, legacySignatureHash } from '../legacySighash.js';
import { LIMITS } from '../limits.js';
import type { ScriptState } from '../ScriptState.js';
import { isDefinedHashType, SIGHASH, signatureHashPreimage } from '../sighash.js';
import { isPublicKeyEncoding } from '../signing.js';
import { type OperationGroup, ORIGINAL } from './operation.js';

/** Demands the form of a signature that is not empty, without its hash type. */
function checkSignatureForm(state: ScriptState, der: Uint8Array): void {
  if (state.flags.strictDer && !isStrictDer(der)) state.fail('sig-der');
  const compact = compactFromDer(der);
  if (state.flags.lowS && compact && !isLowS(compact)) state.fail('sig-high-s');
}

/** Demands the form of an input's signature: empty, or DER with a hash type byte behind. */
function checkInputSignatureForm(state: ScriptState, signature: Uint8Array): void {
  if (signature.length === 0) return;
  checkSignatureForm(state, signature.subarray(0, -1));
  if (state.flags.hashType && !isHashType(state, signature.at(-1)!)) state.fail('sig-hashtype');
}

function isHashType(state: ScriptState, hashType: number): boolean {
  if (state.flags.forkId) return isDefinedHashType(hashType);
  const base = hashType & ~SIGHASH.ANYONECANPAY;
  return base >= SIGHASH.ALL && base <= SIGHASH.SINGLE;
}

function checkPublicKeyForm(state: ScriptState, publicKey: Uint8Array): void {
  if (state.flags.publicKeyType && !isPublicKeyEncoding(publicKey)) state.fail('pubkeytype');
}

/**
 * The digest that an input's signature (not empty) signs, paid for.
 * @param signatures all that are checked by the opcode
 */
function inputDigest(
  state: ScriptState,
  signature: Uint8Array,
  signatures: readonly Uint8Array[],
): Uint8Array {
  const code = state.script.subarray(state.codeStart);
  const hashType = signature.at(-1)!;
  if (!state.flags.forkId) {
    const { transaction, inputIndex } = state.context;
    const scriptCode = legacyScriptCode(code, signatures);
    return legacySignatureHash(transaction, inputIndex, scriptCode, hashType);
  }
  const preimage = signatureHashPreimage(state.context, code, hashType);
  state.chargeHash(preimage.length, 1);
  return sha256d(preimage);
}

function isValid(
  { context }: ScriptState,
  der: Uint8Array,
  digest: Uint8Array,
  publicKey: Uint8Array,
): boolean {
  return (context.checkSignature ?? verifyEcdsa)(der, digest, publicKey);
}

function popCheckSig(state: ScriptState): boolean {
  state.need(2);
  const publicKey = state.pop();
  const signature = state.pop();
  checkInputSignatureForm(state, signature);
  checkPublicKeyForm(state, publicKey);
  if (signature.length === 0) return false;
  state.chargeSignatureChecks(1);
  const digest = inputDigest(state, signature, [signature]);
  const valid = isValid(state, signature.subarray(0, -1), digest, publicKey);
  if (!valid && state.flags.nullFail) state.fail('sig-nullfail');
  return valid;
}

function popCheckDataSig(state: ScriptState): boolean {
  state.need(3);
  const publicKey = state.pop();
  const message = state.pop();
  const signature = state.pop();
  if (signature.length > 0) checkSignatureForm(state, signature);
  checkPublicKeyForm(state, publicKey);
  if (signature.length === 0) return false;
  state.chargeSignatureChecks(1);
  state.chargeHash(message.length);
  const valid = isValid(state, signature, sha256(message), publicKey);
  if (!valid && state.flags.nullFail) state.fail('sig-nullfail');
  return valid;
}

/** Pops a count and that many elements, the first one below last. */
function popCounted(state: ScriptState, limit: number, error: 'sig-count' | 'pubkey-count') {
  const count = state.popIndex();
  if (count < 0 || count > limit) state.fail(error);
  state.need(count);
  const elements: Uint8Array[] = [];
  for (let i = 0; i < count; i++) elements.push(state.pop());
  return elements;
}

function popCheckMultiSig(state: ScriptState): boolean {
  const publicKeys = popCounted(state, LIMITS.multisigKeys, 'pubkey-count');
  const signatures = popCounted(state, publicKeys.length, 'sig-count');
  const dummy = state.pop();
  if (state.flags.nullDummy && dummy.length > 0) state.fail('sig-nulldummy');
  const empty = signatures.every((signature) => signature.length === 0);
  if (!empty) state.chargeSignatureChecks(publicKeys.length);
  const valid = matchSignatures(state, signatures, publicKeys);
  if (!valid && !empty && state.flags.nullFail) state.fail('sig-nullfail');
  return valid;
}

/** Whether each signature is one key's, both in the same order; forms are checked as far as the search gets. */
function matchSignatures(
  state: ScriptState,
  signatures: readonly Uint8Array[],
  publicKeys: readonly Uint8Array[],
): boolean {
  let key = 0;
  for (let s = 0; s < signatures.length; s++) {
    const signature = signatures[s]!;
    let digest: Uint8Array | undefined;
    for (let found = false; !found; key++) {
      if (signatures.length - s > publicKeys.length - key) return false;
      const publicKey = publicKeys[key]!;
      checkInputSignatureForm(state, signature);
      checkPublicKeyForm(state, publicKey);
      if (signature.length === 0) continue;
      digest ??= inputDigest(state, signature, signatures);
      found = isValid(state, signature.subarray(0, -1), digest, publicKey);
    }
  }
  return true;
}

const CHECK_COST = '|bool| + 26,000 + 64·rounds(|preimage|) + 64, 0 for an empty signature';

/** Signature checks (ECDSA over secp256k1 in strict DER with low S) and OP_CODESEPARATOR. */
export const cryptoOperations: OperationGroup = {
  OP_CODESEPARATOR: {
    stack: '→',
    cost: '0',
    source: ORIGINAL,
    note: 'Signatures cover the script from here on',
    run: (state) => {
      state.codeStart = state.next;
    },
  },
  OP_CHECKSIG: {
    stack: 'sig key → bool',
    cost: CHECK_COST,
    source: `${ORIGINAL}; signature hash of DESIGN 4.2`,
    run: (state) => state.pushBoolean(popCheckSig(state)),
  },
  OP_CHECKSIGVERIFY: {
    stack: 'sig key →',
    cost: CHECK_COST,
    source: ORIGINAL,
    run: (state) => {
      if (!popCheckSig(state)) state.fail('check-sig-verify');
      state.charge(1);
    },
  },
  OP_CHECKMULTISIG: {
    stack: '0 sig… m key… n → bool',
    cost: '|bool| + 26,000·n + m·(64·rounds(|preimage|) + 64), 0 for empty signatures',
    source: ORIGINAL,
    note: 'At most 20 keys; signatures in the order of their keys',
    run: (state) => state.pushBoolean(popCheckMultiSig(state)),
  },
  OP_CHECKMULTISIGVERIFY: {
    stack: '0 sig… m key… n →',
    cost: 'As OP_CHECKMULTISIG',
    source: ORIGINAL,
    run: (state) => {
      if (!popCheckMultiSig(state)) state.fail('check-multi-sig-verify');
      state.charge(1);
    },
  },
  OP_CHECKDATASIG: {
    stack: 'sig message key → bool',
    cost: '|bool| + 26,000 + 64·rounds(|message|), 0 for an empty signature',
    source: 'BCH, November 2018',
    note: 'The signature is over SHA-256(message), without a hash type',
    run: (state) => state.pushBoolean(popCheckDataSig(state)),
  },
  OP_CHECKDATASIGVERIFY: {
    stack: 'sig message key →',
    cost: 'As OP_CHECKDATASIG',
    source: 'BCH, November 2018',
    run: (state) => {
      if (!popCheckDataSig(state)) state.fail('check-data-sig-verify');
      state.charge(1);
    },
  },
};
