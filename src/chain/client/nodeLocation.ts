import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BitmodelError, EXIT } from '../../base/index.js';
import { type NetworkName, networkParameters } from '../consensus/parameters.js';

/** Name and password of HTTP basic authentication. */
export interface RpcAuth {
  readonly user: string;
  readonly password: string;
}

/** Where a node listens and keeps its cookie. */
export interface NodeLocation {
  /** The node's address, with `user:password@` if it doesn't use the cookie; undefined: this machine's. */
  readonly rpc?: string | undefined;
  readonly datadir: string;
  readonly network: NetworkName;
  /** Whether the data folder is another one than commands use by themselves, so that advice must name it. */
  readonly namesDatadir?: boolean;
}

/** File with the name and password of a running node, made anew at each start. */
export function cookiePath(datadir: string, network: NetworkName): string {
  return join(datadir, network, '.cookie');
}

/** File with the address at which the running node of this data folder answers. */
export function addressPath(datadir: string, network: NetworkName): string {
  return join(datadir, network, 'rpc-address');
}

/** Says that no node answers. */
export function unreachable(message: string, next: string, cause: unknown): BitmodelError {
  return new BitmodelError('NODE_UNREACHABLE', message, {
    next,
    cause,
    exitCode: EXIT.unreachable,
  });
}

/** How to come to a node where none answers. */
export function startHint({ rpc, network, datadir, namesDatadir }: NodeLocation): string {
  if (rpc !== undefined) return 'Check the address (--rpc, BITMODEL_RPC), and that its node runs';
  const chain = network === 'regtest' ? '--regtest --mine' : `--network ${network}`;
  const start = `bitmodel node ${chain}${namesDatadir ? ` --datadir ${datadir}` : ''}`;
  return `Start one with: ${start}; to find others, add --seed-node ADDRESS`;
}

/** The cookie; undefined where the node that is known of has none, as its owner chose a password. */
export function readCookie(location: NodeLocation): RpcAuth | undefined {
  const { datadir, network, rpc } = location;
  const path = cookiePath(datadir, network);
  try {
    const text = readFileSync(path, 'utf8').trim();
    const colon = text.indexOf(':');
    return { user: text.slice(0, colon), password: text.slice(colon + 1) };
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown;
    if (rpc !== undefined || existsSync(addressPath(datadir, network))) return undefined;
    const message = `No ${network} node runs on this data folder (${path} is missing).`;
    throw unreachable(message, startHint(location), thrown);
  }
}

/** Where the folder's node said it is when it last started; undefined after it has stopped. */
export function readAddress(datadir: string, network: NetworkName): string | undefined {
  try {
    return readFileSync(addressPath(datadir, network), 'utf8').trim();
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown;
    return undefined;
  }
}

/** Whether an address is one of this machine's own. */
export function isLoopback({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

/** A node's address as somebody names it. @throws BitmodelError `BAD_RPC_URL` */
export function parseAddress(text: string, network: NetworkName): URL {
  const address = text.includes('://') ? text : `http://${text}`;
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url?.protocol === 'http:') return url;
  throw new BitmodelError('BAD_RPC_URL', `"${text.slice(0, 80)}" is not a node's address.`, {
    next: `Write it as ${defaultAddress(network)}`,
    exitCode: EXIT.usage,
  });
}

/** Where a node of this machine is that was told nothing else. */
export function defaultAddress(network: NetworkName): string {
  return `http://127.0.0.1:${networkParameters(network).rpcPort}`;
}
