import type { Command } from 'commander';
import {
  BitmodelError,
  EXIT,
  messageOf,
  oneLine,
  printable,
  printableJson,
} from '../../base/index.js';
import { onClosedPipe } from './closed-pipe.js';
import { resolveSettings, type Settings } from './settings.js';
import { Terminal } from './terminal.js';
import { warnings } from './warnings.js';

/** What an action is given beside its arguments. */
export interface ActionContext<Options> {
  /** The command's own options. */
  readonly options: Options;
  readonly settings: Settings;
  readonly terminal: Terminal;
  /** Aborted by the first Ctrl-C or SIGTERM; a second one ends the process at once. */
  readonly signal: AbortSignal;
}

/** Names of what an aborted signal, and Ctrl-C in a question, throw. */
const INTERRUPTIONS = new Set(['AbortError', 'AbortPromptError', 'ExitPromptError']);

/** Whether something was thrown because the signal was aborted. */
function isInterruption(thrown: unknown): boolean {
  if (thrown instanceof BitmodelError) return thrown.code === 'INTERRUPTED';
  return thrown instanceof Error && INTERRUPTIONS.has(thrown.name);
}

function interruption(): BitmodelError {
  return new BitmodelError('INTERRUPTED', 'Interrupted.', { exitCode: EXIT.interrupted });
}

/** Prints an error the way DESIGN 10 has it, whoever worded it, and returns the exit code. */
export function reportError(thrown: unknown, json: boolean): number {
  const error =
    thrown instanceof BitmodelError
      ? thrown
      : isInterruption(thrown)
        ? interruption()
        : new BitmodelError('INTERNAL', messageOf(thrown), {
            next: 'This is a bug in bitmodel; run again with BITMODEL_DEBUG=1 and report what it prints',
            cause: thrown,
          });
  if (json) {
    const { code, message, next } = error;
    const text = JSON.stringify(warnings.joinTo({ error: { code, message, next } }));
    process.stderr.write(`${printableJson(text)}\n`);
  } else {
    process.stderr.write(`error: ${oneLine(error.message)} [${error.code}]\n`);
    if (error.next) process.stderr.write(`  next: ${oneLine(error.next)}\n`);
  }
  if (process.env.BITMODEL_DEBUG && thrown instanceof Error) {
    process.stderr.write(`${printable(thrown.stack ?? '')}\n`);
  }
  return error.exitCode;
}

/**
 * Turns a function into a commander action: weighs the settings, hands over a terminal and a signal, and turns
 * whatever is thrown into one sentence and an exit code.
 * @param body gets the positional arguments, then the context; a number it returns is the exit code
 */
export function action<Options = Record<string, unknown>>(
  body: (
    args: string[],
    context: ActionContext<Options>,
  ) => Promise<number | undefined> | Promise<void>,
): (...commanderArgs: unknown[]) => Promise<void> {
  return async (...commanderArgs) => {
    const command = commanderArgs.at(-1) as Command;
    const flags = command.optsWithGlobals() as Record<string, unknown>;
    const abort = new AbortController();
    let listensToSignal = false;
    const onSignal = (): void => {
      // a command that never took the signal has nothing to put in order: every file is written whole or not at all
      if (abort.signal.aborted || !listensToSignal) {
        process.exit(reportError(abort.signal.reason ?? interruption(), flags.json === true));
      }
      abort.abort();
    };
    let readerIsGone = false;
    onClosedPipe(() => {
      if (!listensToSignal) process.exit(EXIT.done);
      readerIsGone = true;
      abort.abort();
    });
    warnings.begin(flags.json === true);
    process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
    try {
      const settings = resolveSettings(flags);
      const terminal = new Terminal(settings);
      const context: ActionContext<Options> = {
        options: flags as Options,
        settings,
        terminal,
        get signal() {
          listensToSignal = true;
          return abort.signal;
        },
      };
      process.exitCode = (await body(command.args, context)) ?? process.exitCode ?? EXIT.done;
      warnings.end();
    } catch (thrown) {
      const isOurEnd = readerIsGone && isInterruption(thrown);
      process.exitCode = isOurEnd ? EXIT.done : reportError(thrown, flags.json === true);
    } finally {
      onClosedPipe(undefined);
      process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    }
  };
}
