import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { gumbelNoise, LanguageModel, sampleToken } from 'bitmodel/model';
import { checkPosition } from 'bitmodel/rastic';

/**
 * `npm run bench -- paper [DIR [ANSWERS]]`: what one false token does to those after it. The paper expects every later one to
 * be false, too. Two cheats change the token at one position: one leaves the rest as it was, one lets the model go on from
 * the change. Counted are the later positions whose margin is above τ = 0.001.
 */
const TAU = 0.001;
const TOKENS = 128;
const CHANGED_AT = 16;
const PROMPTS = [
  'The state of the Union is',
  'Call me',
  'Congress shall',
  'The whale rose, and the captain cried out',
  'In the beginning',
  'He said that',
];
const SAMPLINGS = [800, 1000].map((temperatureMilli) => ({
  temperatureMilli,
  topK: 0,
  topPMilli: 1000,
}));

/** Which positions after the changed one are false. */
async function laterFaults(model, promptIds, outputIds, sampling, noise) {
  const first = promptIds.length - 1;
  const width = model.info.vocabularySize;
  const faults = [];
  await model.prefill([...promptIds, ...outputIds.slice(0, -1)], {
    from: first,
    onLogits: (from, logits) => {
      for (let row = 0; row * width < logits.length; row++) {
        const position = from - first + row;
        if (position <= CHANGED_AT) continue;
        const own = logits.subarray(row * width, (row + 1) * width);
        const check = checkPosition(own, outputIds[position], position, sampling, noise, TAU);
        faults.push(check.kind === 'excluded' || check.margin > TAU);
      }
    },
  });
  return faults;
}

async function answer(model, promptIds, sampling, seed, maxTokens) {
  return (await model.generate({ promptIds, sampling, seed, maxTokens, stop: [] })).ids;
}

/** The model's own continuation of a changed beginning: the noise goes on at the positions where it stands. */
async function goOn(model, promptIds, changed, sampling, noise) {
  const session = await model.session();
  const ids = [...changed];
  try {
    let logits = await session.feed([...promptIds, ...ids]);
    while (ids.length < TOKENS) {
      ids.push(sampleToken(logits, ids.length, sampling, noise));
      if (ids.length < TOKENS) logits = await session.feed([ids.at(-1)]);
    }
  } finally {
    await session.close();
  }
  return ids;
}

export async function run([
  dir = fileURLToPath(new URL('../fixtures/bitmodel-tiny', import.meta.url)),
  answers = '60',
]) {
  const model = await LanguageModel.open(dir, { threads: 2 });
  const counts = { kept: [0, 0, 0], wentOn: [0, 0, 0] };
  let used = 0;
  for (let at = 0; used < Number(answers) && at < 10 * Number(answers); at++) {
    const promptIds = model.tokenizer.encode(PROMPTS[at % PROMPTS.length]);
    const sampling = SAMPLINGS[at % SAMPLINGS.length];
    const seed = new Uint8Array(createHash('sha256').update(`paper ${at}`).digest());
    const noise = gumbelNoise(seed);
    const ids = await answer(model, promptIds, sampling, seed, TOKENS);
    if (ids.length < TOKENS) continue;
    used++;
    const other = (ids[CHANGED_AT] + 1 + (seed[0] % 200)) % model.info.vocabularySize;
    const kept = ids.with(CHANGED_AT, other);
    const wentOn = await goOn(model, promptIds, kept.slice(0, CHANGED_AT + 1), sampling, noise);
    for (const [name, output] of Object.entries({ kept, wentOn })) {
      const faults = await laterFaults(model, promptIds, output, sampling, noise);
      counts[name][0] += faults.filter(Boolean).length;
      counts[name][1] += faults.length;
      counts[name][2] += faults.at(-1) ? 1 : 0;
    }
  }
  await model.close();
  const figures = {};
  for (const [name, [faults, positions, ends]] of Object.entries(counts)) {
    figures[name] = {
      faults,
      positions,
      share: faults / positions,
      lastFalse: ends,
      answers: used,
    };
    process.stdout.write(
      `${name}: ${faults} of ${positions} later tokens false (${((100 * faults) / positions).toFixed(2)} %), the last in ${ends} of ${used} answers\n`,
    );
  }
  return { dir: dir.split('/').at(-1), tokens: TOKENS, changedAt: CHANGED_AT, figures };
}
