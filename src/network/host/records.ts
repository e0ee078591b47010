import './polyfill.js';
import { peerIdFromPublicKey } from '@libp2p/peer-id';
import { PeerRecord, RecordEnvelope } from '@libp2p/peer-record';
import { BitmodelError, equalBytes, messageOf } from '../../base/index.js';
import type { PeerId } from './Host.js';

/** Where a peer says it can be reached; only its own key can say so. */
export interface SignedAddresses {
  readonly peer: PeerId;
  /** Multiaddrs without `/p2p/ID`, as the peer gave them. */
  readonly addresses: readonly string[];
  /** Of two records the one with the larger number holds; milliseconds since 1970 of its making. */
  readonly sequence: number;
}

/** Most bytes of a signed record that is read; room for a dozen addresses. */
const MAX_RECORD_SIZE = 1_024;

/**
 * Reads a signed record and checks that the peer it speaks of signed it.
 * @throws BitmodelError `BAD_RECORD`
 */
export async function openRecord(bytes: Uint8Array): Promise<SignedAddresses> {
  if (bytes.length > MAX_RECORD_SIZE) throw bad(`it has more than ${MAX_RECORD_SIZE} bytes`);
  let envelope: RecordEnvelope;
  let record: PeerRecord;
  try {
    envelope = await RecordEnvelope.openAndCertify(bytes, PeerRecord.DOMAIN);
    record = PeerRecord.createFromProtobuf(envelope.payload);
  } catch (thrown) {
    throw bad(messageOf(thrown), thrown);
  }
  if (!equalBytes(envelope.payloadType, PeerRecord.CODEC)) throw bad('it is no peer record');
  const signer = peerIdFromPublicKey(envelope.publicKey);
  if (!signer.equals(record.peerId)) throw bad('another peer signed it');
  if (record.seqNumber > BigInt(Number.MAX_SAFE_INTEGER)) throw bad('its number is too large');
  return {
    peer: record.peerId.toString(),
    addresses: record.multiaddrs.map((address) => withoutOwnId(address.toString())),
    sequence: Number(record.seqNumber),
  };
}

/** An address without the id at its end, which a record carries apart; a relay's id stays. */
function withoutOwnId(address: string): string {
  return address.replace(/\/p2p\/[^/]+$/, '');
}

function bad(why: string, cause?: unknown): BitmodelError {
  return new BitmodelError('BAD_RECORD', `This is no signed record of a peer: ${why}.`, { cause });
}
