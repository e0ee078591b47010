import {
  type MethodHelp,
  OWN_GROUP,
  Params,
  RPC_CODE,
  RpcError,
  type RpcServer,
} from '../../chain/index.js';
import type { BundleAbout, CalibrationRef } from '../../model/index.js';
import type { ModelExchange } from './ModelExchange.js';
import type { PullStatus } from './Pulls.js';

/** Models asked about in one call. */
const MOST_MODELS = 64;
/** Calibrations fetched with one model. */
const MOST_CALIBRATIONS = 64;

const ID = { name: 'model', type: 'string', about: 'Model id, 64 hexadecimal digits.' } as const;
const STATUS =
  'An object: id, dir, state (looking, checking, fetching, finishing, done or failed), bytesDone, bytesTotal, peers, badPieces, wasHere, calibrationsMissing, and failure {code, message, next} when it failed.';

/** What each method does, for `help` and docs/rpc.md. */
export const MODEL_METHODS = {
  pullmodel: {
    group: OWN_GROUP,
    summary: 'Fetches a model from the nodes that hold it, or goes on with what was begun.',
    params: [
      ID,
      {
        name: 'options',
        type: 'object',
        optional: true,
        about:
          '{"name", "licence", "parents": what its description here says; "calibrations": [{"file", "hash"}] fetched with it; "dir": folder; "maxBytes": largest model taken}.',
      },
    ],
    result: STATUS,
    example: 'ID',
  },
  getpull: {
    group: OWN_GROUP,
    summary: 'How the fetching of a model stands.',
    params: [ID],
    result: STATUS,
    errors: [[-5, 'The model is not being fetched.']],
    example: 'ID',
  },
  stoppull: {
    group: OWN_GROUP,
    summary: 'Ends the fetching of a model; what is there stays.',
    params: [ID],
    result: STATUS,
    errors: [[-5, 'The model is not being fetched.']],
    example: 'ID',
  },
  listmodelholders: {
    group: OWN_GROUP,
    summary: 'Who holds models: each peer counted gave a random block with its proof lately.',
    params: [{ name: 'models', type: 'array', about: `Model ids, at most ${MOST_MODELS}.` }],
    result: 'An object by model id: peers [{peer, group, checkedAt}], groups, and here.',
    example: `'["ID"]'`,
  },
  announcemodels: {
    group: OWN_GROUP,
    summary: 'Tells other nodes at once which models this one holds.',
    params: [],
    result: 'null',
  },
} as const satisfies Record<string, MethodHelp>;

type Raw = Readonly<Record<string, unknown>>;

/** Methods of a node about passing models around. */
export function registerModelMethods(server: RpcServer, exchange: ModelExchange): void {
  server.register(
    'pullmodel',
    (values) => start(exchange, new Params(values)),
    MODEL_METHODS.pullmodel,
  );
  server.register(
    'getpull',
    (values) => status(exchange, new Params(values)),
    MODEL_METHODS.getpull,
  );
  server.register(
    'stoppull',
    async (values) => {
      const { id } = status(exchange, new Params(values));
      await exchange.pulls.stop(id);
      return exchange.pulls.status(id);
    },
    MODEL_METHODS.stoppull,
  );
  server.register(
    'listmodelholders',
    (values) => holders(exchange, values[0]),
    MODEL_METHODS.listmodelholders,
  );
  server.register(
    'announcemodels',
    async () => {
      await exchange.announce();
      return null;
    },
    MODEL_METHODS.announcemodels,
  );
}

function idOf(value: unknown): string {
  if (typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)) return value;
  throw new RpcError(RPC_CODE.invalidParameter, 'A model id must be 64 hexadecimal digits');
}

function start({ pulls }: ModelExchange, params: Params): PullStatus {
  const id = idOf(params.string(0, 'model'));
  const options = (params.has(1) ? params.raw(1) : {}) as Raw;
  const { dir, maxBytes, calibrations } = options;
  if (dir !== undefined && typeof dir !== 'string') throw badOption('dir');
  if (maxBytes !== undefined && !Number.isSafeInteger(maxBytes)) throw badOption('maxBytes');
  return pulls.start({
    id,
    about: aboutOf(options, id),
    ...(dir === undefined ? {} : { dir }),
    ...(maxBytes === undefined ? {} : { maxBytes: maxBytes as number }),
    ...(calibrations === undefined ? {} : { calibrations: calibrationsOf(calibrations) }),
  });
}

function aboutOf({ name, licence, parents }: Raw, id: string): BundleAbout {
  if (name !== undefined && (typeof name !== 'string' || name === '')) throw badOption('name');
  if (licence !== undefined && typeof licence !== 'string') throw badOption('licence');
  return {
    name: name ?? id.slice(0, 12),
    ...(licence === undefined ? {} : { licence }),
    ...(parents === undefined ? {} : { parents: parentsOf(parents) }),
  };
}

function parentsOf(value: unknown): { readonly id: string; readonly ppm: number }[] {
  if (!Array.isArray(value)) throw badOption('parents');
  return value.map((each: Raw) => {
    const ppm = each?.ppm;
    if (typeof ppm !== 'number' || !Number.isInteger(ppm)) throw badOption('parents');
    return { id: idOf(each.id), ppm };
  });
}

function calibrationsOf(value: unknown): CalibrationRef[] {
  if (!Array.isArray(value) || value.length > MOST_CALIBRATIONS) throw badOption('calibrations');
  return value.map((each: Raw) => {
    const file = each?.file;
    if (typeof file !== 'string') throw badOption('calibrations');
    return { file, hash: idOf(each.hash) };
  });
}

function badOption(name: string): RpcError {
  return new RpcError(RPC_CODE.invalidParameter, `The option ${name} is malformed`);
}

function status({ pulls }: ModelExchange, params: Params): PullStatus {
  const id = idOf(params.string(0, 'model'));
  const found = pulls.list().find((each) => each.id === id);
  if (found) return found;
  throw new RpcError(RPC_CODE.notFound, 'The model is not being fetched here');
}

async function holders(exchange: ModelExchange, value: unknown): Promise<object> {
  if (!Array.isArray(value) || value.length > MOST_MODELS) {
    throw new RpcError(RPC_CODE.invalidParameter, `Give at most ${MOST_MODELS} model ids`);
  }
  const shown: Record<string, object> = {};
  // one after the other, so that one call does not challenge all peers at once
  for (const id of new Set(value.map(idOf))) {
    const peers = await exchange.holders(id);
    const groups = new Set(peers.map(({ group }) => group)).size;
    shown[id] = { peers, groups, here: await exchange.isHeldHere(id) };
  }
  return shown;
}
