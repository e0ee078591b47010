import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import fc from 'fast-check';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import { registerAnalyse } from '#src/commands/reward-analyse.js';
import { registerSimulate } from '#src/commands/reward-simulate.js';
import {
  parseKinds,
  parseOwnership,
  parsePopularity,
  parsePrices,
  parseScheme,
} from '#src/commands/shared/simulation-options.js';
import { cases } from '../long.js';

describe('the options of a simulation', () => {
  it('are rules for weights', () => {
    expect(parseScheme('declared')).toEqual({ name: 'declared', rule: 'declared' });
    expect(parseScheme('equal:12.5%')).toMatchObject({ rule: 'equal', sharePpm: 125_000 });
    expect(parseScheme('first:100%')).toMatchObject({ rule: 'first', sharePpm: 1_000_000 });
    expect(parseScheme('decay:20%:50%')).toMatchObject({ sharePpm: 200_000, factorPpm: 500_000 });
    const shares = new Map([
      ['dataset', 100_000],
      ['paper', 50_000],
    ]);
    expect(parseScheme('kinds:dataset=10%,paper=5%')).toMatchObject({ rule: 'kinds', shares });
  });

  it('are prices in coins', () => {
    const least = 50_000_000n;
    expect(parsePrices('0.5')).toEqual({ least, most: least, spread: 'uniform' });
    expect(parsePrices('0.5-2')).toMatchObject({ least, most: 200_000_000n });
    expect(parsePrices('0.5-2:halving')).toMatchObject({ spread: 'halving' });
  });

  it('are kinds, each once', () => {
    expect(parseKinds('model=60,paper=0')).toEqual([
      ['model', 60],
      ['paper', 0],
    ]);
    expect(() => parseKinds('model=1,model=2')).toThrow(BitmodelError);
  });

  const parsers = { parseKinds, parseOwnership, parsePopularity, parsePrices, parseScheme };
  const words = fc.constantFrom(
    ...['declared', 'equal', 'decay', 'kinds', 'model', 'halving', '20%', '1e9', '-1', '0.5'],
    ...[':', '=', ',', '-', '%', '.', ' ', '\n', '\u0000', '9'.repeat(30), '__proto__'],
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(words, { maxLength: 9 }).map((parts) => parts.join('')),
  );

  it.each(Object.entries(parsers))('%s throws nothing but its own errors', (_, parse) => {
    fc.assert(
      fc.property(text, (given) => {
        try {
          parse(given);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(BitmodelError);
        }
      }),
      { numRuns: cases(20_000, 1_000_000) },
    );
  });
});

describe('reward analyse and simulate refuse, in one sentence, with a code and the next step', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bitmodel-options-'));
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const graph = file('graph.csv', 'source,parent,weight\na,b,20%\n');
  const demand = file('demand.json', '{"nobody":"1"}');
  const { exitCode } = process;
  afterEach(() => {
    vi.restoreAllMocks();
    process.exitCode = exitCode;
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** What the command prints on stderr; it must print nothing on stdout, and not succeed. */
  async function refusalOf(args: readonly string[]): Promise<Record<string, string>> {
    const program = new Command('bitmodel').version('0').option('--json');
    const reward = program.command('reward');
    registerAnalyse(reward);
    registerSimulate(reward);
    const stdout = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    await program.parseAsync(['reward', ...args, '--json'], { from: 'user' });
    const said = stderr.mock.calls.map(([text]) => String(text)).join('');
    const printed = stdout.mock.calls.length;
    const code = process.exitCode;
    vi.restoreAllMocks();
    expect({ printed, failed: code !== 0 && code !== undefined }).toEqual({
      printed: 0,
      failed: true,
    });
    return (JSON.parse(said) as { error: Record<string, string> }).error;
  }

  const analyse = ['analyse', '--mandala', '3'];
  const grow = ['simulate', '--grow', '9'];
  const changes = (name: string, text: string): string[] => [
    ...['simulate', graph, '--changes', file(name, `\n${text}\n`)],
  ];
  const refused: [code: string, says: RegExp, args: string[]][] = [
    ['BAD_OPTION', /--mandala can't be "20"/, ['analyse', '--mandala', '20']],
    ['BAD_OPTION', /made, not read/, [...analyse, graph]],
    ['BAD_OPTION', /made, not read/, [...analyse, '--at', '7']],
    ['BAD_OPTION', /--at goes with the graph on the chain/, ['analyse', graph, '--at', '7']],
    ['BAD_OPTION', /--share goes with a file/, ['analyse', '--share', '50%']],
    ['BAD_OPTION', /--format goes with a file/, ['simulate', '--format', 'csv']],
    ['BAD_GRAPH', /format/, ['analyse', graph, '--format', 'dot']],
    ['BAD_WEIGHT', /0x/, [...analyse, '--share', '0x%']],
    ['BAD_OPTION', /can't pass on 0 parts/, [...analyse, '--share', '0%']],
    ['BAD_OPTION', /--samples can't be "1"/, [...analyse, '--samples', '1']],
    ['BAD_OPTION', /--rounds can't be "10001"/, [...analyse, '--rounds', '10001']],
    ['BAD_OPTION', /--hubs can't be "-1"/, [...analyse, '--hubs', '-1']],
    ['UNKNOWN_SOURCE', /nobody/, [...analyse, '--demand', demand]],
    ['NO_SUCH_FILE', /none\.json/, [...analyse, '--demand', join(folder, 'none.json')]],
    ['BAD_OPTION', /page\.txt does not tell/, [...analyse, '-o', 'page.txt']],
    ['NO_SUCH_FOLDER', /no folder/, [...analyse, '-o', join(folder, 'none', 'page.html')]],
    ['NO_SUCH_FOLDER', /no folder/, [...grow, '--svg', join(folder, 'none', 'who.svg')]],
    ['NOT_WRITABLE', /Nothing can be written/, [...grow, '--svg', folder]],
    ['BAD_OPTION', /either grown or read/, [...grow, '--mandala', '3']],
    ['BAD_OPTION', /either grown or read/, [...grow, graph]],
    ['BAD_OPTION', /--grow can't be "0"/, ['simulate', '--grow', '0']],
    ['BAD_OPTION', /--parents can't be "1001"/, [...grow, '--parents', '1001']],
    [
      'BAD_OPTION',
      /more than 20000000 edges/,
      ['simulate', '--grow', '2000000', '--parents', '11'],
    ],
    ['BAD_OPTION', /--weights can't be "fair"/, [...grow, '--weights', 'fair']],
    ['BAD_WEIGHT', /101/, [...grow, '--weights', 'equal:101%']],
    ['BAD_OPTION', /no shares of at most/, [...grow, '--weights', 'kinds:a=60%,b=50%']],
    ['BAD_OPTION', /named twice/, [...grow, '--weights', 'declared', '--weights', 'declared']],
    ['BAD_OPTION', /--jobs can't be "1e9"/, [...grow, '--jobs', '1e9']],
    ['BAD_AMOUNT', /much/, [...grow, '--price', 'much']],
    ['BAD_OPTION', /Prices can't lie between/, [...grow, '--price', '2-1']],
    ['BAD_OPTION', /--popularity can't be "fame"/, [...grow, '--popularity', 'fame']],
    ['BAD_OPTION', /no source of the kind "moon"/, [...grow, '--paid', 'moon']],
    ['BAD_OPTION', /--owners can't be "0"/, [...grow, '--owners', '0']],
    ['BAD_OPTION', /--ownership can't be "fair"/, [...grow, '--ownership', 'fair']],
    ['BAD_OPTION', /--kinds can't be "model=x"/, [...grow, '--kinds', 'model=x']],
    ['BAD_OPTION', /--top can't be "1001"/, [...grow, '--top', '1001']],
    ['BAD_OPTION', /from stdin/, ['simulate', '-', '--changes', '-']],
    ['UNKNOWN_SOURCE', /Line 2: .*"moon"/, changes('1', '{"source":"moon","parents":[]}')],
    ['UNKNOWN_SOURCE', /"moon"/, changes('2', '{"source":"a","parents":[{"id":"moon","ppm":1}]}')],
    ['BAD_GRAPH', /Line 2: .*not valid JSON/, changes('3', 'poet: 20%')],
    ['BAD_GRAPH', /Line 2: .*which the jobs/, changes('4', '{"paid":{"a":"1"}}')],
    ['BAD_GRAPH', /Line 2: .*is a parent of 1 source/, changes('5', '{"removed":"b"}')],
    [
      'BAD_GRAPH',
      /Line 2: .*not a whole number/,
      changes('6', '{"source":"a","parents":[{"id":"b","ppm":0.5}]}'),
    ],
    ['NO_SUCH_FILE', /none\.jsonl/, ['simulate', graph, '--changes', join(folder, 'none.jsonl')]],
  ];
  it.each(refused)('%s: %s', async (code, says, args) => {
    const error = await refusalOf(args);
    expect(error).toEqual({ code, message: expect.stringMatching(says), next: expect.any(String) });
    expect(error.message).toMatch(/^[^\n]*\.$/);
  });
});
