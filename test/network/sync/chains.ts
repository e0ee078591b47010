import { cpSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Block,
  blockHash,
  ChainNode,
  merkleRoot,
  networkParameters,
  subsidyAt,
  transactionHash,
} from '#src/chain/index.js';
import { makeCoinbase } from '#src/chain/mining/coinbase.js';
import { solve } from '#src/chain/node/miner.js';
import { ChainSync, type Host, type Offence } from '#src/network/index.js';
import { ANYONE } from '../../chain/mempool/anyone.js';
import { addressOf, type Hosts } from '../host/hosts.js';

const REGTEST = networkParameters('regtest');

/** Blocks without transactions on top of one of a height. */
export async function emptyBlocks(
  below: Block,
  height: number,
  count: number,
  extraNonce = 0,
): Promise<Block[]> {
  const blocks: Block[] = [];
  let previous = below.header;
  for (let at = height + 1; at <= height + count; at++) {
    const coinbase = makeCoinbase(at, subsidyAt(at, REGTEST), ANYONE, extraNonce);
    const { root } = merkleRoot([transactionHash(coinbase)]);
    const header = {
      ...previous,
      version: 0x2000_0000,
      previousHash: blockHash(previous),
      merkleRoot: root,
      time: previous.time + 1,
      nonce: 0,
    };
    previous = (await solve(header, () => true))!;
    blocks.push({ header: previous, transactions: [coinbase] });
  }
  return blocks;
}

/** Gives a node blocks, headers first, many in one transaction of its store. */
export async function give(node: ChainNode, blocks: readonly Block[]): Promise<void> {
  for (let at = 0; at < blocks.length; at += 2_000) {
    node.headers.take(blocks.slice(at, at + 2_000).map(({ header }) => header));
  }
  for (let at = 0; at < blocks.length; ) {
    at += await node.submitBlocks(blocks.slice(at, at + 64).map((block) => ({ block })));
  }
}

export const blockAt = (node: ChainNode, height: number): Block =>
  node.store.block(node.store.hashAt(height)!)!;

/** A node with its host and sync, and what its peers were blamed for. */
export interface Member {
  readonly name: string;
  readonly node: ChainNode;
  readonly host: Host;
  readonly sync: ChainSync;
  readonly offences: {
    readonly peer: string;
    readonly offence: Offence;
    readonly detail: string;
  }[];
  readonly warnings: string[];
  close(): Promise<void>;
}

/** Nodes on a network of their own, in one process, each on real sockets and with a folder of its own. */
export class Members {
  readonly #hosts: Hosts;
  readonly #members = new Set<Member>();
  #count = 0;

  constructor(hosts: Hosts) {
    this.#hosts = hosts;
  }

  /** A folder for a node, below that of the hosts. */
  folder(name: string): string {
    return join(this.#hosts.folder, name);
  }

  /**
   * Opens a node and lets it sync.
   * @param from folder of a chain that it begins with
   * @param banAt disconnects a peer at its n-th offence; never unless stated
   */
  async start(
    options: { name?: string; from?: string; banAt?: number; pruneBytes?: number } = {},
  ): Promise<Member> {
    const name = options.name ?? `member-${this.#count++}`;
    const datadir = this.folder(name);
    if (options.from) cpSync(options.from, datadir, { recursive: true });
    const { pruneBytes } = options;
    const node = await ChainNode.open({ datadir, network: 'regtest', threads: 1, pruneBytes });
    const host = await this.#hosts.start(name);
    const offences: Member['offences'] = [];
    const warnings: string[] = [];
    node.on('warning', (message) => warnings.push(message));
    const penalise = (peer: string, offence: Offence, detail = ''): void => {
      offences.push({ peer, offence, detail });
      const count = offences.filter((each) => each.peer === peer).length;
      if (count >= (options.banAt ?? Number.POSITIVE_INFINITY)) void host.disconnect(peer);
    };
    host.on('offence', (peer, offence) => penalise(peer, offence));
    const sync = new ChainSync({ host, node, penalties: { penalise }, agent: 'bitmodel/test' });
    const close = async (): Promise<void> => {
      if (!this.#members.delete(member)) return;
      sync.close();
      await host.close();
      await node.close();
    };
    const member = { name, node, host, sync, offences, warnings, close };
    this.#members.add(member);
    return member;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#members].map((member) => member.close()));
  }
}

export async function connect(from: Member, to: Member | Host): Promise<void> {
  await from.host.dial(addressOf('host' in to ? to.host : to));
}
