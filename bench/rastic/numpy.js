import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PYTHON = process.env.BITMODEL_BENCH_PYTHON ?? 'python3';
const PROGRAM = fileURLToPath(new URL('numpy_llama.py', import.meta.url));

/** Why numpy can't be used, if so. */
export function numpyMissing() {
  const found = spawnSync(PYTHON, ['-c', 'import numpy']).status === 0;
  return found ? undefined : `${PYTHON} has no numpy: name another with BITMODEL_BENCH_PYTHON`;
}

/** numpy in a process of its own; ids go in as JSON lines, rows of logits come out as bytes. */
export async function openNumpy(model) {
  const child = spawn(PYTHON, [PROGRAM, model.dir, model.weights], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const rowBytes = model.vocabularySize * 4;
  let left = Buffer.alloc(0);
  let wake = () => {};
  let ended = false;
  child.stdout.on('data', (chunk) => {
    left = Buffer.concat([left, chunk]);
    wake();
  });
  child.on('exit', () => {
    ended = true;
    wake();
  });
  const nextRow = async () => {
    while (left.length < rowBytes) {
      if (ended) throw new Error('numpy_llama.py ended early');
      await new Promise((resolve) => {
        wake = resolve;
      });
    }
    const row = new Float32Array(new Uint8Array(left.subarray(0, rowBytes)).buffer);
    left = left.subarray(rowBytes);
    return row;
  };
  const send = (ids) => child.stdin.write(`${JSON.stringify(ids)}\n`);
  return {
    session: async () => {
      send([]);
      return {
        feed: (ids) => {
          send(ids);
          return nextRow();
        },
        close: async () => {},
      };
    },
    close: async () => {
      child.stdin.end();
      if (!ended) await new Promise((resolve) => child.on('exit', resolve));
    },
  };
}
