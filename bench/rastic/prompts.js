const ENGLISH = [
  'The American people are',
  'Call me Ishmael. Some years ago, never mind how long precisely,',
  'Fellow citizens of the Senate and of the House of Representatives:',
  'We must not forget that the first duty of a nation is to its own people, and that no law can',
  'It was the best of times, it was the worst of times, it was the age of wisdom,',
  'The whale rose, and the captain cried out to all hands that they should lower the boats.',
  'A list of fruit: apples, pears, plums,',
  'Q: What is the capital of France?\nA:',
  'Dear Sir or Madam,\n\nI am writing to complain about',
  'To make bread you need flour, water, salt and yeast. First, you',
];
const CODE = [
  'def fibonacci(n):\n    if n < 2:\n        return n\n',
  'for (let i = 0; i < rows.length; i++) {\n  const row = rows[i];\n',
  '#include <stdio.h>\n\nint main(void) {\n',
  'SELECT name, count(*) FROM orders WHERE paid = 1 GROUP BY',
  '{"name": "bitmodel", "version": "0.1.0", "dependencies": {',
  '<html>\n<head><title>Index</title></head>\n<body>\n<ul>\n<li>',
];
const LANGUAGES = [
  'Es war einmal ein König, der hatte drei Töchter, und',
  'Longtemps, je me suis couché de bonne heure. Parfois, à peine',
  'En un lugar de la Mancha, de cuyo nombre no quiero acordarme,',
  'Все счастливые семьи похожи друг на друга, каждая',
  '春はあけぼの。やうやう白くなりゆく山ぎは',
  '道可道，非常道。名可名，非常名。',
  'في البدء كان الكلمة',
  'सत्यमेव जयते नानृतं',
];
const SHORT = ['I', 'The', '1', '\n', 'é', '{', ' ', 'Z'];

const TEMPERATURES = [300, 800, 1200, 2000];
const CUTS = [
  { topK: 0, topPMilli: 1000 },
  { topK: 40, topPMilli: 1000 },
  { topK: 0, topPMilli: 950 },
  { topK: 40, topPMilli: 950 },
  { topK: 5, topPMilli: 900 },
  { topK: 0, topPMilli: 500 },
  { topK: 1000, topPMilli: 990 },
];
const GREEDY = { temperatureMilli: 0, topK: 0, topPMilli: 1000 };

function drawSampling(draw) {
  if (draw.below(5) === 0) return GREEDY;
  return { temperatureMilli: draw.of(TEMPERATURES), ...draw.of(CUTS) };
}

const randomIds = (draw, info, count) =>
  Array.from({ length: count }, () => draw.below(info.vocabularySize));

const fromText =
  (texts) =>
  (draw, { tokenizer }) =>
    tokenizer.encode(draw.of(texts));

/** Kinds of prompts, each with how often it comes; near-ties are searched for, not drawn. */
const KINDS = [
  ['english', 5, fromText(ENGLISH)],
  ['code', 3, fromText(CODE)],
  ['languages', 3, fromText(LANGUAGES)],
  ['short', 2, fromText(SHORT)],
  ['random', 3, (draw, { info }) => randomIds(draw, info, draw.between(1, 60))],
  ['long', 1, longPrompt],
  ['near-tie', 4, undefined],
];
const ROUND = KINDS.flatMap(([kind, times, make]) => new Array(times).fill({ kind, make }));
const FALLBACK = ROUND[0];

/** A prompt that leaves less room than the answer may take, where the context is as long as `longest`. */
function longPrompt(draw, model, tokens) {
  const { vocabularySize, contextLength } = model.info;
  return randomIds(
    draw,
    { vocabularySize },
    Math.min(contextLength, model.longest) - draw.between(1, tokens),
  );
}

/**
 * The request of one run, fixed by its draw: kind of prompt, prompt, sampling, seed and length.
 * @param model a verifier's `info` and `tokenizer`, and the `longest` and `tokens` of findModels
 * @param ties requests at which a tiny shift changes the first token
 */
export function drawRequest(draw, model, ties) {
  const [least, most, long] = model.tokens;
  const maxTokens = draw.below(24) === 0 ? long : draw.between(least, most);
  const { kind, make } = draw.of(ROUND);
  if (make === undefined && ties.length > 0) {
    const tie = draw.of(ties);
    return { kind: tie.kind, request: { ...tie.request, maxTokens } };
  }
  const drawn = make === undefined ? FALLBACK : { kind, make };
  const promptIds = drawn.make(draw, model, maxTokens);
  const request = { promptIds, sampling: drawSampling(draw), seed: draw.bytes(32), maxTokens };
  return { kind: drawn.kind, request };
}

/** A text of many kinds, from which prefixes are taken in the search for near-ties. */
export function drawText(draw, { tokenizer, info }, length) {
  const ids = [];
  while (ids.length < length) {
    const part =
      draw.below(3) === 0
        ? randomIds(draw, info, 8)
        : tokenizer.encode(draw.of(draw.of([ENGLISH, CODE, LANGUAGES])));
    ids.push(...part);
  }
  return ids.slice(0, length);
}
