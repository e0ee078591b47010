import { describe, expect, it } from 'vitest';
import { concatBytes, toHex } from '#src/base/index.js';
import {
  publicKeyOf,
  type ScriptFlags,
  SIGHASH,
  signInput,
  type TraceStep,
  verifyInput,
} from '#src/chain/index.js';
import { highS } from './high-s.js';
import { contextOf, outcome, run } from './setup.js';

const KEY = new Uint8Array(32).fill(5);
const OTHER = new Uint8Array(32).fill(6);
const key = publicKeyOf(KEY);

describe('the scripts of an input', () => {
  it('run one after the other on one stack', () => {
    expect(outcome(run('ADD 5 NUMEQUAL', { unlocking: '2 3' }))).toBe('ok');
  });

  it.each([
    [
      'an alternate stack does not pass over',
      '1 TOALTSTACK',
      'FROMALTSTACK',
      'invalid-altstack-operation',
    ],
    ['a conditional does not pass over', '1 1 IF', 'ENDIF', 'unbalanced-conditional'],
    ['a loop does not pass over', '1 BEGIN', 'UNTIL', 'unbalanced-loop'],
  ])('%s', (_name, unlocking, locking, error) => {
    expect(outcome(run(locking, { unlocking }, { pushOnly: false }))).toBe(error);
  });

  it('name the place of a failure', () => {
    const result = run('NOP 0 VERIFY', { unlocking: '1' });
    expect(result).toMatchObject({ ok: false, error: 'verify', script: 'locking', offset: 2 });
    const unlocking = run('1', { unlocking: 'raw:0105' });
    expect(unlocking).toMatchObject({ error: 'minimaldata', script: 'unlocking', offset: 0 });
  });

  it('fail on a push that is cut short, even in a skipped branch', () => {
    expect(outcome(run('1 raw:02ff'))).toBe('bad-opcode');
    expect(outcome(run('1 0 IF raw:02ff'))).toBe('bad-opcode');
  });

  it('do not mind a longer push than needed in a skipped branch', () => {
    expect(outcome(run('1 0 IF raw:0105 ENDIF'))).toBe('ok');
    expect(outcome(run('1 raw:0105 DROP'))).toBe('minimaldata');
  });
});

describe('each rule that can be switched off', () => {
  const signed = (locking: string, hashType?: number, signer = KEY) =>
    signInput(contextOf(locking, { values: { key } }), signer, hashType ? { hashType } : {});
  const lock = '<key> CHECKSIG';
  const sig = signed(lock);
  // one byte of padding in r's length is no strict DER, but leads to the same numbers
  const padded = concatBytes(Uint8Array.of(0x30, sig[1]! + 1, 2, sig[3]! + 1, 0), sig.subarray(4));
  const values = {
    key,
    sig,
    padded,
    highS: highS(sig),
    noForkId: signed(lock, SIGHASH.ALL),
    wrong: signed(lock, undefined, OTHER),
    wrongVerify: signed('<key> CHECKSIG NOT', undefined, OTHER),
    oddKey: Uint8Array.of(7, ...key.subarray(1)),
  };
  const table: [keyof ScriptFlags, unlocking: string, locking: string, error: string][] = [
    ['strictDer', '<padded>', lock, 'sig-der'],
    ['lowS', '<highS>', lock, 'sig-high-s'],
    ['hashType', '<noForkId>', lock, 'sig-hashtype'],
    ['publicKeyType', '0', '<oddKey> CHECKSIG NOT', 'pubkeytype'],
    ['nullFail', '<wrongVerify>', '<key> CHECKSIG NOT', 'sig-nullfail'],
    ['nullDummy', '1', '0 0 CHECKMULTISIG', 'sig-nulldummy'],
    ['minimalPush', 'raw:0105', '5 EQUAL', 'minimaldata'],
    ['minimalNumber', '0x0500', '5 NUMEQUAL', 'minimal-number'],
    ['cleanStack', '5', '1', 'cleanstack'],
    ['pushOnly', '1 NOP', 'NOP', 'sig-pushonly'],
    ['lockTime', '5', '9999 CLTV DROP 5 EQUAL', 'unsatisfied-locktime'],
    ['sequence', '5', '65535 CSV DROP 5 EQUAL', 'unsatisfied-locktime'],
    ['cost', '1', `${'NOP '.repeat(400)}`, 'operation-cost'],
  ];

  it.each(table)('%s: %s against %s is %s', (flag, unlocking, locking, error) => {
    expect(outcome(run(locking, { unlocking, values }))).toBe(error);
    expect(outcome(run(locking, { unlocking, values }, { [flag]: false }))).toBe('ok');
  });

  it('is on for all that the chain knows', () => {
    expect(new Set(table.map(([flag]) => flag)).size).toBe(13);
  });
});

describe('time locks', () => {
  const locked = (locking: string, options: object) => outcome(run(`${locking} DROP 1`, options));

  it('compare heights with heights and times with times', () => {
    const time = { transaction: { lockTime: 600_000_000 } };
    expect(locked('599999999 CLTV', time)).toBe('ok');
    expect(locked('600000001 CLTV', time)).toBe('unsatisfied-locktime');
    expect(locked('1000 CLTV', time)).toBe('unsatisfied-locktime');
  });

  it('want a sequence that is not final', () => {
    expect(locked('1000 CLTV', { sequence: 0xffff_ffff })).toBe('unsatisfied-locktime');
    expect(locked('1000 CLTV', { sequence: 0xffff_fffe })).toBe('ok');
  });

  it('by age want version 2, and blocks or seconds alike', () => {
    expect(locked('5 CSV', { sequence: 5, transaction: { version: 2 } })).toBe('ok');
    expect(locked('5 CSV', { sequence: 5, transaction: { version: 1 } })).toBe(
      'unsatisfied-locktime',
    );
    const seconds = 2 ** 22;
    expect(locked(`${seconds + 5} CSV`, { sequence: seconds + 6 })).toBe('ok');
    expect(locked(`${seconds + 5} CSV`, { sequence: 6 })).toBe('unsatisfied-locktime');
    expect(locked('5 CSV', { sequence: 2 ** 31 + 6 })).toBe('unsatisfied-locktime');
    expect(locked(`${2 ** 31 + 5} CSV`, { sequence: 0 })).toBe('ok');
  });
});

describe('OP_TXJOBID', () => {
  it('is zeros below version 10', () => {
    const result = run(`TXJOBID 0x${'00'.repeat(32)} EQUAL`, { transaction: { version: 9 } });
    expect(outcome(result)).toBe('ok');
  });
});

describe('a trace', () => {
  it('shows every step with both stacks and the cost', () => {
    const steps: TraceStep[] = [];
    const context = contextOf('TOALTSTACK 0 IF DUP ENDIF FROMALTSTACK', { unlocking: '7' });
    const result = verifyInput(context, {}, (step) => steps.push({ ...step }));
    expect(result).toMatchObject({ ok: true, operationCost: 702 });
    expect(
      steps.map(({ script, offset, executed, stack, alternateStack }) =>
        [script, offset, executed, stack.map(toHex), alternateStack.map(toHex)].flat(2).join(' '),
      ),
    ).toEqual([
      'unlocking 0 true 07',
      'locking 0 true 07',
      'locking 1 true  07',
      'locking 2 true 07',
      'locking 3 false 07',
      'locking 4 false 07',
      'locking 5 true 07',
    ]);
    expect(steps.at(-1)!.operationCost).toBe(result.operationCost);
  });

  it('ends before the step that fails', () => {
    const offsets: number[] = [];
    verifyInput(contextOf('1 VERIFY RETURN'), {}, ({ offset }) => offsets.push(offset));
    expect(offsets).toEqual([0, 1]);
  });
});
