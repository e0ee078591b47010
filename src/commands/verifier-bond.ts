import type { Command } from 'commander';
import { EXIT, formatAmount, parseAmount, toHex } from '../base/index.js';
import { networkParameters } from '../chain/index.js';
import {
  bondName,
  bondVerifier,
  describeCase,
  leaveBonds,
  type MovedBonds,
  pooledCases,
  releaseBonds,
  type StandingBond,
  slashedBonds,
  standingBonds,
  suspectKeys,
} from '../job/index.js';
import { type ActionContext, action } from './shared/action.js';
import { openParticipant } from './shared/participant.js';
import { suspectLines } from './shared/suspects.js';
import { listTable } from './shared/tables.js';
import { takesOnly } from './shared/verb-options.js';
import { nodeClient, type WalletChoice } from './shared/wallet.js';

/** `verifier bond|leave|release|bonds`: the bond that puts a verifier into the registry that jobs draw from. */
export function registerBondVerbs(verifier: Command): void {
  const ofKey = (verb: Command) => takesOnly(verb, verifier, '--key', '--passphrase-file');
  ofKey(verifier.command('bond [coins]'))
    .description('lock a bond, so that jobs can draw this key (one coin unless stated)')
    .addHelpText('after', '\nExample:\n  $ bitmodel verifier bond 2 --key judge')
    .action(action<WalletChoice>(bond));
  ofKey(verifier.command('leave'))
    .description('leave the registry; the bond can still be slashed until it is released')
    .addHelpText('after', '\nExample:\n  $ bitmodel verifier leave --key judge')
    .action(action<WalletChoice>((_, context) => move(context, 'left', leaveBonds)));
  ofKey(verifier.command('release'))
    .description('take a bond back once its exit is over (1,000 blocks; regtest 10)')
    .addHelpText('after', '\nExample:\n  $ bitmodel verifier release --key judge')
    .action(action<WalletChoice>((_, context) => move(context, 'released', releaseBonds)));
  takesOnly(verifier.command('bonds'), verifier)
    .description(
      'list the verifiers that are bonded now, those whose bond burnt, and those accused',
    )
    .addHelpText('after', '\nExample:\n  $ bitmodel verifier bonds --json')
    .action(action(list));
}

async function bond([coins]: string[], context: ActionContext<WalletChoice>): Promise<number> {
  const { options, settings, terminal, signal } = context;
  const { chain, wallet, key, params } = await openParticipant(settings, options, signal);
  try {
    const value = coins === undefined ? undefined : parseAmount(coins);
    const sent = await bondVerifier(wallet, key.publicKey, params, value);
    const bonded = bondName({ ...sent, value: 0n, leaving: false });
    terminal.result(
      {
        txid: sent.txid,
        bond: bonded,
        publicKey: toHex(key.publicKey),
        fee: formatAmount(sent.fee),
      },
      `bonded ${toHex(key.publicKey)}: ${bonded}`,
      sent.txid,
    );
    return EXIT.done;
  } finally {
    chain.rpc.close();
  }
}

async function move(
  { options, settings, terminal, signal }: ActionContext<WalletChoice>,
  done: 'left' | 'released',
  moveAll: (hands: Awaited<ReturnType<typeof openParticipant>>) => Promise<MovedBonds>,
): Promise<number> {
  const opened = await openParticipant(settings, options, signal);
  try {
    const { moved, failed } = await moveAll(opened);
    for (const { bond, error } of failed) terminal.note(`${bondName(bond)}: ${error.message}`);
    terminal.result(
      {
        moved: moved.map(({ bond, txid, fee }) => ({
          bond: bondName(bond),
          value: formatAmount(bond.value),
          txid,
          fee: formatAmount(fee),
        })),
        failed: failed.map(({ bond, error }) => ({ bond: bondName(bond), error: error.message })),
      },
      moved
        .map(({ bond, txid }) => `${done} ${formatAmount(bond.value)} coins: ${txid}`)
        .join('\n'),
      moved.map(({ txid }) => txid).join('\n'),
    );
    return failed.length === 0 ? EXIT.done : EXIT.failed;
  } finally {
    opened.chain.rpc.close();
  }
}

async function list(_: string[], { settings, terminal }: ActionContext<unknown>): Promise<number> {
  const params = networkParameters(settings.network);
  const chain = nodeClient(settings);
  try {
    const height = await chain.height();
    const bonds = await standingBonds(chain, params, height);
    const bonded = bonds.map(({ verifier }) => toHex(verifier));
    const suspects = await suspectKeys(chain, bonded, params);
    const verifiers = bonds.map((each) => {
      const suspect = suspects?.get(toHex(each.verifier));
      return { ...bondJson(each), ...(suspect && { suspect }) };
    });
    const burnt = (await slashedBonds(chain, params, height)).map((each) => ({
      ...bondJson(each),
      ...{ txid: each.txid, height: each.height },
    }));
    const accused = await openAppeals(chain);
    const rows = verifiers.map(({ publicKey, value, bond: name }) => [publicKey, value, name]);
    const table = await listTable(['verifier', 'coins', 'bond'], rows);
    const lines = [
      ...burnt.map(({ publicKey, value, txid }) => `${publicKey}: ${value} coins burnt in ${txid}`),
      ...accused.map(
        ({ publicKey, jobId, wrong }) =>
          `${publicKey}: before a second jury for job ${jobId}, ${wrong} found it wrong so far`,
      ),
    ];
    const keys = verifiers.map(({ publicKey }) => publicKey).join('\n');
    const text = `${[table, ...lines].join('\n')}${suspectLines(suspects)}`;
    terminal.result({ height, verifiers, burnt, accused }, text, keys);
    return EXIT.done;
  } finally {
    chain.rpc.close();
  }
}

function bondJson(bond: StandingBond): {
  readonly publicKey: string;
  readonly bond: string;
  readonly value: string;
} {
  const value = formatAmount(bond.value);
  return { publicKey: toHex(bond.verifier), bond: bondName(bond), value };
}

/** Whose verdicts are before a second jury now, as far as this node has heard. */
async function openAppeals(chain: ReturnType<typeof nodeClient>): Promise<
  {
    readonly publicKey: string;
    readonly jobId: string;
    readonly case: string;
    readonly wrong: number;
    readonly said: number;
  }[]
> {
  const cases = await pooledCases(chain);
  return cases.map(({ id, appeals, rejudgements }) => {
    const { verifier, jobId } = describeCase(appeals[0]!);
    const wrong = rejudgements.filter(({ body }) => body.finding === 'wrong').length;
    return { publicKey: verifier, jobId, case: id, wrong, said: rejudgements.length };
  });
}
