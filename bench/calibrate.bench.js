import { writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { LanguageModel, modelId } from 'bitmodel/model';
import { calibratePair, calibrationOf } from 'bitmodel/rastic';

const PROMPTS = [
  'The American people are',
  'Call me Ishmael. Some years ago',
  'In the year of our Lord',
  'Fellow citizens of the Senate',
  'The whale',
  'I',
  'We must not forget that the first duty of a nation is',
  '1861. The war',
];
const SAMPLINGS = [
  { temperatureMilli: 0, topK: 0, topPMilli: 1000 },
  { temperatureMilli: 800, topK: 40, topPMilli: 950 },
  { temperatureMilli: 1200, topK: 0, topPMilli: 1000 },
];

/** `npm run bench -- calibrate DIR`: measures the bundle in DIR and writes its NAME.calibration.json there. */
export async function run(args) {
  const dir = resolve(args[0] ?? 'fixtures/bitmodel-tiny');
  const models = [];
  for (const threads of [1, 2, 4]) models.push(await LanguageModel.open(dir, { threads }));
  const tokens = Math.min(200, Math.floor(models[0].info.contextLength / 2));
  const plan = { prompts: PROMPTS, samplings: SAMPLINGS, tokens, chunks: [1, 16, 128] };
  const pair = await calibratePair(models, models, plan);
  for (const model of models) await model.close();
  const calibration = calibrationOf(await modelId(dir), models[0].info.file, [pair]);
  const target = join(dir, `${basename(dir)}.calibration.json`);
  writeFileSync(target, `${JSON.stringify(calibration, null, 2)}\n`);
  process.stdout.write(`${target}\n${JSON.stringify(pair, null, 2)}\n`);
  return undefined;
}
