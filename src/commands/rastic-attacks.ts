import type { Command } from 'commander';
import { BitmodelError, EXIT } from '../base/index.js';
import { ALL_ATTACKS, type AttackRow, runAttackTable, VERIFIER_ATTACKS } from '../job/index.js';
import { action } from './shared/action.js';
import { type AttackModelChoice, withAttackPlan } from './shared/attack-bench.js';
import { wholeOption } from './shared/number-options.js';
import { progressLine } from './shared/progress.js';

interface AttacksFlags extends AttackModelChoice {
  readonly runs: string;
  readonly tokens: string;
  readonly seed: string;
  readonly only?: string;
  readonly list?: boolean;
}

const MOST_RUNS = 100_000;
const MOST_TOKENS = 65_536;

/** Names by a pattern in which `*` stands for any text; several with commas between. @throws BitmodelError `BAD_OPTION` */
function named(pattern: string | undefined): (name: string) => boolean {
  if (pattern === undefined) return () => true;
  const forms = pattern.split(',').map((part) => part.trim().split('*'));
  const fits = (name: string, [first = '', ...rest]: readonly string[]): boolean => {
    if (rest.length === 0) return name === first;
    if (!name.startsWith(first)) return false;
    const last = rest.at(-1)!;
    let at = first.length;
    for (const part of rest.slice(0, -1)) {
      const found = name.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return name.length - last.length >= at && name.endsWith(last);
  };
  const chosen = (name: string): boolean => forms.some((form) => fits(name, form));
  if (ALL_ATTACKS.some(({ name }) => chosen(name))) return chosen;
  throw new BitmodelError('BAD_OPTION', `No cheat is called "${pattern.slice(0, 40)}".`, {
    next: "Name some with * for any text, such as 'tamper*'; all: bitmodel rastic attacks --list",
    exitCode: EXIT.usage,
  });
}

/** Columns of the table after the name. */
const COLUMNS = ['runs', 'caught', 'other', 'same', 'missed', 'positions'] as const;
const WIDTHS = [6, 8, 12, 6, 8, 11] as const;

function line(name: string, cells: readonly string[]): string {
  const rest = cells.map((cell, i) => cell.padStart(WIDTHS[i]!)).join('');
  return `${name.padEnd(27)}${rest}`.trimEnd();
}

function cellsOf({ runs, counts, positions }: AttackRow): string[] {
  const { caught, allowed, wins, missed } = counts;
  const { 'within tolerance': within, 'same output': same, 'no room': noRoom } = counts;
  const others = [
    ...(allowed > 0 ? [`${allowed} allowed`] : []),
    ...(within > 0 ? [`${within} within τ`] : []),
    ...(wins > 0 ? [`${wins} win`] : []),
    ...(noRoom > 0 ? [`${noRoom} no room`] : []),
  ];
  const shown = (count: number): string => (count === 0 ? '' : String(count));
  return [
    String(runs),
    shown(caught),
    others.join(', '),
    shown(same),
    shown(missed),
    positions === undefined ? '' : String(positions),
  ];
}

function tableOf(rows: readonly AttackRow[]): string {
  const missed = rows.filter(({ counts }) => counts.missed > 0);
  const total = rows.reduce((sum, { runs }) => sum + runs, 0);
  const bad = missed.reduce((sum, { counts }) => sum + counts.missed, 0);
  return [
    line('attack', COLUMNS),
    ...rows.map((row) => line(row.name, cellsOf(row))),
    '',
    `${rows.length} cheats, ${total} runs, ${bad === 0 ? 'none' : bad} missed.`,
    'within τ: other tokens, each so near that rounding explains it.',
    'same: the honest answer was handed over, so there was nothing to catch.',
    'positions: how many a check sees until one shows it (median).',
    ...missed.map(({ name, firstMiss }) => `MISSED ${name}: ${firstMiss}`),
  ].join('\n');
}

const isVerifier = (name: string): boolean => VERIFIER_ATTACKS.some((known) => known.name === name);

function rowJson({ counts, ...row }: AttackRow): object {
  const { caught, allowed, wins, missed } = counts;
  return {
    ...row,
    by: isVerifier(row.name) ? 'verifier' : 'seller',
    caught,
    allowed,
    withinTolerance: counts['within tolerance'],
    wins,
    missed,
    sameOutput: counts['same output'],
    noRoom: counts['no room'],
  };
}

function listText(attacks: typeof ALL_ATTACKS): string {
  return attacks
    .map(({ name, description, expects }) => `${name}\n  ${description}\n  must come: ${expects}`)
    .join('\n');
}

/** `rastic attacks`. */
export function registerAttacks(rastic: Command): void {
  rastic
    .command('attacks')
    .description('let every known cheat play its game so often, and print who was caught')
    .option('--runs <n>', 'runs of each', '5')
    .option('--only <pattern>', 'some of them: names with * for any text, separated by commas')
    .option('--tokens <n>', 'most tokens of an answer', '32')
    .option('--seed <text>', 'fixes prompts, seeds and whatever else is drawn', 'bitmodel')
    .option('--model <model>', 'folder, id or name (default: the bundled model)')
    .option('--file <file>', 'ONNX file inside the folder')
    .option('--threads <n>', 'threads to compute with (default: all cores)')
    .option('--list', 'only say what each of them does')
    .addHelpText(
      'after',
      "\nThe same seed gives the same table on the same machine.\n\nExit code: 0 when what had to come came in every run, else 1.\n\nExamples:\n  $ bitmodel rastic attacks\n  $ bitmodel rastic attacks --only 'int*,fp16' --runs 20 --tokens 200\n  $ bitmodel rastic attacks --list --json",
    )
    .action(
      action<AttacksFlags>(async (_, { options, settings, terminal, signal }) => {
        const only = named(options.only);
        const chosen = ALL_ATTACKS.filter(({ name }) => only(name));
        const names = chosen.map(({ name }) => name).join('\n');
        if (options.list) {
          const attacks = chosen.map((attack) => ({
            ...attack,
            by: isVerifier(attack.name) ? 'verifier' : 'seller',
          }));
          terminal.result({ attacks }, () => listText(chosen), names);
          return EXIT.done;
        }
        const runs = wholeOption(options.runs, '--runs', 1, MOST_RUNS);
        const tokens = wholeOption(options.tokens, '--tokens', 1, MOST_TOKENS);
        const { seed } = options;
        const rows = await withAttackPlan(options, settings, signal, async (plan) => {
          const progress = progressLine(
            'cheating',
            settings,
            (rate) => `${rate.toFixed(1)} runs/s`,
          );
          try {
            const onRun = (_run: unknown, done: number, total: number) =>
              progress.update(done, total);
            return {
              tau: plan.tau,
              model: plan.own.id,
              table: await runAttackTable({ ...plan, runs, tokens, seed, only, onRun }),
            };
          } finally {
            progress.end();
          }
        });
        const { tau, model, table } = rows;
        const missed = table.filter(({ counts }) => counts.missed > 0);
        terminal.result(
          { model, tau, runs, tokens, seed, attacks: table.map(rowJson) },
          () => tableOf(table),
          missed.map(({ name }) => name).join('\n'),
        );
        return missed.length === 0 ? EXIT.done : EXIT.failed;
      }),
    );
}
