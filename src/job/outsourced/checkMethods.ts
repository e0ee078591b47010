import { type MethodHelp, OWN_GROUP, RPC_CODE, RpcError } from '../../chain/index.js';
import type { MethodTable } from '../pool/methods.js';
import { decodeReceipt } from '../receipt.js';
import type { Checks, KnownTruth } from './Checks.js';
import { FEWEST_NEIGHBOURS } from './outsource.js';

const STARTCHECK: MethodHelp = {
  group: OWN_GROUP,
  summary:
    'Has the peers that have its model check a receipt. They see the prompt and the output of it.',
  params: [
    { name: 'receipt', type: 'string', about: 'The receipt, as the text of its file.' },
    {
      name: 'options',
      type: 'object',
      optional: true,
      about:
        '{"neighbours": how many are asked (4, at least 3), "sample": positions checked (all), "seconds": time for their answers (60)}.',
    },
  ],
  result: 'An object: id, by which getcheck tells what came of it.',
  errors: [
    [-8, 'The receipt or an option is malformed, or too many checks are under way.'],
    [-31, 'The node has no network.'],
  ],
  example: '"$(cat receipt.json)" \'{"neighbours":4}\'',
};

const ID = { name: 'id', type: 'string' as const, about: 'What startcheck answered with.' };

const GETCHECK: MethodHelp = {
  group: OWN_GROUP,
  summary: 'Tells how far a check by peers is, and what came of it.',
  params: [ID],
  result:
    'An object: state (running, done or failed), and with done: verification (verdict, checks, neighbours, positions, settled, found, sampled, tau, calibrated, falsePlant, seconds).',
  errors: [[-8, 'There is no such check.']],
  example: '0123456789abcdef',
};

const SETTLECHECK: MethodHelp = {
  group: OWN_GROUP,
  summary:
    'Holds the answers of a check against what the model at hand says; peers that it contradicts are not asked again.',
  params: [
    ID,
    {
      name: 'truth',
      type: 'object',
      about: '{"falseAt": the first position whose token is false; absent when none is}.',
    },
  ],
  result: 'An object: how many peers were right, and how many wrong.',
  errors: [[-8, 'There is no such check.']],
  example: "0123456789abcdef '{}'",
};

const DEFAULTS = { neighbours: 4, seconds: 60 };
/** Most neighbours asked at first, and most seconds that they are given. */
const MOST = { neighbours: 16, seconds: 110 };

function invalid(message: string): RpcError {
  return new RpcError(RPC_CODE.invalidParameter, message);
}

function field(
  options: unknown,
  name: 'neighbours' | 'sample' | 'seconds',
  least: number,
  most: number,
): number | undefined {
  const value = (options as Record<string, unknown>)[name];
  if (value === undefined) return undefined;
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) {
    return value as number;
  }
  throw invalid(`${name} must be a whole number from ${least} to ${most}.`);
}

function truthOf(value: unknown): KnownTruth {
  const { falseAt } = (value ?? {}) as { falseAt?: unknown };
  if (falseAt === undefined) return {};
  if (!Number.isSafeInteger(falseAt)) throw invalid('falseAt must be a position.');
  return { falseAt: falseAt as number };
}

/** Whatever goes wrong here is wrong with what was passed. */
function asParameterError<T>(work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    if (thrown instanceof RpcError || !(thrown instanceof Error)) throw thrown;
    throw invalid(thrown.message);
  }
}

/**
 * Gives a node's RPC `startcheck`, `getcheck` and `settlecheck`.
 * @param found the checks of the node, once it has a network
 */
export function registerChecks(server: MethodTable, found: () => Checks | undefined): void {
  const checks = (): Checks => {
    const those = found();
    if (those) return those;
    throw new RpcError(RPC_CODE.p2pDisabled, 'This node has no peers to ask.');
  };
  const start = ([receipt, options]: unknown[]) =>
    asParameterError(() => {
      const given = options ?? {};
      const decoded = decodeReceipt(receipt as string);
      const tokens = Math.max(decoded.outputIds.length, 1);
      const id = checks().start(decoded, {
        neighbours:
          field(given, 'neighbours', FEWEST_NEIGHBOURS, MOST.neighbours) ?? DEFAULTS.neighbours,
        sample: field(given, 'sample', 1, tokens),
        timeout: 1000 * (field(given, 'seconds', 1, MOST.seconds) ?? DEFAULTS.seconds),
      });
      return { id };
    });
  server.register('startcheck', start, STARTCHECK);
  server.register(
    'getcheck',
    ([id]) => asParameterError(() => checks().state(id as string)),
    GETCHECK,
  );
  server.register(
    'settlecheck',
    ([id, truth]) => asParameterError(() => checks().settle(id as string, truthOf(truth))),
    SETTLECHECK,
  );
}
