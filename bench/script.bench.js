import { createVirtualMachineBCH2023 } from '@bitauth/libauth';
import {
  assemble,
  hash160,
  NO_JOB,
  p2pkhScript,
  publicKeyOf,
  signatureBackend,
  signInput,
  verifyInput,
} from 'bitmodel/chain';

const ROUNDS = 21;
const MILLISECONDS = 60;

const privateKey = new Uint8Array(32).fill(0x31);
const publicKey = publicKeyOf(privateKey);

/** A version 2 transaction, the same for both machines. */
function contextOf(lockingScript, unlockingScript = new Uint8Array(0)) {
  const outpoint = { hash: new Uint8Array(32).fill(0xa1), index: 3 };
  const transaction = {
    version: 2,
    inputs: [{ outpoint, unlockingScript, sequence: 0xffff_fffe }],
    outputs: [{ value: 1_000n, lockingScript: Uint8Array.of(0x51) }],
    lockTime: 0,
    jobId: NO_JOB,
  };
  return { transaction, inputIndex: 0, spentOutputs: [{ value: 5_000n, lockingScript }] };
}

function programOf({ transaction, inputIndex, spentOutputs }) {
  const output = ({ value, lockingScript }) => ({
    valueSatoshis: value,
    lockingBytecode: lockingScript,
  });
  return {
    inputIndex,
    sourceOutputs: spentOutputs.map(output),
    transaction: {
      version: transaction.version,
      locktime: transaction.lockTime,
      inputs: transaction.inputs.map((input) => ({
        outpointTransactionHash: input.outpoint.hash.slice().reverse(),
        outpointIndex: input.outpoint.index,
        sequenceNumber: input.sequence,
        unlockingBytecode: input.unlockingScript,
      })),
      outputs: transaction.outputs.map(output),
    },
  };
}

function p2pkh() {
  const unsigned = contextOf(p2pkhScript(hash160(publicKey)));
  const sig = signInput(unsigned, privateKey);
  return contextOf(
    unsigned.spentOutputs[0].lockingScript,
    assemble('<sig> <key>', { sig, key: publicKey }),
  );
}

const repeat = (text, times) => `${text} `.repeat(times);
const padding = { padding: new Uint8Array(400) };
const dropped = (text) => contextOf(assemble(`DROP ${text}`), assemble('<padding>', padding));

/** Scripts of at most 201 operations, which is libauth's limit. */
const CASES = {
  'arithmetic, small': dropped(
    `1000 ${repeat('7 ADD 3 MUL 2 DIV 1000000 MOD 1SUB DUP 5 GREATERTHAN DROP', 20)} DROP 1`,
  ),
  'arithmetic, 8 bytes': dropped(
    `0xffffffffffffff1f ${repeat('1000000000000 SUB 3 ADD DUP 1000000007 MOD DROP NEGATE NEGATE', 20)} DROP 1`,
  ),
  'stack and flow': dropped(
    `1 2 3 ${repeat('ROT SWAP OVER DROP 1 IF DUP DROP ELSE 2DROP ENDIF', 18)} 2DROP`,
  ),
  hashes: dropped(`0x0102 ${repeat('SHA256 HASH160', 30)} SIZE NIP 20 NUMEQUAL`),
  P2PKH: p2pkh(),
};

/** Times per second of this process's own time, over at least so many milliseconds: other work does not count. */
function rate(work) {
  let count = 0;
  const started = process.cpuUsage();
  let elapsed = 0;
  for (let batch = 1; elapsed < MILLISECONDS; batch *= 2) {
    for (let i = 0; i < batch; i++) work();
    count += batch;
    const { user, system } = process.cpuUsage(started);
    elapsed = (user + system) / 1000;
  }
  return (count / elapsed) * 1000;
}

const sorted = (values) => values.toSorted((a, b) => a - b);
const median = (values) => sorted(values)[Math.floor(values.length / 2)];

/** `npm run bench -- script`: whole evaluations of one input, ours and libauth's in turn. */
export async function run() {
  const machine = createVirtualMachineBCH2023(false);
  const figures = { signatures: signatureBackend, rounds: ROUNDS, cases: {} };
  process.stdout.write('case                   ours/s   libauth/s   ratio (least, most)\n');
  for (const [name, context] of Object.entries(CASES)) {
    const program = programOf(context);
    const theirs = () => machine.evaluate(program);
    const ours = () => verifyInput(context);
    const { error, stack } = theirs();
    const result = ours();
    if (error !== undefined || stack.length !== 1 || !result.ok) {
      throw new Error(`${name} fails: ${error ?? result.error}`);
    }
    const rounds = Array.from({ length: ROUNDS }, () => ({
      ours: rate(ours),
      theirs: rate(theirs),
    }));
    const ratios = sorted(rounds.map((round) => round.ours / round.theirs));
    const figure = {
      ours: median(rounds.map((round) => round.ours)),
      libauth: median(rounds.map((round) => round.theirs)),
      ratio: median(ratios),
      least: ratios[0],
      most: ratios.at(-1),
    };
    figures.cases[name] = figure;
    process.stdout.write(
      `${name.padEnd(20)}${figure.ours.toFixed(0).padStart(9)}${figure.libauth.toFixed(0).padStart(12)}   ${figure.ratio.toFixed(2)} (${figure.least.toFixed(2)}, ${figure.most.toFixed(2)})\n`,
    );
  }
  return figures;
}
