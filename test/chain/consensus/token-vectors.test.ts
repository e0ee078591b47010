import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BitmodelError, fromHex, toHex } from '#src/base/index.js';
import { readOutput } from '#src/chain/codec/transaction.js';
import { checkTokens } from '#src/chain/consensus/tokens.js';
import { checkTransaction } from '#src/chain/consensus/transactionRules.js';
import {
  ByteReader,
  decodeTransaction,
  type ScriptContext,
  signatureHashPreimage,
  verifyInput,
} from '#src/chain/index.js';
import { isDefinedHashType } from '#src/chain/script/sighash.js';

interface Case {
  readonly id: string;
  readonly what: string;
  readonly transaction: string;
  readonly spends: string;
  readonly input: number;
  /** Why libauth refuses it. */
  readonly error?: string;
}

const [, ...cases] = readFileSync('fixtures/cashtokens/transactions.jsonl', 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Case);
const signing = cases.filter(({ what }) => what.startsWith('Signing serializations'));
const others = cases.filter(({ what }) => !what.startsWith('Signing serializations'));

function contextOf({ transaction, spends, input }: Case): ScriptContext {
  const reader = new ByteReader(fromHex(spends));
  const spentOutputs = Array.from({ length: reader.varInt() }, () => readOutput(reader));
  return { transaction: decodeTransaction(fromHex(transaction)), inputIndex: input, spentOutputs };
}

/** Why the transaction is refused, or `ok`. */
function judge(vector: Case): string {
  const context = contextOf(vector);
  const coins = context.spentOutputs.map((output) => ({ output, height: 1, coinbase: false }));
  try {
    checkTransaction(context.transaction, vector.transaction.length / 2);
    checkTokens(context.transaction, coins);
  } catch (thrown) {
    if (thrown instanceof BitmodelError) return thrown.message;
    throw thrown;
  }
  const result = verifyInput(context);
  return result.ok ? 'ok' : result.error;
}

const LONG_COMMITMENT = 'a commitment may have 128 bytes here (DESIGN 4.4), 40 in the CHIP';
const REVERSEBYTES = 'it needs OP_REVERSEBYTES, which the BVM does not have';

/** Cases that must come out otherwise. */
const DIFFERENT: Readonly<Record<string, [outcome: string, why: string]>> = {
  keymv: ['bad-opcode', REVERSEBYTES],
  kaevv: ['bad-opcode', REVERSEBYTES],
  a22vg: ['bad-opcode', REVERSEBYTES],
  qhmur: ['bad-opcode', REVERSEBYTES],
  qa6yh: ['bad-opcode', REVERSEBYTES],
  wu8dd: ['ok', LONG_COMMITMENT],
  pd9dv: ['ok', LONG_COMMITMENT],
  '7nskt': ['ok', LONG_COMMITMENT],
  '9ga8v': ['ok', 'an element may have 1 MB here (DESIGN 4.3), 520 bytes in the CHIP’s machine'],
};

/** What libauth says of a broken rule, and what we may call it. */
const REASONS: [theirs: RegExp, ours: RegExp][] = [
  [/creates new fungible tokens .* without a matching genesis/, /^bad-txns-token-invalid-category/],
  [
    /creates an immutable token|more mutable tokens than|minting token that is not substantiated/,
    /^bad-txns-token-(invalid-category|nft-ex-nihilo)/,
  ],
  [/fungible tokens in the transaction's outputs exceed/, /^bad-txns-token-in-belowout/],
  [/exceeding the maximum supply/, /^bad-txns-token-(amount-overflow|in-belowout)/],
  [/commitment exceeds the consensus limit/, /^bad-txns-token-commitment-oversized/],
  [/^Error reading transaction\..*token prefix/, /^bad-txns-vout-tokenprefix/],
  // only the size of two hashes is refused here; shorter ones fail as scripts
  [/transaction size/, /^bad-txns-64-byte|^invalid-stack-operation/],
  [/only push operations/, /^sig-pushonly/],
  [/invalid transaction (UTXO|output) index/, /^introspection-index/],
  [/non-truthy value/, /^eval-false/],
  [/OP_VERIFY/, /^equal-verify/],
  [/empty stack/, /^invalid-stack-operation/],
  [/valid VM Number/, /^minimal-number/],
  // an output that is spent and can not be read does not exist on a chain; its script is judged
  [/^Error reading transaction outputs/, /^bad-opcode/],
  [/maximum operation count/, /^bad-opcode/],
];

describe('the CHIP’s transactions', () => {
  it.each(others)('$id: $what', (vector) => {
    const different = DIFFERENT[vector.id];
    const outcome = judge(vector);
    if (different) {
      expect(outcome, different[1]).toBe(different[0]);
      return;
    }
    if (vector.error === undefined) {
      expect(outcome).toBe('ok');
      return;
    }
    const reason = REASONS.find(([theirs]) => theirs.test(vector.error!));
    expect(reason, vector.error).toBeDefined();
    expect(outcome).toMatch(reason![1]);
  });
});

describe('the CHIP’s signing serializations', () => {
  // the first push of their unlocking script is the serialization, the second a Schnorr signature with the hash type
  const pushesOf = (context: ScriptContext): { serialization: Uint8Array; hashType: number } => {
    const { unlockingScript } = context.transaction.inputs[context.inputIndex]!;
    const reader = new ByteReader(unlockingScript);
    const length = reader.u8();
    const serialization = reader.bytes(
      length === 0x4c ? reader.u8() : length === 0x4d ? reader.u16() : length,
    );
    return { serialization, hashType: reader.bytes(reader.u8()).at(-1)! };
  };

  it.each(signing.filter(({ error }) => error === undefined))('$id: $what', (vector) => {
    const context = contextOf(vector);
    const { serialization, hashType } = pushesOf(context);
    const { lockingScript } = context.spentOutputs[context.inputIndex]!;
    expect(isDefinedHashType(hashType)).toBe(true);
    expect(toHex(signatureHashPreimage(context, lockingScript, hashType))).toBe(
      toHex(serialization),
    );
  });

  it.each(signing.filter(({ error }) => error !== undefined))('refuses $id: $what', (vector) => {
    const { hashType } = pushesOf(contextOf(vector));
    expect(isDefinedHashType(hashType)).toBe(false);
    expect(judge(vector)).not.toBe('ok');
  });
});
