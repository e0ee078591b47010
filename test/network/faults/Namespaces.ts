import { execFileSync, spawnSync } from 'node:child_process';

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Why network namespaces can't be made here, in one line; undefined when they can. */
export function whyNoNamespaces(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are a thing of Linux';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const name = `bm-try-${process.pid}`;
  const { status, error } = spawnSync('ip', ['netns', 'add', name]);
  if (error || status !== 0) return 'there is no "ip netns" here, or the kernel has no namespaces';
  const add = (...link: string[]): boolean =>
    spawnSync('ip', ['-n', name, 'link', 'add', 'name', ...link]).status === 0;
  const hasLinks =
    add('try0', 'type', 'veth', 'peer', 'name', 'try1') && add('try2', 'type', 'bridge');
  spawnSync('ip', ['netns', 'del', name]);
  return hasLinks ? undefined : 'the kernel has no veth or bridge';
}

/** A machine of its own: a network namespace with one address on a wire that all of them share. */
export interface Machine {
  readonly namespace: string;
  readonly address: string;
}

/**
 * Machines with addresses of their own on one wire, a bridge in a namespace apart, all of them invisible from outside.
 * A plug that is pulled loses everything silently, as no proxy can: nobody is told that a connection is gone.
 */
export class Namespaces {
  readonly machines: readonly Machine[];
  readonly #hub: string;

  /**
   * @param count how many machines, at most 200; needs root
   * @param addressOf their addresses, of one private network unless stated; all are on the wire, whatever they are
   */
  constructor(count: number, addressOf = (index: number): string => `10.91.0.${index + 1}`) {
    const prefix = `bm${process.pid}`;
    this.#hub = `${prefix}-hub`;
    ip('netns', 'add', this.#hub);
    ip('-n', this.#hub, 'link', 'add', 'wire', 'type', 'bridge');
    ip('-n', this.#hub, 'link', 'set', 'wire', 'up');
    this.machines = Array.from({ length: count }, (_, index) =>
      this.#plugIn(prefix, index, addressOf(index)),
    );
  }

  #plugIn(prefix: string, index: number, address: string): Machine {
    const namespace = `${prefix}-${index}`;
    ip('netns', 'add', namespace);
    const link = ['link', 'add', `plug${index}`, 'type', 'veth', 'peer', 'name', 'eth0'];
    ip('-n', this.#hub, ...link, 'netns', namespace);
    ip('-n', this.#hub, 'link', 'set', `plug${index}`, 'master', 'wire', 'up');
    ip('-n', namespace, 'addr', 'add', `${address}/24`, 'dev', 'eth0');
    ip('-n', namespace, 'link', 'set', 'eth0', 'up');
    ip('-n', namespace, 'link', 'set', 'lo', 'up');
    ip('-n', namespace, 'route', 'add', 'default', 'dev', 'eth0');
    return { namespace, address };
  }

  /** Pulls a machine's plug: what is sent to it or by it vanishes. */
  pull(machine: Machine): void {
    ip('-n', this.#hub, 'link', 'set', `plug${this.machines.indexOf(machine)}`, 'down');
  }

  /** Plugs it in again. */
  plug(machine: Machine): void {
    ip('-n', this.#hub, 'link', 'set', `plug${this.machines.indexOf(machine)}`, 'up');
  }

  /**
   * Swallows, without a word, all that is sent to a TCP port of a machine, as a router does that forwards nothing; what
   * answers the machine's own connections comes in. Routing rules do it, which need no firewall.
   */
  block({ namespace }: Machine, port: number): void {
    // the rule that finds the machine's own addresses comes first unless it is moved
    ip('-n', namespace, 'rule', 'add', 'pref', '10', 'lookup', 'local');
    ip('-n', namespace, 'rule', 'del', 'pref', '0');
    const rule = ['pref', '5', 'iif', 'eth0', 'ipproto', 'tcp', 'dport', `${port}`, 'blackhole'];
    ip('-n', namespace, 'rule', 'add', ...rule);
  }

  /** Lets through again what {@link block} swallows. */
  unblock({ namespace }: Machine): void {
    ip('-n', namespace, 'rule', 'del', 'pref', '5');
  }

  /** Removes all of them. End their processes first. */
  close(): void {
    for (const { namespace } of this.machines) ip('netns', 'del', namespace);
    ip('netns', 'del', this.#hub);
  }
}
