import { type AddressParameters, addressScript } from '../address/address.js';
import type { ChainClient } from '../client/ChainClient.js';
import { type Account, type ChainName, GAP_LIMIT } from './Account.js';
import { badNodeAnswer } from './check.js';

/** Addresses asked for in one call. */
const BATCH = 500;
/** No account is followed further: a node that calls every address used would lead on for ever. */
const MOST_DISCOVERED = 20_000;
/** Addresses beyond those known to be in use that one look at the coins may add. */
const MOST_ADDED = 1_000;

function assertBounded(count: number, most: number): void {
  if (count <= most) return;
  throw badNodeAnswer(`The node says that more than ${most} new addresses are in use.`);
}

/**
 * Learns how many addresses of an account are in use: of every address watched, and of those that come to be watched
 * because of what is found, it is asked whether a coin lies there.
 * @throws BitmodelError `BAD_NODE_ANSWER` when the node leads on for ever
 */
export async function learnUsed(account: Account, client: ChainClient): Promise<void> {
  const asked = new Set<string>();
  const before = account.addresses.length;
  for (;;) {
    const fresh = account.addresses.filter((address) => !asked.has(address));
    if (fresh.length === 0) return;
    for (const address of fresh) asked.add(address);
    assertBounded(asked.size - before, MOST_ADDED);
    for (let from = 0; from < fresh.length; from += BATCH) {
      // one coin of each shows that it is in use, whatever dust lies there
      for (const { output } of await client.firstUtxos(fresh.slice(from, from + BATCH))) {
        account.noteUsed(output.lockingScript);
      }
    }
  }
}

async function discoverChain(
  account: Account,
  chain: ChainName,
  client: ChainClient,
  parameters: AddressParameters,
): Promise<void> {
  for (let from = 0; ; ) {
    assertBounded(from, MOST_DISCOVERED);
    const last = await lastUsedFrom(account, chain, from, client);
    if (last < 0) return;
    account.noteUsed(addressScript(account.address(chain, last), parameters));
    from = last + 1;
  }
}

/** Which of the {@link GAP_LIMIT} addresses from an index on is the last that was ever used; -1 when none was. */
async function lastUsedFrom(
  account: Account,
  chain: ChainName,
  from: number,
  client: ChainClient,
): Promise<number> {
  const addresses = Array.from({ length: GAP_LIMIT }, (_, i) => account.address(chain, from + i));
  const used = await Promise.all(
    addresses.map((address) => client.rpc.call<unknown[]>('getaddresshistory', address, 1)),
  );
  const last = used.findLastIndex((history) => history.length > 0);
  return last < 0 ? -1 : from + last;
}

/** Index of the last change address below `end` that was ever used, or -1. */
export async function lastUsedChange(
  account: Account,
  end: number,
  client: ChainClient,
): Promise<number> {
  for (let to = end; to > 0; to -= GAP_LIMIT) {
    const last = await lastUsedFrom(account, 'change', Math.max(0, to - GAP_LIMIT), client);
    if (last >= 0) return last;
  }
  return -1;
}

/**
 * Finds out how many addresses of an account were ever used, by asking for the history of each until
 * {@link GAP_LIMIT} in a row have none (BIP44). The account's indexes are put right.
 */
export async function discoverAccount(
  account: Account,
  client: ChainClient,
  parameters: AddressParameters,
): Promise<void> {
  await discoverChain(account, 'receive', client, parameters);
  await discoverChain(account, 'change', client, parameters);
}
