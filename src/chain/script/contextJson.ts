import { z } from 'zod';
import { BitmodelError, EXIT, fromHex, messageOf, parseAmount } from '../../base/index.js';
import {
  decodeTransaction,
  idToHash,
  NO_JOB,
  type Transaction,
  type TransactionInput,
  type TransactionOutput,
} from '../codec/transaction.js';
import { parseTokenView } from '../wire/tokenView.js';
import type { ScriptContext } from './context.js';
import { OP } from './opcodes.js';

const MAX_INPUTS = 100_000;
const ONE_COIN = '1.00000000';
const ANYONE = Uint8Array.of(OP.OP_1);

const hex = z.string().regex(/^(?:[0-9a-f]{2})*$/i, 'is no hexadecimal text of whole bytes');
const hash = z.string().regex(/^[0-9a-f]{64}$/i, 'has not 64 hexadecimal digits');
const u32 = z.int().min(0).max(0xffff_ffff);
// what `tx decode` writes beside the fields that are read
const remark = z.unknown().optional();

const tokenSchema = z.strictObject({
  category: hash,
  amount: z
    .string()
    .regex(/^\d{1,19}$/, 'is no whole number in quotes')
    .default('0'),
  nft: z
    .strictObject({
      capability: z.enum(['none', 'mutable', 'minting']).default('none'),
      commitment: hex.default(''),
    })
    .optional(),
});

const outputSchema = z.strictObject({
  value: z.string().default(ONE_COIN),
  lockingScript: hex.optional(),
  token: tokenSchema.optional(),
  tokenData: tokenSchema.optional(),
  type: remark,
  address: remark,
});

const inputSchema = z.strictObject({
  txid: hash.default('00'.repeat(32)),
  vout: u32.default(0),
  sequence: u32.default(0xffff_fffe),
  unlockingScript: hex.default(''),
  spends: outputSchema.optional(),
});

const transactionSchema = z.strictObject({
  version: z
    .int()
    .min(-(2 ** 31))
    .max(2 ** 31 - 1)
    .default(10),
  lockTime: u32.default(0),
  jobId: hash.optional(),
  inputs: z
    .array(inputSchema)
    .min(1)
    .max(MAX_INPUTS)
    .default([inputSchema.parse({})]),
  outputs: z
    .array(outputSchema)
    .max(MAX_INPUTS)
    .default([outputSchema.parse({})]),
  txid: remark,
  size: remark,
  fee: remark,
});

const contextSchema = z.strictObject({
  transaction: z.union([transactionSchema, hex]).default(transactionSchema.parse({})),
  inputIndex: u32.default(0),
  spentOutputs: z.array(outputSchema).optional(),
});

type OutputJson = z.infer<typeof outputSchema>;
type TransactionJson = z.infer<typeof transactionSchema>;

/** The scripts and the input that take the place of what the JSON says. */
export interface ContextOverrides {
  readonly inputIndex?: number | undefined;
  readonly unlocking?: Uint8Array | undefined;
  readonly locking?: Uint8Array | undefined;
}

function bad(why: string, cause?: unknown): BitmodelError {
  return new BitmodelError('BAD_CONTEXT', `The transaction context is wrong: ${why}.`, {
    next: 'See docs/script.md for its form, or pipe one in: bitmodel tx decode TX --json',
    exitCode: EXIT.usage,
    ...(cause === undefined ? {} : { cause }),
  });
}

function outputOf({ value, lockingScript, token, tokenData }: OutputJson): TransactionOutput {
  const carried = token ?? tokenData;
  return {
    value: parseAmount(value),
    lockingScript: lockingScript === undefined ? ANYONE : fromHex(lockingScript),
    ...(carried && { token: parseTokenView(carried) }),
  };
}

function transactionOf(json: TransactionJson): Transaction {
  const inputs = json.inputs.map(
    ({ txid, vout, sequence, unlockingScript }): TransactionInput => ({
      outpoint: { hash: idToHash(txid), index: vout },
      unlockingScript: fromHex(unlockingScript),
      sequence,
    }),
  );
  return {
    version: json.version,
    inputs,
    outputs: json.outputs.map(outputOf),
    lockTime: json.lockTime,
    jobId: json.jobId === undefined ? NO_JOB : fromHex(json.jobId),
  };
}

function parse(text: string): z.infer<typeof contextSchema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    throw bad(`it is not valid JSON (${messageOf(thrown)})`, thrown);
  }
  // a transaction by itself, as `tx decode --json` writes it
  const bare = typeof value === 'object' && value !== null && 'inputs' in value;
  const parsed = contextSchema.safeParse(bare ? { transaction: value } : value);
  if (parsed.success) return parsed.data;
  throw bad(issueOf(parsed.error.issues[0]!));
}

/** The first thing that is wrong; of a union the branch that says where. */
function issueOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_union') {
    const inner = issue.errors.flat().find(({ path }) => path.length > 0) ?? issue.errors[0]?.[0];
    if (inner) return issueOf({ ...inner, path: [...issue.path, ...inner.path] });
  }
  const where = issue.path.length > 0 ? `${issue.path.join('.')}: ` : '';
  return `${where}${issue.message}`;
}

function spentOf(json: z.infer<typeof contextSchema>, count: number): readonly TransactionOutput[] {
  const { transaction, spentOutputs } = json;
  if (spentOutputs) {
    if (spentOutputs.length !== count) {
      throw bad(`there are ${count} inputs and ${spentOutputs.length} spent outputs`);
    }
    return spentOutputs.map(outputOf);
  }
  if (typeof transaction === 'string') throw bad('spentOutputs are missing');
  const unknown = outputSchema.parse({});
  return transaction.inputs.map(({ spends }) => outputOf(spends ?? unknown));
}

/**
 * The context of one input out of JSON (docs/script.md): `{transaction, inputIndex, spentOutputs}`, or a transaction
 * by itself; whatever is left out has a plain default, down to `{}`. A transaction may be hex too.
 * @param overrides scripts given elsewhere
 * @throws BitmodelError `BAD_CONTEXT` naming the first thing that is wrong
 */
export function parseScriptContext(text: string, overrides: ContextOverrides = {}): ScriptContext {
  const json = parse(text);
  const context = build(json, overrides.inputIndex ?? json.inputIndex);
  const { transaction, spentOutputs, inputIndex } = context;
  const { unlocking, locking } = overrides;
  const inputs = transaction.inputs.with(inputIndex, {
    ...transaction.inputs[inputIndex]!,
    ...(unlocking && { unlockingScript: unlocking }),
  });
  const outputs = spentOutputs.with(inputIndex, {
    ...spentOutputs[inputIndex]!,
    ...(locking && { lockingScript: locking }),
  });
  return { transaction: { ...transaction, inputs }, inputIndex, spentOutputs: outputs };
}

function build(json: z.infer<typeof contextSchema>, inputIndex: number): ScriptContext {
  try {
    const transaction =
      typeof json.transaction === 'string'
        ? decodeTransaction(fromHex(json.transaction))
        : transactionOf(json.transaction);
    const count = transaction.inputs.length;
    if (inputIndex >= count) throw bad(`it has ${count} inputs, and none has index ${inputIndex}`);
    return { transaction, inputIndex, spentOutputs: spentOf(json, count) };
  } catch (thrown) {
    if (thrown instanceof BitmodelError && thrown.code !== 'BAD_CONTEXT') {
      throw bad(thrown.message.replace(/\.$/, ''), thrown);
    }
    throw thrown;
  }
}
