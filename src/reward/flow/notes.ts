import { formatAmount } from '../../base/index.js';
import type { ContributionGraph } from '../graph/graph.js';
import type { Flows } from './payout.js';

const sources = (count: number): string => (count === 1 ? '1 source' : `${count} sources`);

/** What is worth saying of a payout beside its shares, a sentence each. */
export function payoutNotes(graph: ContributionGraph, { shares, circles }: Flows): string[] {
  const notes: string[] = [];
  const round = circles.filter(({ members }) => members.length > 1);
  const largest = round.reduce((most, { members }) => Math.max(most, members.length), 0);
  if (round.length === 1) notes.push(`1 circle of ${largest} sources was solved exactly.`);
  else if (round.length > 1) {
    notes.push(`${round.length} circles (largest ${largest} sources) were solved exactly.`);
  }
  const alone = circles.length - round.length;
  if (alone > 0) {
    notes.push(
      `${sources(alone)} that ${alone === 1 ? 'stands on itself was' : 'stand on themselves were'} solved exactly.`,
    );
  }
  let ownerless = 0;
  let waiting = 0n;
  for (let i = 0; i < shares.length; i++) {
    if (shares[i] === 0n || graph.owners[i] !== undefined) continue;
    ownerless++;
    waiting += shares[i]!;
  }
  // in a graph without any owners nothing is missing
  if (ownerless > 0 && graph.owners.some((owner) => owner !== undefined)) {
    const name = ownerless === 1 ? 'names' : 'name';
    notes.push(
      `${sources(ownerless)} ${name} no owner: ${formatAmount(waiting)} coins wait for ${ownerless === 1 ? 'it' : 'them'}.`,
    );
  }
  return notes;
}
