import { describe, expect, it } from 'vitest';
import { concatBytes, sha256, u32le } from '#src/base/index.js';
import {
  asPush,
  assemble,
  checkDataThreshold,
  choosePath,
  cutFields,
  hashLock,
  hashLockKeeping,
  joinParts,
  NUMBER_TO_U32,
  type OutputToken,
  OWN_VALUE,
  payNth,
  publicKeyOf,
  pushData,
  relativeLock,
  requireDataSignature,
  requireInputIndex,
  requireJobId,
  requireNoToken,
  requireOutput,
  requireOutputSameCode,
  requireOutputScript,
  requireOutputScriptHash,
  requireOutputTemplate,
  requireOutputValue,
  requireOutputValueAtLeast,
  requireSignature,
  requireTokenScript,
  share,
  signData,
  signInput,
  timeLock,
  UNSIGNED_TO_NUMBER,
} from '#src/chain/index.js';
import { contextOf, outcome, run, TRANSACTION } from '../setup.js';

const SCRIPT_0 = TRANSACTION.outputs[0]!.lockingScript;
const SECRET = new Uint8Array(32).fill(9);
const MESSAGE = new Uint8Array(20).fill(8);
const keys = [1, 2, 3].map((seed) => new Uint8Array(32).fill(seed));
const publicKeys = keys.map(publicKeyOf);

/** Each part with its demand met, and not met in one way each. */
const demands: [name: string, met: string, ...unmet: [string, string][]][] = [
  ['input index', requireInputIndex(0), [requireInputIndex(1), 'num-equal-verify']],
  ['job id', requireJobId(TRANSACTION.jobId), [requireJobId(new Uint8Array(32)), 'equal-verify']],
  [
    'output value',
    requireOutputValue(0, 1_000n),
    [requireOutputValue(0, 999n), 'num-equal-verify'],
    [requireOutputValue(2, 999n), 'introspection-index'],
  ],
  [
    'output value at least',
    requireOutputValueAtLeast(0, 1_000n),
    [requireOutputValueAtLeast(0, 1_001n), 'verify'],
  ],
  [
    'output script',
    requireOutputScript(0, SCRIPT_0),
    [requireOutputScript(1, SCRIPT_0), 'equal-verify'],
  ],
  [
    'output script hash',
    requireOutputScriptHash(0, sha256(SCRIPT_0)),
    [requireOutputScriptHash(1, sha256(SCRIPT_0)), 'equal-verify'],
  ],
  [
    'output',
    requireOutput(0, 1_000n, SCRIPT_0),
    [requireOutput(0, 2_000n, SCRIPT_0), 'num-equal-verify'],
    [requireOutput(1, 2_000n, SCRIPT_0), 'equal-verify'],
  ],
  ['time lock', timeLock(1_234), [timeLock(1_235), 'unsatisfied-locktime']],
  ['relative lock', relativeLock(4_469), [relativeLock(4_470), 'unsatisfied-locktime']],
  [
    'expressions for values',
    requireOutputValue(0, share(OWN_VALUE, 200_000)),
    [requireOutputValue(0, share(OWN_VALUE, 200_300)), 'num-equal-verify'],
  ],
];

describe('demands on the spending transaction', () => {
  it.each(demands)('%s', (_name, met, ...unmet) => {
    expect(outcome(run(`${met} 1`))).toBe('ok');
    for (const [part, error] of unmet) expect(outcome(run(`${part} 1`))).toBe(error);
  });
});

describe('a demand on an output', () => {
  const lockingScript = assemble(`OP_DROP ${requireOutputSameCode(0, 0)} OP_DROP 1`);
  const paying = (token?: OutputToken) => ({
    transaction: { outputs: [{ value: 1n, lockingScript, ...(token && { token }) }] },
  });
  const category = new Uint8Array(32).fill(3);
  const commitment = new Uint8Array(0);
  const kinds: [string, OutputToken][] = [
    ['a fungible token', { category, amount: 1n }],
    ['an NFT', { category, amount: 0n, nft: { capability: 'none', commitment } }],
    ['both', { category, amount: 5n, nft: { capability: 'minting', commitment } }],
  ];
  const codeHash = sha256(lockingScript);
  const parts: [string, string][] = [
    ['no token', requireNoToken(0)],
    ['script', requireOutputScript(0, lockingScript)],
    ['script hash', requireOutputScriptHash(0, codeHash)],
    ['output', requireOutput(0, 1n, lockingScript)],
    ['template', `${requireOutputTemplate({ index: 0, headLength: 0, codeHash })} OP_DROP`],
    ['nth payment', `1 ${payNth({ firstOutput: 0, value: 1n, script: lockingScript })} OP_DROP`],
  ];

  it.each(parts)('refuses whatever token lies on it: %s', (_, part) => {
    expect(outcome(run(`${part} 1`, paying()))).toBe('ok');
    for (const [, token] of kinds) {
      expect(outcome(run(`${part} 1`, paying(token)))).toBe('equal-verify');
    }
  });

  it.each(kinds)('looks at the script alone where a token belongs: %s', (_, token) => {
    const part = requireTokenScript(0, lockingScript);
    expect(outcome(run(`${part} 1`, paying(token)))).toBe('ok');
  });
});

describe('requireOutputTemplate', () => {
  const code = assemble('OP_2DROP 1');
  const head = concatBytes(pushData(SECRET), pushData(MESSAGE));
  const part = requireOutputTemplate({
    index: 0,
    headLength: head.length,
    codeHash: sha256(code),
  });
  const paying = (lockingScript: Uint8Array) => ({
    transaction: { outputs: [{ value: 1n, lockingScript }] },
    values: { head },
  });

  it('leaves the head of an output that ends with the code', () => {
    const result = run(`${part} <head> OP_EQUAL`, paying(concatBytes(head, code)));
    expect(outcome(result)).toBe('ok');
  });

  it('refuses other code, and a script that is shorter than the head', () => {
    const other = run(`${part} <head> OP_EQUAL`, paying(concatBytes(head, code, code)));
    expect(outcome(other)).toBe('equal-verify');
    expect(outcome(run(`${part} <head> OP_EQUAL`, paying(code)))).toBe('split-range');
  });

  it('knows its own code behind another head', () => {
    const rest = assemble(`OP_DROP ${requireOutputSameCode(0, 33)} <head> OP_EQUAL`, {
      head: pushData(new Uint8Array(32).fill(7)),
    });
    const own = concatBytes(pushData(SECRET), rest);
    const next = concatBytes(pushData(new Uint8Array(32).fill(7)), rest);
    expect(outcome(run(own, paying(next)))).toBe('ok');
    expect(outcome(run(own, paying(own)))).toBe('eval-false');
    expect(outcome(run(own, paying(concatBytes(next, code))))).toBe('equal-verify');
  });
});

describe('locks', () => {
  it('opens a hash lock with its secret only', () => {
    const unlock = (secret: Uint8Array) => ({ unlocking: '<s>', values: { s: secret } });
    expect(outcome(run(`${hashLock(sha256(SECRET))} 1`, unlock(SECRET)))).toBe('ok');
    expect(outcome(run(`${hashLock(sha256(SECRET))} 1`, unlock(MESSAGE)))).toBe('equal-verify');
    const keeping = `${hashLockKeeping(sha256(SECRET))} OP_SIZE OP_NIP 32 OP_EQUAL`;
    expect(outcome(run(keeping, unlock(SECRET)))).toBe('ok');
  });

  it('takes a signature of the transaction by the key', () => {
    const locking = `${requireSignature(publicKeys[0]!)} 1`;
    for (const [index, expected] of ['ok', 'sig-nullfail'].entries()) {
      const s = signInput(contextOf(locking), keys[index]!);
      expect(outcome(run(locking, { unlocking: '<s>', values: { s } }))).toBe(expected);
    }
  });

  it('takes a signature of data by the key', () => {
    const locking = `${requireDataSignature(publicKeys[0]!)} 1`;
    const s = signData(MESSAGE, keys[0]!);
    const unlock = (m: Uint8Array) => ({ unlocking: '<s> <m>', values: { s, m } });
    expect(outcome(run(locking, unlock(MESSAGE)))).toBe('ok');
    expect(outcome(run(locking, unlock(SECRET)))).toBe('sig-nullfail');
  });
});

describe('checkDataThreshold', () => {
  const EMPTY = new Uint8Array(0);
  const onSigner = (index: number) =>
    payNth({ firstOutput: 1, value: 50n, script: Uint8Array.of(0x60 + index) });

  /** Signatures by key index; undefined for one that is silent. */
  function judge(
    signers: readonly (number | undefined)[],
    locking: string,
    outputs = TRANSACTION.outputs,
  ) {
    const [a, b, c] = signers.map((key) =>
      key === undefined ? EMPTY : signData(MESSAGE, keys[key]!),
    );
    const values = { a: a!, b: b!, c: c!, m: MESSAGE };
    return outcome(
      run(`${locking} 1`, { unlocking: '<c> <b> <a> <m>', values, transaction: { outputs } }),
    );
  }

  const two = checkDataThreshold({ publicKeys, threshold: 2 });

  it('takes exactly the threshold, whoever they are', () => {
    expect(judge([0, 1, undefined], two)).toBe('ok');
    expect(judge([0, undefined, 2], two)).toBe('ok');
    expect(judge([undefined, 1, 2], two)).toBe('ok');
  });

  it('refuses fewer, more, and one key in two places', () => {
    expect(judge([0, undefined, undefined], two)).toBe('num-equal-verify');
    expect(judge([0, 1, 2], two)).toBe('num-equal-verify');
    expect(judge([0, 0, undefined], two)).toBe('sig-nullfail');
  });

  it('demands each signer’s output in the order of the keys', () => {
    const paid = checkDataThreshold({ publicKeys, threshold: 2, onSigner });
    const outputs = (first: number, second: number) => [
      { value: 1n, lockingScript: EMPTY },
      { value: 50n, lockingScript: Uint8Array.of(0x60 + first) },
      { value: 50n, lockingScript: Uint8Array.of(0x60 + second) },
    ];
    expect(judge([0, undefined, 2], paid, outputs(0, 2))).toBe('ok');
    expect(judge([0, undefined, 2], paid, outputs(0, 1))).toBe('equal-verify');
    expect(judge([0, undefined, 2], paid, outputs(2, 0))).toBe('equal-verify');
    expect(judge([0, undefined, 2], paid, outputs(0, 2).slice(0, 2))).toBe('introspection-index');
  });

  it('is not built for a key twice or a threshold out of range', () => {
    const twice = [publicKeys[0]!, publicKeys[0]!];
    const bad = expect.objectContaining({ code: 'BAD_CONTRACT' });
    expect(() => checkDataThreshold({ publicKeys: twice, threshold: 1 })).toThrow(bad);
    expect(() => checkDataThreshold({ publicKeys, threshold: 4 })).toThrow(bad);
    expect(() => checkDataThreshold({ publicKeys, threshold: 0 })).toThrow(bad);
  });
});

describe('fields', () => {
  it('cuts bytes of exactly the right length', () => {
    const cut = `${cutFields([2, 3])} 0x030405 OP_EQUALVERIFY 0x0102 OP_EQUAL`;
    expect(outcome(run(cut, { unlocking: '0x0102030405' }))).toBe('ok');
    expect(outcome(run(cut, { unlocking: '0x010203040506' }))).toBe('num-equal-verify');
  });

  it.each([0, 1, 127, 128, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff])('u32 %i and back', (value) => {
    const values = { bytes: u32le(value), value };
    const read = `${UNSIGNED_TO_NUMBER} <value> OP_NUMEQUAL`;
    expect(outcome(run(read, { unlocking: '<bytes>', values }))).toBe('ok');
    const write = `${NUMBER_TO_U32} <bytes> OP_EQUAL`;
    expect(outcome(run(write, { unlocking: '<value>', values }))).toBe('ok');
  });

  it('refuses a number beyond u32', () => {
    const result = run(`${NUMBER_TO_U32} OP_DROP 1`, { unlocking: '4294967296' });
    expect(outcome(result)).toBe('equal-verify');
    expect(outcome(run(`${NUMBER_TO_U32} OP_DROP 1`, { unlocking: '-1' }))).toBe('equal-verify');
  });

  it('writes the push instruction of bytes', () => {
    const values = { bytes: SECRET, push: pushData(SECRET) };
    const result = run(`${asPush(32)} <push> OP_EQUAL`, { unlocking: '<bytes>', values });
    expect(outcome(result)).toBe('ok');
  });
});

describe('choosePath', () => {
  const contract = choosePath([
    joinParts('5 OP_NUMEQUALVERIFY'),
    joinParts('6 OP_NUMEQUALVERIFY'),
    '7 OP_NUMEQUALVERIFY',
  ]);

  it.each([
    ['5 0', 'ok'],
    ['6 1', 'ok'],
    ['7 2', 'ok'],
    ['6 0', 'num-equal-verify'],
    ['7 3', 'num-equal-verify'],
    ['7 -1', 'num-equal-verify'],
    ['0 5 0', 'cleanstack'],
  ])('%s: %s', (unlocking, expected) => {
    expect(outcome(run(contract, { unlocking }))).toBe(expected);
  });

  it('runs a single path under number 0', () => {
    expect(outcome(run(choosePath(['OP_NOP']), { unlocking: '0' }))).toBe('ok');
  });
});
