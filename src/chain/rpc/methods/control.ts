import { once } from 'node:events';
import { toHex } from '../../../base/index.js';
import { hashToId } from '../../codec/transaction.js';
import { MIN_RELAY_FEE_RATE } from '../../mempool/MinimumFee.js';
import type { ChainNode, Tip } from '../../node/ChainNode.js';
import { addressScript } from '../../wallet/address.js';
import { JsonAmount } from '../json.js';
import { Params } from '../params.js';
import { RPC_CODE, RpcError } from '../RpcError.js';
import type { RpcServer } from '../RpcServer.js';
import { scriptView } from '../views.js';

/** How the node's process is asked to end, and what it says of itself. */
export interface ControlOptions {
  readonly version: string;
  /** Called after `stop` was answered. */
  readonly stop: () => void;
}

const MAX_GENERATED = 10_000;
/** Longest wait for a block in milliseconds. */
const MAX_WAIT = 60_000;
const PROTOCOL_VERSION = 1;

/** Waits until the tip fulfils a condition, at most `timeout` milliseconds; returns the tip either way. */
async function waitFor(
  node: ChainNode,
  timeout: number,
  signal: AbortSignal,
  met: (tip: Tip) => boolean,
): Promise<object> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeout === 0 ? MAX_WAIT : timeout)]);
  while (!met(node.tip) && !limit.aborted) {
    try {
      await once(node, 'block', { signal: limit });
    } catch (thrown) {
      if (!limit.aborted) throw thrown;
    }
  }
  signal.throwIfAborted();
  return { hash: node.tip.hash, height: node.tip.height };
}

function registerWaiting(server: RpcServer, node: ChainNode): void {
  server.register(
    'waitfornewblock',
    (values, { signal }) => {
      const { hash } = node.tip;
      const timeout = new Params(values).integer(0, 'timeout', 0, MAX_WAIT, MAX_WAIT);
      return waitFor(node, timeout, signal, (tip) => tip.hash !== hash);
    },
    'waitfornewblock [MILLISECONDS]',
  );
  server.register(
    'waitforblock',
    (values, { signal }) => {
      const params = new Params(values);
      const wanted = hashToId(params.hash(0, 'blockhash'));
      const timeout = params.integer(1, 'timeout', 0, MAX_WAIT, MAX_WAIT);
      return waitFor(node, timeout, signal, (tip) => tip.hash === wanted);
    },
    'waitforblock BLOCKHASH [MILLISECONDS]',
  );
  server.register(
    'waitforblockheight',
    (values, { signal }) => {
      const params = new Params(values);
      const height = params.integer(0, 'height', 0, 0xffff_ffff);
      const timeout = params.integer(1, 'timeout', 0, MAX_WAIT, MAX_WAIT);
      return waitFor(node, timeout, signal, (tip) => tip.height >= height);
    },
    'waitforblockheight HEIGHT [MILLISECONDS]',
  );
}

function validateAddress(node: ChainNode, address: string): object {
  try {
    const script = addressScript(address, node.parameters);
    return {
      isvalid: true,
      address,
      scriptPubKey: toHex(script),
      isscript: false,
      iswitness: false,
      script: scriptView(script, node.parameters),
    };
  } catch (thrown) {
    return { isvalid: false, error: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

/** Methods about the node itself, and mining on demand. */
export function registerControlMethods(
  server: RpcServer,
  node: ChainNode,
  options: ControlOptions,
): void {
  const began = Date.now();
  registerWaiting(server, node);
  server.register('uptime', () => Math.floor((Date.now() - began) / 1000));
  server.register('help', () =>
    server
      .methods()
      .map(([, { usage }]) => usage)
      .join('\n'),
  );
  server.register('stop', () => {
    // the answer goes out first
    setTimeout(options.stop, 50);
    return 'bitmodel stopping';
  });
  server.register('getnetworkinfo', () => ({
    version: Number(options.version.split('.').reduce((sum, part) => sum * 100 + Number(part), 0)),
    subversion: `/bitmodel:${options.version}/`,
    protocolversion: PROTOCOL_VERSION,
    networkactive: false,
    connections: 0,
    networks: [],
    relayfee: new JsonAmount(MIN_RELAY_FEE_RATE * 1000n),
    incrementalfee: new JsonAmount(MIN_RELAY_FEE_RATE * 1000n),
    localaddresses: [],
    warnings: '',
  }));
  server.register(
    'validateaddress',
    (values) => validateAddress(node, new Params(values).string(0, 'address')),
    'validateaddress ADDRESS',
  );
  server.register(
    'generatetoaddress',
    (values, { signal }) => {
      const params = new Params(values);
      if (node.parameters.name !== 'regtest') {
        throw new RpcError(RPC_CODE.misc, 'generatetoaddress is for regtest only');
      }
      const count = params.integer(0, 'nblocks', 0, MAX_GENERATED);
      return node.mine(count, addressScript(params.string(1, 'address'), node.parameters), signal);
    },
    'generatetoaddress NBLOCKS ADDRESS',
  );
}
