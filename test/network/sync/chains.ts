import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type Block,
  type BlockHeader,
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
import { BlockRecordWriter } from '#src/network/sync/blockRecords.js';
import { headersAbove } from '#src/network/sync/locator.js';
import { decodeLocator, decodeWanted, encodeHeaders } from '#src/network/sync/messages.js';
import { BLOCKS, HEADERS, STATUS } from '#src/network/sync/protocols.js';
import { encodeStatus, SERVICES, type Status } from '#src/network/sync/status.js';
import { ANYONE } from '../../chain/mempool/anyone.js';
import { copyFolder } from '../../chain/node/setup.js';
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

/** Nodes started so far: no two share a folder. */
let started = 0;

/** Nodes on a network of their own, in one process, each on real sockets and with a folder of its own. */
export class Members {
  readonly #hosts: Hosts;
  readonly #members = new Set<Member>();

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
    options: {
      name?: string;
      from?: string;
      banAt?: number;
      pruneBytes?: number;
      frameTime?: number;
      headerTime?: number;
    } = {},
  ): Promise<Member> {
    const name = options.name ?? `member-${started++}`;
    const datadir = this.folder(name);
    if (options.from) copyFolder(options.from, datadir);
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
    const { frameTime, headerTime } = options;
    const penalties = { penalise };
    const agent = 'bitmodel/test';
    const sync = new ChainSync({ host, node, penalties, agent, frameTime, headerTime });
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

/** What a peer that is not honest answers; what is left out is answered as the honest node behind it would. */
export interface Lies {
  status?(truth: Status): Status;
  headers?(truth: BlockHeader[]): BlockHeader[];
  /** `missing`: the word that it is not kept; undefined: no answer at all. */
  block?(truth: Uint8Array | undefined, hash: Uint8Array): Uint8Array | 'missing' | undefined;
  /** How many blocks it sends at full pace, and how many milliseconds each takes after those. */
  drip?: { readonly after: number; readonly every: number };
}

/** A host that answers for the chain of a node, with lies. */
export function lie(host: Host, node: ChainNode, lies: Lies): void {
  const { store } = node;
  host.answer(STATUS.answering, () => {
    const { height, work, hash: tip } = store.tip();
    const truth = { height, work, tip, genesis: store.hashAt(0)!, time: 0, agent: 'liar' };
    const status = { version: 1, services: SERVICES.blocks, ...truth };
    return encodeStatus(lies.status?.(status) ?? status);
  });
  host.answer(HEADERS.answering, (frame) => {
    const truth = headersAbove(store, decodeLocator(frame)).map(({ header }) => header);
    return encodeHeaders(lies.headers?.(truth) ?? truth);
  });
  let sent = 0;
  host.handle(BLOCKS.answering, async (stream) => {
    const writer = new BlockRecordWriter((frame) => stream.send(frame));
    for (let frame = await stream.receive(); frame; frame = await stream.receive()) {
      for (const hash of decodeWanted(frame)) {
        const truth = store.blockBytes(hash);
        const answer = lies.block ? lies.block(truth, hash) : truth;
        if (!answer) await new Promise(() => {});
        await writer.add(answer === 'missing' ? undefined : answer);
        if (!lies.drip || ++sent < lies.drip.after) continue;
        await writer.flush();
        await delay(lies.drip.every);
      }
      await writer.flush();
    }
  });
}
