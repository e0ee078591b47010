import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const RUNS = 21;
const binary = fileURLToPath(new URL('../bin/bitmodel.js', import.meta.url));

function milliseconds(args) {
  const started = performance.now();
  spawnSync(process.execPath, args, { stdio: 'ignore' });
  return performance.now() - started;
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** `npm run bench -- start`: `bitmodel --version` against `node -e 0`, in turn, whole processes. */
export async function run() {
  const ours = [];
  const node = [];
  for (let i = 0; i < RUNS; i++) {
    ours.push(milliseconds([binary, '--version']));
    node.push(milliseconds(['-e', '0']));
  }
  const ratios = ours.map((value, i) => value / node[i]);
  const figures = {
    'bitmodel --version, ms': median(ours),
    'node -e 0, ms': median(node),
    ratio: median(ratios),
    'ratio, least': Math.min(...ratios),
    'ratio, most': Math.max(...ratios),
    runs: RUNS,
  };
  for (const [name, value] of Object.entries(figures)) {
    process.stdout.write(`${name.padEnd(26)}${value.toFixed(2)}\n`);
  }
  return figures;
}
