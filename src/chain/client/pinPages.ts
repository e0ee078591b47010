import { fromHex } from '../../base/index.js';
import type { Pin, PinStatus, PinVersion } from '../pins/pin.js';
import type { RpcClient } from './RpcClient.js';

type PinVersionJson = Omit<PinVersion, 'payload'> & { readonly payload?: string };
type PinJson = Omit<Pin, 'payload' | 'versions'> & {
  readonly payload?: string;
  readonly versions: readonly PinVersionJson[];
};

/** One thing that happened to a pin, as the node tells it: it was made, changed, or only moved. */
export interface PinEventJson {
  readonly operation: string;
  /** Printed id of the transaction. */
  readonly txid: string;
  readonly height: number;
  readonly status: PinStatus;
  /** Who holds the pin since; absent when nobody does. */
  readonly owner?: string;
  /** Output that holds the base unit since, `txid:vout`. */
  readonly location?: string;
  /** Base units of that output before it. */
  readonly offset?: number;
  readonly contentType?: string;
  /** Bytes of the payload. */
  readonly size?: number;
  /** In hex; absent when the pin only moved, and where it is too long to be listed. */
  readonly payload?: string;
}

/** Which pins: those at a path, at an owner's address, made by a MetaID (64 hex digits), or one by its id. */
export type PinSelector =
  | { readonly path: string }
  | { readonly owner: string }
  | { readonly metaId: string }
  | { readonly id: string };

/** Which part of the pins of a path or a holder is asked for. */
export interface PinOptions {
  /** As of this block: what was made, changed or moved later does not count. The tip unless stated. */
  readonly atHeight?: number;
  /** Hidden and revoked pins, too. */
  readonly all?: boolean;
  readonly limit?: number;
  /** Only those behind this pin, to read a long list in pages. */
  readonly after?: string;
  /** Longer payloads are left out; 131,072 bytes unless stated. */
  readonly maxPayload?: number;
}

/** Events of a pin asked for at once. */
const HISTORY_PAGE = 1_000;

/** Pins asked for at once. */
const PIN_PAGE = 500;

/** Pins of a selection, in the order of their making, page by page. */
export async function* eachPin(
  rpc: RpcClient,
  selector: PinSelector | string,
  options: PinOptions,
): AsyncGenerator<Pin, void> {
  const of = typeof selector === 'string' ? { path: selector } : selector;
  let { limit = Number.POSITIVE_INFINITY, after } = options;
  while (limit > 0) {
    const page = await rpc.call<PinJson[]>('getpins', {
      ...of,
      ...options,
      limit: Math.min(limit, PIN_PAGE),
      ...(after === undefined ? {} : { after }),
    });
    for (const json of page) yield pinOf(json);
    limit -= page.length;
    after = page.at(-1)?.id;
    if (after === undefined || 'id' in of) return;
  }
}

/** What happened to a pin, oldest first, page by page. */
export async function* pinHistory(rpc: RpcClient, id: string): AsyncGenerator<PinEventJson, void> {
  for (let skip = 0; ; ) {
    const page = await rpc.call<PinEventJson[]>('getpinhistory', id, HISTORY_PAGE, skip);
    // a page of long events is a short one, with more behind it
    if (page.length === 0) return;
    yield* page;
    skip += page.length;
  }
}

function pinOf(json: PinJson): Pin {
  return {
    ...json,
    payload: fromHex(json.payload ?? ''),
    versions: json.versions.map((version) => ({
      ...version,
      payload: fromHex(version.payload ?? ''),
    })),
  };
}
