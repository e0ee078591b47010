import { fromHex } from '../../base/index.js';
import type { ChainClient, Pin } from '../../chain/index.js';

/** One thing that happened to a pin: it was made, changed, or only moved. */
export interface PinEventView {
  readonly operation: string;
  /** Printed id of the transaction. */
  readonly txid: string;
  readonly height: number;
  /** Who holds the pin since; absent when nobody does. */
  readonly owner?: string;
  /** What was said; undefined when the pin only moved, and where the node left out what is too long for a declaration. */
  readonly payload: Uint8Array | undefined;
}

/**
 * What happened to a pin up to a height, oldest first, page by page.
 * @param pin as of that height; where it lies then tells which event is the last, so that no further page is asked for
 */
export async function* pinEvents(
  client: ChainClient,
  pin: Pick<Pin, 'id' | 'location'>,
  atHeight: number,
): AsyncGenerator<PinEventView, void> {
  for await (const { operation, txid, height, owner, payload } of client.pinHistory(pin.id)) {
    if (height > atHeight) return;
    yield {
      operation,
      txid,
      height,
      ...(owner === undefined ? {} : { owner }),
      payload: payload === undefined ? undefined : fromHex(payload),
    };
    // whatever happens to a pin moves it, so where it lies tells what happened last
    if (pin.location?.startsWith(`${txid}:`)) return;
  }
}
