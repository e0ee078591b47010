import { toHex } from '../../base/index.js';
import type { ChainClient } from '../client/ChainClient.js';
import { metaIdOf } from '../pins/identity.js';
import type { Pin } from '../pins/pin.js';

/** Where MetaID v2 keeps what people call themselves. */
const NAME_PATH = '/info/name';

/** Everything that one identity has pinned. */
export interface Profile {
  /** 64 hex digits. */
  readonly metaId: string;
  /** What the MetaID is the hash of; undefined while nothing is pinned by it. */
  readonly address?: string;
  /** What the last live pin at {@link NAME_PATH} says. Anybody can take any name: only the MetaID tells people apart. */
  readonly name?: string;
  /** Live pins that the identity made, oldest first; the hidden and revoked ones too, if asked for. */
  readonly pins: readonly Pin[];
}

/** Text with everything that could move a terminal's cursor or hide taken out, and cut to a length. */
export function plainText(payload: Uint8Array, limit = 200): string {
  const text = new TextDecoder().decode(payload.subarray(0, 4 * limit));
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, ' ').slice(0, limit);
}

/**
 * What the chain says of an identity (MetaID v2).
 * @param who an address, or a MetaID (64 hex digits)
 */
export async function readProfile(
  client: ChainClient,
  who: string,
  options: { readonly all?: boolean } = {},
): Promise<Profile> {
  const isMetaId = /^[0-9a-f]{64}$/i.test(who);
  const metaId = isMetaId ? who.toLowerCase() : toHex(metaIdOf(who));
  const pins = await client.pins({ metaId }, options);
  const address = isMetaId ? pins[0]?.creator : who;
  const named = pins.findLast(({ path, status }) => path === NAME_PATH && status === 'live');
  const name = named && plainText(named.payload, 80).trim();
  return { metaId, ...(address ? { address } : {}), ...(name ? { name } : {}), pins };
}
