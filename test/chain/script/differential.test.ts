import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '#src/base/index.js';
import {
  assemble,
  publicKeyOf,
  SIGHASH,
  signData,
  signInput,
  verifyInput,
} from '#src/chain/index.js';
import { evaluate, evaluateWithLibauth, NARROWER } from './libauth.js';
import { contextOf } from './setup.js';

const KEY = new Uint8Array(32).fill(0x31);
const OTHER = new Uint8Array(32).fill(0x32);
const message = Uint8Array.of(1, 2, 3);

/** Operations that both machines have and mean the same by. */
const SHARED = `
  1NEGATE 1 2 5 16 NOP IF NOTIF ELSE ENDIF VERIFY RETURN TOALTSTACK FROMALTSTACK 2DROP 2DUP 3DUP 2OVER 2ROT
  2SWAP IFDUP DEPTH DROP DUP NIP OVER PICK ROLL ROT SWAP TUCK CAT SPLIT NUM2BIN BIN2NUM SIZE AND OR XOR EQUAL
  EQUALVERIFY 1ADD 1SUB NEGATE ABS NOT 0NOTEQUAL ADD SUB MUL DIV MOD BOOLAND BOOLOR NUMEQUAL NUMEQUALVERIFY
  NUMNOTEQUAL LESSTHAN GREATERTHAN LESSTHANOREQUAL GREATERTHANOREQUAL MIN MAX WITHIN RIPEMD160 SHA1 SHA256
  HASH160 HASH256 CODESEPARATOR CHECKSIG CHECKSIGVERIFY CHECKMULTISIG CHECKMULTISIGVERIFY CHECKDATASIG
  CHECKDATASIGVERIFY ACTIVEBYTECODE CHECKLOCKTIMEVERIFY NOP7 NOP8 NOP9 RESERVED2
  CHECKSEQUENCEVERIFY NOP1 NOP10 UTXOTOKENCATEGORY UTXOTOKENCOMMITMENT UTXOTOKENAMOUNT OUTPUTTOKENCATEGORY
  OUTPUTTOKENCOMMITMENT OUTPUTTOKENAMOUNT INPUTINDEX TXVERSION TXINPUTCOUNT TXOUTPUTCOUNT TXLOCKTIME UTXOVALUE
  UTXOBYTECODE OUTPOINTTXHASH OUTPOINTINDEX INPUTBYTECODE INPUTSEQUENCENUMBER OUTPUTVALUE OUTPUTBYTECODE
  RESERVED RESERVED1`
  .trim()
  .split(/\s+/);

const constants = {
  key: publicKeyOf(KEY),
  dataSig: signData(message, KEY),
};

const number = fc.oneof(
  fc.integer({ min: -3, max: 20 }),
  fc.constantFrom(127, 128, -128, 255, 256, 32768, -70_000, 2 ** 31 - 1, 2 ** 31, 4469, 1234),
);
const bytes = fc.uint8Array({ maxLength: 6 }).map((data) => `0x${toHex(data)}`);
const push = fc.oneof(
  { weight: 6, arbitrary: number.map(String) },
  { weight: 3, arbitrary: bytes },
  { weight: 1, arbitrary: fc.constantFrom('<key>', '0x010203', '<dataSig> 0x010203 <key>') },
);
const operation = fc.constantFrom(...SHARED);
const conditional = fc
  .tuple(fc.constantFrom('IF', 'NOTIF'), operation, operation)
  .map(([open, yes, no]) => `${open} ${yes} ELSE ${no} ENDIF`);
const script = fc
  .tuple(
    fc.array(push, { minLength: 2, maxLength: 7 }),
    fc.array(
      fc.oneof(
        { weight: 6, arbitrary: operation },
        { weight: 3, arbitrary: push },
        { weight: 1, arbitrary: conditional },
      ),
      { minLength: 1, maxLength: 7 },
    ),
  )
  .map(([pushes, rest]) => [...pushes, ...rest].join(' '));

describe('against libauth', () => {
  it('leaves the same stack, or fails where libauth fails', () => {
    let completed = 0;
    const compared = fc.property(script, (source) => {
      const context = contextOf(source, { transaction: { version: 2 }, values: constants });
      const theirs = evaluateWithLibauth(context);
      fc.pre(!NARROWER.test(theirs.error ?? ''));
      const ours = evaluate(context);
      // it tells a number beyond 8 bytes by the same error as a malformed one
      fc.pre(!(theirs.error?.includes('valid VM Number') && ours.longest > 8));
      if (theirs.error === undefined || ours.error === undefined) {
        expect(`${ours.error}`, `libauth: ${theirs.error}`).toBe(`${theirs.error}`);
        expect(ours.stack.map(toHex)).toEqual(theirs.stack.map(toHex));
        completed++;
      }
    });
    fc.assert(compared, { numRuns: 4_000, maxSkipsPerRun: 10 });
    expect(completed).toBeGreaterThan(400);
  });

  it.each([
    '0 BEGIN 1ADD DUP 5 EQUAL UNTIL',
    '0 BEGIN 1ADD DUP 5 EQUAL UNTIL DROP 1',
    '7 BEGIN 1SUB DUP 3 LESSTHAN UNTIL',
    '0 BEGIN 0 BEGIN 1ADD DUP 2 EQUAL UNTIL ADD DUP 6 EQUAL UNTIL',
    '0 BEGIN 1ADD DUP 3 EQUAL IF 1 ELSE 0 ENDIF UNTIL',
    'BEGIN',
    '1 UNTIL',
    '1 IF BEGIN ENDIF 1 UNTIL',
    'BEGIN 1 IF 1 UNTIL ENDIF',
  ])('loops alike: %s', (source) => {
    const context = contextOf(source, { transaction: { version: 2 } });
    // libauth has them at the bytes of VERIF and VERNOTIF
    const renamed = source.replaceAll('BEGIN', 'VERIF').replaceAll('UNTIL', 'VERNOTIF');
    const program = contextOf(renamed, { transaction: { version: 2 } });
    const theirs = evaluateWithLibauth(program, 'chips');
    const ours = evaluate(context);
    expect(ours.error === undefined).toBe(theirs.error === undefined);
    if (ours.error === undefined) expect(ours.stack.map(toHex)).toEqual(theirs.stack.map(toHex));
  });
});

describe('signatures that we make', () => {
  const bases = [SIGHASH.ALL, SIGHASH.NONE, SIGHASH.SINGLE];
  const hashTypes = bases.flatMap((base) => [
    base | SIGHASH.FORKID,
    base | SIGHASH.FORKID | SIGHASH.UTXOS,
    base | SIGHASH.FORKID | SIGHASH.ANYONECANPAY,
  ]);
  const values = { key: publicKeyOf(KEY), otherKey: publicKeyOf(OTHER) };
  // one-byte instructions before OP_CODESEPARATOR: libauth takes its instruction number for its offset
  const covered = '<key> CHECKSIGVERIFY 1 <otherKey> 1 CHECKMULTISIG';
  const locking = `NOP CODESEPARATOR ${covered}`;

  it.each(hashTypes)('open their lock in libauth and here, hash type %i', (hashType) => {
    for (const inputIndex of [0, 1]) {
      const options = { transaction: { version: 2 }, values, inputIndex };
      const unsigned = contextOf(locking, options);
      const scriptCode = assemble(covered, values);
      const sig = signInput(unsigned, KEY, { hashType, scriptCode });
      const otherSig = signInput(unsigned, OTHER, { hashType, scriptCode });
      const context = contextOf(locking, {
        ...options,
        unlocking: '0 <otherSig> <sig>',
        values: { ...values, sig, otherSig },
      });
      expect(evaluateWithLibauth(context)).toMatchObject({ error: undefined });
      expect(verifyInput(context)).toMatchObject({ ok: true, signatureChecks: 2 });
      const changed = {
        ...context,
        spentOutputs: context.spentOutputs.map((o) => ({ ...o, value: o.value + 1n })),
      };
      expect(verifyInput(changed)).toMatchObject({ ok: false, error: 'sig-nullfail' });
    }
  });
});
