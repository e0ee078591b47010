import type { Command } from 'commander';
import { equalBytes, formatAmount, toHex } from '../base/index.js';
import { hashToId, heldNft } from '../chain/index.js';
import {
  collectFees,
  DEFAULT_MAX_FEES,
  findModel,
  holderScript,
  modelTerms,
  settleSplits,
  waitingFees,
} from '../reward/index.js';
import { action } from './shared/action.js';
import { nftName } from './shared/nft-name.js';
import { nftVerb, type SpendOptions, spending } from './shared/nft-spend.js';
import { listTable } from './shared/tables.js';
import type { Terminal } from './shared/terminal.js';
import { nodeClient, openWallet } from './shared/wallet.js';

interface CollectOptions extends SpendOptions {
  readonly settle?: boolean;
}

const coinsText = (count: number): string => `${count} coin${count === 1 ? '' : 's'}`;

function noteLeft(terminal: Terminal, left: { small: number; withTokens: number }): void {
  if (left.small > 0) {
    terminal.note(`${coinsText(left.small)} worth less than it costs to take stayed there.`);
  }
  if (left.withTokens > 0) {
    terminal.note(`${coinsText(left.withTokens)} with somebody's tokens on stayed there.`);
  }
}

const collect = action<CollectOptions>(async ([name], { options, settings, terminal, signal }) => {
  const client = nodeClient(settings);
  const named = await nftName(client, name!);
  const wallet = await openWallet(client, settings, options, signal);
  const nft = await heldNft(wallet, named);
  const terms = modelTerms(nft.output);
  const category = hashToId(terms.category);
  const model = await findModel(client, toHex(terms.modelId));
  if (options.dryRun) {
    const waiting = await waitingFees(client, terms, model?.pin.id);
    const amount = formatAmount(waiting.amount);
    terminal.note('Nothing was sent.');
    const json = { category, amount, coins: waiting.coins.length };
    terminal.result(json, `${amount} in ${coinsText(waiting.coins.length)} waits`, amount);
    return;
  }
  const own = holderScript(terms);
  const settled =
    options.settle === true && model
      ? (
          await settleSplits(client, wallet, {
            pays: (script) => equalBytes(script, own),
            maxFees: DEFAULT_MAX_FEES,
            signal,
          })
        ).settled
      : [];
  for (const { name: from, amount } of settled) {
    terminal.note(`Settled ${formatAmount(amount)} that lay in the split contract of ${from}.`);
  }
  const taken = await collectFees(client, wallet, nft, model?.pin.id, signal);
  noteLeft(terminal, taken);
  const total = taken.collections.reduce((sum, { amount }) => sum + amount, 0n);
  const collections = taken.collections.map((each) => ({
    ...each,
    amount: formatAmount(each.amount),
    fee: formatAmount(each.fee),
  }));
  const rows = collections.map(({ amount, coins, fee, txid }) => [
    amount,
    `${coins}`,
    fee,
    `${txid.slice(0, 16)}…`,
  ]);
  const text =
    rows.length === 0
      ? 'Nothing waits for the holder of this NFT.'
      : await listTable(['taken', 'coins', 'fee', 'transaction'], rows);
  terminal.result(
    { ...taken, category, amount: formatAmount(total), collections, settled: settled.length },
    text,
    collections.map(({ txid }) => txid).join('\n'),
  );
});

/** Adds `nft collect`. */
export function registerCollect(nft: Command): void {
  const says = 'take what jobs have paid to the holder of an NFT: the key that holds it now';
  spending(nftVerb(nft, 'collect', says, 'collect 5f0c…e1 --settle --key ann'))
    .argument('<nft>', 'its category, the output it lies in (TXID:VOUT), or its model')
    .option('--settle', 'first pay out the split contracts by which more comes to it')
    .action(collect);
}
