import { join } from 'node:path';
import type { Command } from 'commander';
import { BitmodelError, EXIT, formatAmount, parseAmount } from '../base/index.js';
import {
  Accuser,
  type AppealOutcome,
  type ClientRecord,
  conductOf,
  holdKey,
  JobClient,
  knownToBuyer,
  lockedBy,
  type Planted,
  type PlantedQuote,
  quotePlanted,
  runPlanted,
  type VerifierConduct,
} from '../job/index.js';
import { attackNamed } from '../rastic/index.js';
import { appealsFolder } from './job-rejudge.js';
import { tellEvents } from './job-submit.js';
import { type ActionContext, action } from './shared/action.js';
import { appealJson, appealText } from './shared/appeal-view.js';
import { eventLine } from './shared/job-events.js';
import { closeModels, openJobModels, parsePublicKeys } from './shared/models.js';
import { wholeOption } from './shared/number-options.js';
import { jobsFolder, type OpenParticipant, openParticipant } from './shared/participant.js';
import { listTable } from './shared/tables.js';
import { takesOnly } from './shared/verb-options.js';
import type { WalletChoice } from './shared/wallet.js';

interface AuditOptions extends WalletChoice {
  readonly model?: readonly string[];
  readonly threads?: number;
  readonly seller: string;
  readonly of?: string;
  readonly answer: string;
  readonly attack: string;
  readonly prompt: string;
  readonly maxTokens: string;
  readonly price: string;
  readonly rejudge?: boolean;
}

/** What came of one planted job. */
interface Audited {
  readonly planted: Planted;
  readonly record: ClientRecord;
  readonly quote: PlantedQuote;
  readonly conduct: readonly VerifierConduct[];
  readonly appeals: readonly AppealOutcome[];
}

const LIKE_ANY_JOB = 'The people of';

/** `bitmodel verifier audit`: jobs planted to see how the verifiers that are drawn for them judge. */
export function registerAudit(verifier: Command): void {
  const options = ['--key', '--passphrase-file', '--model', '--threads'];
  takesOnly(verifier.command('audit'), verifier, ...options)
    .description('plant jobs with known answers, and see how the drawn verifiers judge')
    .requiredOption('--seller <name>', 'another key of yours, with coins: it sells the job')
    .option('--answer <kind>', 'plant a false answer, a true one, or both', 'both')
    .option('--attack <name>', 'what makes the answer false', 'tamper')
    .option('--of <keys>', 'public keys of verifiers that must be drawn, with commas')
    .option('--rejudge', 'call the second jury against those who judge wrongly')
    .option('--prompt <text>', 'what is asked', LIKE_ANY_JOB)
    .option('--max-tokens <n>', 'most tokens of the answer', '16')
    .option('--price <coins>', 'what one token costs: it comes back to you', '0.00001')
    .addHelpText(
      'after',
      '\nBuyer (--key) and seller (--seller) are both yours, so the price comes back.\nWhat it costs is said first: the fees of the verifiers that sign, the network’s,\nand, where the answer is false, what is left of the stake, which burns. The\nseller of a false answer is slashed and suspect from then on: let its key be one\nthat does nothing else, and a new one from time to time.\n\nExit code: 0 all judged rightly, 10 one was wrong, 11 one abstained or was silent.\n\nExample:\n  $ bitmodel verifier audit --key buyer --seller plant --model fixtures/bitmodel-tiny --rejudge',
    )
    .action(action<AuditOptions>(audit));
}

function plantedBy({ answer, attack }: AuditOptions): Planted[] {
  const falsely: Planted = { answer: 'false', attack: attackNamed(attack) };
  const truly: Planted = { answer: 'true' };
  switch (answer) {
    case 'false':
      return [falsely];
    case 'true':
      return [truly];
    case 'both':
      return [truly, falsely];
    default:
      throw new BitmodelError('BAD_OPTION', `"${answer}" is no kind of answer.`, {
        next: 'Pass --answer false, true or both',
        exitCode: EXIT.usage,
      });
  }
}

async function audit(_: string[], context: ActionContext<AuditOptions>): Promise<number> {
  const { options, settings, signal } = context;
  const plants = plantedBy(options);
  const named = options.of === undefined ? [] : parsePublicKeys(options.of);
  const maxTokens = wholeOption(options.maxTokens, '--max-tokens', 2);
  const pricePerToken = parseAmount(options.price);
  const buyer = await openParticipant(settings, options, signal);
  const seller = await openParticipant(settings, { ...options, key: options.seller }, signal);
  const sold = join(settings.datadir, settings.network, 'worker');
  const release = holdKey('worker', sold, seller.key);
  const models = await openJobModels(options.model, settings, {
    ...(options.threads === undefined ? {} : { threads: options.threads }),
  }).catch((thrown: unknown) => {
    release();
    throw thrown;
  });
  try {
    const client = new JobClient({ ...buyer, models, directory: jobsFolder(settings) });
    tellEvents(client, context.terminal);
    const [{ id: model, model: open }] = models as [(typeof models)[number]];
    const promptIds = open.tokenizer.encode(options.prompt);
    const sampling = { temperatureMilli: 0, topK: 0, topPMilli: 1000 };
    const request = { model, promptIds, sampling, maxTokens, pricePerToken };
    const toSeller = { ...seller, models, directory: join(sold, options.seller) };
    const done: Audited[] = [];
    for (const planted of plants) {
      const name = Buffer.from(seller.key.publicKey).toString('hex');
      const quote = await quotePlanted(buyer, client, request, planted, name, named);
      await agree(quote, planted, context);
      const record = await runPlanted(client, quote, planted, toSeller, signal);
      const conduct = await conductOf(buyer, record, planted);
      const wrong = conduct.filter((each) => each.conduct === 'wrong');
      const appeals = options.rejudge ? await appealAll(buyer, record, wrong, context) : [];
      done.push({ planted, record, quote, conduct, appeals });
    }
    return await report(done, context);
  } finally {
    await closeModels(models);
    release();
    buyer.chain.rpc.close();
    seller.chain.rpc.close();
  }
}

async function agree(
  { cost, record }: PlantedQuote,
  { answer }: Planted,
  { terminal }: ActionContext<AuditOptions>,
): Promise<void> {
  const { fees, burnt, share } = cost;
  const parts = [
    `${formatAmount(fees)} to verifiers`,
    ...(burnt > 0n ? [`${formatAmount(burnt)} of the stake burnt`] : []),
    ...(share > 0n ? [`${formatAmount(share)} to the model`] : []),
  ].join(', ');
  const most = formatAmount(fees + burnt + share);
  terminal.note(
    `a ${answer} answer costs at most ${most} coins (${parts}) and network fees; ${formatAmount(lockedBy(record))} are locked meanwhile`,
  );
  await terminal.confirm(`Plant a job with a ${answer} answer for at most ${most} coins?`);
}

async function appealAll(
  opened: OpenParticipant,
  record: ClientRecord,
  wrong: readonly VerifierConduct[],
  { settings, terminal, signal }: ActionContext<AuditOptions>,
): Promise<AppealOutcome[]> {
  const accuser = new Accuser({ ...opened, models: [], directory: appealsFolder(settings) });
  accuser.on('event', (event) => {
    const line = eventLine(event);
    if (line !== undefined) terminal.note(line);
  });
  const ended: AppealOutcome[] = [];
  for (const { verifier } of wrong) {
    const caseId = await accuser.appeal(knownToBuyer(record), verifier);
    ended.push(await accuser.follow(caseId, signal));
  }
  return ended;
}

async function report(
  done: readonly Audited[],
  { terminal }: ActionContext<AuditOptions>,
): Promise<number> {
  const jobs = done.map(({ planted, record, quote, conduct, appeals }) => ({
    job: record.id,
    answer: planted.answer,
    ...(planted.answer === 'false' ? { attack: planted.attack.name } : {}),
    outcome: record.outcome,
    costAtMost: formatAmount(quote.cost.fees + quote.cost.burnt + quote.cost.share),
    verifiers: conduct.map(({ verifier, conduct: how, said }) => ({
      ...{ verifier, conduct: how, verdict: said?.verdict },
      ...{ kind: said?.kind, reason: said?.reason },
    })),
    appeals: appeals.map(appealJson),
  }));
  const rows = done.flatMap(({ planted, record, conduct }) =>
    conduct.map(({ verifier, conduct: how, said }) => [
      record.id.slice(0, 12),
      planted.answer,
      verifier,
      how,
      said ? [said.verdict, said.kind ?? said.reason].filter(Boolean).join(': ') : '',
    ]),
  );
  const table = await listTable(['job', 'answer', 'verifier', 'conduct', 'said'], rows);
  const lines = done.flatMap(({ appeals }) => appeals.map(appealText));
  const all = done.flatMap(({ conduct }) => conduct);
  const wrong = all.filter(({ conduct }) => conduct === 'wrong').map(({ verifier }) => verifier);
  terminal.result({ jobs }, [table, ...lines].join('\n'), [...new Set(wrong)].join('\n'));
  if (wrong.length > 0) return EXIT.invalid;
  return all.every(({ conduct }) => conduct === 'right') ? EXIT.done : EXIT.abstained;
}
