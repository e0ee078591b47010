import type { Command } from 'commander';
import { BitmodelError, EXIT, fromHex, toHex } from '../base/index.js';
import {
  assemble,
  debugInput,
  disassemble,
  parseScriptContext,
  parseScriptValue,
  type ScriptContext,
  type ScriptValue,
  type TraceStep,
} from '../chain/index.js';
import { type ActionContext, action } from './shared/action.js';
import { readInput } from './shared/input.js';
import { wholeOption } from './shared/number-options.js';
import { outcomeJson, outcomeText, stepJson, stepText, traceHead } from './shared/script-view.js';
import type { Terminal } from './shared/terminal.js';

/** Most characters of a script or a context: 8 MB of script in hex, and names around it. */
const MAX_INPUT = 64_000_000;
const DEFAULT_STEPS = 10_000;
const MAX_STEPS = 1_000_000;
/** Most bytes of stacks that a trace in JSON holds. */
const MAX_TRACE = 16_000_000;
const WIDTH = process.stdout.columns ?? 80;

interface TextOptions {
  readonly file?: string;
  readonly set?: readonly string[];
}

interface RunOptions {
  readonly unlocking?: string;
  readonly context?: string;
  readonly index?: string;
  readonly set?: readonly string[];
  readonly hex?: boolean;
  readonly trace?: boolean;
  readonly steps: string;
}

/** The argument itself, or what a file or stdin (`-`, or no argument) holds. */
async function textOf(argument: string | undefined, file: string | undefined): Promise<string> {
  if (file !== undefined) return readInput(file, MAX_INPUT);
  return argument === undefined || argument === '-' ? readInput('-', MAX_INPUT) : argument;
}

function valuesOf(set: readonly string[] = []): Record<string, ScriptValue> {
  return Object.fromEntries(set.map(parseScriptValue));
}

function bytesOf(text: string): Uint8Array {
  const hex = text.replace(/\s+/g, '').replace(/^0x/, '');
  try {
    return fromHex(hex);
  } catch (thrown) {
    throw new BitmodelError(
      'BAD_HEX',
      'A script in hex has an even number of digits, 0-9 and a-f.',
      {
        next: 'Pass hex, or make it with: bitmodel script asm',
        exitCode: EXIT.usage,
        cause: thrown,
      },
    );
  }
}

const asmAction = action<TextOptions>(async ([argument], { options, terminal }) => {
  const text = await textOf(argument, options.file);
  const script = toHex(assemble(text, valuesOf(options.set)));
  terminal.result({ hex: script, bytes: script.length / 2 }, script, script);
});

const disasmAction = action<TextOptions>(async ([argument], { options, terminal }) => {
  const asm = disassemble(bytesOf(await textOf(argument, options.file)));
  terminal.result({ asm }, asm, asm);
});

/** Prints steps as they come, or keeps them for JSON: the first ones, and never more than fits into memory. */
class Tracer {
  readonly recorded: object[] = [];
  shown = 0;
  readonly #context: ScriptContext;
  readonly #most: number;
  readonly #terminal: Terminal;
  #bytes = 0;

  constructor(context: ScriptContext, most: number, terminal: Terminal) {
    this.#context = context;
    this.#most = most;
    this.#terminal = terminal;
  }

  show(step: TraceStep): void {
    if (this.shown >= this.#most || this.#bytes > MAX_TRACE) return;
    if (this.shown++ === 0 && !this.#terminal.json) this.#terminal.line(traceHead());
    if (!this.#terminal.json) {
      this.#terminal.line(stepText(this.#context, step, WIDTH));
      return;
    }
    for (const element of step.stack) this.#bytes += element.length + 1;
    this.recorded.push(stepJson(this.#context, step));
  }
}

function usage(code: string, message: string): BitmodelError {
  return new BitmodelError(code, message, {
    next: "Pass a locking script, as in: bitmodel script run '2 3 ADD 5 NUMEQUAL'",
    exitCode: EXIT.usage,
  });
}

/** What is to be run: the JSON of --context, and over it what the command line gives. */
async function contextOf(locking: string | undefined, options: RunOptions): Promise<ScriptContext> {
  const { unlocking, context } = options;
  const piped = [locking, unlocking, context].filter((text) => text === '-');
  if (piped.length > 1) throw usage('BAD_OPTION', 'Only one of the inputs can be stdin.');
  if (locking === undefined && context === undefined) {
    throw usage('NO_SCRIPT', 'There is no script to run.');
  }
  const values = valuesOf(options.set);
  const scriptOf = async (text: string | undefined): Promise<Uint8Array | undefined> => {
    if (text === undefined) return undefined;
    const source = text === '-' ? await readInput('-', MAX_INPUT) : text;
    return options.hex ? bytesOf(source) : assemble(source, values);
  };
  const json = context === undefined ? '{}' : await readInput(context, MAX_INPUT);
  return parseScriptContext(json, {
    inputIndex: options.index === undefined ? undefined : wholeOption(options.index, '--index', 0),
    locking: await scriptOf(locking),
    unlocking: await scriptOf(unlocking),
  });
}

async function run(
  [locking]: string[],
  { options, terminal }: ActionContext<RunOptions>,
): Promise<number> {
  const context = await contextOf(locking, options);
  const tracing = options.trace === true && !terminal.quiet;
  const most = wholeOption(options.steps, '--steps', 0, MAX_STEPS);
  const tracer = new Tracer(context, most, terminal);
  const debugged = debugInput(context, tracing ? (step) => tracer.show(step) : undefined);
  const hidden = debugged.steps - tracer.shown;
  if (tracing && hidden > 0) terminal.note(`${hidden} more steps; see them with --steps`);
  terminal.result(
    { ...outcomeJson(context, debugged), ...(tracing && { trace: tracer.recorded }) },
    () => outcomeText(context, debugged, WIDTH),
    debugged.result.ok ? 'ok' : debugged.result.error,
  );
  return debugged.result.ok ? EXIT.done : EXIT.failed;
}

const runAction = action<RunOptions>(async (args, context) => run(args, context));

const TEXT_HELP = `
Words are parted by white space; // and # begin a comment:
  OP_DUP or DUP   an opcode
  1000, -5        a push of a number
  0x0102          a push of these bytes
  <name>          a push of what --set name=VALUE says
  raw:0102        hex that goes into the script as it stands

Example:
  $ bitmodel script asm 'HASH160 <hash> EQUAL' --set hash=0x89abcdefabbaabbaabba
  $ bitmodel script asm '1 2 ADD' | bitmodel script disasm`;

const RUN_HELP = `
Without --context the scripts run in a version 10 transaction with one input, which spends 1 coin, and one output.
A context is JSON: {transaction: {version, lockTime, jobId, inputs: [{txid, vout, sequence, unlockingScript}],
outputs: [{value, lockingScript, token}]}, inputIndex, spentOutputs: [{value, lockingScript, token}]}, scripts in
hex; what "bitmodel tx decode --json" prints is one, too. Ends with 0 when the input may spend, with 1 when not.

Example:
  $ bitmodel script run 'ADD 5 NUMEQUAL' --unlocking '2 3' --trace
  $ bitmodel tx decode --json < signed.json | bitmodel script run --context - --trace`;

/** `bitmodel script`. */
export function register(program: Command): void {
  const collect = (value: string, before: string[] = []): string[] => [...before, value];
  const script = program.command('script').description('write, read and run scripts, step by step');
  script
    .command('asm')
    .description('text of a script to hex')
    .argument('[text]', 'the script; stdin if absent or -')
    .option('--file <file>', 'read the text from a file')
    .option('--set <name=value>', 'what a <name> stands for; may be given many times', collect)
    .addHelpText('after', TEXT_HELP)
    .action(asmAction);
  script
    .command('disasm')
    .description('hex of a script to text, which asm turns back into the same bytes')
    .argument('[hex]', 'the script; stdin if absent or -')
    .option('--file <file>', 'read the hex from a file')
    .addHelpText('after', TEXT_HELP)
    .action(disasmAction);
  script
    .command('run')
    .description('run an unlocking and a locking script, and show what they do')
    .argument('[locking]', "the locking script; the context's if absent, stdin if -")
    .option('--unlocking <script>', "the unlocking script (default: the context's, else empty)")
    .option(
      '--context <file>',
      'the transaction, the input and what it spends, in JSON; - for stdin',
    )
    .option('--index <input>', 'which input (default: what the context says, else 0)')
    .option('--set <name=value>', 'what a <name> stands for; may be given many times', collect)
    .option('--hex', 'the scripts are hex, not text')
    .option('--trace', 'show every step: opcode, cost so far, both stacks')
    .option('--steps <count>', 'steps shown at most', String(DEFAULT_STEPS))
    .addHelpText('after', RUN_HELP)
    .action(runAction);
}
