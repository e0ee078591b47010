import { lookup as systemLookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { BitmodelError, EXIT, printable } from '../../base/index.js';
import { readMultiaddr, scopeOf } from './addresses.js';

/** Asks for the IP addresses of a name; Node's own resolver, which goes by the machine's settings. */
export type Lookup = (
  name: string,
  options: { readonly all: true; readonly family: 0 | 4 | 6 },
) => Promise<readonly { readonly address: string }[]>;

/** Addresses of one name that are dialled. */
const MOST_ADDRESSES = 4;
/** Names asked for at once, and waiting: the machine's resolver takes a thread of few for each. */
const AT_ONCE = 2;
const MOST_WAITING = 32;
/** Milliseconds until an answer is given up, and for which one is believed. */
const TIMEOUT = 5_000;
const LIFETIME = 60_000;
const MOST_KEPT = 256;

/**
 * Looks up the names in addresses when they are dialled. A name of the internet that leads to this machine or to a
 * private network is refused: whoever has the name would have this node knock there (DNS rebinding).
 */
export class Names {
  readonly #lookup: Lookup;
  readonly #kept = new Map<string, { readonly at: number; readonly hosts: Promise<string[]> }>();
  readonly #waiting: (() => void)[] = [];
  #underWay = 0;

  constructor(lookup: Lookup = systemLookup) {
    this.#lookup = lookup;
  }

  /**
   * The multiaddrs that one with a name stands for, four at most; of any other, itself.
   * @throws BitmodelError `NAME_UNKNOWN`, `NAME_REFUSED`
   */
  async resolve(address: string): Promise<string[]> {
    const at = readMultiaddr(address);
    if (!at?.isName) return [address];
    const [, protocol, name, ...rest] = address.split('/') as [string, string, string, ...string[]];
    const family = protocol === 'dns4' ? 4 : protocol === 'dns6' ? 6 : 0;
    const all = await this.#hostsOf(name, family);
    const isPublic = scopeOf(name) === 'public';
    const hosts = all.filter((host) => {
      const scope = scopeOf(host);
      return scope !== undefined && (!isPublic || scope === 'public');
    });
    if (hosts.length === 0) throw refused(name, all[0]);
    return hosts
      .slice(0, MOST_ADDRESSES)
      .map((host) => [`/ip${isIP(host)}/${host}`, ...rest].join('/'));
  }

  #hostsOf(name: string, family: 0 | 4 | 6): Promise<string[]> {
    const key = `${family} ${name.toLowerCase()}`;
    const kept = this.#kept.get(key);
    if (kept && performance.now() - kept.at < LIFETIME) return kept.hosts;
    const hosts = this.#ask(name, family);
    this.#kept.delete(key);
    this.#kept.set(key, { at: performance.now(), hosts });
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MOST_KEPT) break;
      this.#kept.delete(oldest);
    }
    // what is not known now may be known soon
    hosts.catch(() => this.#kept.delete(key));
    return hosts;
  }

  async #ask(name: string, family: 0 | 4 | 6): Promise<string[]> {
    await this.#turn();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, fail) => {
      timer = setTimeout(() => fail(new Error('no answer in time')), TIMEOUT);
    });
    // it ends when the machine's resolver does, which nothing can hurry
    const asking = this.#lookup(name, { all: true, family }).finally(() => {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#underWay--;
    });
    try {
      const found = await Promise.race([asking, late]);
      return found.map(({ address }) => address);
    } catch (cause) {
      throw unknown(name, cause);
    } finally {
      clearTimeout(timer);
    }
  }

  async #turn(): Promise<void> {
    if (this.#underWay < AT_ONCE) this.#underWay++;
    else {
      if (this.#waiting.length >= MOST_WAITING)
        throw unknown('', new Error('too many are asked for'));
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }
}

function unknown(name: string, cause: unknown): BitmodelError {
  return new BitmodelError('NAME_UNKNOWN', `Nobody knows the address of "${printable(name)}".`, {
    next: 'Check the name and the network connection of this machine, or pass the IP address',
    cause,
    exitCode: EXIT.unreachable,
  });
}

function refused(name: string, host: string | undefined): BitmodelError {
  return new BitmodelError(
    'NAME_REFUSED',
    `"${printable(name)}" leads to ${host ?? 'nothing'}, which no name of the internet may.`,
    { next: 'Pass the IP address if that is the node you mean', exitCode: EXIT.notAllowed },
  );
}
