import { ChainNode } from '#src/chain/index.js';
import {
  type Host,
  type Offence,
  type PeerId,
  type Penalties,
  TransactionGossip,
} from '#src/network/index.js';
import { ANYONE, copyChain } from '../../chain/mempool/anyone.js';
import { temporaryFolder } from '../../chain/node/setup.js';
import { addressOf, Hosts } from '../host/hosts.js';

/** Writes down what is held against whom. */
export class Record implements Penalties {
  readonly held: { readonly peer: PeerId; readonly offence: Offence; readonly detail: string }[] =
    [];

  penalise(peer: PeerId, offence: Offence, detail = ''): void {
    this.held.push({ peer, offence, detail });
  }

  offences(peer: PeerId): Offence[] {
    return this.held.filter((each) => each.peer === peer).map(({ offence }) => offence);
  }
}

/** A node that gossips transactions over a real host. */
export interface GossipNode {
  readonly node: ChainNode;
  readonly host: Host;
  readonly gossip: TransactionGossip;
  readonly record: Record;
}

/** Real nodes with one chain of coins that anyone may spend, for one test file. */
export class GossipNodes {
  readonly hosts = new Hosts();
  readonly #ends: (() => Promise<void>)[] = [];
  #first: ChainNode | undefined;

  async start(name: string, period?: number): Promise<GossipNode> {
    const folder = temporaryFolder();
    const node = await ChainNode.open({ datadir: folder.path, network: 'regtest', threads: 1 });
    if (this.#first) await copyChain(this.#first, node);
    else await node.mine(130, ANYONE);
    this.#first ??= node;
    const host = await this.hosts.start(name);
    const record = new Record();
    host.on('offence', (peer, offence) => record.penalise(peer, offence));
    const gossip = new TransactionGossip({ host, penalties: record, node, period });
    this.#ends.push(async () => {
      gossip.close();
      await host.close();
      await node.close();
      folder.remove();
    });
    return { node, host, gossip, record };
  }

  async end(): Promise<void> {
    for (const end of this.#ends) await end();
    await this.hosts.close();
  }
}

export async function connect(from: { host: Host }, to: { host: Host }): Promise<void> {
  await from.host.dial(addressOf(to.host));
}
