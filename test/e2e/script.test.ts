import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Place } from './harness.js';

describe('bitmodel script', () => {
  const place = new Place();
  afterAll(() => place.close());

  it('writes and reads scripts, in a pipe and back to the same bytes', async () => {
    const source = 'DUP HASH160 <owner> EQUALVERIFY CHECKSIG <text> <count> raw:4c // the rest';
    const hex = await place.ok(
      [
        'script',
        'asm',
        '--set',
        `owner=0x${'ab'.repeat(20)}`,
        '--set',
        'text="hi"',
        '--set',
        'count=1000',
      ],
      { stdin: source },
    );
    expect(hex).toBe(`76a914${'ab'.repeat(20)}88ac02686902e8034c`);
    const text = await place.ok(['script', 'disasm'], { stdin: `${hex}\n` });
    expect(text).toBe(
      `OP_DUP OP_HASH160 0x${'ab'.repeat(20)} OP_EQUALVERIFY OP_CHECKSIG 0x6869 0xe803 raw:4c`,
    );
    expect(await place.ok(['script', 'asm', text])).toBe(hex);
  });

  it('reads a script from a file', async () => {
    const file = join(place.folder, 'lock.asm');
    writeFileSync(file, '1 2 # three\nADD');
    expect(await place.json(['script', 'asm', '--file', file])).toEqual({
      hex: '515293',
      bytes: 3,
    });
  });

  it('runs scripts step by step, in 80 columns', async () => {
    const args = [
      'script',
      'run',
      'DUP TOALTSTACK ADD 5 NUMEQUAL',
      '--unlocking',
      '2 3',
      '--trace',
    ];
    const lines = (await place.ok(args)).split('\n');
    expect(lines.slice(0, 5)).toEqual([
      'script      byte  opcode                       cost  stack, top last',
      'unlocking      0  OP_2                          101  02',
      'unlocking      1  OP_3                          202  02 03',
      'locking        0  OP_DUP                        303  02 03 03',
      'locking        1  OP_TOALTSTACK                 403  02 03',
    ]);
    expect(lines).toContain('ok');
    expect(lines).toContain('cost   707 of 34,400 in 7 steps');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it('says where and why a script fails, in the words of a node, and ends with 1', async () => {
    const { code, stdout } = await place.run(['script', 'run', '1 2 EQUALVERIFY']);
    expect(code).toBe(1);
    expect(stdout).toContain(
      'failed: mandatory-script-verify-flag-failed (Script failed an OP_EQUALVERIFY operation)',
    );
    expect(stdout).toContain('at byte 2 of the locking script, OP_EQUALVERIFY');
    const quiet = await place.run(['script', 'run', '1 2 EQUALVERIFY', '-q']);
    expect(quiet.stdout).toBe('equal-verify\n');
  });

  it('takes the transaction from JSON, and gives all of it in JSON', async () => {
    const context = {
      transaction: {
        jobId: '0b'.repeat(32),
        inputs: [{}, { unlockingScript: '51' }],
        outputs: [{ value: '0.5' }],
      },
      inputIndex: 1,
      spentOutputs: [{}, { value: '0.7', lockingScript: 'e0' }],
    };
    const run = ['script', 'run', '--context', '-', '--trace'];
    const options = { stdin: JSON.stringify(context) };
    const result = await place
      .json([...run, 'DROP TXJOBID INPUTINDEX UTXOVALUE'], options)
      .catch((thrown: Error) => thrown);
    // two elements are left, so it does not pass; the JSON comes all the same
    expect(result).toBeInstanceOf(Error);
    const { stdout, code } = await place.run([...run, '--json'], options);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      error: 'cleanstack',
      stack: ['01', '0b'.repeat(32)],
      operationCost: 233,
      operationCostLimit: 33_600,
      steps: 2,
      trace: [
        { script: 'unlocking', offset: 0, instruction: 'OP_1', executed: true, stack: ['01'] },
        { script: 'locking', offset: 0, instruction: 'OP_TXJOBID', operationCost: 233 },
      ],
    });
  });

  it('shows as many steps as asked for', async () => {
    const args = ['script', 'run', '0 BEGIN 1ADD 0 UNTIL', '--trace', '--steps', '3'];
    const { code, stdout, stderr } = await place.run(args);
    expect(code).toBe(1);
    expect(stdout.split('\n').filter((line) => line.startsWith('locking'))).toHaveLength(3);
    expect(stderr).toMatch(/\d+ more steps/);
    expect(stdout).toContain('Operation cost limit exceeded');
  });

  it.concurrent.each([
    { name: 'a word that is none', args: ['asm', 'FOO'], code: 'BAD_SCRIPT' },
    { name: 'a name without a value', args: ['asm', '<x>'], code: 'BAD_SCRIPT' },
    {
      name: 'a value that is none',
      args: ['asm', '<x>', '--set', 'x=zz'],
      code: 'BAD_SCRIPT_VALUE',
    },
    { name: 'hex that is none', args: ['disasm', '123'], code: 'BAD_HEX' },
    { name: 'no script', args: ['run'], code: 'NO_SCRIPT' },
    { name: 'two scripts from stdin', args: ['run', '-', '--unlocking', '-'], code: 'BAD_OPTION' },
    { name: 'an input that is no number', args: ['run', '1', '--index', 'x'], code: 'BAD_OPTION' },
    { name: 'an input that is not there', args: ['run', '1', '--index', '7'], code: 'BAD_CONTEXT' },
    {
      name: 'a context that is no JSON',
      args: ['run', '1', '--context', '-'],
      code: 'BAD_CONTEXT',
    },
  ])('refuses $name in one sentence, with the next step', async ({ args, code }) => {
    const result = await place.run(['script', ...args, '--json'], { stdin: '{bad' });
    expect(result.code).toBe(2);
    expect(result.stdout).toBe('');
    const { error } = JSON.parse(result.stderr) as { error: Record<string, string> };
    expect(error).toMatchObject({ code, next: expect.stringMatching(/./) });
    expect(error.message).toMatch(/^\S.*\.$/);
  });
});
