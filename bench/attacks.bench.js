import { fileURLToPath } from 'node:url';
import { jobModel, runAttackTable } from '../dist/job/index.js';
import { LanguageModel, modelId } from '../dist/model/index.js';
import { DEFAULT_TAU, toleranceFor } from '../dist/rastic/index.js';

/**
 * `npm run bench -- attacks [RUNS] [TOKENS] [MODEL]`: every cheat so often (30 times with 64 tokens on the bundled model unless
 * stated), as the rows of the table in docs/rastic.md.
 */
const BUNDLED = fileURLToPath(new URL('../fixtures/bitmodel-tiny', import.meta.url));

/** What was measured of one cheat, as the table's last three cells. */
function cells({ runs, counts, positions }) {
  const same = counts['same output'];
  const tried = runs - same - counts['no room'];
  const within = counts['within tolerance'];
  const done = [
    ...(counts.allowed + counts.wins === 0 ? [`${counts.caught} of ${tried}`] : []),
    ...(within > 0 ? [`${within} within τ`] : []),
    ...(counts.allowed > 0 ? [`allowed ${counts.allowed} of ${tried}`] : []),
    ...(counts.wins > 0 ? [`wins ${counts.wins} of ${tried}`] : []),
  ];
  return [done.join(', '), same > 0 ? same : '', positions ?? ''];
}

export async function run([runs = '30', tokens = '64', dir = BUNDLED]) {
  const model = await LanguageModel.open(dir, { threads: 1 });
  const own = jobModel(await modelId(dir), model);
  const { numericClass } = model.info;
  const tau =
    (own.calibration && toleranceFor(own.calibration, numericClass, numericClass)) ?? DEFAULT_TAU;
  const rows = await runAttackTable({
    own,
    tau,
    threads: 1,
    runs: Number(runs),
    tokens: Number(tokens),
    seed: 'bitmodel',
    onRun: (_, done, total) => {
      if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${total}`);
    },
  });
  await model.close();
  for (const row of rows) {
    const { name, description, gains, expects } = row;
    console.log(`| \`${name}\` | ${[description, gains, expects, ...cells(row)].join(' | ')} |`);
  }
  return { model: own.id, tau, runs: Number(runs), tokens: Number(tokens), rows };
}
