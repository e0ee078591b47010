import { BitmodelError } from '../../base/index.js';
import type { PeerId } from './Host.js';

/** Bytes of a peer id whose key is Ed25519: an identity multihash of the key (libp2p specs, peer-ids). */
export const PEER_ID_LENGTH = 38;
const IDENTITY_ED25519 = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

/** The bytes of a peer id. @throws BitmodelError `BAD_PEER_ID` when it is none, or not of an Ed25519 key */
export async function peerIdBytes(peer: PeerId): Promise<Uint8Array> {
  const { peerIdFromString } = await import('@libp2p/peer-id');
  try {
    const { bytes } = peerIdFromString(peer).toMultihash();
    if (isEd25519(bytes)) return bytes;
  } catch {
    // not even an id: told below
  }
  throw badId();
}

/** The peer id of some bytes. @throws BitmodelError `BAD_PEER_ID` */
export async function peerIdFromBytes(bytes: Uint8Array): Promise<PeerId> {
  const { peerIdFromPublicKey } = await import('@libp2p/peer-id');
  const { publicKeyFromRaw } = await import('@libp2p/crypto/keys');
  if (!isEd25519(bytes)) throw badId();
  try {
    return peerIdFromPublicKey(publicKeyFromRaw(bytes.slice(IDENTITY_ED25519.length))).toString();
  } catch {
    throw badId();
  }
}

/** Whether a node signed a message (`Host.sign`). */
export async function isSignedBy(
  peer: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  const { publicKeyFromRaw } = await import('@libp2p/crypto/keys');
  if (!isEd25519(peer)) return false;
  try {
    return await publicKeyFromRaw(peer.slice(IDENTITY_ED25519.length)).verify(message, signature);
  } catch {
    return false;
  }
}

function isEd25519(bytes: Uint8Array): boolean {
  return bytes.length === PEER_ID_LENGTH && IDENTITY_ED25519.every((byte, i) => bytes[i] === byte);
}

function badId(): BitmodelError {
  return new BitmodelError('BAD_PEER_ID', 'This is not the id of a node.', {
    next: 'Take the id from `bitmodel node peers`, such as 12D3Koo…',
  });
}
