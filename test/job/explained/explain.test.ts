import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { standingOf } from '#src/job/explained/explain.js';
import {
  type Explanation,
  endRemark,
  explainReceipt,
  explanationPage,
  formatMargin,
  pooledRemark,
  uncheckedRemark,
  verifyReceipt,
} from '#src/job/index.js';
import { LanguageModel } from '#src/model/index.js';
import { buy, type Purchase } from './buy.js';

const TAU = 0.001;
const SAMPLED = { temperatureMilli: 900, topK: 0, topPMilli: 950 };

let model: LanguageModel;
beforeAll(async () => {
  model = await LanguageModel.open('fixtures/bitmodel-tiny', { threads: 2 });
});
afterAll(() => model.close());

async function explained(purchase: Partial<Purchase>): Promise<Explanation> {
  const receipt = await buy(model, { prompt: 'The whale rose', maxTokens: 20, ...purchase });
  const verification = await verifyReceipt(receipt, model, { tau: TAU });
  const options = { tau: TAU, calibrated: false };
  return explainReceipt(receipt, verification, model.tokenizer, options);
}

describe('an explained receipt', () => {
  it('says of each token of an honest answer that it is the model’s own', async () => {
    const { tokens, output, prompt, verdict } = await explained({ sampling: SAMPLED });
    expect(verdict).toEqual({ result: 'valid' });
    expect(tokens.map(({ position }) => position)).toEqual(tokens.map((_, at) => at));
    expect(new Set(tokens.map(({ standing }) => standing))).toEqual(new Set(['own']));
    expect(
      tokens.every(({ token, best, bestText, text }) => token === best && text === bestText),
    ).toBe(true);
    expect(tokens.map(({ raw }) => raw).join('')).toBe(output);
    expect(prompt).toBe('The whale rose');
  });

  it('marks the wrong token, names the model’s own, and says what was not checked', async () => {
    const whole = await explained({ cheat: (ids) => ids.with(7, ids[7] === 900 ? 901 : 900) });
    const wrong = whole.tokens[7]!;
    expect(wrong).toMatchObject({ standing: 'beyond', token: 900, text: 'ient' });
    expect(wrong.best).not.toBe(900);
    expect(whole.tokens.slice(8).every(({ standing }) => standing === 'unchecked')).toBe(true);
    expect(uncheckedRemark(whole)).toBe(
      '12 tokens were not checked: the evidence at position 7 decides.',
    );
  });

  it('says that nothing was checked where the prompt is another', async () => {
    const receipt = await buy(model, { prompt: 'The whale rose', maxTokens: 4 });
    const other = { ...receipt, promptIds: [1, 2, 3] };
    const verification = await verifyReceipt(other, model, { tau: TAU });
    const shown = explainReceipt(other, verification, model.tokenizer, {
      tau: TAU,
      calibrated: true,
    });
    expect(uncheckedRemark(shown)).toBe(
      '4 tokens were not checked, because the prompt is not the one of the job.',
    );
  });

  it('says of a sample how probable it is that one wrong token was looked at', async () => {
    const receipt = await buy(model, { prompt: 'The whale rose', maxTokens: 20 });
    const check = { sample: 6, seed: new Uint8Array(32) };
    const verification = await verifyReceipt(receipt, model, { tau: TAU, check });
    const options = { tau: TAU, calibrated: true };
    const shown = explainReceipt(receipt, verification, model.tokenizer, options);
    expect(shown.tokens.filter(({ standing }) => standing === 'own')).toHaveLength(8);
    expect(uncheckedRemark(shown)).toMatch(/^12 tokens were not checked; .* 33\.3 %\.$/);
    expect(explanationPage(shown)).toContain('Each of the 8 tokens checked is one that the model');
  });

  it('says what margins above zero mean together', async () => {
    const whole = await explained({});
    expect(pooledRemark(whole)).toBeUndefined();
    const pooled = { positions: 90, flips: 3, mean: 0.21, score: 2.84 };
    expect(pooledRemark({ ...whole, pooled })).toBe(
      '3 of 90 tokens that tell show a margin above 0; from an honest seller 0.21 are to be expected at most, so many with probability at most 10^−2.8.',
    );
  });

  it.each([
    [-1, 'own'],
    [0, 'own'],
    [TAU / 2, 'near'],
    [TAU, 'far'],
    [1.01 * TAU, 'beyond'],
    [undefined, 'excluded'],
  ])('takes a margin of %s as %s', (margin, standing) => {
    expect(standingOf(margin === undefined ? {} : { margin }, TAU)).toBe(standing);
  });

  it.each([
    [undefined, 'excluded'],
    [Number.NEGATIVE_INFINITY, 'none'],
    [0, '0'],
    [3.14e-7, '3.1e-7'],
    [0.00419, '0.00419'],
    [20.94, '20.9'],
  ])('writes a margin of %s as %s', (margin, text) => {
    expect(formatMargin(margin)).toBe(text);
  });
});

describe('the page', () => {
  /** Start tags with their attributes, as a parser finds them where every text is escaped. */
  const tags = (page: string): string[] => page.match(/<[a-z!][^>]*>/g)!;

  it('lets no text of prompt or answer become markup, and no direction mark hide', async () => {
    const prompt = '<script>alert(1)</script>"\'><img src=x onerror=alert(1)>\u202e';
    const answer = model.tokenizer.encode('</p><script src=//x>"&\'');
    const page = explanationPage(
      await explained({ prompt, cheat: (ids) => [...answer, ...ids].slice(0, ids.length) }),
    );
    expect(tags(page).filter((tag) => /^<(?:script|img|link|iframe|object)/i.test(tag))).toEqual(
      [],
    );
    expect(
      tags(page).filter((tag) => /\son\w+=|javascript:/i.test(tag.replace(/"[^"]*"/g, '""'))),
    ).toEqual([]);
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(page).toContain('\\u{202E}');
    expect(page).not.toContain('\u202e');
  });

  it('asks nobody for anything', async () => {
    const page = explanationPage(await explained({}));
    expect(page).toContain('default-src &#39;none&#39;');
    const outside = tags(page).filter((tag) => /\s(?:src|href|action)="(?!#)/.test(tag));
    expect(outside).toEqual([]);
    expect(page).not.toMatch(/url\(|@import|https?:/);
  });

  it('says in words what its colours say', async () => {
    const page = explanationPage(await explained({ cheat: (ids) => ids.with(3, 900) }));
    expect(page).toContain('<h1>✗ Invalid</h1>');
    expect(page).toMatch(
      /<mark class="t beyond"[^>]*id="evidence">ient<span class="hidden"> \(wrong token, position 3\) <\/span><\/mark>/,
    );
    expect(page).toContain('misses it by more than the tolerance: wrong');
    expect(page).toContain('✓ the seller signed for exactly this answer');
  });

  it('shows where an answer was cut off', async () => {
    const page = explanationPage(await explained({ cheat: (ids) => ids.slice(0, 9) }));
    expect(page).toContain('here it had to go on');
    expect(page).toContain('href="#evidence"');
    expect(page.match(/id="evidence"/g)).toHaveLength(1);
  });

  it.each([
    [
      { kind: 'truncation', position: 20 },
      { at: 20, position: 20, says: 'here it had to go on' },
    ],
    [
      { kind: 'truncation', position: 19 },
      { at: 20, position: 19, says: 'the answer ends otherwise than it says' },
    ],
    [
      { kind: 'count', position: 12 },
      { at: 12, position: 12, says: 'from here on there had to be no token' },
    ],
    [{ kind: 'integrity', position: 12 }, undefined],
    [{ kind: 'prompt' }, undefined],
  ] as const)('says of %j what is wrong with the end', async (verdict, remark) => {
    const { tokens } = await explained({});
    expect(endRemark({ verdict: { result: 'invalid', ...verdict }, tokens })).toEqual(remark);
  });

  it('lists the greatest margins of a long answer, and says how many there are', async () => {
    const page = explanationPage(
      await explained({}).then((whole) => ({
        ...whole,
        tokens: Array.from({ length: 2000 }, (_, position) => ({
          ...whole.tokens[0]!,
          position,
          margin: position === 1999 ? TAU / 4 : 0,
        })),
      })),
    );
    expect(page).toContain('The 1024 positions with the greatest margins, of 2000');
    expect(page).toContain('<td class="number">1999</td>');
  });

  it('is the same for the same explanation', async () => {
    const explanation = await explained({ sampling: SAMPLED });
    expect(explanationPage(explanation)).toBe(explanationPage(explanation));
  });
});
