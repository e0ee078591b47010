import { networkInterfaces } from 'node:os';
import { type Command, Option } from 'commander';
import { BitmodelError, EXIT } from '../../base/index.js';
import { type ChainNode, networkParameters, type RpcServer } from '../../chain/index.js';
import type { FullNetwork, Host } from '../../network/index.js';
import { wholeOption } from './number-options.js';
import type { NetworkName } from './settings.js';

/** Options of `bitmodel node` about its peers, as they are typed. */
export interface NetworkOptionTexts {
  readonly seedNode?: string[];
  readonly connect?: string[];
  readonly listen?: string[];
  /** False with `--no-listen`. */
  readonly inbound?: boolean;
  readonly p2pPort?: string;
  readonly announce?: string[];
  readonly maxPeers?: string;
  /** False with `--no-network`. */
  readonly peers?: boolean;
  /** False with `--no-serve-models`. */
  readonly serveModels?: boolean;
}

/** What of a network is to be started; addresses as multiaddrs. */
export interface NetworkPlan {
  readonly listen: readonly string[];
  readonly seeds: readonly string[];
  readonly connect?: readonly string[] | undefined;
  readonly announce: readonly string[];
  readonly maxPeers?: number | undefined;
  /** Whether the models of this machine are given to other nodes. */
  readonly servesModels: boolean;
}

const MAX_PORT = 65_535;
const LEAST_PEERS = 1;
const MOST_PEERS = 1_000;

/** Adds the options to a command. */
export function addNetworkOptions(command: Command): Command {
  const none = new Option('--no-network', 'no other nodes at all');
  // by its own name it would say no to --network NAME, which is about something else
  none.attributeName = () => 'peers';
  // by one name the last of --listen and --no-listen would win without a word
  const closed = new Option('--no-listen', 'dial other nodes, but let none in');
  closed.attributeName = () => 'inbound';
  return command
    .addOption(none)
    .option('--seed-node <address...>', 'nodes to begin with: HOST:PORT, [IPV6]:PORT or multiaddr')
    .option('--connect <address...>', 'nodes to connect to, and no others')
    .option(
      '--listen <address...>',
      'where other nodes reach this one (any address of the machine)',
    )
    .addOption(closed)
    .option('--p2p-port <port>', 'port for other nodes; 0 takes any free one')
    .option(
      '--announce <address...>',
      'HOST[:PORT] under which others reach this node, as behind a router',
    )
    .option('--max-peers <count>', 'most nodes connected at once (125)')
    .option('--no-serve-models', 'give none of the models of this machine to other nodes');
}

function usage(message: string, next: string): BitmodelError {
  return new BitmodelError('BAD_OPTION', message, { next, exitCode: EXIT.usage });
}

/**
 * What the options ask for; undefined for no network. A regtest chain is one's own: it has a network only where an
 * option speaks of one, and then on this machine unless told otherwise.
 * @param isLight whether it is a light node: nobody needs to reach it, unless it is told where
 * @throws BitmodelError `BAD_OPTION`, `BAD_ADDRESS`
 */
export async function networkPlan(
  options: NetworkOptionTexts,
  network: NetworkName,
  isLight = false,
): Promise<NetworkPlan | undefined> {
  const { seedNode, connect, listen, inbound, p2pPort, announce, maxPeers } = options;
  const speaks = seedNode ?? connect ?? p2pPort ?? listen;
  if (options.peers === false) {
    if (speaks === undefined) return undefined;
    throw usage('--no-network goes with no other node.', 'Leave it out, or the addresses');
  }
  if (network === 'regtest' && speaks === undefined) {
    if (inbound === false) {
      throw usage('This regtest node has no network.', 'Pass --seed-node or --connect, too');
    }
    if (announce === undefined && maxPeers === undefined && options.serveModels !== false) {
      return undefined;
    }
    throw usage(
      'This regtest node has no network.',
      'Pass --seed-node, --connect or --listen, too',
    );
  }
  if (listen && inbound === false) {
    throw usage('--no-listen lets no node in.', 'Pass --listen or --no-listen, not both');
  }
  if (seedNode && connect) {
    throw usage('--connect is for no other nodes.', 'Pass --seed-node or --connect, not both');
  }
  const { parsePeerAddress } = await import('../../network/index.js');
  const own = networkParameters(network).p2pPort;
  const port =
    p2pPort === undefined
      ? network === 'regtest'
        ? 0
        : own
      : wholeOption(p2pPort, '--p2p-port', 0, MAX_PORT);
  const others = (texts: readonly string[] = []): string[] =>
    texts.map((text) => parsePeerAddress(text, own));
  const announced = (announce ?? []).map((text) => parsePeerAddress(text, port || own));
  // as in Bitcoin Core, who connects to certain nodes only lets nobody in unless told to
  const isSilent = listen === undefined && (inbound === false || connect !== undefined || isLight);
  const everywhere = network === 'regtest' ? ['127.0.0.1'] : allAddresses();
  const places = listen ?? everywhere;
  return {
    listen: isSilent ? [] : places.map((text) => parsePeerAddress(text, port)),
    seeds: others(seedNode),
    connect: connect && others(connect),
    announce: announced,
    servesModels: options.serveModels !== false,
    maxPeers:
      maxPeers === undefined
        ? undefined
        : wholeOption(maxPeers, '--max-peers', LEAST_PEERS, MOST_PEERS),
  };
}

/** All of this machine's addresses, of the versions of IP that it has. */
function allAddresses(): string[] {
  const hasV6 = Object.values(networkInterfaces()).some((all) =>
    all?.some(({ family }) => family === 'IPv6'),
  );
  return hasV6 ? ['0.0.0.0', '[::]'] : ['0.0.0.0'];
}

/** Starts the network of a node, and the methods about it. @throws BitmodelError of `startNetwork` */
export async function openNetwork(
  server: RpcServer,
  node: ChainNode,
  options: {
    readonly plan: NetworkPlan;
    readonly version: string;
    /** Folder of the user, with the models of this machine. */
    readonly datadir: string;
    readonly warn: (message: string) => void;
  },
): Promise<FullNetwork> {
  const { plan, version, datadir, warn } = options;
  const { registerModelMethods, registerNetworkMethods, startNetwork } = await import(
    '../../network/index.js'
  );
  const { isCalibrationOf } = await import('../../rastic/index.js');
  const network = await startNetwork({
    ...plan,
    node,
    agent: `bitmodel:${version}`,
    models: { datadir, isServing: plan.servesModels, isCalibration: isCalibrationOf },
    onWarning: (message) => warn(`network: ${message}`),
  });
  registerNetworkMethods(server, network, version);
  if (network.parts.models) registerModelMethods(server, network.parts.models);
  return network;
}

/** One line that says how other nodes find this one. @param announced what the operator says where it is, as multiaddrs */
export function networkLine(
  host: Pick<Host, 'addresses'>,
  announced: readonly string[] = [],
): string {
  const own = host.addresses();
  const isAnnounced = (address: string): boolean =>
    announced.some((start) => address === start || address.startsWith(`${start}/p2p/`));
  const address = own.find(isAnnounced) ?? own[0];
  return address === undefined
    ? 'Other nodes can not dial this one: it only dials them.'
    : `Other nodes find this one with --seed-node ${address}`;
}
