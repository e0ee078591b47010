import { BitmodelError, equalBytes } from '../../base/index.js';
import {
  blockHash,
  decodeNumber,
  decodeScript,
  type NetworkParameters,
  type Transaction,
  type TransactionOutput,
} from '../../chain/index.js';
import { BOND_PATH, type BondTerms, leavingScript, parseBond } from '../contracts/bond.js';
import { BURN_SCRIPT } from '../contracts/contested.js';
import { DRAWN_VERDICT_BYTES } from '../contracts/verdict.js';
import { pushesOf } from '../trace.js';
import type { ReadTransaction } from './slashedSeller.js';

/** A verifier whose bond a second jury burnt. */
export interface SlashedVerifier {
  /** Compressed public key. */
  readonly verifier: Uint8Array;
  /** The job that its wrong verdict was about, 32 bytes. */
  readonly jobId: Uint8Array;
}

/** Where the job id stands in a drawn verifier's verdict: before commitment hash and verdict. */
const JOB_ID_AT = DRAWN_VERDICT_BYTES - 1 - 32 - 32;
/** OP_1, the number of the slashing path of bond and leaving contract alike. */
const SLASH_OPCODE = 0x50 + BOND_PATH.slash;

/** Whether a transaction can be the slash of a bond, by what it shows itself. */
export function looksLikeBondSlash({ inputs, outputs }: Transaction): boolean {
  const burnt = outputs[0];
  const unlocking = inputs[0]?.unlockingScript;
  if (!burnt || !unlocking || unlocking.length < DRAWN_VERDICT_BYTES) return false;
  return unlocking.at(-1) === SLASH_OPCODE && equalBytes(burnt.lockingScript, BURN_SCRIPT);
}

/**
 * The verifier whose bond, standing or leaving, a transaction burns. Anybody can lock coins in the bond of a stranger's
 * key; only the stranger's own signature under a verdict, and two thirds of the jury drawn to judge that again, open
 * this path of it.
 * @throws what `read` throws
 */
export function slashedVerifier(
  slash: Transaction,
  read: ReadTransaction,
  params: NetworkParameters,
): SlashedVerifier | undefined {
  if (!looksLikeBondSlash(slash)) return undefined;
  const shown = pushesOf(slash, 0);
  const path = shown.at(-1);
  const message = shown.at(-3);
  if (!path || decodeNumber(path) !== BigInt(BOND_PATH.slash)) return undefined;
  if (message?.length !== DRAWN_VERDICT_BYTES) return undefined;
  const { outpoint } = slash.inputs[0]!;
  const output = read(outpoint.hash)?.outputs[outpoint.index];
  const rules = { genesis: blockHash(params.genesis.header), exit: params.bondExit };
  const verifier = output && (parseBond(rules, output) ?? parseLeaving(rules, output));
  return verifier && { verifier, jobId: message.slice(JOB_ID_AT, JOB_ID_AT + 32) };
}

/** The verifier whose leaving bond an output is. */
function parseLeaving(
  rules: Pick<BondTerms, 'genesis' | 'exit'>,
  { lockingScript, token }: TransactionOutput,
): Uint8Array | undefined {
  const keys = token ? [] : decodeScript(lockingScript).filter(({ data }) => data?.length === 33);
  const verifier = keys[0]?.data?.slice();
  if (!verifier) return undefined;
  try {
    return equalBytes(leavingScript({ ...rules, verifier }), lockingScript) ? verifier : undefined;
  } catch (thrown) {
    // a key that is no point makes no bond
    if (thrown instanceof BitmodelError) return undefined;
    throw thrown;
  }
}
