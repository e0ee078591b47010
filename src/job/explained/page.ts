import { Markup, markup, toHex } from '../../base/index.js';
import { describeVerdict } from '../../rastic/index.js';
import { jobIdHex } from '../spec.js';
import {
  type ExplainedToken,
  type Explanation,
  endRemark,
  evidenceAt,
  formatMargin,
  pooledRemark,
  type Standing,
  uncheckedRemark,
} from './explain.js';
import { PAGE_STYLE } from './pageStyle.js';
import { shownText } from './tokenText.js';

/** Nothing may be fetched and no script may run, whatever stands in the texts. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/** What the looks mean, from the best to the worst. */
const MEANING: Readonly<Record<Standing, string>> = {
  own: 'what the model at hand gives',
  near: 'misses it by at most half of the tolerance',
  far: 'misses it by at most the tolerance',
  beyond: 'misses it by more than the tolerance: wrong',
  excluded: 'excluded by the sampling: wrong',
  unchecked: 'not checked',
};

/** Rows of the table beyond which only those with the greatest margins are listed. */
const MOST_ROWS = 1024;

const isWrong = ({ standing }: ExplainedToken): boolean =>
  standing === 'beyond' || standing === 'excluded';

function tooltip(token: ExplainedToken): string {
  const { position, text, standing, margin, best, bestText, flipBound } = token;
  const facts = [`position ${position}`, `token ${token.token} “${text}”`];
  if (standing === 'unchecked') facts.push('not checked');
  else facts.push(standing === 'excluded' ? 'excluded' : `margin ${formatMargin(margin)}`);
  if (best !== undefined) {
    facts.push(best === token.token ? 'the model’s own' : `the model’s own: ${best} “${bestText}”`);
  }
  if (flipBound !== undefined) {
    facts.push(`an honest seller misses here with probability ≤ ${flipBound.toPrecision(2)}`);
  }
  return facts.join('\n');
}

function tokenMark(token: ExplainedToken, at: number | undefined): Markup {
  const shown = shownText(token.raw);
  const title = tooltip(token);
  if (!isWrong(token)) {
    return markup`<span class="t ${token.standing}" title="${title}">${shown}</span>`;
  }
  const id = token.position === at ? markup` id="evidence"` : undefined;
  return markup`<mark class="t ${token.standing}" title="${title}"${id}>${shown}<span class="hidden"> (wrong token, position ${token.position}) </span></mark>`;
}

/** What stands where the evidence is no token but the end. */
function endMark(explanation: Explanation): { at: number; mark: Markup } | undefined {
  const end = endRemark(explanation);
  if (!end) return undefined;
  return { at: end.at, mark: markup`<span class="end" id="evidence"> ✗ ${end.says} </span>` };
}

function answer(explanation: Explanation): Markup {
  const { tokens, verdict } = explanation;
  const at = evidenceAt(verdict);
  const end = endMark(explanation);
  const marks = tokens.map((token) => [
    end?.at === token.position ? end.mark : undefined,
    tokenMark(token, at),
  ]);
  const last = end && end.at >= tokens.length ? end.mark : undefined;
  return markup`<p class="text" dir="auto">${marks}${last}</p>`;
}

function legend({ tokens, tau }: Explanation): Markup {
  const seen = new Set(tokens.map(({ standing }) => standing));
  const items = (Object.keys(MEANING) as Standing[])
    .filter((standing) => seen.has(standing))
    .map(
      (standing) =>
        markup`<li><span class="t ${standing}" aria-hidden="true">token</span> ${MEANING[standing]}</li>\n`,
    );
  return markup`<ul class="legend">${items}</ul>
<p class="quiet">The margin of a token says by how much, in units of the logits, the model’s own choice beats it. The tolerance is ${tau}.</p>`;
}

function tableRow(token: ExplainedToken): Markup {
  const { position, standing, text, margin, best, bestText, flipBound } = token;
  const own = best === undefined || best === token.token ? '' : `${bestText} (${best})`;
  const shown = standing === 'unchecked' ? 'not checked' : formatMargin(margin);
  const kind = isWrong(token) ? markup` class="wrong"` : undefined;
  return markup`<tr${kind}><td class="number">${position}</td><td class="number">${token.token}</td><td><bdi>${text}</bdi></td><td class="number">${isWrong(token) ? '✗ ' : ''}${shown}</td><td><bdi>${own}</bdi></td><td class="number">${flipBound?.toPrecision(2) ?? ''}</td></tr>\n`;
}

/** Every position, or of many those with the greatest margins, in their order. */
function listed(tokens: readonly ExplainedToken[]): readonly ExplainedToken[] {
  if (tokens.length <= MOST_ROWS) return tokens;
  const weight = (token: ExplainedToken): number =>
    token.standing === 'excluded'
      ? Number.POSITIVE_INFINITY
      : (token.margin ?? Number.NEGATIVE_INFINITY);
  return [...tokens]
    .sort((a, b) => (weight(a) === weight(b) ? a.position - b.position : weight(b) - weight(a)))
    .slice(0, MOST_ROWS)
    .sort((a, b) => a.position - b.position);
}

function table({ tokens }: Explanation): Markup {
  const rows = listed(tokens);
  const title =
    rows.length === tokens.length
      ? `Position by position (${tokens.length})`
      : `The ${rows.length} positions with the greatest margins, of ${tokens.length}`;
  const flips = rows.some(({ flipBound }) => flipBound !== undefined);
  return markup`<details><summary>${title}</summary><div class="scroll" tabindex="0" role="region" aria-label="${title}"><table>
<thead><tr><th class="number" scope="col">position</th><th class="number" scope="col">id</th><th scope="col">token</th><th class="number" scope="col">margin</th><th scope="col">the model’s own</th><th class="number" scope="col">${flips ? 'honest miss ≤' : ''}</th></tr></thead>
<tbody>${rows.map(tableRow)}</tbody></table></div></details>`;
}

/** Names and values; where the name is no word of ours it is none at all. */
function facts(entries: readonly (readonly [string, string | Markup])[]): Markup {
  return markup`<dl>${entries.map(([name, value]) => markup`<dt>${name}</dt><dd>${value}</dd>\n`)}</dl>`;
}

function jobFacts({ receipt }: Explanation): Markup {
  const { job, seller, outputIds, promptIds, finish } = receipt;
  const { temperatureMilli, topK, topPMilli } = job.sampling;
  const sampling =
    temperatureMilli === 0
      ? 'greedy'
      : `temperature ${temperatureMilli / 1000}, top-k ${topK || 'off'}, top-p ${topPMilli / 1000}`;
  const code = (text: string): Markup => markup`<code>${text}</code>`;
  return facts([
    ['Job', code(jobIdHex(job))],
    ['Model', code(job.model)],
    ['File', markup`<bdi>${shownText(job.file)}</bdi>`],
    ['Sampling', sampling],
    ['Seed', code(job.seed)],
    ['Tokens', `${promptIds.length} in, ${outputIds.length} out of at most ${job.maxTokens}`],
    ['Ended by', finish],
    ['Price of a token', `at most ${job.pricePerToken}`],
    ...(job.feePerJob === undefined
      ? []
      : [["The model's fee for the job", job.feePerJob] as [string, string]]),
    ['Stake', job.stake],
    ['Seller', code(toHex(seller))],
    ['Buyer', code(job.client)],
  ]);
}

function checks({ checks: { prompt, seed, signature } }: Explanation): Markup {
  const item = (holds: boolean, says: string, else_: string): Markup =>
    markup`<li>${holds ? `✓ ${says}` : `✗ ${else_}`}</li>\n`;
  return markup`<ul class="checks">${[
    item(prompt, 'prompt and salt are those of the job', 'the prompt is NOT the one of the job'),
    item(seed, 'the seed is the one that the buyer fixed', 'the seed is NOT the one of the job'),
    item(
      signature,
      'the seller signed for exactly this answer',
      'the seller did NOT sign for this answer',
    ),
  ]}</ul>`;
}

const HEAD = { valid: '✓ Valid', invalid: '✗ Invalid', abstain: '? Not verified' } as const;

function sentence({ verdict, positions, tokens }: Explanation): string {
  if (verdict.result !== 'valid') return `${describeVerdict(verdict)}.`;
  const which =
    positions === tokens.length ? 'Every token' : `Each of the ${positions} tokens checked`;
  return `${which} is one that the model, the sampling and the seed give, within the tolerance.`;
}

/**
 * A page of its own that shows an answer token by token, coloured by margin: no script, nothing fetched, every text escaped.
 * @returns HTML; the same for the same explanation
 */
export function explanationPage(explanation: Explanation): string {
  const { verdict, tokens, positions, seconds, tau, calibrated, prompt, output } = explanation;
  const remark = uncheckedRemark(explanation);
  const together = pooledRemark(explanation);
  const at = evidenceAt(verdict);
  const link = at === undefined ? undefined : markup` <a href="#evidence">Show where</a>`;
  const long = prompt.length > 1200 ? undefined : markup` open`;
  const page = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${HEAD[verdict.result]}: receipt of job ${jobIdHex(explanation.receipt.job).slice(0, 12)}</title>
<style>${new Markup(PAGE_STYLE)}</style>
</head>
<body>
<header class="${verdict.result}">
<h1>${HEAD[verdict.result]}</h1>
<p>${sentence(explanation)}${link}</p>
<p class="quiet">${positions} of ${tokens.length} tokens checked in ${seconds.toFixed(2)} s; tolerance ${tau} logits (${calibrated ? 'calibrated' : 'default'}).${remark ? ` ${remark}` : ''}${together ? ` ${together}` : ''}</p>
</header>
<main>
<h2>Answer</h2>
${answer(explanation)}
${legend(explanation)}
${table(explanation)}
<details><summary>As plain text</summary><p class="text plain" dir="auto">${shownText(output)}</p></details>
<h2>Prompt</h2>
<details${long}><summary>As the model was given it</summary><p class="text plain" dir="auto">${shownText(prompt)}</p></details>
<h2>What the receipt itself shows</h2>
${checks(explanation)}
<h2>Job</h2>
${jobFacts(explanation)}
</main>
</body>
</html>
`;
  return page.toString();
}
