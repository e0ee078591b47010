import { oneLine } from '../../base/index.js';
import type {
  ShownAddress,
  ShownBlock,
  ShownChain,
  ShownCoin,
  ShownInput,
  ShownOutput,
  ShownTransaction,
} from '../../chain/index.js';
import { factTable, listTable } from './tables.js';

/** Inputs and outputs that are shown to people; `--json` has them all. */
const SHOWN = 50;
/** Longest text in a cell, so that a table fits 80 columns. */
const WIDTH = 66;

const utc = (seconds: number | undefined): string | undefined =>
  seconds === undefined
    ? undefined
    : new Date(seconds * 1000).toISOString().replace('T', ' ').replace('.000Z', ' UTC');

/** A line of a cell; a pin can say anything. */
const cut = (text: string): string => {
  const line = oneLine(text);
  return line.length > WIDTH ? `${line.slice(0, WIDTH - 1)}…` : line;
};

const count = (number: number, name: string): string =>
  `${number} ${name}${number === 1 ? '' : 's'}`;

function lines(...texts: (string | undefined)[]): string {
  return texts
    .filter((text) => text !== undefined)
    .map(cut)
    .join('\n');
}

/** The tip and the mempool, for people. */
export function chainText(chain: ShownChain): Promise<string> {
  return factTable({
    network: chain.network,
    height: chain.height,
    tip: chain.tip,
    time: utc(chain.time),
    work: `${chain.work} (difficulty ${chain.difficulty})`,
    disk: `${chain.sizeOnDisk} bytes${chain.pruned ? ', old blocks dropped' : ''}`,
    waiting: `${count(chain.waiting, 'transaction')}, ${chain.waitingBytes} bytes`,
    fee: `at least ${chain.minimumFee} coins per 1,000 bytes`,
  });
}

/** What holds a coin: its address, or the kind of its script. */
function holder({ address, type, script }: Partial<ShownCoin>): string {
  return address ?? `${type} script of ${count((script ?? '').length / 2, 'byte')}`;
}

function tokenText({ token }: Partial<ShownCoin>): string | undefined {
  if (!token) return undefined;
  const amount = token.amount === '0' ? '' : ` amount ${token.amount}`;
  return `token ${token.category.slice(0, 16)}…${amount}${token.nft ? ` NFT (${token.nft.capability})` : ''}`;
}

function inputText(input: ShownInput): string {
  const { from, coinbase, value } = input;
  if (coinbase !== undefined) return lines('new coins', coinbase === '' ? undefined : coinbase);
  return lines(
    value === undefined ? undefined : `${value} from ${holder(input)}`,
    from,
    tokenText(input),
  );
}

function spentText({ spent }: ShownOutput): string | undefined {
  if (!spent) return undefined;
  return spent.height === 0 ? 'spent in the mempool' : `spent at height ${spent.height}`;
}

function outputText(output: ShownOutput): string {
  const { says, pins } = output;
  return lines(
    `${output.value} to ${holder(output)}`,
    spentText(output),
    tokenText(output),
    says && `pin: ${says.operation} ${says.path} (${says.contentType})`,
    ...(pins ?? []).flatMap((id) => [
      `holds the pin of output ${id.split('i').at(-1)} of`,
      id.slice(0, 64),
    ]),
  );
}

async function coinTable<T>(
  name: string,
  coins: readonly T[],
  text: (coin: T) => string,
): Promise<string> {
  const rows = coins.slice(0, SHOWN).map((coin, index) => [`${index}`, text(coin)]);
  const rest = coins.length - rows.length;
  const table = await listTable(['', name], rows);
  return rest > 0 ? `${table}\n(${count(rest, 'more')}; --json has all)` : table;
}

/** A transaction with what it spends and pays, for people. */
export async function shownTransactionText(transaction: ShownTransaction): Promise<string> {
  const { txid, height, block, fee, feeRate, inputs, outputs } = transaction;
  const facts = await factTable({
    txid,
    job: transaction.job,
    block,
    height: height === undefined ? 'waits in the mempool' : height,
    depth: height === undefined ? undefined : count(transaction.confirmations, 'confirmation'),
    time: utc(transaction.time),
    size: count(transaction.size, 'byte'),
    fee: fee && `${fee} (${feeRate} base units per byte)`,
    version: transaction.version,
    locktime: transaction.lockTime,
  });
  return [
    facts,
    await coinTable('spends', inputs, inputText),
    await coinTable('pays', outputs, outputText),
  ].join('\n');
}

function briefText({ txid, inputs, outputs, size, fee, job }: ShownTransaction): string {
  const parts = [`${inputs.length} in, ${outputs.length} out`, `${size} bytes`];
  if (fee !== undefined) parts.push(`fee ${fee}`);
  return lines(txid, parts.join(', '), job === undefined ? undefined : `job ${job.slice(0, 16)}…`);
}

/** A block and a page of its transactions, for people. */
export async function blockText(block: ShownBlock): Promise<string> {
  const { confirmations, transactionCount, page, pages } = block;
  const facts = await factTable({
    hash: block.hash,
    height: block.height,
    depth: confirmations < 0 ? 'off the active chain' : count(confirmations, 'confirmation'),
    time: utc(block.time),
    previous: block.previous,
    next: block.next,
    merkle: block.merkleRoot,
    size: count(block.size, 'byte'),
    subsidy: block.subsidy,
    fees: block.fees,
    paid: block.paid,
    bits: block.bits,
    nonce: block.nonce,
    work: block.work,
  });
  const title = `${count(transactionCount, 'transaction')}${pages > 1 ? `, page ${page} of ${pages}` : ''}`;
  const rows = block.transactions.map((each) => [briefText(each)]);
  return `${facts}\n${await listTable([title], rows)}`;
}

/** What an address has and a page of its history, for people. */
export async function addressText(found: ShownAddress): Promise<string> {
  const { address, confirmed, pending, immature, page, more, history } = found;
  const facts = await factTable({ address, confirmed, pending, immature });
  if (history.length === 0) return `${facts}\nNothing ${page > 1 ? 'more ' : ''}has happened here.`;
  const rows = history.map(({ txid, height, time, change }) => [
    height === undefined ? 'waits' : `${height}`,
    lines(txid, `${change} coins, ${utc(time)}`),
  ]);
  const table = await listTable(['height', 'transaction'], rows);
  const next = more ? `\n(more with --page ${page + 1})` : '';
  return `${facts}\n${table}${next}`;
}
