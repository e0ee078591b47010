import { BitmodelError, EXIT } from '../../base/index.js';
import type { RpcClient } from './RpcClient.js';

/** One thing that a node tells of itself at `GET /events`. */
export interface NodeEvent {
  /** `block` when the tip changes, and once at the start; `transaction` when the mempool takes one. */
  readonly event: string;
  /** What it is about, as the node wrote it; `docs/rpc.md` has the fields. */
  readonly data: unknown;
}

/** No event of a node is longer. */
const MAXIMUM_EVENT = 100_000;

/** One event of the stream's text; undefined for a comment, which only shows that the line stands. */
function parseEvent(text: string): NodeEvent | undefined {
  let event = 'message';
  const data: string[] = [];
  for (const line of text.split('\n')) {
    const [, field, value = ''] = /^([a-z]+): ?(.*)$/.exec(line) ?? [];
    if (field === 'event') event = value;
    else if (field === 'data') data.push(value);
  }
  if (data.length === 0) return undefined;
  try {
    return { event, data: JSON.parse(data.join('\n')) };
  } catch (thrown) {
    throw badStream('something that is not JSON', thrown);
  }
}

function badStream(what: string, cause?: unknown): BitmodelError {
  return new BitmodelError('BAD_RPC_ANSWER', `The node's events hold ${what}.`, {
    next: 'Check the address given with --rpc',
    exitCode: EXIT.unreachable,
    cause,
  });
}

/**
 * The events in a stream of server-sent events (WHATWG HTML, section 9.2), as they come.
 * @throws BitmodelError `BAD_RPC_ANSWER`, and what the stream throws
 */
export async function* readEvents(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<NodeEvent, void> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    rest += decoder.decode(chunk, { stream: true });
    for (let end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n')) {
      const event = parseEvent(rest.slice(0, end));
      rest = rest.slice(end + 2);
      if (event) yield event;
    }
    if (rest.length > MAXIMUM_EVENT) throw badStream('one without an end');
  }
}

/** What a node tells of itself from now on, the tip as it stands first. @throws as `RpcClient.stream` and {@link readEvents} */
export function nodeEvents(rpc: RpcClient, signal: AbortSignal): AsyncGenerator<NodeEvent, void> {
  return readEvents(rpc.stream('/events', signal));
}
