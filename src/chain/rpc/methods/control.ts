import { RPC_CODE, RpcError } from '../../wire/RpcError.js';
import { CONTROL_HELP } from '../help/control.js';
import { helpText, OWN_GROUP } from '../method.js';
import { Params } from '../Params.js';
import type { RpcServer } from '../RpcServer.js';

/** How the node's process is asked to end, and what it says of itself. */
export interface ControlOptions {
  readonly version: string;
  /** Called after `stop` was answered. */
  readonly stop: () => void;
  /** Hashes per second of the node's own mining threads. */
  readonly hashRate?: (() => number) | undefined;
}

/** All usage lines under the headings of their groups, as Bitcoin Core lists them. */
function listMethods(server: RpcServer): string {
  const groups = new Map<string, string[]>();
  for (const [, { help, usage }] of server.methods()) {
    const group = help?.group ?? OWN_GROUP;
    groups.set(group, [...(groups.get(group) ?? []), usage]);
  }
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([group, usages]) => `== ${group} ==\n${usages.join('\n')}`)
    .join('\n\n');
}

function describe(server: RpcServer, name: string): string {
  const method = server.method(name);
  // as Bitcoin Core: an answer, not an error
  if (!method) return `help: unknown command: ${name}\n`;
  return method.help ? helpText(name, method.help) : `${method.usage}\n`;
}

/** Methods about the node's process. */
export function registerControlMethods(server: RpcServer, options: ControlOptions): void {
  const began = Date.now();
  const help = CONTROL_HELP;
  server.register('uptime', () => Math.floor((Date.now() - began) / 1000), help.uptime);
  server.register(
    'help',
    (values) => {
      const params = new Params(values);
      return params.has(0) ? describe(server, params.string(0, 'command')) : listMethods(server);
    },
    help.help,
  );
  server.register(
    'describemethod',
    (values) => {
      const name = new Params(values).string(0, 'command');
      const method = server.method(name);
      if (!method?.help) throw new RpcError(RPC_CODE.notFound, 'No such method is described');
      return { name, usage: method.usage, ...method.help };
    },
    help.describemethod,
  );
  server.register(
    'getrpcinfo',
    () => ({
      active_commands: server.activeCalls().map(({ method, duration }) => ({
        method,
        duration: Math.round(duration * 1000),
      })),
      logpath: '',
    }),
    help.getrpcinfo,
  );
  server.register(
    'stop',
    () => {
      // the answer goes out first
      setTimeout(options.stop, 50);
      return 'bitmodel stopping';
    },
    help.stop,
  );
}
