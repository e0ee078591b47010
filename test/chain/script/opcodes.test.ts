import { describe, expect, it } from 'vitest';
import { assemble, decodeScript, OP, type OpcodeName, verifyInput } from '#src/chain/index.js';
import { OPERATION_GROUPS, OPERATIONS } from '#src/chain/script/operations/table.js';
import { outcome, run } from './setup.js';
import { constants, OPCODE_VECTORS, vectorContext } from './vectors.js';

/** What the scripts end with. */
const play = (vector: string): string => outcome(verifyInput(vectorContext(vector)));

const entries = Object.entries(OPCODE_VECTORS);

describe.each(entries)('%s', (name, { pass, fail }) => {
  it.each(pass)('passes: %s', (vector) => {
    expect(play(vector)).toBe('ok');
  });

  it.each(fail)('fails: %s (%s)', (vector, error) => {
    expect(play(vector!)).toBe(error);
  });

  it('is what its vectors run', () => {
    for (const vector of [...pass, ...fail.map(([script]) => script!)]) {
      const locking = vector.split('|').at(-1)!;
      const values = { ...constants, sig: constants.message, highS: constants.message };
      const opcodes = decodeScript(assemble(locking, values)).map(({ opcode }) => opcode);
      expect(opcodes).toContain(OP[name as OpcodeName]);
    }
  });
});

describe('the operations table', () => {
  it('has vectors for every operation', () => {
    const names = Object.values(OPERATION_GROUPS).flatMap((group) => Object.keys(group));
    expect(Object.keys(OPCODE_VECTORS).sort()).toEqual(names.sort());
  });

  it('has an operation for every opcode that is not a push of data', () => {
    for (const [name, code] of Object.entries(OP)) {
      if (code > OP.OP_PUSHDATA4) expect(OPERATIONS[code], name).toBeDefined();
    }
  });

  it('fails on every other byte when executed, and only then', () => {
    for (let code = OP.OP_PUSHDATA4 + 1; code < 256; code++) {
      if (OPERATIONS[code]) continue;
      const byte = code.toString(16);
      expect(outcome(run(`1 raw:${byte}`))).toBe('bad-opcode');
      expect(outcome(run(`1 0 OP_IF raw:${byte} OP_ENDIF`))).toBe('ok');
    }
  });
});
