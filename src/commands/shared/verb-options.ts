import type { Command, Option } from 'commander';

/**
 * Makes a verb of a command with options of its own take, and show in its help, no more of those than it has a use for:
 * who asks a running node of its peers takes none of the options that a node is started with.
 * @param names long names of those that it takes, such as `--key`
 */
export function takesOnly(verb: Command, parent: Command, ...names: string[]): Command {
  const isTaken = ({ long }: Option): boolean => names.includes(long ?? '');
  const isShown = ({ hidden }: Option): boolean => !hidden;
  return verb
    .configureHelp({
      ...parent.configureHelp(),
      visibleGlobalOptions: () => [
        ...parent.options.filter(isTaken),
        ...(parent.parent?.options ?? []).filter(isShown),
      ],
    })
    .hook('preAction', () => {
      const idle = parent.options.find(
        (option) =>
          !isTaken(option) && parent.getOptionValueSource(option.attributeName()) === 'cli',
      );
      if (idle) {
        verb.error(`error: unknown option '${idle.long}'`, { code: 'commander.unknownOption' });
      }
    });
}
