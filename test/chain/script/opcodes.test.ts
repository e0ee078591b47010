import { describe, expect, it } from 'vitest';
import {
  assemble,
  decodeScript,
  OP,
  type OpcodeName,
  publicKeyOf,
  SIGHASH,
  signData,
  signInput,
} from '#src/chain/index.js';
import { OPERATION_GROUPS, OPERATIONS } from '#src/chain/script/operations/table.js';
import { highS } from './high-s.js';
import vectors from './opcodes.json' with { type: 'json' };
import { contextOf, outcome, run } from './setup.js';

/** `unlocking | locking`, or `locking` alone. */
interface Vectors {
  readonly pass: string[];
  /** Script and the error that ends it. */
  readonly fail: string[][];
}

const KEY = new Uint8Array(32).fill(0x11);
const OTHER = new Uint8Array(32).fill(0x22);
const message = new Uint8Array(100).fill(3);
const constants = {
  key: publicKeyOf(KEY),
  otherKey: publicKeyOf(OTHER),
  message,
  dataSig: signData(message, KEY),
};

/** Runs a vector with signatures that are made for its locking script. */
function play(vector: string): string {
  const [unlocking, bare] = vector.includes('|') ? vector.split('|') : ['', vector];
  // a dropped push buys the cost of signature checks
  const signs = vector.includes('CHECK');
  const locking = assemble(signs ? `OP_DROP ${bare}` : bare!, constants);
  const context = contextOf(locking);
  const sig = signInput(context, KEY);
  const values = {
    ...constants,
    sig,
    otherSig: signInput(context, OTHER),
    highS: highS(sig),
    noForkId: signInput(context, KEY, { hashType: SIGHASH.ALL }),
    padding: new Uint8Array(200),
  };
  return outcome(
    run(locking, { unlocking: signs ? `${unlocking} <padding>` : unlocking!, values }),
  );
}

const entries = Object.entries(vectors as Record<string, Vectors>);

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
      const values = { ...constants, sig: message, highS: message };
      const opcodes = decodeScript(assemble(locking, values)).map(({ opcode }) => opcode);
      expect(opcodes).toContain(OP[name as OpcodeName]);
    }
  });
});

describe('the operations table', () => {
  it('has vectors for every operation', () => {
    const names = Object.values(OPERATION_GROUPS).flatMap((group) => Object.keys(group));
    expect(Object.keys(vectors).sort()).toEqual(names.sort());
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
