import { BitmodelError } from '../../base/index.js';
import { ByteReader, ByteWriter } from '../../chain/index.js';

/** What a node offers to others, one bit each. */
export const SERVICES = {
  /** Every block from the genesis block on. */
  blocks: 1,
  /** The last 288 blocks (a pruned node). */
  'recent-blocks': 2,
} as const;

/** The name of a service. */
export type ServiceName = keyof typeof SERVICES;

/** What a node says of itself when a connection is made; nothing of it is believed before its headers bear it out. */
export interface Status {
  /** Version of the wire: 1. */
  readonly version: number;
  /** Hash of the genesis block in byte order. */
  readonly genesis: Uint8Array;
  /** {@link SERVICES} that it offers. */
  readonly services: number;
  /** Height, expected number of hashes and hash of its tip. */
  readonly height: number;
  readonly work: bigint;
  readonly tip: Uint8Array;
  /** Seconds since 1970. */
  readonly time: number;
  /** Program and version, printable ASCII. */
  readonly agent: string;
}

/** Version of the wire that this program speaks. */
export const WIRE_VERSION = 1;

const MAX_AGENT = 64;

/** Names of the services in a status. */
export function serviceNames(services: number): ServiceName[] {
  return (Object.keys(SERVICES) as ServiceName[]).filter(
    (name) => (services & SERVICES[name]) !== 0,
  );
}

/** Bytes of a node's status, as `status/1` carries it. */
export function encodeStatus(status: Status): Uint8Array {
  return new ByteWriter(192)
    .u16(status.version)
    .bytes(status.genesis)
    .u32(status.services)
    .u32(status.height)
    .bytes(Buffer.from(status.work.toString(16).padStart(64, '0'), 'hex'))
    .bytes(status.tip)
    .u32(status.time)
    .varBytes(Buffer.from(status.agent, 'ascii'))
    .finish();
}

/** @throws BitmodelError `BAD_ENCODING` */
export function decodeStatus(bytes: Uint8Array): Status {
  const reader = new ByteReader(bytes);
  const status = {
    version: reader.u16(),
    genesis: reader.bytes(32),
    services: reader.u32(),
    height: reader.u32(),
    work: BigInt(`0x${Buffer.from(reader.bytes(32)).toString('hex')}`),
    tip: reader.bytes(32),
    time: reader.u32(),
    agent: readAgent(reader.varBytes()),
  };
  reader.end();
  return status;
}

/** Text that others show on their terminals. */
function readAgent(bytes: Uint8Array): string {
  const isPrintable = bytes.every((byte) => byte >= 0x20 && byte < 0x7f);
  if (bytes.length <= MAX_AGENT && isPrintable) return Buffer.from(bytes).toString('ascii');
  throw new BitmodelError('BAD_ENCODING', 'The name of a program is long or unprintable.');
}
