import { equalBytes, fromHex } from '../../base/index.js';
import { hash160, p2pkhHash, parseOutpoint } from '../../chain/index.js';
import { appealedContest, membersOf, proveCase } from '../cases/onChain.js';
import type { Message } from '../messages.js';
import { canTellBonds, type ServiceChain } from './chain.js';

/** Blocks for which an appeal stands, from the height that it names on. */
export const APPEAL_PERIOD = 144;
/** Base units that the coin behind an appeal is worth at least: a hundredth of a coin. It stays its author's. */
export const APPEAL_COIN = 1_000_000n;
/** Blocks by which another node's tip may be ahead. */
const HEIGHT_SLACK = 6;

/** What the coin behind an appeal is worth; undefined where it is spent, not the author's, or too small. */
export async function appealWorth(
  chain: Pick<ServiceChain, 'output'>,
  { author, body }: Message<'appeal'>,
): Promise<bigint | undefined> {
  const found = await chain.output(parseOutpoint(body.coin));
  const owner = found && p2pkhHash(found.output.lockingScript);
  if (!owner || !equalBytes(owner, hash160(fromHex(author)))) return undefined;
  return found.output.value >= APPEAL_COIN ? found.output.value : undefined;
}

/** Whether an appeal's time has come and is not over. */
export function isTimely({ body }: Message<'appeal'>, tip: number): boolean {
  return body.height <= tip + HEIGHT_SLACK && tip < body.height + APPEAL_PERIOD;
}

/** Why the chain shows that an appeal is about nothing, or calls others than it may; undefined where it stands. */
export async function whyNoCase(
  chain: ServiceChain,
  appeal: Message<'appeal'>,
): Promise<string | undefined> {
  const { parameters } = chain;
  if (!canTellBonds(chain)) {
    const contest = await appealedContest(chain, parameters, appeal);
    return contest ? undefined : 'no block holds the contest that the verdict is about';
  }
  const proven = await proveCase(chain, parameters, appeal);
  if (!proven) return 'no block holds a contest for which the accused was drawn to judge';
  const members = membersOf(proven);
  const called = appeal.body.keys.map(({ verifier }) => verifier);
  const isJury = called.length === members.length && called.every((key) => members.includes(key));
  return isJury ? undefined : 'it does not call the members of the second jury';
}
