import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { BitmodelError, EXIT } from '../../base/index.js';

const LOOPBACK_NAMES = new Set(['127.0.0.1', '::1', 'localhost']);

/** Whether an address or name is this machine's own. */
export function isLoopback(host: string): boolean {
  return LOOPBACK_NAMES.has(host);
}

function addRange(list: BlockList, range: string): void {
  const [address = '', bits, more] = range.split('/');
  const version = isIP(address);
  const most = version === 6 ? 128 : 32;
  const prefix = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : -1;
  if (version === 0 || more !== undefined || prefix < 0 || prefix > most) {
    throw new BitmodelError('BAD_OPTION', `"${range.slice(0, 80)}" is no range of addresses.`, {
      next: 'Write it as 192.168.1.5 or 192.168.1.0/24',
      exitCode: EXIT.usage,
    });
  }
  list.addSubnet(address, prefix, version === 6 ? 'ipv6' : 'ipv4');
}

/**
 * Callers that may talk to the server at all: this machine, and the ranges named.
 * @throws BitmodelError `BAD_OPTION`
 */
export function callerList(ranges: readonly string[]): (address: string | undefined) => boolean {
  const list = new BlockList();
  for (const range of ['127.0.0.0/8', '::1', ...ranges]) addRange(list, range);
  return (address) => {
    if (address === undefined) return false;
    const plain = address.replace(/^::ffff:(?=\d+\.)/, '');
    return isIP(plain) !== 0 && list.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4');
  };
}

const hostOf = (text: string): string | undefined =>
  URL.canParse(text) ? new URL(text).hostname.replace(/^\[|\]$/g, '') : undefined;

/**
 * Whether a request was meant for this server. A web page can make a browser call a name that was turned to this
 * machine's address (DNS rebinding): such a call names a host that is neither an address nor `localhost`, and one that
 * comes from another page names that page as its origin.
 */
export function isOwnHost({ headers }: IncomingMessage): boolean {
  const host = headers.host === undefined ? undefined : hostOf(`http://${headers.host}`);
  if (host === undefined || !(host === 'localhost' || isIP(host) !== 0)) return false;
  const { origin } = headers;
  return origin === undefined || origin === `http://${headers.host}`;
}

const digest = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

/** Whether an `Authorization` header carries this name and password; takes the same time either way. */
export function isAuthorised(
  header: string | undefined,
  auth: { readonly user: string; readonly password: string },
): boolean {
  const expected = Buffer.from(`${auth.user}:${auth.password}`);
  const given = /^Basic ([A-Za-z0-9+/]{1,1000}={0,2})$/.exec(header ?? '')?.[1] ?? '';
  const bytes = Buffer.from(given, 'base64');
  // one text for one password: Node passes over what is no base64
  const isCanonical = bytes.toString('base64') === given;
  return timingSafeEqual(digest(bytes), digest(expected)) && isCanonical;
}
