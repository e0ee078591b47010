import { resolve } from 'node:path';
import type { Command } from 'commander';
import { BitmodelError, EXIT } from '../base/index.js';
import type { ChainClient } from '../chain/index.js';
import type { PullStatus } from '../network/index.js';
import {
  type DeclaredCalibration,
  modelByName,
  type PublishedModel,
  type Registry,
  readRegistry,
} from '../reward/index.js';
import { action } from './shared/action.js';
import { maxSizeOption } from './shared/max-size.js';
import { hasNoNetwork, noModels, unsynced } from './shared/model-holders.js';
import { progressLine } from './shared/progress.js';
import { formatSize } from './shared/sizes.js';
import { nodeClient } from './shared/wallet.js';

const POLL_MS = 200;

interface PullFlags {
  readonly out?: string;
  readonly maxSize?: string;
  readonly name?: string;
}

interface Described {
  readonly id: string;
  readonly about: {
    readonly name?: string;
    readonly licence?: string;
    readonly parents?: readonly { readonly id: string; readonly ppm: number }[];
    readonly calibrations?: readonly DeclaredCalibration[];
  };
  readonly size: number | undefined;
}

/** A model by name. @throws BitmodelError `UNKNOWN_MODEL`, which says so where the node just doesn't know it yet */
async function published(
  client: ChainClient,
  registry: Registry,
  name: string,
): Promise<PublishedModel> {
  try {
    return modelByName(registry, name);
  } catch (thrown) {
    if (!(thrown instanceof BitmodelError) || thrown.code !== 'UNKNOWN_MODEL') throw thrown;
    throw (await unsynced(client.rpc, thrown)) ?? thrown;
  }
}

/** What the chain says of the model, for its description here: the id decides, and it may say nothing. */
async function described(client: ChainClient, model: string): Promise<Described> {
  const registry = await readRegistry(client);
  const isId = /^[0-9a-f]{64}$/i.test(model);
  const source = isId
    ? registry.byId.get(model.toLowerCase())
    : await published(client, registry, model);
  if (source?.kind !== 'model') {
    return { id: model.toLowerCase(), about: {}, size: undefined };
  }
  const { id, name, licence, size, calibrations } = source;
  const parents = source.parents.map((parent) => ({ id: parent.id, ppm: parent.ppm }));
  const named = calibrations === undefined ? {} : { calibrations };
  return { id, about: { name, licence, parents, ...named }, size };
}

const pull = action<PullFlags>(async ([model], { options, settings, terminal, signal }) => {
  const maxBytes = maxSizeOption(options.maxSize);
  const client = nodeClient(settings);
  const { id, about, size } = await described(client, model!);
  if (size !== undefined && maxBytes !== undefined && size > maxBytes) {
    throw new BitmodelError(
      'MODEL_TOO_LARGE',
      `The model has ${formatSize(size)}, more than you allow.`,
      {
        next: 'Pull it with a larger --max-size',
        exitCode: EXIT.notAllowed,
      },
    );
  }
  const request = {
    ...about,
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.out === undefined ? {} : { dir: resolve(options.out) }),
    ...(maxBytes === undefined ? {} : { maxBytes }),
  };
  let status: PullStatus;
  try {
    status = await client.rpc.call<PullStatus>('pullmodel', id, request);
  } catch (thrown) {
    throw hasNoNetwork(thrown) ? await noModels(client.rpc, thrown) : thrown;
  }
  const progress = progressLine('pulling', settings);
  const began = status.bytesDone;
  try {
    while (status.state !== 'done' && status.failure === undefined) {
      await pause(signal);
      if (signal.aborted) {
        await client.rpc.call('stoppull', id);
        signal.throwIfAborted();
      }
      status = await client.rpc.call<PullStatus>('getpull', id);
      // the rate is of what came now, not of what was here before
      progress.update(status.bytesDone - began, status.bytesTotal - began);
    }
  } finally {
    progress.end();
    client.rpc.close();
  }
  const { failure, dir, bytesTotal, badPieces, wasHere, calibrationsMissing } = status;
  if (failure) {
    const next = failure.next === undefined ? {} : { next: failure.next };
    const exitCode = failure.code === 'NO_HOLDERS' ? EXIT.unreachable : EXIT.failed;
    throw new BitmodelError(failure.code, failure.message, { ...next, exitCode });
  }
  if (badPieces > 0) terminal.note(`${badPieces} wrong pieces came; their senders are banned.`);
  for (const file of calibrationsMissing) {
    terminal.warn(
      `the published calibration of ${file} is not here: no node gave it, or yours lies in its place. Sellers that have it make no offer to who goes by another; try again with: bitmodel model pull ${id}`,
    );
  }
  terminal.result(
    {
      id,
      name: about.name ?? id.slice(0, 12),
      dir,
      size: bytesTotal,
      badPieces,
      wasHere,
      calibrationsMissing,
    },
    `${id}\n${formatSize(bytesTotal)} in ${dir}, ${wasHere ? 'there already' : 'every piece checked'}`,
    id,
  );
});

function pause(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      done();
    };
    const timer = setTimeout(end, POLL_MS);
    signal.addEventListener('abort', end);
  });
}

/** `model pull`. */
export function registerPull(model: Command): void {
  model
    .command('pull')
    .summary('fetch a model from the nodes that hold it')
    .description(
      'Lets the running node fetch a model from all nodes that hold it, every piece checked before it is kept. What was begun is gone on with; of a model that is here already only the calibrations that its publisher named are fetched. A name is looked up on the chain; the id always decides.',
    )
    .argument('<model>', 'id, or name as published: [OWNER/]NAME[:TAG]')
    .option('--out <dir>', "empty folder to put it in (default: one of the node's data folder)")
    .option('--name <name>', 'what to call it here (default: as published)')
    .option('--max-size <megabytes>', 'refuse a larger model')
    .addHelpText(
      'after',
      `
Ctrl-C stops it; the same command goes on with it.

Example:
  $ bitmodel model pull tiny-llama
  $ bitmodel model pull 5f0c…e1 --out ./tiny-llama --max-size 2000`,
    )
    .action(pull);
}
