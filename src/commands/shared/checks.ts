import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, statfsSync, statSync, unlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { BitmodelError, makeFolder, messageOf, writeFileAtomic } from '../../base/index.js';
import {
  keyPath,
  listKeys,
  networkParameters,
  readKeyFile,
  signatureBackend,
} from '../../chain/index.js';
import type { Settings } from './settings.js';
import { nodeClient } from './wallet.js';

/** What one look at the machine found. */
export interface Check {
  readonly name: string;
  /** `warn`: works, but less well; `fail`: something a person will want does not work. */
  readonly state: 'ok' | 'warn' | 'fail';
  readonly found: string;
  /** How to mend it, where it is not well. */
  readonly mend?: string;
}

const GIB = 2 ** 30;
/** Below this much room a chain or a model soon fills the disk. */
const LITTLE_SPACE = 2 * GIB;
const REINSTALL = 'Install again: npm ci (in a clone), or npm install -g bitmodel';

function checkNode(): Check {
  const { node } = process.versions;
  const [major, minor] = node.split('.').map(Number) as [number, number];
  return major > 20 || (major === 20 && minor >= 19)
    ? { name: 'Node.js', state: 'ok', found: node }
    : { name: 'Node.js', state: 'fail', found: node, mend: 'Install Node.js 20.19 or newer' };
}

async function checkLoads(name: string, load: () => Promise<string>): Promise<Check> {
  try {
    return { name, state: 'ok', found: await load() };
  } catch (thrown) {
    const found = `does not load: ${messageOf(thrown).split('\n', 1)[0]}`;
    return { name, state: 'fail', found, mend: REINSTALL };
  }
}

function checkSignatures(): Check {
  const name = 'signature checks';
  return signatureBackend === 'libsecp256k1'
    ? { name, state: 'ok', found: 'native libsecp256k1' }
    : {
        name,
        state: 'warn',
        found: 'JavaScript (native libsecp256k1 does not load; blocks are checked more slowly)',
        mend: REINSTALL,
      };
}

async function checkCuda(): Promise<Check> {
  const { cudaState } = await import('../../model/index.js');
  const name = 'CUDA';
  const { supported, driver, provider, missing } = cudaState();
  const onCpu = (why: string, mend: string): Check => {
    return { name, state: 'warn', found: `${why}; models run on the CPU`, mend };
  };
  if (!supported) {
    return {
      name,
      state: 'ok',
      found: 'there is no provider for this platform; models run on the CPU',
    };
  }
  if (!driver) {
    const mend = 'With an NVIDIA GPU: install its driver, then see here again';
    return onCpu('no NVIDIA driver is loaded', mend);
  }
  if (!provider) {
    return onCpu("ONNX Runtime's CUDA provider is not there", 'bitmodel doctor --install-cuda');
  }
  if (missing.length > 0) {
    const mend =
      'Install CUDA 12 and cuDNN 9, and name their folders in LD_LIBRARY_PATH if need be';
    return onCpu(`the loader does not find ${missing.join(' ')}`, mend);
  }
  return { name, state: 'ok', found: 'driver, provider, CUDA 12 and cuDNN 9 are there' };
}

function checkFolder({ datadir }: Settings): Check {
  const name = 'data folder';
  try {
    makeFolder(datadir);
    const probe = join(datadir, `.probe-${randomBytes(6).toString('hex')}`);
    writeFileAtomic(probe, 'x', { mode: 0o600 });
    unlinkSync(probe);
    const { bavail, bsize } = statfsSync(datadir);
    const free = bavail * bsize;
    const found = `${datadir}, ${(free / GIB).toFixed(1)} GiB free`;
    if (free >= LITTLE_SPACE) return { name, state: 'ok', found };
    const mend = 'Free some space, or choose another folder with --datadir';
    return { name, state: 'warn', found, mend };
  } catch (thrown) {
    const mend = 'Mend its permissions, or choose another folder with --datadir';
    return { name, state: 'fail', found: `${datadir}: ${messageOf(thrown)}`, mend };
  }
}

async function checkChainNode(settings: Settings): Promise<Check> {
  const name = 'node';
  try {
    const height = await nodeClient(settings).height();
    return { name, state: 'ok', found: `reached, at height ${height} of ${settings.network}` };
  } catch (thrown) {
    const mend =
      (thrown instanceof BitmodelError ? thrown.next : undefined) ??
      'Start one with: bitmodel node';
    // verify, model, demo and keygen need none
    return { name, state: 'warn', found: messageOf(thrown), mend };
  }
}

/** Seconds that clocks may differ before blocks of one are too far in the future for the other (600) soon. */
const CLOCK_WARNING = 60;

interface NetworkFacts {
  readonly networkactive: boolean;
  readonly connections: number;
  readonly connections_in: number;
  readonly connections_out: number;
  /** Seconds that the peers' clocks are ahead. */
  readonly timeoffset: number;
}

/** Whether the node knows others. @param seeds addresses that it was given to begin with */
function checkPeers(facts: NetworkFacts, { network }: Settings, seeds: readonly string[]): Check {
  const name = 'peers';
  const { connections, connections_in: came, connections_out: dialled } = facts;
  const mend = 'Start it with other nodes: bitmodel node --seed-node ADDRESS';
  if (!facts.networkactive) {
    const found = 'the node runs without a network';
    // a regtest chain may be one's own
    return network === 'regtest'
      ? { name, state: 'ok', found }
      : { name, state: 'warn', found, mend };
  }
  if (connections > 0) {
    return { name, state: 'ok', found: `${connections} (${dialled} dialled, ${came} came in)` };
  }
  const found = 'none are connected';
  if (seeds.length === 0) return { name, state: 'warn', found, mend };
  return {
    name,
    state: 'warn',
    found:
      seeds.length === 1
        ? `${found}: the node that it is to begin with, ${seeds[0]}, does not answer`
        : `${found}: of the nodes that it is to begin with none answers: ${seeds.join(' ')}`,
    mend: 'Check the address, and that a node runs there and lets others in; or name another one: bitmodel node --seed-node ADDRESS',
  };
}

interface ReachFacts {
  readonly reachable: 'yes' | 'no' | 'unknown';
  readonly relays: readonly string[];
  readonly seeds: readonly { readonly address: string }[];
  readonly light?: object;
}

/** Nothing of a light node: nobody needs to reach it. */
function checkReach({ reachable, relays, light }: ReachFacts): Check[] {
  const name = 'reachable';
  if (light) return [];
  if (reachable === 'yes') return [{ name, state: 'ok', found: 'others can dial the node' }];
  if (reachable === 'unknown') {
    return [{ name, state: 'ok', found: 'no peer has said yet whether it can dial the node' }];
  }
  const found = 'others can not dial the node';
  if (relays.length > 0) {
    return [{ name, state: 'ok', found: `${found}; they reach it through ${relays.length} peers` }];
  }
  const mend =
    'Let it listen (without --no-listen), and forward its port on the router (--p2p-port, --announce)';
  return [{ name, state: 'warn', found, mend }];
}

function checkClock({ timeoffset }: NetworkFacts): Check {
  const name = 'clock';
  const seconds = Math.abs(timeoffset);
  if (seconds < CLOCK_WARNING) return { name, state: 'ok', found: "as the peers'" };
  const found = `${seconds} s ${timeoffset > 0 ? 'behind' : 'ahead of'} the peers`;
  return { name, state: 'warn', found, mend: 'Set the clock, best by NTP' };
}

/** What the node sees of others; nothing where no node answers, which is said by itself. */
async function checkNetwork(settings: Settings): Promise<Check[]> {
  const { rpc } = nodeClient(settings);
  try {
    const facts = await rpc.call<NetworkFacts>('getnetworkinfo');
    if (!facts.networkactive) return [checkPeers(facts, settings, [])];
    const reach = await rpc.call<ReachFacts>('getnodestatus');
    const seeds = reach.seeds.map(({ address }) => address);
    const clock = facts.connections > 0 ? [checkClock(facts)] : [];
    return [checkPeers(facts, settings, seeds), ...checkReach(reach), ...clock];
  } catch (thrown) {
    if (thrown instanceof BitmodelError) return [];
    throw thrown;
  } finally {
    await rpc.close();
  }
}

function checkKeys({ datadir, network }: Settings): Check {
  const name = 'keys';
  const parameters = networkParameters(network);
  const names = listKeys(datadir, parameters);
  if (names.length === 0) {
    const mend = 'Make one with: bitmodel keygen';
    return { name, state: 'warn', found: `none for ${network}`, mend };
  }
  for (const key of names) {
    const path = keyPath(datadir, parameters, key);
    try {
      readKeyFile(path, parameters);
    } catch (thrown) {
      const mend = thrown instanceof BitmodelError ? thrown.next : undefined;
      return { name, state: 'fail', found: `${key}: ${messageOf(thrown)}`, ...(mend && { mend }) };
    }
    if (process.platform !== 'win32' && statSync(path).mode & 0o077) {
      const mend = `chmod 600 ${path}`;
      return { name, state: 'warn', found: `others can read ${path}`, mend };
    }
  }
  return { name, state: 'ok', found: names.join(', ') };
}

/** Version of a dependency, out of its package.json, which not every package lets be imported. */
function installed(name: string): string {
  let folder = dirname(createRequire(import.meta.url).resolve(name));
  for (; folder !== dirname(folder); folder = dirname(folder)) {
    const file = join(folder, 'package.json');
    if (!existsSync(file)) continue;
    const found = JSON.parse(readFileSync(file, 'utf8')) as { name?: string; version?: string };
    if (found.name === name) return found.version ?? 'loads';
  }
  return 'loads';
}

/** Looks at everything the commands need on this machine; changes nothing, and asks nothing beyond the node. */
export async function checkMachine(settings: Settings): Promise<Check[]> {
  return [
    checkNode(),
    await checkLoads('ONNX Runtime', async () => {
      const { disableTelemetry } = await import('../../model/index.js');
      disableTelemetry();
      await import('onnxruntime-node');
      return installed('onnxruntime-node');
    }),
    await checkCuda(),
    checkSignatures(),
    await checkLoads('LMDB', async () => {
      await import('lmdb');
      return installed('lmdb');
    }),
    checkFolder(settings),
    await checkChainNode(settings),
    ...(await checkNetwork(settings)),
    checkKeys(settings),
  ];
}
