import { isIP, isIPv6 } from 'node:net';
import { BitmodelError, EXIT } from '../../base/index.js';

/** How far an address reaches: this machine, a network of its own, or everybody. */
export type Scope = 'loopback' | 'private' | 'public';

/** A multiaddr taken apart: TCP at a host, perhaps of a known peer, perhaps through a relay. */
export interface TcpAddress {
  /** The host as an IP address in its shortest form, or as a name. */
  readonly host: string;
  readonly port: number;
  /** The peer at the other end. */
  readonly peer: string | undefined;
  readonly isName: boolean;
  /** Whether host and port are those of a relay that passes on to the peer. */
  readonly isRelayed: boolean;
}

const MAX_PORT = 65_535;
const PEER_ID =
  /^(12D3KooW[1-9A-HJ-NP-Za-km-z]{44}|Qm[1-9A-HJ-NP-Za-km-z]{44}|16Uiu2[1-9A-HJ-NP-Za-km-z]{40,60})$/;
const NAME =
  /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?$/i;
const HOST_PROTOCOLS = new Set(['ip4', 'ip6', 'dns', 'dns4', 'dns6']);

/** Whether a text is a peer's id. */
export function isPeerId(text: string): boolean {
  return PEER_ID.test(text);
}

function portOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,5}$/.test(text)) return undefined;
  const port = Number(text);
  return port <= MAX_PORT ? port : undefined;
}

/** The shortest form of an IP address (RFC 5952), and IPv4 in IPv6 as plain IPv4. */
function shortestIp(host: string): string {
  if (!isIPv6(host)) return host;
  const text = new URL(`http://[${host}]/`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(text);
  return mapped ? dotted(mapped[1]!, mapped[2]!) : text;
}

/** An IPv4 address, of two groups of an IPv6 one. */
function dotted(...groups: readonly [string, string]): string {
  const [high, low] = groups.map((group) => Number.parseInt(group, 16)) as [number, number];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/** Takes a multiaddr apart; undefined for any other kind than those of {@link TcpAddress}. */
export function readMultiaddr(text: string): TcpAddress | undefined {
  if (text.length > 512) return undefined;
  const [start, protocol, host, tcp, portText, ...rest] = text.split('/');
  if (start !== '' || host === undefined || tcp !== 'tcp') return undefined;
  if (!HOST_PROTOCOLS.has(protocol!)) return undefined;
  const isName = protocol!.startsWith('dns');
  const family = protocol === 'ip4' ? 4 : 6;
  if (isName ? !NAME.test(host) : isIP(host) !== family) return undefined;
  const port = portOf(portText);
  if (port === undefined) return undefined;
  const isRelayed = rest.length >= 3 && rest[2] === 'p2p-circuit';
  if (isRelayed && (rest[0] !== 'p2p' || !isPeerId(rest[1]!))) return undefined;
  const [p2p, peer, ...more] = isRelayed ? rest.slice(3) : rest;
  if (more.length > 0) return undefined;
  if (p2p !== undefined && (p2p !== 'p2p' || peer === undefined || !isPeerId(peer))) {
    return undefined;
  }
  return { host: isName ? host : shortestIp(host), port, peer, isName, isRelayed };
}

/** A host and port as a multiaddr. */
export function toMultiaddr(host: string, port: number, peer?: string): string {
  const kind = isIP(host);
  const protocol = kind === 4 ? 'ip4' : kind === 6 ? 'ip6' : 'dns';
  return `/${protocol}/${host}/tcp/${port}${peer === undefined ? '' : `/p2p/${peer}`}`;
}

/** `host:port`, `[v6]:port`: how people write an address. */
export function hostAndPort({ host, port }: Pick<TcpAddress, 'host' | 'port'>): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Reads an address as people write it: `host:port`, `[v6]:port`, a name with or without a port, a bare IP address, or a
 * multiaddr with or without `/p2p/ID`.
 * @param defaultPort where none is named
 * @returns the multiaddr
 * @throws BitmodelError `BAD_ADDRESS`
 */
export function parsePeerAddress(text: string, defaultPort: number): string {
  if (text.startsWith('/')) {
    if (readMultiaddr(text) !== undefined) return text;
    throw bad(text);
  }
  const [, bracketed, bare, portText] = isIPv6(text)
    ? [text, text, undefined, undefined]
    : (/^(?:\[([^\]]*)\]|([^:]*))(?::(.*))?$/.exec(text) ?? []);
  const host = bracketed ?? bare;
  const port = portText === undefined ? defaultPort : portOf(portText);
  const isGood =
    bracketed === undefined
      ? isIP(host ?? '') === 4 || (NAME.test(host ?? '') && !/^[\d.]*$/.test(host!))
      : isIPv6(bracketed);
  if (host === undefined || !isGood || port === undefined) throw bad(text);
  return toMultiaddr(shortestIp(host), port);
}

function bad(text: string): BitmodelError {
  return new BitmodelError('BAD_ADDRESS', `"${text.slice(0, 80)}" is no address of a node.`, {
    next: 'Pass HOST:PORT, [IPV6]:PORT, or /ip4/IP/tcp/PORT/p2p/ID',
    exitCode: EXIT.usage,
  });
}

const PRIVATE_V4 = [
  /^10\./,
  /^172\.(1[6-9]|2\d|3[01])\./,
  /^192\.168\./,
  /^169\.254\./,
  /^100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\./,
];

/** Names that no server of the internet knows (RFC 6762, 8375 and what routers commonly use), and of one word. */
const PRIVATE_NAME =
  /^[^.]+$|\.(local|lan|home|internal|intranet|corp|private|localdomain|home\.arpa|test)$/;

/** How far a name reaches, by what it is; what it leads to is another matter. */
function scopeOfName(name: string): Scope {
  const plain = name.toLowerCase().replace(/\.$/, '');
  if (/(^|\.)localhost$/.test(plain)) return 'loopback';
  return PRIVATE_NAME.test(plain) ? 'private' : 'public';
}

/** How far an IP address or name reaches; undefined for what no node can be at (unspecified, multicast, reserved). */
export function scopeOf(host: string): Scope | undefined {
  if (isIP(host) === 0) return scopeOfName(host);
  if (isIP(host) === 4) {
    if (/^127\./.test(host)) return 'loopback';
    if (PRIVATE_V4.some((range) => range.test(host))) return 'private';
    const first = Number(host.split('.')[0]);
    return first === 0 || first >= 224 ? undefined : 'public';
  }
  const full = shortestIp(host);
  if (isIP(full) === 4) return scopeOf(full);
  if (full === '::1') return 'loopback';
  if (/^(fe[89a-f]|f[cd])/.test(full)) return 'private';
  const embedded = embeddedIpv4(full);
  if (embedded !== undefined) return scopeOf(embedded);
  return full.startsWith('ff') ? undefined : 'public';
}

/**
 * The IPv4 address that packets to an IPv6 address end up at, where it names one: IPv4-compatible (RFC 4291, 2.5.5.1),
 * 6to4 (RFC 3056), and the well-known prefix of NAT64 (RFC 6052).
 */
function embeddedIpv4(host: string): string | undefined {
  const groups = words(host, 8);
  const [, high, low] =
    /^2002:([^:]+):([^:]+):/.exec(groups) ??
    /^(?:0:0|64:ff9b):0:0:0:0:([^:]+):([^:]+)$/.exec(groups) ??
    [];
  return high === undefined || low === undefined ? undefined : dotted(high, low);
}

const WIDTH: Record<Scope, number> = { loopback: 0, private: 1, public: 2 };

/**
 * Whether whoever is reached over one scope may speak of addresses of another: a peer on the internet knows nothing of
 * this machine or its own network, and dialling there at its word would be scanning them for it.
 */
export function maySpeakOf(over: Scope, about: Scope): boolean {
  return WIDTH[about] >= WIDTH[over];
}

/** First 16-bit groups of an IPv6 address, written out. */
function words(host: string, count: number): string {
  const [head = '', tail] = shortestIp(host).split('::');
  const start = head === '' ? [] : head.split(':');
  const end = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - start.length - end.length;
  return [...start, ...Array<string>(zeros).fill('0'), ...end].slice(0, count).join(':');
}

/**
 * Whom an address probably belongs to: addresses of one group cost little to get together. As in Bitcoin Core, /16 of
 * IPv4 and /32 of IPv6; in a private network each address, and on loopback each port, is of a group of its own. All names
 * are of one: whoever has one has as many as wanted.
 */
export function addressGroup({ host, port, isName }: TcpAddress): string {
  if (isName) return 'names';
  const scope = scopeOf(host);
  if (scope === 'loopback') return `loopback ${port}`;
  if (scope === 'private') return host;
  return isIP(host) === 4 ? host.split('.').slice(0, 2).join('.') : words(host, 2);
}

/** What one machine has under its control at least: an IPv4 address, a /64 of IPv6. */
export function machineOf(host: string): string {
  return isIP(host) === 6 ? `${words(host, 4)}::/64` : host;
}
