import type { Command } from 'commander';
import { formatAmount } from '../base/index.js';
import {
  addressScript,
  formatOutpoint,
  hashToId,
  heldNft,
  mintedAt,
  networkParameters,
  planNftSend,
  sendNft,
} from '../chain/index.js';
import { type ActionContext, action } from './shared/action.js';
import { nftName } from './shared/nft-name.js';
import { nftVerb, type SpendOptions, spending } from './shared/nft-spend.js';
import { tokenText } from './shared/token-view.js';
import { nodeClient, openWallet } from './shared/wallet.js';

async function sendAway([name, to]: string[], context: ActionContext<SpendOptions>): Promise<void> {
  const { options, settings, terminal, signal } = context;
  const script = addressScript(to!, networkParameters(settings.network));
  if (!options.dryRun) await terminal.confirm(`Give NFT ${name} to ${to}?`);
  const client = nodeClient(settings);
  const nft = await nftName(client, name!);
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

const send = action<SpendOptions>(async (args, context) => sendAway(args, context));

/** Adds `nft send`. */
export function registerSend(nft: Command): void {
  const says = 'give an NFT away, and what it earns; asks before it does';
  spending(nftVerb(nft, 'send', says, 'send 5f0c…e1 mkpZ…8bJV --yes'))
    .argument('<nft>', 'its category, the output it lies in (TXID:VOUT), or its model')
    .argument('<address>', 'who gets it')
    .action(send);
}
