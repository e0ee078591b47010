import { oneLine } from '../../base/index.js';
import { factTable, listTable } from './tables.js';

/** A peer, as the node answers `getpeerinfo`. */
export interface PeerInfo {
  readonly id: number;
  readonly peer: string;
  readonly addr: string;
  readonly inbound: boolean;
  readonly relayed: boolean;
  readonly servicesnames: readonly string[];
  readonly conntime: number;
  /** Seconds. */
  readonly pingtime?: number;
  readonly synced_blocks: number;
  readonly synced_headers: number;
  readonly score: number;
}

/** A ban, as the node answers `listbanned`. */
export interface BanInfo {
  readonly address: string;
  readonly time_remaining: number;
  readonly reason?: string;
}

/** What the node answers of its network; undefined for a node without one. */
export interface NetworkStatus {
  readonly id: string;
  readonly addresses: readonly string[];
  /** Whether other nodes can dial it, as far as they say. */
  readonly reachable: 'yes' | 'no' | 'unknown';
  /** Ids of the nodes through which it is reached. */
  readonly relays: readonly string[];
  readonly outbound: number;
  readonly inbound: number;
  readonly aim: number;
  readonly known: number;
  readonly banned: number;
  /** Bytes since the start. */
  readonly received: number;
  readonly sent: number;
  readonly seeds: readonly { readonly address: string; readonly connected: boolean }[];
  /** What the parts of the network say of themselves. */
  readonly [part: string]: unknown;
}

/** What the node says of its way to the chain of the others. */
interface Syncing {
  readonly isSyncing: boolean;
  readonly height: number;
  readonly headers: number;
  readonly blocksPerSecond?: number;
  readonly secondsLeft?: number;
}

/** Everything that `node status` shows. */
export interface NodeStatus {
  readonly network: string;
  readonly height: number;
  readonly headers: number;
  /** Id of the block at the height. */
  readonly tip: string;
  readonly uptime: number;
  /** Transactions; undefined where the node knows of none but has nobody to ask, as a light one without peers. */
  readonly waiting: number | undefined;
  readonly waitingBytes: number | undefined;
  readonly peers: NetworkStatus | undefined;
}

/** Longest text in a cell beside the others, so that a table fits 80 columns. */
const WIDTH = 64;
/** An id is so long. */
const PEER_WIDTH = 52;

const KNOWN = [
  'id',
  'addresses',
  'reachable',
  'relays',
  'outbound',
  'inbound',
  'aim',
  'known',
  'banned',
  'received',
  'sent',
  'seeds',
];

/** What a peer is good for, by the protocols that it speaks; the rest is how nodes get on with each other. */
const SERVICES: readonly (readonly [protocol: RegExp, service: string])[] = [
  [/^(blocks|headers)\//, 'chain'],
  [/^mempool\//, 'transactions'],
  [/^job-pool\//, 'jobs'],
  [/^chunks\//, 'models'],
  [/^proofs\//, 'proofs'],
  [/^check\//, 'checks'],
  [/^(relay|hop)\//, 'relay'],
];

/** What a peer that speaks these protocols serves, for people. */
export function servicesText(protocols: readonly string[]): string {
  const found = SERVICES.filter(([pattern]) => protocols.some((name) => pattern.test(name)));
  return found.map(([, service]) => service).join(' ');
}

/** A text in lines of at most so many characters. */
function wrapped(text: string, width: number): string {
  const lines: string[] = [];
  for (let rest = oneLine(text); rest !== ''; ) {
    const space = rest.length > width ? rest.lastIndexOf(' ', width) : -1;
    const end = space > 0 ? space : width;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  return lines.join('\n');
}

/** A time span in its largest units, two unless stated. */
export function span(seconds: number, most = 2): string {
  const units: readonly [string, number][] = [
    ['d', 86_400],
    ['h', 3_600],
    ['min', 60],
    ['s', 1],
  ];
  const first = units.findIndex(([, size]) => seconds >= size);
  if (first < 0) return '0 s';
  let rest = Math.floor(seconds);
  const parts: string[] = [];
  for (const [unit, size] of units.slice(first, first + most)) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count} ${unit}`);
  }
  return parts.join(' ');
}

function partText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const text = Object.entries(value)
    .filter(([, each]) => each !== undefined && each !== null)
    .map(([name, each]) => `${name} ${typeof each === 'object' ? JSON.stringify(each) : each}`);
  return text.join(', ');
}

/** How far a node is from the headers that it knows, for people. */
function syncingText(value: unknown): string {
  const { isSyncing, height, headers, blocksPerSecond, secondsLeft } = value as Syncing;
  if (!isSyncing && height >= headers) return 'in step with the headers that it knows';
  const parts = [`height ${height} of ${headers}`];
  if (blocksPerSecond) parts.push(`${Math.round(blocksPerSecond)} blocks/s`);
  if (secondsLeft) parts.push(`${span(secondsLeft)} left`);
  return parts.join(', ');
}

/** A number of bytes, in three digits or four. */
function sizeText(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const amount = bytes / 1000 ** power;
  return `${power === 0 ? amount : amount.toFixed(amount < 10 ? 1 : 0)} ${units[power]}`;
}

/** What a part of the network says of itself, for people. */
function factText(name: string, value: unknown, hasPeers: boolean): string {
  const facts = value as Readonly<Record<string, unknown>>;
  switch (name) {
    case 'syncing':
      return hasPeers ? syncingText(value) : 'knows no other nodes yet';
    case 'models': {
      const fetching = Array.isArray(facts.fetching) ? facts.fetching.length : 0;
      const given = `${sizeText(Number(facts.bytesServed))} given to others`;
      return fetching === 0 ? given : `${given}, ${fetching} being fetched`;
    }
    case 'light':
      return `asks ${facts.asked} nodes, ${facts.proven} transactions proven, ${facts.sending} of its own wait for a block`;
    default:
      return partText(value);
  }
}

/** Whether others can dial a node, and through whom where they can not. */
function reachableText({ reachable, relays }: NetworkStatus): string {
  const through = relays.length === 0 ? '' : `, others reach it through ${relays.join(' ')}`;
  return `${reachable}${through}`;
}

function waitingText(count: number | undefined, bytes = 0): string {
  if (count === undefined) return 'unknown: there is no other node to ask';
  return `${count} ${count === 1 ? 'transaction' : 'transactions'}, ${sizeText(bytes)}`;
}

/** The state of a node among others, for people. */
export function statusText(status: NodeStatus): Promise<string> {
  const { peers, height, headers, waiting, waitingBytes } = status;
  const parts = Object.entries(peers ?? {}).filter(([name]) => !KNOWN.includes(name));
  const shown: Record<string, string | undefined> = {
    network: status.network,
    running: span(status.uptime),
    height: headers > height ? `${height} of ${headers} known` : `${height}`,
    tip: status.tip,
    waiting: waitingText(waiting, waitingBytes),
  };
  if (peers) {
    const { id, addresses, outbound, inbound, aim, known, banned, seeds } = peers;
    const { received, sent } = peers;
    Object.assign(shown, {
      id,
      addresses: addresses.length === 0 ? 'none: others can not dial it' : addresses.join(' '),
      reachable: reachableText(peers),
      peers: `${outbound} dialled (aims for ${aim}), ${inbound} came in`,
      known: `${known} ${known === 1 ? 'peer' : 'peers'}, ${banned} ${banned === 1 ? 'ban' : 'bans'}`,
      traffic: `${sizeText(received)} received, ${sizeText(sent)} sent`,
      seeds: seeds.map((each) => `${each.address}${each.connected ? '' : ' (away)'}`).join(' '),
    });
    for (const [name, value] of parts) {
      shown[name] = factText(name, value, outbound + inbound > 0);
    }
  } else shown.peers = 'none: the node runs without a network';
  const facts = Object.entries(shown).filter(([, value]) => value !== undefined && value !== '');
  return factTable(
    Object.fromEntries(facts.map(([name, value]) => [name, wrapped(value!, WIDTH)])),
  );
}

/** How far a peer is: what it says, or what it has shown since. */
function heightText({ synced_blocks, synced_headers }: PeerInfo): string {
  const height = Math.max(synced_blocks, synced_headers);
  return height < 0 ? '' : `${height}`;
}

function pingText(seconds: number | undefined): string {
  if (seconds === undefined) return '';
  return seconds < 0.9995 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`;
}

/** Where a peer is; of a relayed one, by which node. */
function placeText({ addr, relayed }: PeerInfo): string {
  if (!relayed) return addr;
  const relay = /^\/(?:ip4|ip6|dns[46]?)\/([^/]+)\/tcp\/(\d+)\//.exec(addr);
  if (!relay) return `relayed by ${addr}`;
  const [, host, port] = relay;
  return `relayed by ${host!.includes(':') ? `[${host}]` : host}:${port}`;
}

/** The peers of a node, for people: each with its id in one piece, to be copied. @param now seconds since 1970 */
export async function peersText(peers: readonly PeerInfo[], now: number): Promise<string> {
  if (peers.length === 0) return 'No peers are connected.';
  const rows = peers.map((peer) => {
    const { id, inbound, pingtime, score, conntime } = peer;
    const who = [`${id}: ${placeText(peer)}`, peer.peer, servicesText(peer.servicesnames)];
    const height = heightText(peer);
    const ping = pingText(pingtime);
    const how = [
      `${inbound ? 'in' : 'out'} for ${span(Math.max(0, now - conntime), 1)}`,
      ...(height ? [`height ${height}`] : []),
      ...(ping ? [`ping ${ping}`] : []),
      `score ${score}`,
    ];
    return [
      who
        .filter(Boolean)
        .map((line) => wrapped(line, PEER_WIDTH))
        .join('\n'),
      how.join('\n'),
    ];
  });
  return listTable(['number and address, id, what it serves', 'connection'], rows);
}

/** The bans of a node, for people. */
export async function bansText(bans: readonly BanInfo[]): Promise<string> {
  if (bans.length === 0) return 'Nobody is banned.';
  const rows = bans.map(({ address, time_remaining, reason }) => [
    `${wrapped(address, PEER_WIDTH)}\n${wrapped(reason ?? '', PEER_WIDTH)}`.trimEnd(),
    span(time_remaining),
  ]);
  return listTable(['banned', 'for another'], rows);
}
