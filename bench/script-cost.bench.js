import {
  assemble,
  CONSENSUS_FLAGS,
  NO_JOB,
  operationCostLimit,
  publicKeyOf,
  pushData,
  signData,
  verifyInput,
} from 'bitmodel/chain';

/** Length of the unlocking script that pays: 1 MB, all of it one push that is dropped. */
const PAID = 1_000_000;
const WIDEST = '0 9999 NUM2BIN INVERT 0x7f CAT';
const HALF = '0 4999 NUM2BIN INVERT 0x7f CAT';

const privateKey = new Uint8Array(32).fill(7);
const message = Uint8Array.of(1, 2, 3);
const values = {
  key: publicKeyOf(privateKey),
  dataSig: signData(message, privateKey),
  message,
};

/** What is on the stack before, and what is repeated until the budget is spent. */
const CASES = [
  ['NOP', '', 'NOP NOP NOP NOP NOP NOP NOP NOP'],
  ['OP_1 DROP', '', '1 DROP 1 DROP 1 DROP 1 DROP'],
  ['push of 1,000 bytes, DROP', '', `<kilobyte> DROP <kilobyte> DROP`],
  ['IF ELSE ENDIF', '', '0 IF NOP ELSE NOP ENDIF 0 IF NOP ELSE NOP ENDIF'],
  ['DUP, small', '7', 'DUP DROP DUP DROP DUP DROP DUP DROP'],
  ['DUP, 1 MB', '0 1000000 NUM2BIN', 'DUP DROP'],
  ['IFDUP of zeros, 1 MB', '0 1000000 NUM2BIN', 'IFDUP'],
  ['SWAP', '1 2', 'SWAP SWAP SWAP SWAP SWAP SWAP SWAP SWAP'],
  ['ROT', '1 2 3', 'ROT ROT ROT ROT ROT ROT ROT ROT'],
  ['2ROT', '1 2 3 4 5 6', '2ROT 2ROT 2ROT 2ROT 2ROT 2ROT 2ROT 2ROT'],
  ['TUCK', '1 2', 'TUCK DROP TUCK DROP TUCK DROP TUCK DROP'],
  ['PICK, 500,000 deep', '<deep>', '500000 PICK DROP 500000 PICK DROP 500000 PICK DROP'],
  ['ROLL, 500,000 deep', '<deep>', '500000 ROLL'],
  ['ROLL, 50,000 deep', '<deep>', '50000 ROLL'],
  ['ROLL, 5,000 deep', '<deep>', '5000 ROLL 5000 ROLL 5000 ROLL 5000 ROLL'],
  ['ROLL, 500 deep', '<deep>', '500 ROLL 500 ROLL 500 ROLL 500 ROLL'],
  ['ROLL, 100 deep', '<deep>', '100 ROLL 100 ROLL 100 ROLL 100 ROLL'],
  ['ROLL, 20 deep', '<deep>', '20 ROLL 20 ROLL 20 ROLL 20 ROLL'],
  ['TOALTSTACK FROMALTSTACK', '1', 'TOALTSTACK FROMALTSTACK TOALTSTACK FROMALTSTACK'],
  ['ADD over 600,000 elements', '<deep>', '70000 1 ADD DROP 70000 1 ADD DROP'],
  ['NUM2BIN, 70 bytes, kept', '', '0 70 NUM2BIN'],
  ['NUM2BIN, 9 bytes, kept', '', '0 9 NUM2BIN'],
  ['SIZE', '<kilobyte>', 'SIZE DROP SIZE DROP SIZE DROP SIZE DROP'],
  ['CAT, small', '1', '2 CAT 1 SPLIT DROP 2 CAT 1 SPLIT DROP'],
  ['CAT SPLIT, 1 MB', '0 999999 NUM2BIN', '0x01 CAT 999999 SPLIT DROP'],
  ['LEFT RIGHT SUBSTR, small', '<wide64>', 'DUP 9 LEFT DROP DUP 9 RIGHT DROP DUP 3 9 SUBSTR DROP'],
  ['SUBSTR, 1 MB', '0 1000000 NUM2BIN', 'DUP 1 999998 SUBSTR DROP'],
  ['NUM2BIN, 1 MB', '', '0 1000000 NUM2BIN DROP'],
  ['NUM2BIN, of wide padding', '0 1000000 NUM2BIN', '1000000 NUM2BIN'],
  ['BIN2NUM, of 1 MB of zeros', '0 1000000 NUM2BIN', 'DUP BIN2NUM DROP'],
  ['BIN2NUM, 10,000 bytes', WIDEST, 'BIN2NUM'],
  ['INVERT, 1 MB', '0 1000000 NUM2BIN', 'INVERT'],
  ['INVERT, 65 bytes', '<wide65>', 'INVERT INVERT INVERT INVERT'],
  ['XOR, 65 bytes', '<wide65>', 'DUP XOR DUP XOR'],
  ['LSHIFT, 65 bytes', '<wide65>', '1 LSHIFT 1 LSHIFT 1 LSHIFT'],
  ['SPLIT CAT, 130 bytes', '<wide130>', '65 SPLIT CAT 65 SPLIT CAT'],
  ['NUM2BIN, 65 bytes', '1', '65 NUM2BIN 65 NUM2BIN 65 NUM2BIN'],
  ['MUL, 130 by 4', '<wide130>', 'DUP 2000000000 MUL DROP'],
  ['MUL, 400 by 4', '<wide400>', 'DUP 2000000000 MUL DROP'],
  ['DIV, 601 by 1', '<wide601>', 'DUP 3 DIV DROP'],
  ['DIV, 400 by 4', '<wide400>', 'DUP 2000000000 DIV DROP'],
  ['OR XOR AND, small', '1', 'DUP OR DUP AND 1 XOR'],
  ['AND, 1 MB', '0 1000000 NUM2BIN', 'DUP AND'],
  ['XOR, small', '1', 'DUP XOR DUP XOR DUP XOR DUP XOR'],
  ['LSHIFT, 1 MB', '0 1000000 NUM2BIN', '3 LSHIFT'],
  ['RSHIFT, 1 MB', '0 1000000 NUM2BIN', '3 RSHIFT'],
  ['LSHIFT by a wide number', `${WIDEST} 0x01`, 'OVER LSHIFT'],
  ['EQUAL, 1 MB', '0 1000000 NUM2BIN', 'DUP DUP EQUAL DROP'],
  ['VERIFY, 1 MB', '0x01 0 999999 NUM2BIN SWAP CAT', 'DUP VERIFY'],
  ['1ADD, small', '0', '1ADD 1ADD 1ADD 1ADD 1ADD 1ADD 1ADD 1ADD'],
  ['ADD, 8 bytes', '0xffffffffffffff7f', 'DUP 1 ADD DROP DUP 1 ADD DROP DUP 1 ADD DROP'],
  ['MUL, 8 bytes', '0xffffffffffffff7f', 'DUP DUP MUL DROP DUP DUP MUL DROP'],
  ['ADD, 16 bytes', '<wide16>', 'DUP 1 ADD DROP DUP 1 ADD DROP DUP 1 ADD DROP'],
  ['MUL, 32 bytes', '<wide32>', 'DUP DUP MUL DROP DUP DUP MUL DROP'],
  ['MOD, 64 by 32 bytes', '<wide32> <wide64>', '2DUP SWAP MOD DROP 2DUP SWAP MOD DROP'],
  ['ADD, 100 bytes', '<wide100>', 'DUP 1 ADD DROP DUP 1 ADD DROP DUP 1 ADD DROP'],
  ['ADD, 1,000 bytes', '<wide1000>', 'DUP 1 ADD DROP DUP 1 ADD DROP DUP 1 ADD DROP'],
  ...[8, 16, 32, 64, 100, 127, 130, 200, 300, 1000].map((size) => [
    `NEGATE, ${size} bytes`,
    `<wide${size}>`,
    'NEGATE NEGATE NEGATE NEGATE',
  ]),
  ...[130, 300].flatMap((size) => [
    [`DUP ADD, ${size} bytes`, `<wide${size}>`, 'DUP DUP ADD DROP'],
    [`MIN, ${size} bytes`, `<wide${size}>`, 'DUP MIN DUP MIN'],
    [`MUL by 1, ${size} bytes`, `<wide${size}>`, '1 MUL 1 MUL 1 MUL'],
    [`MOD itself plus, ${size} bytes`, `<wide${size}>`, 'DUP 1ADD MOD'],
  ]),
  ['NEGATE, 10,000 bytes', WIDEST, 'NEGATE NEGATE'],
  ['1SUB 1ADD, 10,000 bytes', WIDEST, '1SUB 1ADD'],
  ['2MUL 2DIV, 10,000 bytes', '0 9998 NUM2BIN INVERT 0x3f CAT', '2MUL 2DIV'],
  ['2MUL from 1', '1', '2MUL DUP SIZE NIP 9999 GREATERTHAN IF DROP 1 ENDIF'],
  ['ADD, 10,000 bytes', HALF, 'DUP DUP ADD DROP'],
  ['0NOTEQUAL, 10,000 bytes', WIDEST, 'DUP 0NOTEQUAL DROP'],
  ['NUMEQUAL, 10,000 bytes', WIDEST, 'DUP DUP NUMEQUAL DROP'],
  ['LESSTHAN, 10,000 bytes', WIDEST, 'DUP DUP LESSTHAN DROP'],
  ['WITHIN, 10,000 bytes', WIDEST, 'DUP DUP DUP WITHIN DROP'],
  ['MAX, 10,000 bytes', WIDEST, 'DUP MAX'],
  ['MUL, 10,000 by 1', '0 9998 NUM2BIN INVERT 0x7f CAT', 'DUP 3 MUL DROP'],
  ['MUL, 9,000 by 1,000', '<wide1000> 0 8998 NUM2BIN INVERT 0x7f CAT', '2DUP MUL DROP'],
  ['MUL, 5,000 by 5,000', HALF, 'DUP DUP MUL DROP'],
  ['MUL, 300 by 300', '<wide300>', 'DUP DUP MUL DROP DUP DUP MUL DROP'],
  ['DIV, 10,000 by 5,000', `${WIDEST} ${HALF}`, '2DUP DIV DROP'],
  ['DIV, 10,000 by 9,000', `${WIDEST} 0 8998 NUM2BIN INVERT 0x7f CAT`, '2DUP DIV DROP'],
  ['DIV, 10,000 by 100', `${WIDEST} <wide100>`, '2DUP DIV DROP'],
  ['DIV, 10,000 by 8', `${WIDEST} <wide8>`, '2DUP DIV DROP'],
  ['DIV, 10,000 by 1', WIDEST, 'DUP 3 DIV DROP'],
  ['MOD, 10,000 by 1', WIDEST, 'DUP 3 MOD DROP'],
  ['SHA256, small', '1', 'SHA256 SHA256 SHA256 SHA256'],
  ['HASH256, small', '1', 'HASH256 HASH256 HASH256 HASH256'],
  ['HASH160, small', '1', 'HASH160 HASH160 HASH160 HASH160'],
  ['RIPEMD160, small', '1', 'RIPEMD160 RIPEMD160 RIPEMD160 RIPEMD160'],
  ['SHA1, small', '1', 'SHA1 SHA1 SHA1 SHA1'],
  ['SHA256, 1 MB', '0 1000000 NUM2BIN', 'DUP SHA256 DROP'],
  ['RIPEMD160, 1 MB', '0 1000000 NUM2BIN', 'DUP RIPEMD160 DROP'],
  ['SHA1, 1 MB', '0 1000000 NUM2BIN', 'DUP SHA1 DROP'],
  ['CHECKDATASIG', '', '<dataSig> <message> <key> CHECKDATASIG DROP'],
  ['TXVERSION', '', 'TXVERSION DROP TXVERSION DROP TXVERSION DROP TXVERSION DROP'],
  ['UTXOVALUE', '', '0 UTXOVALUE DROP 0 UTXOVALUE DROP 0 UTXOVALUE DROP'],
  ['INPUTBYTECODE, 1 MB', '', '0 INPUTBYTECODE DROP'],
];

for (const size of [8, 16, 32, 64, 65, 100, 127, 130, 200, 300, 400, 601, 1000]) {
  values[`wide${size}`] = new Uint8Array(size).fill(0x55);
}
values.kilobyte = new Uint8Array(1000).fill(1);

function contextOf(before, body) {
  const deep = before === '<deep>';
  const setup = deep ? '0 BEGIN 0 SWAP 1ADD DUP 600000 EQUAL UNTIL DROP' : before;
  const lockingScript = assemble(`DROP ${setup} BEGIN ${body} 0 UNTIL`, values);
  const input = {
    outpoint: { hash: new Uint8Array(32), index: 0 },
    unlockingScript: pushData(new Uint8Array(PAID - 5)),
    sequence: 0,
  };
  const output = { value: 1n, lockingScript: Uint8Array.of(0x51) };
  const transaction = {
    version: 10,
    inputs: [input],
    outputs: [output],
    lockTime: 0,
    jobId: NO_JOB,
  };
  return { transaction, inputIndex: 0, spentOutputs: [{ value: 1n, lockingScript }] };
}

/**
 * `npm run bench -- script-cost [WORD]`: what 1 MB of unlocking script can buy in time, opcode by opcode. Each case
 * repeats its opcodes until the machine stops it for want of paid cost or hashing, or stack. Counted is this process's
 * own time on all its threads, the collector's too: other work on the machine does not count.
 */
export async function run(args) {
  const limit = operationCostLimit(PAID);
  const figures = {};
  process.stdout.write(`${'case'.padEnd(32)}    s per MB   ns per cost   ends\n`);
  for (const [name, before, body] of CASES) {
    if (args[0] !== undefined && !name.includes(args[0])) continue;
    const context = contextOf(before, body);
    const started = process.cpuUsage();
    const result = verifyInput(context, CONSENSUS_FLAGS);
    const { user, system } = process.cpuUsage(started);
    const seconds = (user + system) / 1e6;
    const nanoseconds = (seconds * 1e9) / Math.min(result.operationCost, limit);
    figures[name] = { seconds, nanosecondsPerCost: nanoseconds, ends: result.error };
    process.stdout.write(
      `${name.padEnd(32)}${seconds.toFixed(2).padStart(12)}${nanoseconds.toFixed(2).padStart(14)}   ${result.error}\n`,
    );
  }
  const worst = Math.max(...Object.values(figures).map(({ seconds }) => seconds));
  process.stdout.write(`${'longest'.padEnd(32)}${worst.toFixed(2).padStart(12)}\n`);
  return { cases: figures, longest: worst };
}
