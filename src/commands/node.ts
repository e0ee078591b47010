import { createRequire } from 'node:module';
import { BitmodelError, EXIT, messageOf } from '../base/index.js';
import { runNode } from '../chain/index.js';
import { action } from './shared/action.js';
import { attachJobPool } from './shared/job-pool.js';
import type { Register } from './shared/register.js';

interface NodeOptions {
  readonly regtest?: boolean;
  readonly network?: string;
  readonly mine?: boolean;
  readonly mineTo?: string;
  readonly blockTime: string;
  readonly par?: string;
  readonly rpcPort?: string;
  readonly rpcBind?: string;
  readonly rpcUser?: string;
  readonly rpcPassword?: string;
}

const MAX_PORT = 65_535;
const MAX_THREADS = 64;
/** Faster than this, block times would run away from the clock: each must be above the median of eleven. */
const SHORTEST_BLOCK_TIME = 0.2;
const LONGEST_BLOCK_TIME = 86_400;

function usage(message: string, next: string): BitmodelError {
  return new BitmodelError('BAD_OPTION', message, { next, exitCode: EXIT.usage });
}

function numberOption(text: string, name: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= least && value <= most)) {
    throw usage(`${name} can't be "${text}".`, `Pass a number from ${least} to ${most}`);
  }
  return value;
}

function portOption(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = numberOption(text, '--rpc-port', 0, MAX_PORT);
  if (!Number.isInteger(port)) throw usage(`"${text}" is no port.`, 'Pass a whole number');
  return port;
}

function threadsOption(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const threads = numberOption(text, '--par', 0, MAX_THREADS);
  if (!Number.isInteger(threads)) throw usage(`"${text}" threads can't be.`, 'Pass a whole number');
  return threads || undefined;
}

function authOption({ rpcUser, rpcPassword }: NodeOptions) {
  if ((rpcUser === undefined) !== (rpcPassword === undefined)) {
    throw usage('A user and a password go together.', 'Pass both --rpc-user and --rpc-password');
  }
  return rpcUser === undefined ? undefined : { user: rpcUser, password: rpcPassword! };
}

const run = action<NodeOptions>(async (_args, { options, settings, terminal, signal }) => {
  if (options.regtest && options.network !== undefined && options.network !== 'regtest') {
    throw usage(`--regtest and --network ${options.network} differ.`, 'Pass one of them');
  }
  const network = options.regtest ? 'regtest' : settings.network;
  if (options.mine && network !== 'regtest' && options.mineTo === undefined) {
    throw usage('Mining needs an address to pay to.', 'Pass --mine-to ADDRESS');
  }
  const blockTime = numberOption(
    options.blockTime,
    '--block-time',
    SHORTEST_BLOCK_TIME,
    LONGEST_BLOCK_TIME,
  );
  const running = await runNode({
    datadir: settings.datadir,
    network,
    version: (createRequire(import.meta.url)('../../package.json') as { version: string }).version,
    rpcPort: portOption(options.rpcPort),
    rpcHost: options.rpcBind,
    rpcAuth: authOption(options),
    threads: threadsOption(options.par),
    ...(options.mine ? { mine: { to: options.mineTo, blockTime } } : {}),
    extend: (server, chain) =>
      attachJobPool(server, chain, (thrown) => terminal.warn(`job pool: ${messageOf(thrown)}`)),
  });
  const { url, node } = running;
  terminal.result(
    { network, url, folder: node.folder, height: node.tip.height },
    `${network} node listens on ${url} (folder ${node.folder}, height ${node.tip.height})`,
    url,
  );
  signal.addEventListener('abort', () => void running.stop());
  if (signal.aborted) await running.stop();
  await running.stopped;
  terminal.note('The node has stopped.');
  return EXIT.done;
});

/** `bitmodel node`. */
export const register: Register = (program) => {
  program
    .command('node')
    .description('run a node: it keeps and checks the chain and answers on this machine')
    .option('--regtest', 'a chain of your own, with blocks on demand (the default network)')
    .option('--mine', 'mine; an empty regtest chain gets 101 blocks at once')
    .option('--mine-to <address>', 'who is paid for blocks (regtest: the node’s faucet)')
    .option('--block-time <seconds>', 'time between two blocks on regtest', '2')
    .option('--par <threads>', 'threads that check the scripts of blocks; 0 for one per core', '0')
    .option('--rpc-port <port>', 'port to answer on; 0 takes any free one')
    .option('--rpc-bind <host>', 'address of this machine to answer on', '127.0.0.1')
    .option('--rpc-user <name>', 'user name instead of the cookie file')
    .option('--rpc-password <password>', 'its password')
    .addHelpText(
      'after',
      `
Ctrl-C stops it. While it runs, the other commands find it by the data folder.

Example:
  $ bitmodel node --regtest --mine
  $ bitmodel chain info            (in another shell)`,
    )
    .action(run);
};
