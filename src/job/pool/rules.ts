import { parseAmount } from '../../base/index.js';
import { type AnyMessage, acceptedOffer, type Message } from '../messages.js';
import { type JobSpec, listedVerifiers } from '../spec.js';

/** What a pool knows of an author in a job. */
export interface AuthorStanding {
  /** Whether the client has accepted its offer. */
  isAccepted(): boolean;
  /** Whether this author has accepted an offer of this seller, made through this node. */
  hasAccepted(seller: string, node: string | undefined): boolean;
  /** Whether the client has called it to judge, by sealing evidence to it. */
  isCalled(): boolean;
}

/** Why this author may not say this about this job; `wait` when a message still to come could allow it. */
export function whyNot(
  message: AnyMessage,
  job: JobSpec,
  standing: AuthorStanding,
): string | undefined {
  const isAccepted = (): boolean => standing.isAccepted();
  switch (message.type) {
    case 'offer':
      return mayNotOffer(message, job);
    case 'accept': {
      if (message.author !== job.client) return 'only the client accepts an offer';
      return mayNotOffer(acceptedOffer(message), job);
    }
    case 'prompt': {
      if (message.author !== job.client) return 'only the client gives a prompt';
      const { seller, node } = message.body;
      return standing.hasAccepted(seller, node) ? undefined : 'wait';
    }
    case 'contest':
      return message.author === job.client ? undefined : 'only the client contests';
    case 'verdict':
      // who is drawn shows with the contest: the pool takes the client's word, verifiers and contracts the proof
      if (!Array.isArray(job.verifiers)) return standing.isCalled() ? undefined : 'wait';
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
  if (listedVerifiers(job).includes(offer.author)) return 'a verifier of the job can not sell it';
  const price = parseAmount(offer.body.pricePerToken);
  if (price < 1n) return 'an offer is for at least one base unit per token';
  if (price > parseAmount(job.pricePerToken)) return 'it asks more than the job pays';
  if (!job.classes.includes(offer.body.class)) return 'the job does not allow its numeric class';
  return undefined;
}
