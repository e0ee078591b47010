import { join } from 'node:path';
import { BitmodelError, EXIT, type ExitCode, messageOf } from '../../base/index.js';
import type { RpcAuth } from '../../chain/index.js';
import { registerNoSuspects } from '../../job/index.js';
import { attachJobPool } from './job-pool.js';
import { type NetworkOptionTexts, networkLine, networkPlan } from './network-options.js';
import { attachAsking } from './outsourced-checks.js';
import { RepeatedWarnings } from './repeated-warnings.js';
import type { NetworkName } from './settings.js';
import type { Terminal } from './terminal.js';

/** What a light node is started with; the RPC server's part is a full node's. */
export interface LightOptions {
  readonly datadir: string;
  readonly network: NetworkName;
  readonly version: string;
  readonly rpcPort: number | undefined;
  readonly rpcHost: string | undefined;
  readonly rpcAllow: readonly string[] | undefined;
  readonly rpcAuth: RpcAuth | undefined;
  /** Options about peers, as they were typed. */
  readonly peers: NetworkOptionTexts;
}

/** Options of `bitmodel node` that say something of blocks, which a light node doesn't have, and what stands unless stated. */
const OF_BLOCKS: Readonly<Record<string, string | undefined>> = {
  mine: undefined,
  mineTo: undefined,
  blockTime: undefined,
  threads: undefined,
  par: '0',
  reindex: undefined,
  prune: undefined,
  checkLevel: '3',
  checkBlocks: '6',
  maxMempool: '300',
  mempoolExpiry: '336',
  checkModels: undefined,
  checkThreads: undefined,
};

/**
 * Refuses what a light node would drop without a word.
 * @param options as they were typed, by commander's names
 * @throws BitmodelError `BAD_OPTION`
 */
export function refuseOfBlocks(options: object): void {
  const given = new Map<string, unknown>(Object.entries(options));
  const found = Object.keys(OF_BLOCKS).find((name) => given.get(name) !== OF_BLOCKS[name]);
  if (found === undefined) return;
  const option = found.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw new BitmodelError('BAD_OPTION', `--${option} is for a node that keeps blocks.`, {
    next: 'Leave it out, or --light',
    exitCode: EXIT.usage,
  });
}

/** Runs a light node until the signal ends it. @throws BitmodelError of `runLightNode`, `BAD_OPTION` */
export async function runLight(
  { peers, ...options }: LightOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<ExitCode> {
  const plan = await networkPlan(peers, options.network, true);
  if (!plan) {
    throw new BitmodelError('BAD_OPTION', 'A light node knows nothing without other nodes.', {
      next: 'Pass --seed-node or --connect ADDRESS',
      exitCode: EXIT.usage,
    });
  }
  const warnings = new RepeatedWarnings((text) => terminal.warn(text));
  const { runLightNode } = await import('../../network/index.js');
  const running = await runLightNode({
    ...options,
    ...plan,
    onWarning: (message) => warnings.add(`network: ${message}`),
    extend: (server, { chain, headers, network }) => {
      const warn = (thrown: unknown) => warnings.add(`job pool: ${messageOf(thrown)}`);
      const jobs = attachJobPool(server, { chain, blocks: headers }, warn);
      const leave = jobs.join(network);
      registerNoSuspects(server);
      const endChecks = attachAsking(server, join(options.datadir, options.network), network.host);
      return () => {
        endChecks();
        leave();
      };
    },
  });
  const { url, node } = running;
  const { host } = node.network;
  terminal.result(
    {
      network: options.network,
      url,
      folder: node.folder,
      height: node.tip.height,
      light: true,
      id: host.id,
      addresses: host.addresses(),
    },
    `${options.network} light node listens on ${url} (folder ${node.folder}, height ${node.tip.height})`,
    url,
  );
  if (host.addresses().length > 0) terminal.note(networkLine(host, plan.announce));
  signal.addEventListener('abort', () => void running.stop());
  if (signal.aborted) await running.stop();
  await running.stopped.finally(() => warnings.end());
  terminal.note('The node has stopped.');
  return EXIT.done;
}
