import {
  assemble,
  publicKeyOf,
  type ScriptContext,
  SIGHASH,
  signData,
  signInput,
} from '#src/chain/index.js';
import { highS } from './high-s.js';
import vectors from './opcodes.json' with { type: 'json' };
import { contextOf } from './setup.js';

/** `unlocking | locking`, or `locking` alone. */
export interface OpcodeVectors {
  readonly pass: string[];
  /** Script and the error that ends it. */
  readonly fail: string[][];
}

const KEY = new Uint8Array(32).fill(0x11);
const OTHER = new Uint8Array(32).fill(0x22);
const message = new Uint8Array(100).fill(3);
export const constants = {
  key: publicKeyOf(KEY),
  otherKey: publicKeyOf(OTHER),
  message,
  dataSig: signData(message, KEY),
};

/** The context of running a vector, with signatures that are made for its locking script. */
export function vectorContext(vector: string): ScriptContext {
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
  return contextOf(locking, {
    unlocking: signs ? `${unlocking} <padding>` : unlocking!,
    values,
  });
}

/** Vectors of every opcode, by its name. */
export const OPCODE_VECTORS = vectors as Readonly<Record<string, OpcodeVectors>>;
