import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHost, type Host, type HostOptions } from '#src/network/index.js';
import { until } from '../../until.js';

/** Real hosts on loopback for one test file, with all that went wrong unnoticed. */
export class Hosts {
  readonly folder = mkdtempSync(join(tmpdir(), 'bitmodel-hosts-'));
  readonly unhandled: unknown[] = [];
  readonly #hosts: Host[] = [];
  readonly #onUnhandled = (thrown: unknown): void => void this.unhandled.push(thrown);

  constructor() {
    process.on('unhandledRejection', this.#onUnhandled);
  }

  async start(name: string, options: Partial<HostOptions> = {}): Promise<Host> {
    const keyFile = join(this.folder, `${name}.json`);
    const listen = ['127.0.0.1:0'];
    const host = await createHost({ network: 'regtest', keyFile, listen, ...options });
    this.#hosts.push(host);
    return host;
  }

  async close(): Promise<void> {
    await Promise.all(this.#hosts.map((host) => host.close()));
    process.off('unhandledRejection', this.#onUnhandled);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function addressOf(host: Host): string {
  return host.addresses()[0]!;
}

/** Connects one host to another, and waits until each passes on to the other what it accepts in a topic. */
export async function meet(from: Host, to: Host, topic: string): Promise<void> {
  await from.dial(addressOf(to));
  await until(
    () => from.neighbours(topic).includes(to.id) && to.neighbours(topic).includes(from.id),
  );
}
