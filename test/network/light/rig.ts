import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  addressScript,
  ChainNode,
  type KeyPair,
  LightStore,
  networkParameters,
} from '#src/chain/index.js';
import { ChainSync, type Host, type Offence, type Penalties } from '#src/network/index.js';
import { type Answer, encodeAnswer } from '#src/network/light/answer.js';
import { answerQuestion } from '#src/network/light/answerQuestion.js';
import { BlockTrees } from '#src/network/light/BlockTrees.js';
import { genesisEntry, HeaderChain } from '#src/network/light/HeaderChain.js';
import { HeaderSync } from '#src/network/light/HeaderSync.js';
import { LightChain } from '#src/network/light/LightChain.js';
import { ProofServer } from '#src/network/light/ProofServer.js';
import { PROOFS } from '#src/network/light/protocols.js';
import { decodeQuestion, type Question } from '#src/network/light/question.js';
import { decodeLocator, encodeHeaders } from '#src/network/sync/messages.js';
import { HEADERS, MAX_HEADERS } from '#src/network/sync/protocols.js';
import { until } from '../../until.js';
import { addressOf, Hosts } from '../host/hosts.js';

export const REGTEST = networkParameters('regtest');

/** What peers were found to do wrong. */
export class Ledger implements Penalties {
  readonly found: { readonly peer: string; readonly offence: Offence; readonly detail?: string }[] =
    [];

  penalise(peer: string, offence: Offence, detail?: string): void {
    this.found.push(detail === undefined ? { peer, offence } : { peer, offence, detail });
  }

  of(host: Host): Offence[] {
    return this.found.filter(({ peer }) => peer === host.id).map(({ offence }) => offence);
  }
}

/** A light node of its own folder. */
export interface Light {
  readonly host: Host;
  readonly ledger: Ledger;
  readonly headers: HeaderChain;
  readonly sync: HeaderSync;
  readonly chain: LightChain;
  close(): Promise<void>;
}

/** Real full nodes, hosts and light nodes on loopback, in one process. */
export class Rig {
  readonly folder = mkdtempSync(join(tmpdir(), 'bitmodel-light-'));
  readonly hosts = new Hosts();
  readonly #nodes: ChainNode[] = [];
  readonly #lights: Light[] = [];
  readonly #ends: { close(): Promise<void> | void }[] = [];
  #count = 0;

  async node(): Promise<ChainNode> {
    const datadir = join(this.folder, `node ${this.#count++}`);
    const node = await ChainNode.open({ datadir, network: 'regtest', threads: 1 });
    this.#nodes.push(node);
    return node;
  }

  /** A peer that serves a node's chain. */
  async honest(node: ChainNode): Promise<Host> {
    const host = await this.hosts.start(`host ${this.#count++}`);
    const shared = { host, node, penalties: new Ledger() };
    new ProofServer(shared);
    this.#ends.push(new ChainSync({ ...shared, agent: 'test' }));
    return host;
  }

  /**
   * A peer that serves a node's headers, and of its chain whatever a function makes of the honest answer.
   * @param lie undefined: no answer ever comes
   */
  async liar(
    node: ChainNode,
    lie: (answer: Answer, question: Question) => Answer | Uint8Array | undefined,
    headers: (host: Host) => void = (host) => serveHeaders(host, node),
  ): Promise<Host> {
    const host = await this.hosts.start(`host ${this.#count++}`);
    const trees = new BlockTrees(node.store);
    host.answer(PROOFS.answering, async (frame) => {
      const question = decodeQuestion(frame);
      const made = lie(await answerQuestion(node, trees, question), question);
      if (made instanceof Uint8Array) return made;
      return made ? encodeAnswer(made) : new Promise<never>(() => {});
    });
    headers(host);
    return host;
  }

  async light(peers: readonly Host[], name = `light ${this.#count++}`): Promise<Light> {
    const host = await this.hosts.start(name);
    const ledger = new Ledger();
    const store = await LightStore.open(join(this.folder, name, 'light'), genesisEntry(REGTEST));
    const headers = new HeaderChain(store, REGTEST);
    const shared = { host, penalties: ledger, headers };
    const sync = new HeaderSync({ ...shared, interval: 200, patience: 3_000 });
    const learnHeaders = (peer: string) => sync.learn(peer);
    const chain = new LightChain({ ...shared, store, learnHeaders, patience: 3_000 });
    const light: Light = {
      host,
      ledger,
      headers,
      sync,
      chain,
      close: async () => {
        await sync.close();
        await store.close();
        this.#lights.splice(this.#lights.indexOf(light), 1);
      },
    };
    this.#lights.push(light);
    for (const peer of peers) await host.dial(addressOf(peer));
    const speaks = (peer: Host): boolean => host.protocolsOf(peer.id).includes('proofs/1');
    await until(() => peers.every(speaks));
    return light;
  }

  async close(): Promise<void> {
    for (const light of [...this.#lights]) await light.close();
    for (const each of this.#ends) await each.close();
    await this.hosts.close();
    for (const node of this.#nodes) await node.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Answers for the headers of a node's chain. */
export function serveHeaders(host: Host, node: ChainNode): void {
  host.answer(HEADERS.answering, (frame) => {
    const { store } = node;
    const known = decodeLocator(frame).flatMap((hash) => store.header(hash) ?? []);
    const fork = known.find((entry) => store.isActive(entry))?.height ?? 0;
    const heights = Array.from({ length: MAX_HEADERS }, (_, i) => fork + 1 + i);
    return encodeHeaders(heights.flatMap((height) => store.headerAt(height)?.header ?? []));
  });
}

export function scriptOf(key: KeyPair): Uint8Array {
  return addressScript(key.address, REGTEST);
}
