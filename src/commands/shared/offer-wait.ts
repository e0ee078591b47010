import { BitmodelError } from '../../base/index.js';
import type { ChainClient, NetworkParameters } from '../../chain/index.js';
import type { JobClient } from '../../job/index.js';
import { countHolders, holdersOf } from './model-holders.js';
import { span } from './node-view.js';
import { proposal } from './proposal.js';
import type { Settings } from './settings.js';
import type { Terminal } from './terminal.js';

/** Milliseconds without an offer after which it is told what is waited for, and between two times. */
const FIRST = 5_000;
const AGAIN = 60_000;

/** What of a network a buyer sees. */
interface Neighbourhood {
  /** Nodes connected; undefined of a node without a network. */
  readonly peers: number | undefined;
  /** Nodes that show that they hold the model; undefined where that can't be told. */
  readonly holders: number | undefined;
}

/** Number of nodes that a node is connected to; undefined where it has no network. @throws BitmodelError of the node */
export async function connectedPeers({ rpc }: ChainClient): Promise<number | undefined> {
  const { networkactive, connections } = await rpc.call<{
    networkactive: boolean;
    connections: number;
  }>('getnetworkinfo');
  return networkactive ? connections : undefined;
}

/** What there is to do where a node knows too few others; undefined where it is connected. */
export function fewPeersAdvice(peers: number | undefined): string | undefined {
  if (peers === undefined) {
    return 'this node runs without a network, so only its own callers are there; start it with --seed-node ADDRESS to reach others';
  }
  return peers === 0
    ? 'this node is connected to no other; see bitmodel node status, and start it with --seed-node ADDRESS of one that runs'
    : undefined;
}

async function neighbourhood(chain: ChainClient, model: string): Promise<Neighbourhood> {
  const peers = await connectedPeers(chain);
  if (!peers) return { peers, holders: undefined };
  const found = (await holdersOf(chain.rpc, [model]))?.get(model);
  return { peers, holders: found && countHolders(found) };
}

/** What there is to do where nobody else offers. */
const SUSPECTS =
  'the only offers are of suspects, sellers that were slashed before; who gives it up and submits it anew with --allow-suspects takes them, too';

function advice({ peers, holders }: Neighbourhood): string {
  const few = fewPeersAdvice(peers);
  if (few) return `${few}, or sell here: bitmodel worker --model DIR`;
  const held = holders === undefined ? '' : `, ${holders} with the model`;
  const connected = `${peers} ${peers === 1 ? 'node is' : 'nodes are'} connected${held}`;
  return `${connected}; sellers may be busy, ask more than --price, or refuse the verifiers (see --verifiers)`;
}

/**
 * Tells on stderr, while a submission's latest job has no offer: until when it waits, who is in sight, and what can be done.
 * @param id any job of the submission
 * @returns ends it
 */
export function tellOfferWait(
  client: JobClient,
  id: string,
  chain: ChainClient,
  params: NetworkParameters,
  { terminal, settings }: { readonly terminal: Terminal; readonly settings: Settings },
): () => void {
  if (terminal.json || terminal.quiet) return () => {};
  const offered = new Set<string>();
  const suspected = new Set<string>();
  client.on('event', ({ step, jobId, allowed }) => {
    if (jobId === undefined) return;
    if (step === 'offered') offered.add(jobId);
    if (step === 'suspect' && !allowed) suspected.add(jobId);
  });
  const tell = async (): Promise<void> => {
    const { job, phase, id: current } = client.attempts(id).at(-1)!;
    if (phase !== 'announced' || offered.has(current)) return;
    const height = await chain.height();
    const isSuspected = suspected.has(current);
    const words = isSuspected ? SUSPECTS : advice(await neighbourhood(chain, job.model));
    const blocks = Math.max(0, job.expires - height);
    const time =
      params.name === 'regtest' ? '' : `, about ${span(blocks * params.blockSpacing)} from now`;
    if (offered.has(current) || isEnded) return;
    terminal.note(
      `job ${current.slice(0, 12)}: no ${isSuspected ? 'good offer' : 'offer'} yet; it waits for one until block ${job.expires} at most, now ${height}${time}`,
    );
    terminal.note(`  ${words}`);
    const cancel = proposal(settings, 'job', 'cancel', current.slice(0, 12));
    terminal.note(`  nothing is locked: Ctrl-C stops waiting, ${cancel} gives it up`);
  };
  let isEnded = false;
  let timer: NodeJS.Timeout | undefined;
  const next = (milliseconds: number): void => {
    timer = setTimeout(() => {
      void tell()
        .catch((thrown: unknown) => {
          // a node that is away is told by the client itself
          if (!(thrown instanceof BitmodelError)) terminal.warn(String(thrown));
        })
        .finally(() => {
          if (!isEnded) next(AGAIN);
        });
    }, milliseconds);
  };
  next(FIRST);
  return () => {
    isEnded = true;
    clearTimeout(timer);
  };
}
