import { createRequire } from 'node:module';
import { BitmodelError, EXIT, messageOf } from '../base/index.js';
import { LocalChain, runNode } from '../chain/index.js';
import type { FullNetwork } from '../network/index.js';
import { registerNodePeers } from './node-peers.js';
import { registerNodeStatus } from './node-status.js';
import { action } from './shared/action.js';
import { attachSuspects } from './shared/attach-suspects.js';
import { attachJobPool } from './shared/job-pool.js';
import { refuseOfBlocks, runLight } from './shared/light-node.js';
import { miningLine } from './shared/mining-line.js';
import {
  addNetworkOptions,
  type NetworkOptionTexts,
  networkLine,
  networkPlan,
  openNetwork,
} from './shared/network-options.js';
import { numberOption, wholeOption } from './shared/number-options.js';
import {
  addCheckOptions,
  attachChecks,
  type CheckOptionTexts,
  refuseIdleChecks,
} from './shared/outsourced-checks.js';
import type { Register } from './shared/register.js';
import { RepeatedWarnings } from './shared/repeated-warnings.js';
import { syncLine } from './shared/sync-line.js';

interface NodeOptions {
  readonly regtest?: boolean;
  readonly network?: string;
  readonly light?: boolean;
  readonly mine?: boolean;
  readonly mineTo?: string;
  readonly blockTime?: string;
  readonly threads?: string;
  readonly par?: string;
  readonly maxMempool: string;
  readonly mempoolExpiry: string;
  readonly reindex?: boolean;
  readonly prune?: string;
  readonly checkLevel: string;
  readonly checkBlocks: string;
  readonly rpcPort?: string;
  readonly rpcBind?: string;
  readonly rpcAllowIp?: string[];
  readonly rpcUser?: string;
  readonly rpcPassword?: string;
}

type AllOptions = NodeOptions & NetworkOptionTexts & CheckOptionTexts;

const MAX_PORT = 65_535;
const MAX_HEIGHT = 0xffff_ffff;
const MAX_MEGABYTES = 1_000_000_000;
const MAX_THREADS = 64;
/** Bitcoin Core's bounds: room for any package, and less than any machine's memory. */
const LEAST_MEMPOOL = 5;
const MOST_MEMPOOL = 100_000;
const MOST_HOURS = 100_000;
/** Faster than this, block times would run away from the clock: each must be above the median of eleven. */
const SHORTEST_BLOCK_TIME = 0.2;
const BLOCK_TIME = '2';
const LONGEST_BLOCK_TIME = 86_400;

function usage(message: string, next: string): BitmodelError {
  return new BitmodelError('BAD_OPTION', message, { next, exitCode: EXIT.usage });
}

function pruneOption(text: string): number {
  return wholeOption(text, '--prune', 1, MAX_MEGABYTES) * 1_000_000;
}

function authOption({ rpcUser, rpcPassword }: NodeOptions) {
  if ((rpcUser === undefined) !== (rpcPassword === undefined)) {
    throw usage('A user and a password go together.', 'Pass both --rpc-user and --rpc-password');
  }
  if (rpcUser === undefined) return undefined;
  if (rpcUser === '' || rpcUser.includes(':') || rpcPassword === '') {
    throw usage('A user is without a colon, and neither is empty.', 'Choose others');
  }
  return { user: rpcUser, password: rpcPassword! };
}

/** Refuses what would be dropped without a word: options that say something of what is not asked for. */
function refuseIdle(options: NodeOptions, network: string): void {
  const { mine, mineTo, blockTime, threads, rpcAllowIp, rpcBind } = options;
  if (mineTo !== undefined && !mine) throw usage('--mine-to is for a miner.', 'Pass --mine, too');
  if (threads !== undefined && network === 'regtest') {
    const next = 'Leave --threads out; --block-time says how often a block comes';
    throw usage('On regtest no threads mine.', next);
  }
  if (threads !== undefined && !mine) throw usage('--threads mine.', 'Pass --mine, too');
  if (blockTime !== undefined && network !== 'regtest') {
    throw usage(`On ${network} work decides how often a block comes.`, 'Leave --block-time out');
  }
  if (blockTime !== undefined && !mine) {
    throw usage('--block-time is for a miner.', 'Pass --mine, too');
  }
  if (rpcAllowIp !== undefined && rpcBind === undefined) {
    const next = 'Pass --rpc-bind ADDRESS, too';
    throw usage('Only this machine can reach the node, whoever --rpc-allow-ip lets in.', next);
  }
}

const run = action<AllOptions>(async (_args, { options, settings, terminal, signal }) => {
  if (options.regtest && options.network !== undefined && options.network !== 'regtest') {
    throw usage(`--regtest and --network ${options.network} differ.`, 'Pass one of them');
  }
  const network = options.regtest ? 'regtest' : settings.network;
  if (options.mine && !options.light && network !== 'regtest' && options.mineTo === undefined) {
    throw usage('Mining needs an address to pay to.', 'Pass --mine-to ADDRESS');
  }
  refuseIdle(options, network);
  if (options.light) refuseOfBlocks(options);
  const rpc = {
    rpcPort:
      options.rpcPort === undefined
        ? undefined
        : wholeOption(options.rpcPort, '--rpc-port', 0, MAX_PORT),
    rpcHost: options.rpcBind,
    rpcAllow: options.rpcAllowIp,
    rpcAuth: authOption(options),
  };
  const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };
  const place = { datadir: settings.datadir, network, version, ...rpc };
  if (options.light) return runLight({ ...place, peers: options }, terminal, signal);
  const threads =
    options.threads === undefined
      ? undefined
      : wholeOption(options.threads, '--threads', 1, MAX_THREADS);
  const blockTime = numberOption(
    options.blockTime ?? BLOCK_TIME,
    '--block-time',
    SHORTEST_BLOCK_TIME,
    LONGEST_BLOCK_TIME,
  );
  const plan = await networkPlan(options, network);
  refuseIdleChecks(options, plan !== undefined);
  let peers: FullNetwork | undefined;
  const warnings = new RepeatedWarnings((text) => terminal.warn(text));
  const warn = (text: string): void => warnings.add(text);
  const running = await runNode({
    ...place,
    // 0 is one per core
    threads: wholeOption(options.par ?? '0', '--par', 0, MAX_THREADS) || undefined,
    reindex: options.reindex,
    pruneBytes: options.prune === undefined ? undefined : pruneOption(options.prune),
    check: {
      level: wholeOption(options.checkLevel, '--check-level', 0, 4),
      blocks: wholeOption(options.checkBlocks, '--check-blocks', 0, MAX_HEIGHT),
    },
    mempoolBytes:
      1_000_000 * numberOption(options.maxMempool, '--max-mempool', LEAST_MEMPOOL, MOST_MEMPOOL),
    mempoolExpiry: numberOption(options.mempoolExpiry, '--mempool-expiry', 1, MOST_HOURS),
    onNote: (text) => terminal.note(text),
    onWarning: warn,
    signal,
    ...(options.mine ? { mine: { to: options.mineTo, blockTime, threads } } : {}),
    extend: async (server, chain) => {
      const source = { chain: new LocalChain(chain), blocks: chain };
      const jobs = attachJobPool(server, source, (thrown) =>
        warn(`job pool: ${messageOf(thrown)}`),
      );
      const { datadir } = settings;
      const opened = plan && (await openNetwork(server, chain, { plan, version, datadir, warn }));
      peers = opened;
      const leave = opened && jobs.join(opened);
      let endSuspects: (() => Promise<void>) | undefined;
      try {
        endSuspects = attachSuspects(server, chain, options.reindex === true, warn);
        const endChecks = await attachChecks(server, chain, opened, { options, settings });
        return async () => {
          await endChecks();
          leave?.();
          await opened?.close();
          await endSuspects?.();
        };
      } catch (thrown) {
        leave?.();
        await opened?.close();
        await endSuspects?.();
        throw thrown;
      }
    },
  });
  const { url, node } = running;
  const { host, parts } = peers ?? {};
  terminal.result(
    {
      network,
      url,
      folder: node.folder,
      height: node.tip.height,
      ...(host && { id: host.id, addresses: host.addresses() }),
    },
    `${network} node listens on ${url} (folder ${node.folder}, height ${node.tip.height})`,
    url,
  );
  if (host) terminal.note(networkLine(host, plan?.announce));
  signal.addEventListener('abort', () => void running.stop());
  if (signal.aborted) await running.stop();
  const endLine = options.mine && network !== 'regtest' ? miningLine(running, settings) : () => {};
  const endSync = parts ? syncLine(parts.sync, settings, terminal) : () => {};
  await running.stopped.finally(() => {
    endSync();
    endLine();
    warnings.end();
  });
  terminal.note('The node has stopped.');
  return EXIT.done;
});

/** `bitmodel node`. */
export const register: Register = (program) => {
  const node = program
    .command('node')
    .description('run a node: it keeps and checks the chain and answers on this machine')
    .option('--regtest', 'a chain of your own, with blocks on demand (the default network)')
    .option('--light', 'keep headers only, and ask other nodes for proofs of the rest')
    .option('--mine', 'mine; an empty regtest chain gets 101 blocks at once')
    .option(
      '--mine-to <address>',
      'who is paid for blocks (on regtest, unless stated, the faucet of the node)',
    )
    .option('--block-time <seconds>', `time between two blocks on regtest (${BLOCK_TIME})`)
    .option('--threads <count>', 'threads that mine, not on regtest (all cores but one)')
    .option('--par <threads>', 'threads that check the scripts of blocks; 0 for one per core', '0')
    .option('--reindex', 'rebuild unspent outputs and indexes from the blocks that are kept')
    .option(
      '--prune <megabytes>',
      'drop old blocks beyond so many MB (never the last 288); wallets and jobs with older coins then need another node',
    )
    .option('--check-level <0-4>', 'how thoroughly the last blocks are verified at the start', '3')
    .option('--check-blocks <count>', 'how many of them; 0 for all', '6')
    .option(
      '--max-mempool <megabytes>',
      'most memory for transactions that wait for a block',
      '300',
    )
    .option('--mempool-expiry <hours>', 'how long a transaction may wait for a block', '336')
    .option('--rpc-port <port>', 'port to answer on; 0 takes any free one')
    .option('--rpc-bind <host>', 'address of this machine to answer on (127.0.0.1)')
    .option('--rpc-allow-ip <range...>', 'who may call beside this machine, as 192.168.1.0/24')
    .option('--rpc-user <name>', 'user name instead of the cookie file')
    .option('--rpc-password <password>', 'its password')
    .addHelpText(
      'after',
      `
Ctrl-C stops it. While it runs, the other commands find it by the data folder.

Example:
  $ bitmodel node --regtest --mine
  $ bitmodel chain info            (in another shell)
  $ bitmodel node --network test --mine --mine-to ADDRESS --threads 2
  $ bitmodel node --network test --seed-node node.example.org
  $ bitmodel node status           (height, peers, what is waiting)
  $ bitmodel node --light --network test --seed-node HOST
  $ bitmodel node --reindex        (the chain on disk was damaged)`,
    )
    .action(run);
  addNetworkOptions(node);
  addCheckOptions(node);
  registerNodeStatus(node);
  registerNodePeers(node);
};
