import { readFileSync } from 'node:fs';
import { BitmodelError, fromHex } from '#src/base/index.js';
import { readOutput } from '#src/chain/codec/transaction.js';
import { checkTransaction } from '#src/chain/consensus/transactionRules.js';
import { ByteReader, decodeTransaction, RejectError, verifyInput } from '#src/chain/index.js';
import type { Difference, Played } from './difference.js';

/** One line of fixtures/libauth/scripts.jsonl; its first line says where they are from. */
export interface LibauthCase {
  readonly id: string;
  readonly what: string;
  readonly transaction: string;
  /** The outputs it spends, behind their count. */
  readonly spends: string;
  readonly input: number;
  readonly valid: boolean;
}

const [, ...lines] = readFileSync('fixtures/libauth/scripts.jsonl', 'utf8').trim().split('\n');

export const LIBAUTH_CASES = lines.map((line) => JSON.parse(line) as LibauthCase);

/** What must differ, and why. */
export const LIBAUTH_DIFFERENCES: readonly Difference[] = [
  {
    name: 'Disabled opcodes',
    reason: 'INVERT, 2MUL, 2DIV, LSHIFT and RSHIFT work here',
    ours: { ok: [186, 191, 192, 193, 194] },
  },
  {
    name: 'Sizes',
    reason: 'Elements have up to 1 MB, not 520 bytes',
    ours: { ok: [273, 345, 385, 387, 429, 431] },
  },
  {
    name: 'Wide numbers',
    reason: 'A spent value of 2^63 is a number like any other',
    ours: { ok: [334] },
  },
  {
    name: 'NOP4, NOP5, NOP6',
    reason: 'These bytes, 0xb3 to 0xb5, are SUBSTR, LEFT and RIGHT',
    ours: { 'invalid-stack-operation': [208, 209, 210] },
  },
  {
    name: 'Loops',
    reason:
      'Their bytes there are VERIF and VERNOTIF here; differential.test.ts compares them renamed',
    ours: { 'unbalanced-conditional': [223, 432] },
  },
  {
    name: 'REVERSEBYTES',
    reason: 'BCH added it at 0xbc; the BVM has no such opcode',
    ours: { 'bad-opcode': [246, 252, 255, 258, 259, 260, 261, 262, 274, 276] },
  },
  {
    name: 'Job id',
    reason: 'A version of 123456 is beyond 10, and its transaction lacks the job id',
    ours: { BAD_ENCODING: [300] },
  },
  {
    name: 'Supply',
    reason: 'An output may hold up to 100,000,000 coins (DESIGN 4.1), not 2^63 - 1 units',
    ours: { 'bad-txns-vout-toolarge': [416] },
  },
];

function play({ transaction: hex, spends, input }: LibauthCase): string {
  try {
    const reader = new ByteReader(fromHex(spends));
    const spentOutputs = Array.from({ length: reader.varInt() }, () => readOutput(reader));
    const transaction = decodeTransaction(fromHex(hex));
    checkTransaction(transaction, hex.length / 2);
    const result = verifyInput({ transaction, inputIndex: input, spentOutputs });
    return result.ok ? 'ok' : result.error;
  } catch (thrown) {
    if (thrown instanceof RejectError) return thrown.reason;
    if (thrown instanceof BitmodelError) return thrown.code;
    throw thrown;
  }
}

/** Judges every case. */
export function playLibauthCases(): Played[] {
  return LIBAUTH_CASES.map((vector, index) => {
    const ours = play(vector);
    return { number: index + 1, ours, same: (ours === 'ok') === vector.valid };
  });
}
