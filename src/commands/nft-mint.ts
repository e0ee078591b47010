import type { Command } from 'commander';
import { BitmodelError, EXIT, formatAmount, fromHex, toHex } from '../base/index.js';
import {
  addressScript,
  type ChainClient,
  findBirthCoin,
  formatOutpoint,
  hashToId,
  MAX_COMMITMENT_LENGTH,
  makeBirthCoin,
  mintedAt,
  type NftCapability,
  networkParameters,
  planMint,
  sendMint,
  type Utxo,
  type Wallet,
} from '../chain/index.js';
import {
  feeJson,
  findModel,
  formatFee,
  formatWeight,
  MINTED_AT,
  type ModelFee,
  parseFee,
  parseWeight,
  payingUsers,
  planModelMint,
  readRegistry,
} from '../reward/index.js';
import { type ActionContext, action } from './shared/action.js';
import { noteFee } from './shared/fee-note.js';
import { badOption, nftVerb, type SpendOptions, spending } from './shared/nft-spend.js';
import type { Settings } from './shared/settings.js';
import type { Terminal } from './shared/terminal.js';
import { committedModel, holderOf, tokenText } from './shared/token-view.js';
import { nodeClient, openWallet } from './shared/wallet.js';

interface MintOptions extends SpendOptions {
  readonly model?: string;
  readonly commitment?: string;
  readonly capability: string;
  readonly to?: string;
  readonly fee?: string;
  readonly royalty?: string;
}

const CAPABILITIES: readonly string[] = ['none', 'mutable', 'minting'] satisfies NftCapability[];
/** What the author of an NFT with a fee gets of each sale, unless stated. */
const ROYALTY = '5%';

async function commitmentOf(
  { model, commitment }: MintOptions,
  settings: Settings,
): Promise<Uint8Array> {
  if ((model === undefined) === (commitment === undefined)) {
    throw badOption(
      'An NFT commits either to a model or to bytes of your own: name one of them.',
      'Pass --model or --commitment',
    );
  }
  if (model !== undefined) {
    if (/^[0-9a-f]{64}$/i.test(model)) return fromHex(model);
    const { locateModel } = await import('./shared/models.js');
    return fromHex((await locateModel(model, settings)).id);
  }
  const bytes = fromHex(commitment!);
  if (bytes.length <= MAX_COMMITMENT_LENGTH) return bytes;
  throw badOption(
    `A commitment of ${bytes.length} bytes is too long.`,
    `Give at most ${MAX_COMMITMENT_LENGTH} bytes`,
  );
}

function capabilityOf({ capability }: MintOptions): NftCapability {
  if (CAPABILITIES.includes(capability)) return capability as NftCapability;
  throw badOption(
    `"${capability.slice(0, 20)}" is no capability.`,
    'Pass none, mutable or minting',
  );
}

interface MintTerms {
  readonly fee: ModelFee;
  readonly royaltyPpm: number;
}

/** The fee and the royalty; undefined where no fee is bound to the NFT. */
function termsOf(options: MintOptions): MintTerms | undefined {
  const { fee, royalty, model, capability } = options;
  if (fee === undefined) {
    if (royalty === undefined) return undefined;
    throw badOption(
      'A royalty is declared together with the fee that the NFT brings.',
      'Pass --fee, such as --fee 5%',
    );
  }
  if (model === undefined || capability !== 'none') {
    throw badOption(
      'A fee is bound to the one immutable NFT of a model.',
      'Pass --model, and leave out --commitment and --capability',
    );
  }
  return { fee: parseFee(fee), royaltyPpm: parseWeight(royalty ?? ROYALTY) };
}

/** The coin that the category will be born from, made if need be; a dry run makes none. */
async function birthCoin(wallet: Wallet, dryRun: boolean, terminal: Terminal): Promise<Utxo> {
  const found = await findBirthCoin(wallet);
  if (found) return found;
  if (dryRun) {
    throw new BitmodelError(
      'NO_BIRTH_COIN',
      'A category is born from an output 0, and this key has none yet.',
      { next: 'Run it without --dry-run: it makes one first', exitCode: EXIT.notFound },
    );
  }
  const made = await makeBirthCoin(wallet);
  terminal.note(`Made a coin to be born from: ${formatOutpoint(made.outpoint)}`);
  return made;
}

async function mintPlain(context: ActionContext<MintOptions>): Promise<void> {
  const { options, settings, terminal, signal } = context;
  const nft = {
    capability: capabilityOf(options),
    commitment: await commitmentOf(options, settings),
  };
  const parameters = networkParameters(settings.network);
  const to = options.to === undefined ? undefined : addressScript(options.to, parameters);
  const client = nodeClient(settings);
  const wallet = await openWallet(client, settings, options, signal);
  const dryRun = options.dryRun === true;
  const birth = await birthCoin(wallet, dryRun, terminal);
  const holder = options.to ?? wallet.addresses[0]!;
  const lockingScript = to ?? addressScript(holder, parameters);
  const plan = await planMint(client, wallet, birth, [{ nft, lockingScript }]);
  const { token } = plan.transaction.outputs[0]!;
  const modelId = committedModel(token!);
  const facts = {
    category: hashToId(plan.category),
    holder,
    capability: nft.capability,
    commitment: toHex(nft.commitment),
    ...(modelId === undefined ? {} : { modelId }),
    fee: formatAmount(plan.fee),
  };
  if (dryRun) {
    wallet.release(plan.transaction);
    terminal.note(`Nothing was sent. The fee would be ${facts.fee}.`);
    terminal.result(facts, `${tokenText(token!)} in category ${facts.category}`, facts.category);
    return;
  }
  const sent = await sendMint(wallet, plan);
  const outpoint = formatOutpoint(mintedAt(sent, 0));
  terminal.note(`Fee ${facts.fee}.`);
  if (modelId !== undefined) {
    terminal.note('No fee of jobs is bound to it: that takes --fee.');
  }
  const text = `category ${facts.category}\noutput   ${outpoint}`;
  terminal.result({ ...facts, outpoint, txid: sent.txid }, text, facts.category);
}

/** The model's declaration in force, which must be in a block. */
async function publishedModel(client: ChainClient, id: string, named: string) {
  const model = await findModel(client, id);
  if (model) return model;
  throw new BitmodelError(
    'NOT_PUBLISHED',
    `The model ${id} is not published, so jobs pay it no fee.`,
    {
      next: `Publish it, and wait for a block: bitmodel model publish ${named} --key NAME`,
      exitCode: EXIT.notFound,
    },
  );
}

async function mintWithFee(context: ActionContext<MintOptions>, terms: MintTerms): Promise<void> {
  const { options, settings, terminal, signal } = context;
  noteFee(terminal, terms.fee);
  const parameters = networkParameters(settings.network);
  const modelId = toHex(await commitmentOf(options, settings));
  const to = options.to === undefined ? undefined : addressScript(options.to, parameters);
  const client = nodeClient(settings);
  const model = await publishedModel(client, modelId, options.model!);
  const wallet = await openWallet(client, settings, options, signal);
  const holder = options.to ?? wallet.addresses[0]!;
  const holderScript = to ?? addressScript(holder, parameters);
  const plan = await planModelMint(client, wallet, model, { ...terms, holder: holderScript });
  const author = holderOf(plan.royalty.author, parameters);
  const category = hashToId(plan.category);
  const facts = {
    category,
    holder,
    capability: 'none',
    commitment: modelId,
    modelId,
    model: model.name,
    ...feeJson(terms.fee),
    royaltyPpm: terms.royaltyPpm,
    author,
    pin: model.pin.id,
    fee: formatAmount(plan.fee),
  };
  const text = [
    `category ${category}`,
    `${formatFee(terms.fee)} of ${model.name} goes to whoever holds it, less what its parents get`,
    `${formatWeight(terms.royaltyPpm)} of every sale by an offer goes to ${author}`,
  ];
  if (options.dryRun) {
    wallet.release(plan.transaction);
    terminal.note(`Nothing was sent. The fee would be ${facts.fee}.`);
    terminal.result(facts, text.join('\n'), category);
    return;
  }
  const sent = await sendMint(wallet, plan);
  const users = payingUsers(await readRegistry(client), modelId).length;
  if (users > 0) {
    terminal.note(
      `${users} that use ${model.name} pay what it was paid at until now, until their owners follow it: bitmodel reward declare --source ID --follow`,
    );
  }
  const outpoint = formatOutpoint(mintedAt(sent, MINTED_AT));
  terminal.note(`Fee ${facts.fee}. It counts once it is in a block.`);
  terminal.result(
    { ...facts, outpoint, txid: sent.txid },
    [...text, `output ${outpoint}`].join('\n'),
    category,
  );
}

const mint = action<MintOptions>(async (_args, context) => {
  const terms = termsOf(context.options);
  await (terms ? mintWithFee(context, terms) : mintPlain(context));
});

/** Adds `nft mint`. */
export function registerMint(nft: Command): void {
  const example = 'mint --model bitmodel-tiny --fee 5% --royalty 10% --key ann';
  const command = nftVerb(nft, 'mint', 'make an NFT in a category of its own', example);
  spending(command)
    .option('--model <id>', 'commit to a model: its id, name or folder')
    .option('--commitment <hex>', 'commit to these bytes, at most 128')
    .option(
      '--fee <fee>',
      'make the holder the one who is paid for a published model: a share of the price of each job (5%), coins for each job (0.01), or both (5%+0.01). The pin of the model goes to the holder, too',
    )
    .option(
      '--royalty <share>',
      `with --fee: what the owner of the model up to now gets of each sale (default: ${ROYALTY})`,
    )
    .option(
      '--capability <which>',
      'none, mutable (may be changed) or minting (makes more)',
      'none',
    )
    .option('--to <address>', 'who gets it (default: the key)')
    .action(mint);
}
