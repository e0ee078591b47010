import { pushData, pushNumber, type ScriptFlags } from '#src/chain/index.js';
import { opcodeOf } from '#src/chain/script/opcodes.js';

/** Bytes of a script as Bitcoin's test data writes it: hex goes in as it stands, texts and numbers are pushed. */
export function parseScript(text: string): Uint8Array {
  const parts = text.split(/\s+/).filter(Boolean).map(parseWord);
  return new Uint8Array(Buffer.concat(parts));
}

function parseWord(word: string): Uint8Array {
  if (word.startsWith('0x')) return Buffer.from(word.slice(2), 'hex');
  if (word.startsWith("'")) return pushData(Buffer.from(word.slice(1, -1)));
  if (/^-?\d+$/.test(word)) return pushNumber(BigInt(word));
  const opcode = opcodeOf(word);
  if (opcode === undefined) throw new Error(`${word} is no word of a script`);
  return Uint8Array.of(opcode);
}

/** Our rules for a vector's flags; cost is ours alone, so no vector knows of it. */
export function flagsOf(names: string): ScriptFlags {
  const flags = new Set(names.split(','));
  const strict = flags.has('STRICTENC');
  return {
    strictDer: strict || flags.has('DERSIG') || flags.has('LOW_S'),
    forkId: flags.has('SIGHASH_FORKID'),
    hashType: strict,
    publicKeyType: strict,
    lowS: flags.has('LOW_S'),
    nullFail: flags.has('NULLFAIL'),
    nullDummy: flags.has('NULLDUMMY'),
    minimalPush: flags.has('MINIMALDATA'),
    minimalNumber: flags.has('MINIMALDATA'),
    cleanStack: flags.has('CLEANSTACK'),
    pushOnly: flags.has('SIGPUSHONLY'),
    lockTime: flags.has('CHECKLOCKTIMEVERIFY'),
    sequence: flags.has('CHECKSEQUENCEVERIFY'),
    cost: false,
  };
}
