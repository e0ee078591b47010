import { BitmodelError, EXIT, type ExitCode } from '../../base/index.js';

/** Bitcoin Core's error numbers (src/rpc/protocol.h), by the names used there without the prefix. */
export const RPC_CODE = {
  misc: -1,
  type: -3,
  notFound: -5,
  noPeers: -9,
  invalidParameter: -8,
  database: -20,
  deserialization: -22,
  verify: -25,
  verifyRejected: -26,
  alreadyInChain: -27,
  alreadyAdded: -23,
  notAdded: -24,
  inWarmup: -28,
  notConnected: -29,
  badSubnet: -30,
  p2pDisabled: -31,
  /** Ours: a light node keeps too little to answer. */
  headersOnly: -50,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  parse: -32700,
} as const;

interface Meaning {
  readonly code: string;
  readonly exitCode: ExitCode;
  /** What to do about it; `METHOD` stands for the method's name. */
  readonly next: string;
}

const BAD_ARGUMENT: Meaning = {
  code: 'BAD_ARGUMENT',
  exitCode: EXIT.usage,
  next: 'See what it takes: bitmodel rpc help METHOD',
};

const REJECTED: Meaning = {
  code: 'TX_REJECTED',
  exitCode: EXIT.failed,
  next: 'Mend what the reason names and send it again',
};

const OTHER: Meaning = {
  code: 'RPC_ERROR',
  exitCode: EXIT.failed,
  next: 'See when it fails: bitmodel rpc help METHOD',
};

const MEANING: ReadonlyMap<number, Meaning> = new Map<number, Meaning>([
  [RPC_CODE.misc, OTHER],
  [RPC_CODE.type, BAD_ARGUMENT],
  [
    RPC_CODE.notFound,
    {
      code: 'NOT_FOUND',
      exitCode: EXIT.notFound,
      next: 'Check the id or address, and that the node is of the right network: bitmodel chain info',
    },
  ],
  [RPC_CODE.invalidParameter, BAD_ARGUMENT],
  [
    RPC_CODE.deserialization,
    { code: 'BAD_ENCODING', exitCode: EXIT.usage, next: 'Pass the whole hex, and nothing else' },
  ],
  [RPC_CODE.verify, REJECTED],
  [RPC_CODE.verifyRejected, REJECTED],
  [
    RPC_CODE.alreadyInChain,
    {
      code: 'ALREADY_IN_CHAIN',
      exitCode: EXIT.failed,
      next: 'Nothing is left to do: the chain holds it',
    },
  ],
  [
    RPC_CODE.inWarmup,
    {
      code: 'NODE_STARTING',
      exitCode: EXIT.unreachable,
      next: 'Try again in a moment: the node is still opening its chain',
    },
  ],
  [
    RPC_CODE.p2pDisabled,
    {
      code: 'NO_NETWORK',
      exitCode: EXIT.failed,
      next: 'Start the node with --seed-node ADDRESS or --listen ADDRESS, and without --no-network',
    },
  ],
  [
    RPC_CODE.noPeers,
    {
      code: 'NO_PEERS',
      exitCode: EXIT.unreachable,
      next: 'Wait until the node has peers, or give it one with --seed-node; see bitmodel node peers',
    },
  ],
  [
    RPC_CODE.headersOnly,
    {
      code: 'LIGHT_NODE',
      exitCode: EXIT.failed,
      next: 'Ask a node that keeps the whole chain: --rpc URL',
    },
  ],
  [
    RPC_CODE.methodNotFound,
    {
      code: 'UNKNOWN_METHOD',
      exitCode: EXIT.usage,
      next: 'List the methods: bitmodel rpc help',
    },
  ],
  [RPC_CODE.invalidParams, BAD_ARGUMENT],
  [
    RPC_CODE.internal,
    {
      code: 'NODE_FAILED',
      exitCode: EXIT.failed,
      next: 'This is a fault of the node; see what it printed, and report it',
    },
  ],
]);

/** Bitcoin Core has no number of its own for what a pruned node has dropped, only these words. */
const PRUNED_WORDS = '(pruned data)';
const PRUNED: Meaning = {
  code: 'BLOCK_PRUNED',
  exitCode: EXIT.failed,
  next: 'Ask a node that keeps all blocks (--rpc URL), or make this one anew without --prune',
};

/** Bitcoin Core says that it shuts down with the number that it has for being without peers; these words tell them apart. */
export const STOPPING_WORDS = 'The node is stopping.';
const STOPPING: Meaning = {
  code: 'NODE_UNREACHABLE',
  exitCode: EXIT.unreachable,
  next: 'Start it again, then repeat this',
};

function meaningOf(rpcCode: number, message: string): Meaning {
  if (message === STOPPING_WORDS) return STOPPING;
  return message.endsWith(PRUNED_WORDS) ? PRUNED : (MEANING.get(rpcCode) ?? OTHER);
}

/**
 * An error that travels over RPC: thrown by a method on the server, thrown again by the client. Its `code` is ours
 * (`TX_REJECTED`, `NOT_FOUND`, …), `rpcCode` is Bitcoin Core's number, the message is the node's own.
 */
export class RpcError extends BitmodelError {
  readonly rpcCode: number;

  /** @param options.method named in the step that mends it */
  constructor(
    rpcCode: number,
    message: string,
    options: { readonly cause?: unknown; readonly method?: string } = {},
  ) {
    const { cause, method } = options;
    const { code, exitCode, next } = meaningOf(rpcCode, message);
    super(code, message, {
      cause,
      exitCode,
      next: next.replace(' METHOD', method ? ` ${method}` : ''),
    });
    this.rpcCode = rpcCode;
  }
}
