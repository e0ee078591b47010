import { concatBytes, equalBytes, fromHex, sha256, toHex, u32le, utf8 } from '../../base/index.js';
import { assemble, demandKey, expression, joinParts, pushData } from '../../chain/index.js';

/** What a payment to holders says of itself, in its first output. */
export interface IncomeCommitment {
  /** Block that the holders are counted as of. */
  readonly height: number;
  /** Root of the snapshot, 32 bytes; see `Snapshot`. */
  readonly root: Uint8Array;
}

const OP_RETURN = 0x6a;
const TAG = utf8('imo');
/** tag ‖ model (32) ‖ height u32LE ‖ root (32) */
const COMMITMENT_BYTES = 3 + 32 + 4 + 32;

const MODEL_BYTES = 32;
const PREFIX_BYTES = 2 + TAG.length + MODEL_BYTES;

/** `OP_RETURN push(tag ‖ model`: how a payment's first output must begin. */
function commitmentPrefix(model: string): Uint8Array {
  return concatBytes(Uint8Array.of(OP_RETURN, COMMITMENT_BYTES), TAG, fromHex(model));
}

/**
 * Where the holders' part of a model's income lies until it is paid out. The issuer's key can spend it, in a
 * transaction whose output 0 says for which snapshot; to whom it then goes, no script can check, and everybody can
 * (`auditDistribution`).
 *
 * Stack: issuer's signature →
 * @param model 64 hex digits
 * @param issuer compressed public key
 * @throws BitmodelError `BAD_TERMS`
 */
export function incomeScript(model: string, issuer: Uint8Array): Uint8Array {
  demandKey(issuer, "the issuer's key");
  const prefix = commitmentPrefix(model);
  return assemble(
    joinParts(
      `${expression(issuer)} OP_CHECKSIGVERIFY`,
      `0 OP_OUTPUTBYTECODE ${prefix.length} OP_SPLIT OP_DROP ${expression(prefix)} OP_EQUAL`,
    ),
  );
}

/** Unlocks the income for its issuer. */
export function incomeUnlocking(signature: Uint8Array): Uint8Array {
  return pushData(signature);
}

/** Id of the source that a model names as the parent which its holders' part goes to: SHA-256 of its script, hex. */
export function incomeSourceId(script: Uint8Array): string {
  return toHex(sha256(script));
}

/** Output 0 of a payment. */
export function commitmentScript(model: string, { height, root }: IncomeCommitment): Uint8Array {
  return concatBytes(commitmentPrefix(model), u32le(height), root);
}

/**
 * Whether a transaction with this output 0 can take income out of the contract of a model: it asks for no more than how
 * the output begins.
 */
export function mayTake(model: string, script: Uint8Array | undefined): boolean {
  const prefix = commitmentPrefix(model);
  return script !== undefined && equalBytes(script.subarray(0, prefix.length), prefix);
}

/** What a locking script says as output 0 of a payment to the holders of a model's units; undefined for any other. */
export function parseCommitment(model: string, script: Uint8Array): IncomeCommitment | undefined {
  const prefix = commitmentPrefix(model);
  if (script.length !== 2 + COMMITMENT_BYTES) return undefined;
  if (!equalBytes(script.subarray(0, prefix.length), prefix)) return undefined;
  const view = new DataView(script.buffer, script.byteOffset);
  return {
    height: view.getUint32(prefix.length, true),
    root: script.slice(prefix.length + 4),
  };
}

/**
 * The model whose income a transaction with this output 0 may have taken out; undefined for any that can't have taken some.
 * What follows is not looked at: whoever says no snapshot is found all the same.
 */
export function commitmentModel(script: Uint8Array | undefined): string | undefined {
  if (script === undefined || script.length < PREFIX_BYTES) return undefined;
  const model = toHex(script.subarray(PREFIX_BYTES - MODEL_BYTES, PREFIX_BYTES));
  return mayTake(model, script) ? model : undefined;
}
