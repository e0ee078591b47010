import { z } from 'zod';
import { BitmodelError, canonicalBytes, messageOf, utf8 } from '../../base/index.js';
import type { Delivery, PeerId } from '../../network/index.js';
import type { SendResult } from './JobPoolService.js';

/** How a node hands a message to one other node; what is between them can't read or change it. */
export interface PrivateDelivery {
  /** Peer id of this node. */
  readonly node: string;
  /**
   * Hands a message to the node of that peer id.
   * @returns its answer
   * @throws BitmodelError when that node can't be reached or doesn't answer
   */
  deliver(node: string, message: Uint8Array): Promise<Uint8Array>;
  /** Says who answers what other nodes hand to this one. */
  receive(handler: (message: Uint8Array) => Promise<Uint8Array>): void;
}

/** What private messages of jobs are called among all that nodes bring to each other. */
const SUBJECT = 'job';

/** A network's way to bring messages to one node, as the job pool takes it. @param node the own peer id */
export function jobDelivery(
  delivery: Pick<Delivery, 'deliver' | 'receive'>,
  node: PeerId,
): PrivateDelivery {
  return {
    node,
    deliver: (to, message) => delivery.deliver(to, SUBJECT, message),
    receive: (handler) => delivery.receive(SUBJECT, handler),
  };
}

/** Most bytes of an answer to a private message. */
const ANSWER_BYTES = 1024;

const answerSchema = z.union([
  z.strictObject({ status: z.enum(['new', 'known', 'waiting']) }),
  z.strictObject({ status: z.enum(['refused', 'undelivered']), reason: z.string().max(300) }),
]);

/** What became of a private message, as its receiver's node says it to the sender's: canonical JSON. */
export function encodeAnswer(result: SendResult): Uint8Array {
  const { status } = result;
  if (!('reason' in result)) return canonicalBytes({ status });
  return canonicalBytes({ status, reason: result.reason.slice(0, 300) });
}

/** @throws BitmodelError `BAD_ENCODING` */
export function decodeAnswer(bytes: Uint8Array): SendResult {
  try {
    if (bytes.length > ANSWER_BYTES) throw new Error('it is too long');
    const answer = answerSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
    if (!Buffer.from(canonicalBytes(answer)).equals(bytes)) throw new Error('it is not canonical');
    return answer as SendResult;
  } catch (thrown) {
    throw new BitmodelError('BAD_ENCODING', `This is no answer of a node: ${messageOf(thrown)}.`, {
      next: 'Send the message again later; it may be another node then',
      cause: thrown,
    });
  }
}

/** A message as it is handed from node to node: its JSON. */
export function encodeHanded(message: unknown): Uint8Array {
  return utf8(JSON.stringify(message));
}
