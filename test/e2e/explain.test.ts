import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import stringWidth from 'string-width';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeReceipt, receiptJsonSchema } from '#src/job/index.js';
import { LanguageModel } from '#src/model/index.js';
import { buy, type Purchase } from '../job/explained/buy.js';
import { Place } from './harness.js';
import { hasPseudoTerminal, runOnTerminal } from './pseudo-terminal.js';

const TINY = 'fixtures/bitmodel-tiny';
const HOSTILE = '<script>alert(1)</script>\u001b[2J 日本 🐪\u202e';

const place = new Place();
const [good, bad] = ['good', 'bad'].map((name) => join(place.folder, `${name}.json`)) as [
  string,
  string,
];
const verify = (path: string, ...options: string[]) =>
  place.run(['verify', path, '--model', TINY, ...options]);

beforeAll(async () => {
  const model = await LanguageModel.open(TINY, { threads: 2 });
  const write = async (path: string, purchase: Purchase) =>
    writeFileSync(path, encodeReceipt(await buy(model, purchase)));
  await write(good, { prompt: `The whale rose ${HOSTILE}`, maxTokens: 24 });
  const strange = model.tokenizer.encode(HOSTILE, { addSpecialTokens: false });
  await write(bad, {
    prompt: 'Call me',
    maxTokens: 60,
    cheat: (ids) => [...ids.slice(0, 5), ...strange, ...ids].slice(0, 60),
  });
  await model.close();
});
afterAll(() => place.close());

describe('verify --explain', () => {
  it('prints each position of an honest answer within 80 columns, plain in a pipe', async () => {
    const { code, stdout } = await verify(good, '--explain');
    expect(code).toBe(0);
    const lines = stdout.split('\n');
    expect(lines[0]).toMatch(/^ +position +id +token +margin +the model’s own$/);
    expect(lines.slice(1, 25).map((line) => Number(/\d+/.exec(line)![0]))).toEqual(
      Array.from({ length: 24 }, (_, position) => position),
    );
    expect(Math.max(...lines.slice(0, 27).map((line) => stringWidth(line)))).toBeLessThanOrEqual(
      80,
    );
    expect(stdout).not.toMatch(/(?!\n)\p{Cc}/u);
  });

  it('marks the wrong token and says what was not checked', async () => {
    const { code, stdout } = await verify(bad, '--explain');
    expect(code).toBe(10);
    expect(stdout).toMatch(/^✗ +5 +\d+ +\S+ +(?:excluded|[\d.]+) +\S/m);
    expect(stdout).toMatch(/^54 tokens were not checked: the evidence at position 5 decides\.$/m);
    expect(stdout).not.toMatch(/(?!\n)[\p{Cc}\u202e]/u);
  });

  it('gives rows with --json', async () => {
    const { stdout } = await verify(bad, '--explain', '--json');
    const { rows } = JSON.parse(stdout) as { rows: Record<string, unknown>[] };
    expect(rows).toHaveLength(60);
    expect(rows[0]).toMatchObject({ position: 0, standing: 'own', margin: 0 });
    expect(rows[59]).toMatchObject({ position: 59, standing: 'unchecked' });
  });

  it('colours on a terminal, but not where NO_COLOR is set', async () => {
    if (!hasPseudoTerminal()) {
      process.stderr.write('skipped: there is no util-linux script here to make a terminal with\n');
      return;
    }
    const args = ['verify', bad, '--model', TINY, '--explain'];
    const colour = '\u001b[31m✗';
    expect((await runOnTerminal(args, [], {})).stdout).toContain(colour);
    expect((await runOnTerminal(args, [], { NO_COLOR: '1' })).stdout).not.toContain('\u001b[31m');
  });
});

describe('verify --html', () => {
  it('writes the page to stdout and nothing else, the verdict beside it', async () => {
    const { code, stdout, stderr } = await verify(bad, '--html', '-');
    expect(code).toBe(10);
    expect(stdout).toMatch(/^<!doctype html>\n[\s\S]*<\/html>\n$/);
    expect(stdout).not.toContain('<script');
    expect(stderr).toContain('invalid: ');
  });

  it('writes it into a file, the verdict to stdout', async () => {
    const page = join(place.folder, 'page.html');
    const { stdout } = await verify(good, '--html', page);
    expect(stdout).toMatch(/^valid\n/);
    expect(readFileSync(page, 'utf8')).toContain('<h1>✓ Valid</h1>');
    expect(readFileSync(page, 'utf8')).toContain('&lt;script&gt;');
  });

  it.each([
    [['--html', '-', '--json'], 'have stdout'],
    [['--html', '-', '--explain'], 'have stdout'],
  ])('refuses %j', async (options, message) => {
    const { code, stderr } = await verify(good, ...options);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  it('is refused where no model is at hand', async () => {
    const { code, stderr } = await place.run(['verify', good, '--outsource', '--html', 'x.html']);
    expect(code).toBe(2);
    expect(stderr).toContain('Pass --model, too');
  });
});

describe('verify --schema', () => {
  it('prints the schema of receipts', async () => {
    expect(JSON.parse(await place.ok(['verify', '--schema']))).toEqual(receiptJsonSchema());
  });

  it('is needed where no receipt is named', async () => {
    const { code, stderr } = await place.run(['verify']);
    expect(code).toBe(2);
    expect(stderr).toContain('no receipt');
  });
});

describe('rastic', () => {
  it('says whether cheating pays, as docs/rastic.md shows it', async () => {
    const docs = readFileSync('docs/rastic.md', 'utf8');
    const command = /^\$ bitmodel (rastic economics .*)\n([^`]*)```/m.exec(docs)!;
    expect(`${await place.ok(command[1]!.split(' '))}\n`).toBe(command[2]);
  });

  it('says more with prices, and the same as JSON', async () => {
    const args = ['rastic', 'economics', '--audit-rate', '0.1', '--stake', '0.5', '--gain', '0.01'];
    const more = ['--price', '0.2', '--audit-cost', '0.001', '--judging-cost', '0.00002'];
    const text = await place.ok([...args, ...more]);
    expect(text).toMatch(/^Contesting pays/m);
    expect(text).toMatch(/^Judging without looking does not pay/m);
    const json = await place.json([...args, ...more]);
    expect(json).toMatchObject({
      seller: { cheatingPays: false, breakEvenStake: '0.10000000', breakEvenAuditRate: '0.02' },
      buyer: { contestingPays: true, bond: '0.00030000' },
      verifier: { guessingPays: false, breakEvenBond: '0.00060000' },
    });
    expect(await place.ok([...args, '-q'])).toBe('does not pay');
  });

  it.each([
    ['--audit-rate', '1.1'],
    ['--stake', '-1'],
    ['--jobs', '0'],
  ])('refuses %s %s', async (option, value) => {
    const args = ['--audit-rate', '0.1', '--stake', '1', '--gain', '1', option, value];
    const { code, stderr } = await place.run(['rastic', 'economics', ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain(option);
  });

  it('simulates the same market for the same seed, as JSON and as a picture', async () => {
    const args = ['rastic', 'simulate', '--sellers', '300', '--steps', '40', '--seed', 'x'];
    const [one, again, picture, repeated] = await Promise.all([
      place.ok([...args, '--json']),
      place.ok([...args, '--json']),
      place.ok([...args, '--svg', '-']),
      place.ok([...args, '--svg', '-']),
    ]);
    expect(again).toBe(one);
    expect(repeated).toBe(picture);
    expect(JSON.parse(one)).toMatchObject({ parameters: { sellers: 300, seed: 'x' } });
    expect(picture).toMatch(/^<svg [\s\S]*<\/svg>$/);
  });
});
