import { describe, expect, it } from 'vitest';
import {
  assemble,
  hashIterationLimit,
  operationCostLimit,
  publicKeyOf,
  SCRIPT_LIMITS,
  signInput,
  verifyInput,
} from '#src/chain/index.js';
import { contextOf, outcome, run } from './setup.js';

/** Runs `locking` with a dropped push of this many bytes to pay for it. */
function paid(locking: string, padding: number): string {
  return outcome(
    run(`OP_DROP ${locking}`, { unlocking: '<pad>', values: { pad: new Uint8Array(padding) } }),
  );
}

const cost = (locking: string) => {
  const result = run(locking);
  expect(result).toMatchObject({ ok: true });
  return result.operationCost;
};

describe('cost', () => {
  it.each([
    ['1', 101],
    ['1 NOP', 201],
    ['0x010203 DROP 1', 304],
    ['1 0 IF 0x0102 SHA256 ENDIF', 101 + 100 + 100 + 100 + 100 + 100],
    ['0x010203 DUP EQUAL', 103 + 103 + 101],
    // 2·2 bytes of the sum
    ['1000 24 ADD 1024 EQUAL', 102 + 101 + 104 + 102 + 101],
    // 2·3 bytes of the product and 2·2 of the work
    ['1000 1000 MUL 1000000 EQUAL', 102 + 102 + 100 + 6 + 4 + 103 + 101],
    // one block of 64 bytes holds 55 bytes and the padding
    ['0x0102 SHA256 SIZE NIP', 102 + 100 + 64 + 32 + 101 + 100],
    ['0x0102 HASH256 SIZE NIP', 102 + 100 + 128 + 32 + 101 + 100],
    ['7 8 1 ROLL 2DROP 1', 101 * 3 + 100 + 1 + 1 + 100 + 101],
    ['7 TOALTSTACK FROMALTSTACK', 101 + 100 + 101],
  ])('%s costs %i', (locking, expected) => {
    expect(cost(locking)).toBe(expected);
  });

  it('charges a signature check 26,000 and the bytes it hashes, and nothing for an empty signature', () => {
    const privateKey = new Uint8Array(32).fill(5);
    const key = publicKeyOf(privateKey);
    const locking = assemble('<key> CHECKSIG', { key });
    const sig = signInput(contextOf(locking), privateKey);
    const rounds = 5; // of a preimage of 223 bytes and of its hash
    const pushes = 100 + sig.length + 100 + key.length;
    expect(run(locking, { unlocking: '<sig>', values: { sig } })).toMatchObject({
      ok: true,
      operationCost: pushes + 100 + 26_000 + 64 * rounds + 1,
      hashIterations: rounds,
      signatureChecks: 1,
    });
    const empty = run(assemble('<key> CHECKSIG NOT', { key }), { unlocking: '0' });
    const opcodes = 100 + 133 + 100 + 101;
    expect(empty).toMatchObject({ ok: true, operationCost: opcodes, signatureChecks: 0 });
  });

  it('is bounded by what the unlocking script pays for', () => {
    expect(operationCostLimit(0)).toBe(32_800);
    expect(hashIterationLimit(0)).toBe(143);
    // 328 opcodes of 100 in a locking script alone
    expect(outcome(run(assemble(`${'NOP '.repeat(326)} 1`)))).toBe('ok');
    expect(outcome(run(assemble(`${'NOP '.repeat(327)} 1`)))).toBe('operation-cost');
    expect(paid(`${'NOP '.repeat(327)} 1`, 100)).toBe('ok');
  });

  it('bounds hashing by the density too', () => {
    expect(paid('0 BEGIN SHA256 0 UNTIL', 10)).toBe('operation-cost');
    const blocks = 'BEGIN DUP HASH160 DROP 0 UNTIL';
    expect(paid(`0 9000 NUM2BIN ${blocks}`, 200)).toBe('hash-iterations');
  });

  it('ends every loop', () => {
    for (const body of ['NOP', '1 DUP 2DROP', '0 IF NOP ENDIF', '0 IFDUP DROP', 'DEPTH DROP']) {
      expect(paid(`BEGIN ${body} 0 UNTIL`, 2_000)).toBe('operation-cost');
    }
  });

  it('can be left out for trusted scripts', () => {
    const locking = `${'NOP '.repeat(1_000)} 1`;
    expect(outcome(run(locking))).toBe('operation-cost');
    expect(outcome(run(locking, {}, { cost: false }))).toBe('ok');
  });
});

describe('sizes', () => {
  it('allow elements of 1 MB and no more', () => {
    const element = (length: number) =>
      paid(`0 ${length} NUM2BIN SIZE ${length} NUMEQUALVERIFY DROP 1`, 2_000);
    expect(element(1_000_000)).toBe('ok');
    expect(element(1_000_001)).toBe('push-size');
    expect(paid('0 600000 NUM2BIN DUP CAT', 3_000)).toBe('push-size');
    const values = { long: new Uint8Array(1_000_001) };
    expect(outcome(run('1', { unlocking: '<long>', values }))).toBe('push-size');
  });

  it('allow numbers of 10,000 bytes and no more', () => {
    const widest = '0 9999 NUM2BIN INVERT 0x7f CAT';
    expect(paid(`${widest} 0 ADD SIZE NIP 10000 NUMEQUAL`, 2_000)).toBe('ok');
    expect(paid(`${widest} 1ADD`, 2_000)).toBe('number-range');
    expect(paid(`${widest} 2MUL`, 2_000)).toBe('number-range');
    expect(paid(`${widest} DUP MUL`, 200_000)).toBe('number-range');
    expect(paid(`${widest} 0x01 CAT 0 ADD`, 2_000)).toBe('number-range');
    expect(paid(`${widest} 0x01 CAT BIN2NUM`, 2_000)).toBe('number-range');
    expect(paid(`${widest} NEGATE 1SUB`, 2_000)).toBe('number-range');
  });

  it('allow 32 MB on both stacks together', () => {
    const megabytes = (count: number) =>
      `0 1000000 NUM2BIN 0 BEGIN SWAP DUP TOALTSTACK SWAP 1ADD DUP ${count} EQUAL UNTIL 2DROP 1`;
    // with its working copies
    expect(paid(megabytes(29), 60_000)).toBe('ok');
    expect(paid(megabytes(32), 60_000)).toBe('stack-size');
  });

  it('count 32 bytes for each element, so that empty ones are bounded', () => {
    expect(paid('BEGIN 0 0 UNTIL', 400_000)).toBe('stack-size');
  });

  it('are those of what is held: the parts of an element do not keep it whole in memory', () => {
    for (const cut of ['1 SPLIT DROP', '1 LEFT', '1 RIGHT', '7 1 SUBSTR', '1 SPLIT NIP 1 LEFT']) {
      let part: Uint8Array | undefined;
      const context = contextOf(`DROP 0 100000 NUM2BIN ${cut}`, {
        unlocking: '<pad>',
        values: { pad: new Uint8Array(1_000) },
      });
      verifyInput(context, {}, ({ stack }) => {
        part = stack[0];
      });
      expect(part).toHaveLength(1);
      expect(part!.buffer.byteLength, cut).toBe(1);
    }
  });

  it('allow 100 open conditionals and loops', () => {
    const nested = (depth: number) => `${'1 IF '.repeat(depth)} ${'ENDIF '.repeat(depth)} 1`;
    expect(paid(nested(SCRIPT_LIMITS.controlDepth), 200)).toBe('ok');
    expect(paid(nested(SCRIPT_LIMITS.controlDepth + 1), 200)).toBe('control-depth');
    expect(paid('BEGIN '.repeat(101), 200)).toBe('control-depth');
  });
});
