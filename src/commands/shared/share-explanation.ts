import stringWidth from 'string-width';
import { formatAmount } from '../../base/index.js';
import type {
  ContributionGraph,
  Explanation,
  FlowPath,
  MemberPassed,
  PassedOn,
} from '../../reward/index.js';
import { sourceLabel } from './node-label.js';
import { listTable } from './tables.js';
import type { Terminal } from './terminal.js';

/** Sources of a path or circle that a table shows. */
const SHOWN = 8;
/** Users that a table shows. */
const USERS = 50;
/** Columns of a path, and of one source in it: beside the largest amount a table of 80. */
const PATH_COLUMNS = 54;
const SOURCE_COLUMNS = 36;

/** The labels of sources, in lines that are no longer than a path may be; of many the first and last. */
function joined(
  graph: ContributionGraph,
  ids: readonly string[],
  between: string,
  before = '',
): string {
  const half = SHOWN / 2;
  const name = (id: string): string => sourceLabel(graph, id, SOURCE_COLUMNS);
  const labels =
    ids.length <= SHOWN
      ? ids.map(name)
      : [
          ...ids.slice(0, half).map(name),
          `… ${ids.length - SHOWN} more …`,
          ...ids.slice(-half).map(name),
        ];
  const lines: string[] = [];
  let line = before;
  for (const [at, label] of labels.entries()) {
    const next = at === 0 ? line + label : `${line}${between}${label}`;
    if (at === 0 || stringWidth(next) <= PATH_COLUMNS - 2) {
      line = next;
      continue;
    }
    lines.push(line + between.trimEnd());
    line = `  ${label}`;
  }
  return [...lines, line].join('\n');
}

function userName(graph: ContributionGraph, { ids }: PassedOn): string {
  const [first] = ids;
  return ids.length === 1
    ? sourceLabel(graph, first!, PATH_COLUMNS)
    : joined(graph, ids, ', ', 'a circle: ');
}

function pathName(graph: ContributionGraph, { sources }: FlowPath): string {
  return joined(graph, sources, ' → ');
}

/** The rows of the first few of many users. */
function shownUsers<User>(
  users: readonly User[],
  rowsOf: (user: User) => readonly string[][],
): string[][] {
  const rows = users.slice(0, USERS).flatMap(rowsOf);
  if (users.length > USERS) rows.push([`and ${users.length - USERS} more users`, '']);
  return rows;
}

function memberRow(
  graph: ContributionGraph,
  { id, amount }: MemberPassed,
  before: string,
): string[][] {
  const label = sourceLabel(graph, id, SOURCE_COLUMNS);
  return [[`  ${before} ${label}`, formatAmount(amount)]];
}

function inCoins({ id, amount }: MemberPassed): { id: string; amount: string } {
  return { id, amount: formatAmount(amount) };
}

/** Prints where a share came from: who passed it on, and the largest paths, which with the rest sum to the share. */
export async function printExplanation(
  terminal: Terminal,
  graph: ContributionGraph,
  explained: Explanation,
): Promise<void> {
  const { id, share, paid, users, circle, paths, rest } = explained;
  const json = {
    id,
    share: formatAmount(share),
    paid: formatAmount(paid),
    users: users.map(({ ids, amount, members }) => ({
      ids,
      amount: formatAmount(amount),
      ...(members ? { members: members.map(inCoins) } : {}),
    })),
    ...(circle
      ? {
          circle: {
            ids: circle.ids,
            received: formatAmount(circle.received),
            users: circle.users.map(inCoins),
            flow: formatAmount(circle.flow),
          },
        }
      : {}),
    paths: paths.map(({ sources, amount }) => ({ sources, amount: formatAmount(amount) })),
    rest: formatAmount(rest),
  };
  const received = [
    ...(paid > 0n ? [['paid for it', formatAmount(paid)]] : []),
    ...shownUsers(users, (user) => [
      [userName(graph, user), formatAmount(user.amount)],
      ...shownUsers(user.members ?? [], (member) => memberRow(graph, member, 'of these by')),
    ]),
    ...shownUsers(circle?.users ?? [], (user) => memberRow(graph, user, 'in its circle:')),
    ...(circle ? [['through it in all', formatAmount(circle.flow)]] : []),
  ];
  const ways = [
    ...paths.map((path) => [pathName(graph, path), formatAmount(path.amount)]),
    ['rounding and further paths', formatAmount(rest)],
    ['share', formatAmount(share)],
  ];
  const text = [
    `What came to ${sourceLabel(graph, id, 60)}:`,
    await listTable(['from', 'amount'], received),
    ...(circle
      ? [
          `It is in a circle of ${circle.ids.length}, into which ${formatAmount(circle.received)} came; what goes round counts each time.`,
        ]
      : []),
    `What stayed with it, by the largest paths:`,
    await listTable(['path', 'amount'], ways),
  ];
  const brief = paths.map(
    ({ sources, amount }) => `${formatAmount(amount)}\t${sources.join(' > ')}`,
  );
  terminal.result(json, text.join('\n'), brief.join('\n'));
}
