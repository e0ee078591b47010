import { createRequire } from 'node:module';
import { sha256d } from '#src/base/index.js';
import {
  decodeTransaction,
  idToHash,
  JOB_VERSION,
  NO_JOB,
  type ScriptContext,
  SIGHASH,
  signatureHashPreimage,
  type Transaction,
} from '#src/chain/index.js';
import { legacySignatureHash } from '#src/chain/script/legacySighash.js';

/**
 * Bitcoin's sighash.json with the hashes of BCH and MicroVisionChain where the hash type has FORKID (npm package
 * mvc-lib, MIT licence; the transactions are Bitcoin Core's, MIT licence).
 */
const ROWS: readonly (readonly unknown[])[] = createRequire(import.meta.url)(
  'mvc-lib/test/data/sighash.json',
);

/** Which form of the hash a vector's hash type asks for. */
export type SighashForm = 'original' | 'forkid' | 'forkid, with our additions taken out';

export interface SighashVector {
  readonly form: SighashForm;
  readonly ours: Uint8Array;
  readonly expected: Uint8Array;
}

/** The vectors' versions are random, and their bytes Bitcoin's whatever the version. */
function decodeClassic(hex: string): Transaction {
  const bytes = Uint8Array.from(Buffer.from(hex, 'hex'));
  const version = new DataView(bytes.buffer).getInt32(0, true);
  bytes.set([1, 0, 0, 0]);
  return { ...decodeTransaction(bytes), version, jobId: NO_JOB };
}

/** The preimage without what only our chain has in it: the job id, and the spent outputs of bit 0x20. */
function forkIdPreimage(context: ScriptContext, code: Uint8Array, hashType: number): Uint8Array {
  const preimage = signatureHashPreimage(context, code, hashType);
  const parts = [preimage.subarray(0, 36)];
  const afterUtxos = (hashType & SIGHASH.UTXOS) === 0 ? 36 : 68;
  const jobId = context.transaction.version >= JOB_VERSION ? 32 : 0;
  parts.push(preimage.subarray(afterUtxos, -4 - jobId), preimage.subarray(-4));
  return Buffer.concat(parts);
}

/** All vectors with what we make of them. */
export function playSighashVectors(): SighashVector[] {
  return ROWS.filter((row) => row.length > 1).map((row) => {
    const [hex, script, inputIndex, signed, expected] = row as [
      string,
      string,
      number,
      number,
      string,
    ];
    const transaction = decodeClassic(hex);
    const code = Buffer.from(script, 'hex');
    const result = { expected: idToHash(expected) };
    if ((signed & SIGHASH.FORKID) === 0) {
      const ours = legacySignatureHash(transaction, inputIndex, code, signed);
      return { ...result, ours, form: 'original' };
    }
    const spentOutputs = transaction.inputs.map(() => ({ value: 0n, lockingScript: code }));
    const context = { transaction, inputIndex, spentOutputs };
    const hashType = signed >>> 0;
    const plain = transaction.version < JOB_VERSION && (hashType & SIGHASH.UTXOS) === 0;
    return {
      ...result,
      ours: sha256d(forkIdPreimage(context, code, hashType)),
      form: plain ? 'forkid' : 'forkid, with our additions taken out',
    };
  });
}
