import { parseAmount } from '../base/index.js';
import { type AnyMessage, acceptedOffer, type Message } from './messages.js';
import type { JobSpec } from './spec.js';

/** Why this author may not say this about this job; `wait` when a message still to come could allow it. */
export function whyNot(
  message: AnyMessage,
  job: JobSpec,
  isAccepted: () => boolean,
): string | undefined {
  switch (message.type) {
    case 'offer':
      return mayNotOffer(message, job);
    case 'accept': {
      if (message.author !== job.client) return 'only the client accepts an offer';
      return mayNotOffer(acceptedOffer(message), job);
    }
    case 'contest':
      return message.author === job.client ? undefined : 'only the client contests';
    case 'verdict':
      return job.verifiers.includes(message.author) ? undefined : 'it is none of its verifiers';
    case 'commitment': {
      if (!message.body.commitment.startsWith(message.jobId)) return 'it commits to another job';
      return isAccepted() ? undefined : 'wait';
    }
    case 'withdraw':
      // a buyer withdraws a job that it has not yet paid for
      if (message.author === job.client) return undefined;
      return isAccepted() ? undefined : 'wait';
    case 'counterproof':
      return isAccepted() ? undefined : 'wait';
    default:
      return 'it belongs to no job';
  }
}

/** The later of two jobs with one coin counts, by the height at which it was created, then by the smaller id. */
export function replaces(
  created: number,
  id: string,
  rivalCreated: number,
  rivalId: string,
): boolean {
  return created === rivalCreated ? id < rivalId : created > rivalCreated;
}

function mayNotOffer(offer: Message<'offer'>, job: JobSpec): string | undefined {
  if (offer.author === job.client) return 'the client can not sell to itself';
  if (job.verifiers.includes(offer.author)) return 'a verifier of the job can not sell it';
  const price = parseAmount(offer.body.pricePerToken);
  if (price < 1n) return 'an offer is for at least one base unit per token';
  if (price > parseAmount(job.pricePerToken)) return 'it asks more than the job pays';
  if (!job.classes.includes(offer.body.class)) return 'the job does not allow its numeric class';
  return undefined;
}
