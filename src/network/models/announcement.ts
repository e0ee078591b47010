import { BitmodelError, concatBytes, utf8 } from '../../base/index.js';
import { ByteReader, ByteWriter } from '../../chain/index.js';

/** Bounds of an announcement. */
export const MOST_ANNOUNCED = 256;
export const MOST_ADDRESSES = 4;
const LONGEST_ADDRESS = 200;
const PEER = 38;
const SIGNATURE = 64;
const ID = 32;
const VERSION = 1;
/** Most bytes of an announcement. */
export const MAX_ANNOUNCEMENT =
  1 + PEER + 4 + 1 + MOST_ADDRESSES * (1 + LONGEST_ADDRESS) + 3 + MOST_ANNOUNCED * ID + SIGNATURE;

/** What a node says it holds. */
export interface Announcement {
  /** Bytes of the node's id, which are its key. */
  readonly peer: Uint8Array;
  /** When it says so, in seconds since 1970. */
  readonly time: number;
  /** Where it can be reached, multiaddrs. */
  readonly addresses: readonly string[];
  /** Model ids, 32 bytes each; all that it holds, so that a later announcement takes the place of an earlier one. */
  readonly ids: readonly Uint8Array[];
}

/** An announcement with its signature. */
export interface SignedAnnouncement extends Announcement {
  readonly signature: Uint8Array;
}

/** `version u8 | peer 38 | time u32 | addresses (count u8, each length u8 and text) | count u16 | ids`. */
function encodeContent({ peer, time, addresses, ids }: Announcement): Uint8Array {
  const writer = new ByteWriter().u8(VERSION).bytes(peer).u32(time).u8(addresses.length);
  for (const address of addresses) {
    const bytes = utf8(address);
    writer.u8(bytes.length).bytes(bytes);
  }
  writer.u16(ids.length);
  for (const id of ids) writer.bytes(id);
  return writer.finish();
}

/** What the node's key signs: an announcement of one network says nothing on another. */
export function announcementMessage(network: string, announcement: Announcement): Uint8Array {
  return concatBytes(utf8(`bitmodel ${network} models/1\n`), encodeContent(announcement));
}

/** Whether an address is short enough to be announced, and plain text. */
export function isAnnounceable(address: string): boolean {
  return /^\/[\x21-\x7e]+$/.test(address) && address.length <= LONGEST_ADDRESS;
}

/** Bytes of a signed announcement: its content, then the signature. */
export function encodeAnnouncement(announcement: SignedAnnouncement): Uint8Array {
  return concatBytes(encodeContent(announcement), announcement.signature);
}

/** @throws BitmodelError `BAD_ENCODING`, `BAD_ANNOUNCEMENT` */
export function decodeAnnouncement(bytes: Uint8Array): SignedAnnouncement {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== VERSION) throw bad('its version is unknown');
  const peer = reader.bytes(PEER);
  const time = reader.u32();
  const addressCount = reader.u8();
  if (addressCount > MOST_ADDRESSES) throw bad('it names too many addresses');
  const addresses = Array.from({ length: addressCount }, () => {
    const address = Buffer.from(reader.bytes(reader.u8())).toString('latin1');
    if (!isAnnounceable(address)) throw bad('an address is none');
    return address;
  });
  const count = reader.u16();
  if (count > MOST_ANNOUNCED) throw bad('it names too many models');
  const ids = Array.from({ length: count }, () => reader.bytes(ID));
  const signature = reader.bytes(SIGNATURE);
  reader.end();
  return { peer, time, addresses, ids, signature };
}

function bad(why: string): BitmodelError {
  return new BitmodelError('BAD_ANNOUNCEMENT', `This is no announcement of models: ${why}.`);
}
