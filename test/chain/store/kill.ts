import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ChainNode, hashToId, idToHash } from '#src/chain/index.js';
import { ChainStore } from '#src/chain/store/ChainStore.js';
import { REGTEST, temporaryFolder } from '../node/setup.js';
import { hashesOf, type Rivals, type StoreHashes } from './rivals.js';

const CHILD = fileURLToPath(new URL('./crash-child.mjs', import.meta.url));

/** A child that has loaded the program and waits for the word. */
class Child {
  readonly #process: ChildProcess;
  readonly #closed: Promise<void>;
  #printed = '';

  constructor(datadir: string, blocks: string, flag: string, killAt?: number) {
    const args = [CHILD, datadir, blocks, flag, ...(killAt === undefined ? [] : [String(killAt)])];
    this.#process = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#process.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.#printed += text;
    });
    // it may be dead before it reads
    this.#process.stdin!.on('error', () => undefined);
    this.#closed = new Promise((resolve) => this.#process.once('close', () => resolve()));
  }

  async until(text: string): Promise<void> {
    while (!this.#printed.includes(text) && this.#process.exitCode === null) await delay(2);
  }

  go(): void {
    this.#process.stdin!.write('go\n');
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#closed;
  }

  /** Waits until it has killed itself. */
  async ended(): Promise<void> {
    await this.#closed;
  }

  get done(): boolean {
    return this.#printed.includes('done\n');
  }

  /** Tips after which it said that a block is taken, as printed ids. */
  get acknowledged(): string[] {
    return this.#printed.split('\n').filter((line) => /^[0-9a-f]{64}$/.test(line));
  }
}

/** What was found after a kill. */
export interface AfterKill {
  /**
   * Where the kill fell: no write transaction was open; one was, and nothing of it is in the store; or its commit had
   * reached the page that makes it count, and not returned yet. The flag is set by the first statement of a transaction
   * and cleared when its commit has returned: within those few microseconds alone, the last could be taken for open.
   */
  readonly transaction: 'none' | 'open' | 'committing';
  /** A branch with more work than the tip's was kept: the kill fell between two steps of a reorganisation. */
  readonly inReorganisation: boolean;
  /** The folder held no chain yet, not even the genesis block. */
  readonly inCreation: boolean;
  /** The store as the kill left it, before a node went on with it, and what a replay of its chain has. */
  readonly left: readonly [StoreHashes, StoreHashes] | undefined;
  /** The same after a node opened it. */
  readonly opened: readonly [StoreHashes, StoreHashes];
  /** Blocks that were acknowledged and are not there, or tips with more work than the one that is there. */
  readonly lost: readonly string[];
}

/** One data folder that a child after the other works on and dies on. */
export class Victim {
  readonly #folder = temporaryFolder();
  readonly #rivals: Rivals;
  readonly #blocks = join(this.#folder.path, 'blocks');
  readonly #flag = join(this.#folder.path, 'flag');
  readonly #datadir = join(this.#folder.path, 'data');
  #spare: Child | undefined;

  constructor(rivals: Rivals) {
    this.#rivals = rivals;
    writeFileSync(this.#blocks, rivals.blocks.join('\n'));
    mkdirSync(this.#datadir);
  }

  /** Begins anew with an empty folder. */
  empty(): void {
    rmSync(this.#datadir, { recursive: true });
    mkdirSync(this.#datadir);
  }

  /**
   * Lets a child work for some milliseconds and kills it. When it has taken every block before that, there is nothing
   * left to kill: it is given an empty folder, and another begins.
   * @param from what the time counts from: that the node begins to open, or that it is open
   */
  async killAfter(milliseconds: number, from: 'begin' | 'open'): Promise<AfterKill> {
    const child = this.#spare ?? this.#child();
    await child.until('ready\n');
    child.go();
    if (from === 'open') await child.until('open ');
    await delay(milliseconds);
    await child.kill();
    // loads the program while this one is looked at
    this.#spare = this.#child();
    if (!child.done) return this.#inspect(child);
    this.empty();
    return this.killAfter(milliseconds, from);
  }

  /** Lets a child kill itself in its n-th transaction, right before the commit. */
  async killInTransaction(n: number): Promise<AfterKill> {
    const child = this.#child(n);
    await child.until('ready\n');
    child.go();
    await child.ended();
    return this.#inspect(child);
  }

  async close(): Promise<void> {
    await this.#spare?.kill();
    this.#folder.remove();
  }

  #child(killAt?: number): Child {
    return new Child(this.#datadir, this.#blocks, this.#flag, killAt);
  }

  async #inspect(child: Child): Promise<AfterKill> {
    const open = Number(readFileSync(this.#flag).readBigUInt64LE());
    const store = await ChainStore.open(join(this.#datadir, 'regtest'), REGTEST);
    const stats = store.tables.meta.getStats() as { lastTxnId: number };
    const inCreation = store.marks.isEmpty;
    const best = inCreation ? undefined : [...store.inactive()][0];
    const left = inCreation ? undefined : await this.#compare(store);
    const inReorganisation = best !== undefined && best.work > store.tip().work;
    await store.close();
    const node = await ChainNode.open({ datadir: this.#datadir, network: 'regtest', threads: 1 });
    const opened = await this.#compare(node.store);
    const lost = child.acknowledged.filter((id) => {
      const entry = node.store.header(idToHash(id));
      return !entry || !node.store.block(entry.hash) || entry.work > node.store.tip().work;
    });
    await node.close();
    const transaction = open === 0 ? 'none' : open > stats.lastTxnId ? 'open' : 'committing';
    return { transaction, inReorganisation, inCreation, left, opened, lost };
  }

  async #compare(store: ChainStore): Promise<[StoreHashes, StoreHashes]> {
    const id = hashToId(store.tip().hash);
    return [await hashesOf(store), this.#rivals.replayed.get(id)!];
  }
}
