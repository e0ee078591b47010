import { isIPv4, isIPv6 } from 'node:net';
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import { BitmodelError, EXIT, printable } from '../../base/index.js';

const LONGEST = 512;

/**
 * Reads `host:port`, `[v6]:port` or a multiaddr.
 * @throws BitmodelError `BAD_ADDRESS`
 */
export function parseAddress(text: string): Multiaddr {
  try {
    if (text.length > LONGEST) throw new Error('it is too long');
    return multiaddr(text.startsWith('/') ? text : fromHostAndPort(text));
  } catch (cause) {
    throw new BitmodelError(
      'BAD_ADDRESS',
      `"${printable(text.slice(0, 80))}" is no network address.`,
      {
        next: 'Give host:port, [v6]:port or a multiaddr such as /ip4/127.0.0.1/tcp/9732',
        cause,
        exitCode: EXIT.usage,
      },
    );
  }
}

function fromHostAndPort(text: string): string {
  const parts = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const [, v6, host = '', port = ''] = parts ?? [];
  if (parts === null || Number(port) > 65_535) throw new Error('no host and port');
  if (v6 !== undefined) {
    if (!isIPv6(v6)) throw new Error('no IPv6 address');
    return `/ip6/${v6}/tcp/${Number(port)}`;
  }
  if (isIPv4(host)) return `/ip4/${host}/tcp/${Number(port)}`;
  if (!/^[a-zA-Z0-9.-]+$/.test(host)) throw new Error('no host name');
  return `/dns4/${host}/tcp/${Number(port)}`;
}

/** The IP address (or name) in a multiaddr of a connection that no relay carries; undefined for others. */
export function hostOf(address: Multiaddr): string | undefined {
  const components = address.getComponents();
  if (components.some((component) => component.name === 'p2p-circuit')) return undefined;
  return components.find((component) => /^(ip4|ip6|dns.*)$/.test(component.name))?.value;
}

/** Whether an IP address is this machine's own. */
export function isLoopback(host: string): boolean {
  return host === '::1' || host.startsWith('127.') || host.startsWith('::ffff:127.');
}
