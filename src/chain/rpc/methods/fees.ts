import { type Estimate, MAX_TARGET, type RateRange } from '../../mempool/FeeEstimator.js';
import type { ChainNode } from '../../node/ChainNode.js';
import { JsonAmount } from '../../wire/json.js';
import { RPC_CODE, RpcError } from '../../wire/RpcError.js';
import type { Params } from '../Params.js';

const NOT_ENOUGH = 'Insufficient data or no feerate found';
const MODES = new Set(['unset', 'economical', 'conservative']);

/** Bitcoin Core's three questions: half the target at 60 %, the target at 85 %, twice the target at 95 %. */
const QUESTIONS: readonly (readonly [stretch: number, threshold: number])[] = [
  [0.5, 0.6],
  [1, 0.85],
  [2, 0.95],
];

function targetOf(params: Params): number {
  const target = params.integer(0, 'conf_target', -0x8000_0000, 0x7fff_ffff);
  if (target >= 1 && target <= MAX_TARGET) return target;
  const message = `Invalid conf_target, must be between 1 and ${MAX_TARGET}`;
  throw new RpcError(RPC_CODE.invalidParameter, message);
}

function checkMode(params: Params): void {
  if (!params.has(1)) return;
  if (MODES.has(params.string(1, 'estimate_mode').toLowerCase())) return;
  const message =
    'Invalid estimate_mode parameter, must be one of: "unset", "economical", "conservative"';
  throw new RpcError(RPC_CODE.invalidParameter, message);
}

/** `estimatesmartfee`, from what this node has seen. */
export function smartFee({ admission, tip }: ChainNode, params: Params): object {
  const blocks = targetOf(params);
  checkMode(params);
  let best: bigint | undefined;
  for (const [stretch, threshold] of QUESTIONS) {
    const target = Math.min(Math.max(Math.floor(blocks * stretch), 1), MAX_TARGET);
    const { feeRate } = admission.estimator.estimate(target, tip.height, threshold);
    if (feeRate !== undefined && (best === undefined || feeRate > best)) best = feeRate;
  }
  if (best === undefined) return { errors: [NOT_ENOUGH], blocks };
  const least = admission.minimumFee;
  return { feerate: new JsonAmount(best > least ? best : least), blocks };
}

function rangeView(range: RateRange): object {
  return {
    startrange: range.from,
    endrange: range.to,
    withintarget: range.within,
    totalconfirmed: range.confirmed,
    inmempool: range.waiting,
    leftmempool: range.left,
  };
}

/** `estimaterawfee`: what an estimate rests on. There is one horizon, the long one, and nothing fades within it. */
export function rawFee({ admission, tip }: ChainNode, params: Params): object {
  const target = targetOf(params);
  const threshold = params.has(1) ? params.raw(1) : 0.95;
  if (typeof threshold !== 'number' || !(threshold >= 0 && threshold <= 1)) {
    throw new RpcError(RPC_CODE.invalidParameter, 'Invalid threshold');
  }
  const found: Estimate = admission.estimator.estimate(target, tip.height, threshold);
  return {
    long: {
      ...(found.feeRate === undefined ? {} : { feerate: new JsonAmount(found.feeRate) }),
      decay: 1,
      scale: 1,
      ...(found.pass ? { pass: rangeView(found.pass) } : {}),
      ...(found.fail ? { fail: rangeView(found.fail) } : {}),
      ...(found.feeRate === undefined ? { errors: [NOT_ENOUGH] } : {}),
    },
  };
}
