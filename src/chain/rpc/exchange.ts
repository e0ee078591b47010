import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import type { Answer } from './dispatch.js';

/** Answers up to this many characters are sent in one go, with their length. */
const WHOLE = 1_000_000;
/** How long an answer is made before others have their turn, in milliseconds. */
const TURN = 15;

/** Bytes of request bodies that are being read, of all callers together. */
export class BodyBudget {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#left += bytes;
  }
}

/**
 * Reads a request's body as text, or says with which HTTP status it is refused: 413 when it is larger than `limit`, 503
 * when the bodies of all callers together are beyond the budget. The budget is given back by whoever is told `taken`.
 */
export async function readBody(
  request: IncomingMessage,
  limit: number,
  budget: BodyBudget,
): Promise<{ text: string; taken: number } | { status: 413 | 503 }> {
  if (Number(request.headers['content-length'] ?? 0) > limit) return { status: 413 };
  const chunks: Buffer[] = [];
  let taken = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      if (taken + chunk.length > limit) return refuse(413);
      if (!budget.take(chunk.length)) return refuse(503);
      taken += chunk.length;
      chunks.push(chunk);
    }
  } catch (thrown) {
    budget.giveBack(taken);
    throw thrown;
  }
  return { text: Buffer.concat(chunks).toString('utf8'), taken };

  function refuse(status: 413 | 503): { status: 413 | 503 } {
    budget.giveBack(taken);
    return { status };
  }
}

/**
 * Sends an answer: short ones whole, long ones piece by piece, as fast as the caller takes them. Others have their turn
 * in between.
 * @param patience milliseconds without progress after which a caller is cut off
 */
export async function sendAnswer(
  response: ServerResponse,
  { status, body }: Answer,
  options: { readonly signal: AbortSignal; readonly patience: number },
): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  let text = '';
  let turn = performance.now();
  for await (const piece of body ?? []) {
    text += piece;
    if (text.length > WHOLE) {
      if (!response.headersSent) response.writeHead(status, headers);
      if (!response.write(text)) await drained(response, options);
      text = '';
    }
    if (performance.now() - turn > TURN) {
      await setImmediate();
      turn = performance.now();
    }
    if (options.signal.aborted) return;
  }
  const length = Buffer.byteLength(text);
  if (!response.headersSent) {
    response.writeHead(status, body ? { ...headers, 'content-length': length } : {});
  }
  response.end(text);
  cutOffLater(response, options.patience);
}

async function drained(
  response: ServerResponse,
  { signal, patience }: { readonly signal: AbortSignal; readonly patience: number },
): Promise<void> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(patience)]);
  try {
    await once(response, 'drain', { signal: limit });
  } catch {
    // too slow, or gone
    response.destroy();
  }
}

function cutOffLater(response: ServerResponse, patience: number): void {
  if (response.writableFinished) return;
  const cut = setTimeout(() => response.destroy(), patience);
  response.once('finish', () => clearTimeout(cut)).once('close', () => clearTimeout(cut));
}
