import { type MethodHelp, OWN_GROUP, RPC_CODE, RpcError } from '../../chain/index.js';
import type { ServiceChain } from './chain.js';
import { JobPoolService } from './JobPoolService.js';

/** What the pool needs of an RPC server. */
export interface MethodTable {
  register(method: string, handler: (params: unknown[]) => unknown, help: MethodHelp): void;
}

const SENDJOBMESSAGE: MethodHelp = {
  group: OWN_GROUP,
  summary:
    'Hands a signed job message to the node, which keeps it while its job lives; a prompt goes to its own node alone.',
  params: [{ name: 'message', type: 'any', about: 'The message, as docs/protocol.md has it.' }],
  result:
    'An object: status (new, known, waiting, refused, or undelivered for a prompt); when it was not taken reason, and for refused fault (whether it breaks a rule by itself).',
  example: '"$(cat message.json)"',
};

const LISTJOBMESSAGES: MethodHelp = {
  group: OWN_GROUP,
  summary: 'Job messages that the node holds, the oldest first.',
  params: [
    {
      name: 'options',
      type: 'object',
      optional: true,
      about: '{"jobId": only those of a job, "after": only those after a cursor}.',
    },
  ],
  result:
    'An object: messages; next, the cursor to ask on from; node, the id of this node where it is on a network.',
  errors: [[-8, 'The job id or the cursor is malformed.']],
  example: `'{"after":0}'`,
};

/**
 * Gives a node its job pool: registers `sendjobmessage` (a message; answers `{status, reason?}`) and
 * `listjobmessages` (`{jobId?, after?}`; answers `{messages, next, node?}`).
 * @returns the pool; call its `advance()` after every block
 */
export function registerJobPool(server: MethodTable, chain: ServiceChain): JobPoolService {
  const service = new JobPoolService(chain);
  server.register('sendjobmessage', ([message]) => service.send(message), SENDJOBMESSAGE);
  server.register(
    'listjobmessages',
    ([options]) => service.list(listOptions(options)),
    LISTJOBMESSAGES,
  );
  return service;
}

function listOptions(value: unknown): { jobId?: string; after?: number } {
  if (value === undefined || value === null) return {};
  const { jobId, after } = value as { jobId?: unknown; after?: unknown };
  const isJob = jobId === undefined || (typeof jobId === 'string' && /^[0-9a-f]{64}$/.test(jobId));
  const isCursor =
    after === undefined || (typeof after === 'number' && Number.isSafeInteger(after));
  if (typeof value !== 'object' || !isJob || !isCursor) {
    throw new RpcError(RPC_CODE.invalidParameter, 'Pass {jobId: 64 hex digits, after: a number}.');
  }
  return {
    ...(jobId === undefined ? {} : { jobId: jobId as string }),
    ...(after === undefined ? {} : { after: after as number }),
  };
}
