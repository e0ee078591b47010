import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ChainNode } from '#src/chain/index.js';
import { utxoKey } from '#src/chain/store/keys.js';
import { KEPT_BLOCKS } from '#src/chain/store/Pruner.js';
import { MINER, MINER_SCRIPT, temporaryFolder } from '../chain/node/setup.js';
import { BINARY, type Finished, Place } from './harness.js';

const HEIGHT = KEPT_BLOCKS + 300;

const made = temporaryFolder();
let place: Place;

/** A chain of more blocks than are connected in one transaction when it is rebuilt. */
beforeAll(async () => {
  const node = await ChainNode.open({ datadir: made.path, network: 'regtest', threads: 1 });
  await node.mine(HEIGHT, MINER_SCRIPT);
  await node.close();
});
afterAll(() => made.remove());
beforeEach(() => {
  place = new Place();
  cpSync(made.path, place.folder, { recursive: true });
});
afterEach(() => place.close());

const start = (...args: string[]) => place.start(['node', '--regtest', '--rpc-port', '0', ...args]);
const rpc = (...args: string[]) => place.run(['rpc', ...args]);
const rpcJson = async (...args: string[]) => JSON.parse((await rpc(...args)).stdout);

describe('bitmodel node --reindex', () => {
  it('rebuilds the chain with its progress on stderr, and goes on after a kill', async () => {
    const first = await start();
    const before = await rpcJson('gettxoutsetinfo');
    expect(before).toMatchObject({ height: HEIGHT, txouts: HEIGHT });
    for (const [argument, reason] of [
      ['muhash', "'muhash' is not a valid hash_type"],
      ['none 5', 'requires coinstatsindex'],
    ] as const) {
      const { code, stderr } = await rpc('gettxoutsetinfo', ...argument.split(' '));
      expect(code).toBe(2);
      expect(stderr).toContain(reason);
    }
    await first.stop();

    const args = ['node', '--regtest', '--rpc-port', '0', '--reindex'];
    const killed = await place.run(args, { killAt: 'rebuilding: block' });
    expect(killed.code).toBeNull();
    expect(killed.stderr).toContain(`rebuilding: block 256 of ${HEIGHT} (`);

    // without the option: what was begun goes on
    const second = await start();
    const after = await rpcJson('gettxoutsetinfo');
    expect({ ...after, disk_size: 0 }).toEqual({ ...before, disk_size: 0 });
    await second.stop();
  });
});

describe('bitmodel node --prune', () => {
  it('answers for dropped blocks as Bitcoin Core does', async () => {
    // all of these small blocks would fit into the smallest size that the option takes
    const node = await ChainNode.open({
      datadir: place.folder,
      network: 'regtest',
      threads: 1,
      pruneBytes: 1,
    });
    await node.close();
    const running = await start('--prune', '1');
    const info = await rpcJson('getblockchaininfo');
    expect(info).toMatchObject({
      pruned: true,
      pruneheight: HEIGHT - KEPT_BLOCKS,
      automatic_pruning: true,
      prune_target_size: 1_000_000,
    });
    const [dropped, kept] = await Promise.all(
      [10, HEIGHT - KEPT_BLOCKS].map(async (height) =>
        (await rpc('getblockhash', String(height))).stdout.trim(),
      ),
    );
    const refused = await rpc('getblock', dropped!);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('Block not available (pruned data)');
    expect((await rpc('getblockheader', dropped!)).code).toBe(0);
    const coins = (await rpcJson('getaddressutxos', MINER.address)) as Record<string, unknown>[];
    const { txid } = coins.find(({ height }) => height === 10)!;
    const transaction = await rpc('getrawtransaction', txid as string);
    expect(transaction.stderr).toContain('Block not available (pruned data)');
    expect(transaction.stderr).toContain('Ask a node that keeps all blocks');
    expect(await rpcJson('getblock', kept!)).toMatchObject({ height: HEIGHT - KEPT_BLOCKS });
    await running.stop();

    const reindex = await place.run(['node', '--regtest', '--rpc-port', '0', '--reindex']);
    expect(reindex.code).toBe(1);
    expect(reindex.stderr).toMatch(/^error: .* were pruned.* \[REINDEX_PRUNED\]\n {2}next: Move /);
  });
});

describe('bitmodel node --check-level', () => {
  it('verifies at the start, finds damage and names the next step, which mends it', async () => {
    const node = await ChainNode.open({ datadir: place.folder, network: 'regtest', threads: 1 });
    const { store } = node;
    store.transaction(() => store.tables.undo.removeSync(store.hashAt(100)!));
    await node.close();
    const args = ['node', '--regtest', '--rpc-port', '0', '--check-blocks', '0'];
    const found = await place.run([...args, '--check-level', '2']);
    expect(found.code).toBe(1);
    expect(found.stderr).toMatch(
      /^error: The chain on disk is damaged: undo data .* \[STORE_DAMAGED\]\n {2}next: .*--reindex/,
    );
    // what it does not look at, it does not find
    for (const more of [['--check-level', '1'], ['--check-blocks', '100'], ['--reindex']]) {
      const running = await start('--check-blocks', '0', '--check-level', '4', ...more);
      expect(running.line).toContain(`height ${HEIGHT}`);
      await running.stop();
    }
  });

  it('leaves deep damage to be met later, which ends the node with one error', async () => {
    const node = await ChainNode.open({ datadir: place.folder, network: 'regtest', threads: 1 });
    const { store } = node;
    const { outpoint } = node.unspentOf(MINER_SCRIPT).find(({ coin }) => coin.height === 50)!;
    const record = Uint8Array.from(store.tables.utxos.getBinary(utxoKey(outpoint))!);
    record[6]! ^= 1;
    store.transaction(() => store.tables.utxos.putSync(utxoKey(outpoint), record));
    await node.close();
    const args = ['node', '--regtest', '--rpc-port', '0'];
    const [ended] = await Promise.all([
      place.run(args),
      // asked as soon as it answers
      expect
        .poll(() => rpc('gettxoutsetinfo').then(({ stderr }) => stderr))
        .toContain('does not match its checksum'),
    ]);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(
      /^error: The chain on disk is damaged: an unspent output .* \[STORE_DAMAGED\]\n {2}next: /,
    );
  });

  it('refuses numbers that mean nothing', async () => {
    const wrong = [
      ['--check-level', '5'],
      ['--check-blocks', '1.5'],
      ['--prune', '0'],
    ];
    for (const option of wrong) {
      const { code, stderr } = await place.run(['node', '--regtest', ...option]);
      expect(code).toBe(2);
      expect(stderr).toContain('next: ');
    }
  });
});

/** Asks a node for blocks until it can't make any more; what it answers then. */
async function mineToTheEnd(env: Readonly<Record<string, string>> = {}): Promise<Finished> {
  for (;;) {
    const args = ['rpc', 'generatetoaddress', '1000', MINER.address];
    const answer = await place.run(args, { env });
    if (answer.code !== 0) return answer;
  }
}

describe('a disk on which nothing more can be written', () => {
  /** The real binary, under a limit on the size of files, in KiB: writing beyond it fails as on a full disk. */
  function startLimited(kib: number) {
    const script = `ulimit -f ${kib}; exec "$0" "$@"`;
    const argv = [process.execPath, BINARY, 'node', '--regtest', '--rpc-port', '0'];
    const child = spawn('bash', ['-c', script, ...argv], {
      env: { ...process.env, BITMODEL_DATADIR: place.folder, BITMODEL_NETWORK: 'regtest' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const listens = new Promise((resolve) => child.stdout.once('data', resolve));
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    return { listens, ended, stderr: () => stderr };
  }

  it('ends the node with one error, and a start with more room goes on unharmed', async () => {
    const file = join(place.folder, 'regtest', 'chain.lmdb');
    const { size } = statSync(file);
    const limited = startLimited(Math.ceil(size / 1024) + 100);
    await limited.listens;
    const answer = await mineToTheEnd();
    expect(answer.stderr).toMatch(/can't be used|unreachable/);
    expect(await limited.ended).toBe(1);
    // LMDB itself writes what it could not do to stderr before; a write that went through in part is another error
    expect(limited.stderr()).toMatch(
      /error: The chain's file can't be used: (?:File too large|Input\/output error)\. \[STORE_FAILED\]\n {2}next: .*\n$/,
    );
    const again = await start('--check-level', '4', '--check-blocks', '0');
    const { height } = await rpcJson('gettxoutsetinfo');
    expect(height).toBeGreaterThan(HEIGHT);
    expect((await rpc('generatetoaddress', '5', MINER.address)).code).toBe(0);
    expect(await rpcJson('getblockcount')).toBe(height + 5);
    await again.stop();
  });

  it('is told from other errors by the space that is left', async () => {
    const disk = join(place.folder, 'disk');
    mkdirSync(disk);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', disk], { stdio: 'pipe' });
    } catch {
      console.log('skipped: a disk that is full can only be made by who may mount a tmpfs');
      return;
    }
    try {
      cpSync(join(made.path, 'regtest'), join(disk, 'regtest'), { recursive: true });
      const env = { BITMODEL_DATADIR: disk };
      const running = await place.start(['node', '--regtest', '--rpc-port', '0'], env);
      const { bavail, bsize } = statfsSync(disk);
      writeFileSync(join(disk, 'filler'), Buffer.alloc(bavail * bsize - 100 * 1024));
      const answer = await mineToTheEnd(env);
      expect(answer.stderr).toContain('The disk is full');
      expect(await running.ended).toBe(1);
      // nor does it start without space
      const full = await place.run(['node', '--regtest', '--rpc-port', '0'], { env });
      expect(full.stderr).toMatch(/^error: The disk is full.* \[DISK_FULL\]\n {2}next: Free some/);
      rmSync(join(disk, 'filler'));
      const again = await place.start(
        ['node', '--regtest', '--rpc-port', '0', '--check-level', '4', '--check-blocks', '0'],
        env,
      );
      const info = await place.json<{ height: number }>(['chain', 'info'], { env });
      expect(info.height).toBeGreaterThan(HEIGHT);
      await again.stop();
    } finally {
      execFileSync('umount', ['--lazy', disk]);
    }
  });
});
