import { hashToId } from '../../codec/transaction.js';
import type { Tip } from '../../node/ChainNode.js';
import { WAITING_HELP } from '../help/control.js';
import { Params } from '../Params.js';
import type { RpcServer } from '../RpcServer.js';

/** Longest wait for a block in milliseconds. */
const MAX_WAIT = 60_000;
const LONGEST_ASKED = 0x7fff_ffff;

/** What has a tip, and says `block` when it changes. */
export interface TipSource {
  readonly tip: Tip;
  once(event: 'block', listener: () => void): unknown;
  off(event: 'block', listener: () => void): unknown;
}

/** Resolves when the tip has changed, or the signal ends it. */
function nextTip(node: TipSource, limit: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      node.off('block', done);
      limit.removeEventListener('abort', done);
      resolve();
    };
    node.once('block', done);
    limit.addEventListener('abort', done);
  });
}

/** Waits until the tip fulfils a condition, at most `timeout` milliseconds; returns the tip either way. */
async function waitFor(
  node: TipSource,
  timeout: number,
  signal: AbortSignal,
  met: (tip: Tip) => boolean,
): Promise<object> {
  const patience = timeout === 0 ? MAX_WAIT : Math.min(timeout, MAX_WAIT);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(patience)]);
  while (!met(node.tip) && !limit.aborted) await nextTip(node, limit);
  signal.throwIfAborted();
  return { hash: node.tip.hash, height: node.tip.height };
}

/** Methods that answer when the chain has moved. */
export function registerWaitingMethods(server: RpcServer, node: TipSource): void {
  const timeoutOf = (params: Params, index: number): number =>
    params.integer(index, 'timeout', 0, LONGEST_ASKED, 0);
  server.register(
    'waitfornewblock',
    (values, { signal }) => {
      const { hash } = node.tip;
      return waitFor(node, timeoutOf(new Params(values), 0), signal, (tip) => tip.hash !== hash);
    },
    WAITING_HELP.waitfornewblock,
  );
  server.register(
    'waitforblock',
    (values, { signal }) => {
      const params = new Params(values);
      const wanted = hashToId(params.hash(0, 'blockhash'));
      return waitFor(node, timeoutOf(params, 1), signal, (tip) => tip.hash === wanted);
    },
    WAITING_HELP.waitforblock,
  );
  server.register(
    'waitforblockheight',
    (values, { signal }) => {
      const params = new Params(values);
      const height = params.integer(0, 'height', 0, LONGEST_ASKED);
      return waitFor(node, timeoutOf(params, 1), signal, (tip) => tip.height >= height);
    },
    WAITING_HELP.waitforblockheight,
  );
}
