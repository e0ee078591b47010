import { join } from 'node:path';
import {
  BitmodelError,
  EXIT,
  formatAmount,
  fromHex,
  parseAmount,
  sha256,
  toHex,
  utf8,
} from '../base/index.js';
import {
  createTask,
  formatMetric,
  type ImiTask,
  keepTestSet,
  MAXIMUM_TEST_SET,
  minimumPledge,
  parseMetric,
  parseTestSet,
  saltTestSet,
  type TestSetSecret,
  taskId,
  testSetCommitment,
} from '../reward/index.js';
import type { ActionContext } from './shared/action.js';
import { readBytes } from './shared/input.js';
import { wholeOption } from './shared/number-options.js';
import { openParticipant } from './shared/participant.js';
import type { Settings } from './shared/settings.js';
import type { WalletChoice } from './shared/wallet.js';

/** What `imi create` is told. */
export interface CreateOptions extends WalletChoice {
  readonly title: string;
  readonly description?: string;
  readonly goal: string;
  readonly deadline: string;
  readonly backers?: boolean;
  readonly window?: string;
  readonly judges?: string;
  readonly threshold?: string;
  readonly testSet?: string;
  readonly metric?: string;
}

/** Blocks that dissenters have unless stated (DESIGN 9). */
const WINDOW = 30;
const LAST_HEIGHT = 499_999_999;

function usage(message: string, next: string): BitmodelError {
  return new BitmodelError('BAD_OPTION', message, { next, exitCode: EXIT.usage });
}

/** Where the test sets of this user's tasks lie until they are shown. */
export function testSetFolder({ datadir, network }: Settings): string {
  return join(datadir, network, 'imi');
}

/** A height, or so many blocks from now. */
function deadlineOf(text: string, height: number): number {
  const blocks = text.startsWith('+') ? text.slice(1) : undefined;
  if (blocks === undefined) return wholeOption(text, '--deadline', 1, LAST_HEIGHT);
  return height + wholeOption(blocks, '--deadline', 1, LAST_HEIGHT - height);
}

async function textOf(path: string): Promise<string> {
  const bytes = await readBytes(path, MAXIMUM_TEST_SET);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (thrown) {
    throw new BitmodelError('BAD_TEST_SET', `${path} is no UTF-8 text.`, {
      next: 'Save it as UTF-8',
      exitCode: EXIT.usage,
      cause: thrown,
    });
  }
}

/** Who accepts, and the test set that must be kept for it. */
async function acceptanceOf(
  options: CreateOptions,
): Promise<{ acceptance: ImiTask['acceptance']; secret?: TestSetSecret }> {
  const { backers, window, judges, threshold, testSet, metric } = options;
  const ofJudges = [judges, threshold, testSet, metric];
  const given = ofJudges.filter((each) => each !== undefined).length;
  if (backers && given === 0) {
    const blocks = window === undefined ? WINDOW : wholeOption(window, '--window', 1, 0xffff);
    return { acceptance: { by: 'backers', window: blocks } };
  }
  if (backers || window !== undefined || given < ofJudges.length) {
    throw usage(
      'Either backers accept, or judges do with a test set.',
      'Pass --backers, or all of --judges, --threshold, --test-set and --metric',
    );
  }
  const { parsePublicKeys } = await import('./shared/models.js');
  const keys = parsePublicKeys(judges!).map((key) => fromHex(key));
  const asked = parseMetric(metric!);
  const text = await textOf(testSet!);
  parseTestSet(text, asked);
  const secret = saltTestSet(text);
  const acceptance = {
    by: 'judges',
    judges: keys,
    threshold: wholeOption(threshold!, '--threshold', 1, 15),
    testSet: testSetCommitment(secret.salt, sha256(utf8(text))),
    metric: asked,
  } as const;
  return { acceptance, secret };
}

/** `imi create`: keeps the test set, then pins the task. */
export async function create(
  _: string[],
  { options, settings, terminal, signal }: ActionContext<CreateOptions>,
): Promise<void> {
  const { acceptance, secret } = await acceptanceOf(options);
  const hands = await openParticipant(settings, options, signal);
  try {
    const task: ImiTask = {
      title: options.title,
      description: options.description ?? options.title,
      creator: hands.key.publicKey,
      goal: parseAmount(options.goal),
      deadline: deadlineOf(options.deadline, await hands.chain.height()),
      acceptance,
    };
    const id = toHex(taskId(task));
    // without it nothing could ever be judged: it is on the disk before the task is anywhere
    if (secret) keepTestSet(testSetFolder(settings), id, secret);
    const { txid, pin, fee } = await createTask(hands, task);
    terminal.note('It counts once it is in a block.');
    if (secret) {
      terminal.note(
        `The test set is kept in ${join(testSetFolder(settings), `${id}.json`)}: without it nobody can be paid.`,
      );
    }
    const accepted =
      acceptance.by === 'backers'
        ? { by: 'backers', window: acceptance.window }
        : {
            by: 'judges',
            judges: acceptance.judges.map(toHex),
            threshold: acceptance.threshold,
            metric: formatMetric(acceptance.metric),
          };
    const facts = {
      task: id,
      goal: formatAmount(task.goal),
      deadline: task.deadline,
      acceptance: accepted,
      minimumPledge: formatAmount(minimumPledge(task)),
      pin,
      txid,
      fee: formatAmount(fee),
    };
    terminal.result(facts, `task ${id}, pinned in ${txid}`, id);
  } finally {
    hands.chain.rpc.close();
  }
}
