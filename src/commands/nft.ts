import type { Command } from 'commander';
import { BitmodelError, EXIT, formatAmount, fromHex, toHex } from '../base/index.js';
import {
  addressScript,
  type ChainClient,
  findBirthCoin,
  formatOutpoint,
  hashToId,
  heldNft,
  idToHash,
  MAX_COMMITMENT_LENGTH,
  makeBirthCoin,
  mintedAt,
  type NftCapability,
  type NftName,
  networkParameters,
  type Outpoint,
  parseOutpoint,
  planMint,
  planNftSend,
  sendMint,
  sendNft,
  type TokenPlace,
  tokenEvents,
  type Utxo,
  type Wallet,
} from '../chain/index.js';
import { type ActionContext, action } from './shared/action.js';
import { PASSPHRASE_OPTION } from './shared/passphrase.js';
import type { Settings } from './shared/settings.js';
import type { Terminal } from './shared/terminal.js';
import {
  type CategoryView,
  categoryJson,
  categoryText,
  committedModel,
  tokenText,
} from './shared/token-view.js';
import { nodeClient, openWallet, type WalletChoice } from './shared/wallet.js';

interface SpendOptions extends WalletChoice {
  readonly dryRun?: boolean;
}

interface MintOptions extends SpendOptions {
  readonly model?: string;
  readonly commitment?: string;
  readonly capability: string;
  readonly to?: string;
}

const CAPABILITIES: readonly string[] = ['none', 'mutable', 'minting'] satisfies NftCapability[];
/** Most outputs of a category that are asked for. */
const LIST_LIMIT = 1_000;
/** Latest events of a category that are shown. */
const HISTORY_LIMIT = 100;

function usage(message: string, next: string): BitmodelError {
  return new BitmodelError('BAD_OPTION', message, { next, exitCode: EXIT.usage });
}

async function commitmentOf(options: MintOptions, settings: Settings): Promise<Uint8Array> {
  const { model, commitment } = options;
  if ((model === undefined) === (commitment === undefined)) {
    throw usage(
      'An NFT commits to a model or to bytes, one of them.',
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
  throw usage(
    `A commitment of ${bytes.length} bytes is too long.`,
    `Give at most ${MAX_COMMITMENT_LENGTH} bytes`,
  );
}

function capabilityOf({ capability }: MintOptions): NftCapability {
  if (CAPABILITIES.includes(capability)) return capability as NftCapability;
  throw usage(`"${capability.slice(0, 20)}" is no capability.`, 'Pass none, mutable or minting');
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

async function mintNft(context: ActionContext<MintOptions>): Promise<void> {
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
  const text = `category ${facts.category}\noutput   ${outpoint}`;
  terminal.result({ ...facts, outpoint, txid: sent.txid }, text, facts.category);
}

/** An NFT as people name it: by category, or by the output it lies in. @throws BitmodelError `BAD_NFT` */
function nftName(text: string): NftName {
  if (/^[0-9a-f]{64}$/i.test(text)) return { category: idToHash(text) };
  if (text.includes(':')) return { outpoint: parseOutpoint(text) };
  throw new BitmodelError('BAD_NFT', `"${text.slice(0, 80)}" names no NFT.`, {
    next: 'Give its category (64 hexadecimal digits), or the output it lies in: TXID:VOUT',
    exitCode: EXIT.usage,
  });
}

async function sendAway([name, to]: string[], context: ActionContext<SpendOptions>): Promise<void> {
  const { options, settings, terminal, signal } = context;
  const nft = nftName(name!);
  const script = addressScript(to!, networkParameters(settings.network));
  if (!options.dryRun) await terminal.confirm(`Give NFT ${name} to ${to}?`);
  const client = nodeClient(settings);
  const wallet = await openWallet(client, settings, options, signal);
  const coin = await heldNft(wallet, nft);
  const plan = await planNftSend(client, wallet, coin, script);
  const { token } = coin.output;
  const fee = formatAmount(plan.fee);
  const category = hashToId(token!.category);
  const value = formatAmount(plan.transaction.outputs[0]!.value);
  for (const pin of coin.pins ?? []) {
    terminal.note(
      `Pin ${pin} lies on the same coin: it goes along where it is among the first ${value} coins.`,
    );
  }
  if (options.dryRun) {
    wallet.release(plan.transaction);
    terminal.note(`Nothing was sent. The fee would be ${fee}.`);
    terminal.result(
      { category, to, value, fee },
      `${tokenText(token!)} with ${value} coins to ${to}`,
      category,
    );
    return;
  }
  const sent = await sendNft(wallet, plan);
  const outpoint = formatOutpoint(mintedAt(sent, 0));
  terminal.note(`${value} coins went along; fee ${fee}.`);
  terminal.result({ category, to, outpoint, txid: sent.txid, value, fee }, outpoint, outpoint);
}

function noToken(text: string): BitmodelError {
  return new BitmodelError('NO_SUCH_TOKEN', `There is no token ${text} that the node knows.`, {
    next: 'Check the category or the output; bitmodel wallet utxos shows those of a key',
    exitCode: EXIT.notFound,
  });
}

/** The NFT in an output, spent or not, with what spent it. */
async function placeAt(
  client: ChainClient,
  outpoint: Outpoint,
): Promise<{ place: TokenPlace; spentBy: string | undefined }> {
  const text = formatOutpoint(outpoint);
  const known = await client.transaction(hashToId(outpoint.hash));
  const output = known?.transaction.outputs[outpoint.index];
  if (!output?.token?.nft) throw noToken(text);
  const { lockingScript, token } = output;
  const spentBy = (await client.spender(outpoint))?.txid;
  return { place: { outpoint, lockingScript, token }, spentBy };
}

async function viewOf(client: ChainClient, text: string): Promise<CategoryView> {
  const name = nftName(text);
  const at = 'outpoint' in name ? await placeAt(client, name.outpoint) : undefined;
  const category = 'category' in name ? name.category : at!.place.token.category;
  const info = await client.tokenCategory(category);
  if (!info) throw noToken(text);
  const nfts = (await client.tokens(category, LIST_LIMIT)).flatMap(({ outpoint, output }) =>
    output.token?.nft
      ? [{ outpoint, lockingScript: output.lockingScript, token: output.token }]
      : [],
  );
  const only = nfts.length === 1 ? nfts[0] : undefined;
  return {
    category,
    nft: at?.place ?? only,
    spentBy: at?.spentBy,
    nfts,
    amount: info.amount,
    history: await tokenEvents(client, category, info, HISTORY_LIMIT),
  };
}

const mintAction = action<MintOptions>(async (_args, context) => mintNft(context));
const sendAction = action<SpendOptions>(async (args, context) => sendAway(args, context));
const showAction = action(async ([text], { settings, terminal }) => {
  const parameters = networkParameters(settings.network);
  const view = await viewOf(nodeClient(settings), text!);
  const brief = view.nfts.map(({ outpoint }) => formatOutpoint(outpoint)).join('\n');
  terminal.result(categoryJson(view, parameters), await categoryText(view, parameters), brief);
});

/** Adds `nft` with its verbs. */
export function register(program: Command): void {
  const nft = program
    .command('nft')
    .description(
      'Tokens of which there is one each (CashTokens), such as the NFT of a model, which commits to its id.',
    );
  const verb = (name: string, description: string, example: string): Command =>
    nft
      .command(name)
      .description(description)
      .addHelpText('after', `\nExample:\n  $ bitmodel nft ${example}`);
  const spending = (command: Command): Command =>
    command
      .option('--key <name>', 'the key that holds and pays', 'default')
      .option(...PASSPHRASE_OPTION)
      .option('--dry-run', 'show what would be sent, and send nothing');
  spending(verb('mint', 'make an NFT in a category of its own', 'mint --model bitmodel-tiny'))
    .option('--model <id>', 'commit to a model: its id, name or folder')
    .option('--commitment <hex>', 'commit to these bytes, at most 128')
    .option(
      '--capability <which>',
      'none, mutable (may be changed) or minting (makes more)',
      'none',
    )
    .option('--to <address>', 'who gets it (default: the key)')
    .action(mintAction);
  spending(verb('send', 'give an NFT away; asks before it does', 'send 5f0c…e1 mkpZ…8bJV --yes'))
    .argument('<nft>', 'its category, or the output it lies in: TXID:VOUT')
    .argument('<address>', 'who gets it')
    .action(sendAction);
  verb('show', 'who holds an NFT, what it commits to, and all that happened', 'show 5f0c…e1')
    .argument('<nft>', 'a category, or an output: TXID:VOUT')
    .action(showAction);
}
