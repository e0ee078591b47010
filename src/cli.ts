import { readFileSync } from 'node:fs';
import type { Command, CommanderError } from 'commander';
import { outputLost, pipeClosed } from './commands/shared/closed-pipe.js';
import type { Register } from './commands/shared/register.js';

interface CommandEntry {
  readonly name: string;
  /** Heading in the root help. */
  readonly group: string;
  readonly summary: string;
  /** Loads the module that defines the command; called only when the command is the one asked for. */
  readonly load: () => Promise<{ readonly register: Register }>;
}

const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'demo',
    group: 'Start:',
    summary:
      'the whole idea in a minute: a job bought, checked, paid and shared on a chain of its own',
    load: () => import('./commands/demo.js'),
  },
  {
    name: 'keygen',
    group: 'Money:',
    summary: 'make or take in a key',
    load: () => import('./commands/keygen.js'),
  },
  {
    name: 'wallet',
    group: 'Money:',
    summary: 'keys, coins, sending, signed messages',
    load: () => import('./commands/wallet.js'),
  },
  {
    name: 'id',
    group: 'Money:',
    summary: 'pin what you say to your address, and see what others have pinned',
    load: () => import('./commands/id.js'),
  },
  {
    name: 'tx',
    group: 'Money:',
    summary: 'build, sign, send and read transactions, in a pipe',
    load: () => import('./commands/tx.js'),
  },
  {
    name: 'job',
    group: 'Inference:',
    summary: 'buy inference and follow it',
    load: () => import('./commands/job.js'),
  },
  {
    name: 'verify',
    group: 'Inference:',
    summary: 'check a receipt against a model, offline',
    load: () => import('./commands/verify.js'),
  },
  {
    name: 'rastic',
    group: 'Inference:',
    summary: 'what checking finds, and whether cheating pays',
    load: () => import('./commands/rastic.js'),
  },
  {
    name: 'model',
    group: 'Models:',
    summary: 'pack, show, publish and run models',
    load: () => import('./commands/model.js'),
  },
  {
    name: 'imo',
    group: 'Models:',
    summary: 'units of a model that share in its income',
    load: () => import('./commands/imo.js'),
  },
  {
    name: 'nft',
    group: 'Models:',
    summary: 'make, send and show the NFT of a model',
    load: () => import('./commands/nft.js'),
  },
  {
    name: 'reward',
    group: 'Models:',
    summary: 'shares of everyone a model stands on',
    load: () => import('./commands/reward.js'),
  },
  {
    name: 'source',
    group: 'Models:',
    summary: 'publish what models stand on: data, papers, code, people',
    load: () => import('./commands/source.js'),
  },
  {
    name: 'imi',
    group: 'Models:',
    summary: 'pledge coins to a model that is yet to be made, or deliver it',
    load: () => import('./commands/imi.js'),
  },
  {
    name: 'worker',
    group: 'Inference:',
    summary: 'sell inference',
    load: () => import('./commands/worker.js'),
  },
  {
    name: 'verifier',
    group: 'Inference:',
    summary: 'judge disputed jobs for a fee',
    load: () => import('./commands/verifier.js'),
  },
  {
    name: 'watcher',
    group: 'Inference:',
    summary: 'drive jobs for buyers that have gone away',
    load: () => import('./commands/watcher.js'),
  },
  {
    name: 'node',
    group: 'Chain:',
    summary: 'run a node',
    load: () => import('./commands/node.js'),
  },
  {
    name: 'chain',
    group: 'Chain:',
    summary: 'look at the chain',
    load: () => import('./commands/chain.js'),
  },
  {
    name: 'script',
    group: 'Chain:',
    summary: 'write, read and run scripts, step by step',
    load: () => import('./commands/script.js'),
  },
  {
    name: 'rpc',
    group: 'Chain:',
    summary: 'call a method of the node',
    load: () => import('./commands/rpc.js'),
  },
  {
    name: 'doctor',
    group: 'Start:',
    summary: 'check this machine and say how to mend what is missing',
    load: () => import('./commands/doctor.js'),
  },
];

function version(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

async function createProgram(): Promise<Command> {
  const [{ Command }, { fitHelp }] = await Promise.all([
    import('commander'),
    import('./commands/shared/help-width.js'),
  ]);
  const width = process.stdout.isTTY ? process.stdout.columns : 80;
  return (
    new Command('bitmodel')
      .description(
        'Buy language-model inference from untrusted machines, with proof of every token.',
      )
      .version(version())
      .option('--network <name>', 'main, test or regtest (default: regtest)')
      .option('--rpc <url>', "the node's address (default: this machine's)")
      .option('--datadir <dir>', 'where keys, jobs and the chain are kept')
      .option('--json', 'print JSON instead of text: one object for the result or the error')
      .option('-q, --quiet', 'print ids and results only')
      .option('-y, --yes', 'answer yes to every question')
      .option('--no-input', 'never ask; fail where an answer is needed')
      .showSuggestionAfterError()
      // wrong usage is reported by main(), in the same form as every other error
      .configureOutput({
        outputError: () => undefined,
        writeOut: (text) => process.stdout.write(fitHelp(text, width)),
      })
      // a verb's arguments stand in its own help: here they would leave no room to say what it does
      .configureHelp({ showGlobalOptions: true, subcommandTerm: (command) => command.name() })
      .helpCommand(false)
      .exitOverride()
  );
}

/** Options before the command that take a value, so that the command can be found without loading any. */
const VALUED = new Set(['--network', '--rpc', '--datadir']);

function commandAskedFor(args: readonly string[]): string | undefined {
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (VALUED.has(arg)) i++;
    else if (!arg.startsWith('-')) return arg;
  }
  return undefined;
}

/** `model list --network` without a network's name is about the whole network: the option has its own name there. */
function named(argv: readonly string[]): readonly string[] {
  const at = argv.indexOf('--network', 2);
  const isBare = at > 0 && (argv[at + 1] === undefined || argv[at + 1]!.startsWith('-'));
  const verbs = argv.slice(2, at).filter((arg) => !arg.startsWith('-'));
  if (!isBare || verbs.at(-2) !== 'model' || verbs.at(-1) !== 'list') return argv;
  return argv.with(at, '--everywhere');
}

/** `help COMMAND VERB` as `COMMAND VERB --help`. */
function asHelpOption(argv: readonly string[]): string[] {
  const at = argv.indexOf('help', 2);
  return [...argv.slice(0, at), ...argv.slice(at + 1), '--help'];
}

/**
 * Runs the command line. Only commander and the one command asked for are loaded, and for `--version` not even that.
 * @param argv as in `process.argv`: the run time, the script, then the arguments
 */
export async function main(argv: readonly string[]): Promise<void> {
  if (commandAskedFor(argv.slice(2)) === 'help') return main(asHelpOption(argv));
  // a reader that closes the pipe early (head, less) is no error
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') pipeClosed();
    else outputLost(error);
  });
  if (argv.length === 3 && (argv[2] === '--version' || argv[2] === '-V')) {
    process.stdout.write(`${version()}\n`);
    return;
  }
  const program = await createProgram();
  const asked = commandAskedFor(argv.slice(2));
  for (const entry of COMMANDS) {
    if (entry.name === asked) {
      await (await entry.load()).register(program, argv.slice(2));
    } else program.command(entry.name).description(entry.summary).helpGroup(entry.group);
  }
  program.addHelpText(
    'after',
    '\nStart here:\n  $ bitmodel demo\n  $ bitmodel COMMAND --help   (each with an example)',
  );
  try {
    if (argv.length <= 2) program.outputHelp();
    else await program.parseAsync(named(argv) as string[]);
  } catch (thrown) {
    const { CommanderError } = await import('commander');
    if (thrown instanceof CommanderError) {
      process.exitCode = thrown.exitCode === 0 ? 0 : await reportUsage(thrown, argv, program);
      return;
    }
    // what reads an option's value throws before any action begins
    const { reportError } = await import('./commands/shared/action.js');
    process.exitCode = reportError(thrown, argv.includes('--json'));
  }
}

/** The command and verb that the arguments name, as far as there are such. */
function commandPath(program: Command, args: readonly string[]): Command[] {
  const asked = commandAskedFor(args);
  const command = program.commands.find((each) => each.name() === asked);
  if (!command) return [];
  const rest = args.slice(args.indexOf(asked!) + 1);
  const valued = new Set(
    [...program.options, ...command.options]
      .filter(({ required, optional }) => required || optional)
      .flatMap(({ long, short }) => [long, short]),
  );
  const word = rest.find(
    (arg, at) => !arg.startsWith('-') && (at === 0 || !valued.has(rest[at - 1])),
  );
  const verb = command.commands.find((each) => each.name() === word);
  return verb ? [command, verb] : [command];
}

/** Says what is wrong with the command line; a group without its verb has printed its help already. */
async function reportUsage(
  thrown: CommanderError,
  argv: readonly string[],
  program: Command,
): Promise<number> {
  const [{ reportError }, { BitmodelError, EXIT }] = await Promise.all([
    import('./commands/shared/action.js'),
    import('./base/index.js'),
  ]);
  const json = argv.includes('--json');
  if (thrown.code === 'commander.help' && !json) return EXIT.usage;
  const [sentence, ...hints] = thrown.message.replace(/^error: /, '').split('\n');
  const said = thrown.code === 'commander.help' ? 'a verb is missing' : sentence!;
  const message = `${said.charAt(0).toUpperCase()}${said.slice(1).replace(/\.+$/, '')}.`;
  const path = commandPath(program, argv.slice(2));
  const verbs = path.at(-1)?.commands.map((each) => each.name()) ?? [];
  if (thrown.code === 'commander.excessArguments' && verbs.length > 0) {
    hints.push(`It takes no words but its verbs: ${verbs.join(', ')}.`);
  }
  const help = ['bitmodel', ...path.map((each) => each.name()), '--help'];
  const next = [...hints, `See ${help.join(' ')}`].join(' ');
  return reportError(new BitmodelError('USAGE', message, { next, exitCode: EXIT.usage }), json);
}
