import { BitmodelError, EXIT } from '../../base/index.js';
import type { ChainClient } from '../client/ChainClient.js';
import { findCoin } from '../client/findCoin.js';
import type { TransactionOutput } from '../codec/transaction.js';
import { encodePin, type Pin, type PinOperation } from '../pins/pin.js';
import { DUST, P2PKH_UNLOCKING_SIZE } from '../wallet/size.js';
import type { Wallet } from '../wallet/Wallet.js';
import { type ProvenPin, provePin } from './prove.js';

/** What a pin says. */
export interface PinContent {
  /** Such as `text/plain` or `application/json`. */
  readonly contentType: string;
  readonly payload: Uint8Array;
}

/** A transaction that writes or moves a pin. It counts once it is in a block. */
export interface PinWrite {
  /** Printed id of the transaction. */
  readonly txid: string;
  /** `<txid>i<output>` of the pin. */
  readonly pin: string;
  /** Base units. */
  readonly fee: bigint;
}

/**
 * Makes a pin: output 0 gives the owner the coin that is the pin, output 1 says it. Whoever's coin the first input
 * spends, the wallet's own, is its creator.
 * @param path such as `/info/name`
 * @param owner locking script that holds the pin
 * @throws BitmodelError `BAD_PIN`, `INSUFFICIENT_FUNDS`, and what the node says
 */
export async function createPin(
  wallet: Wallet,
  path: string,
  content: PinContent,
  owner: Uint8Array,
): Promise<PinWrite> {
  if (!path.startsWith('/')) {
    throw new BitmodelError('BAD_PIN', `"${path.slice(0, 80)}" is no path of a pin.`, {
      next: 'Begin it with a slash, such as /info/name',
      exitCode: EXIT.usage,
    });
  }
  const outputs = [
    { value: DUST, lockingScript: owner },
    { value: 0n, lockingScript: encodePin({ operation: 'create', path, ...content }) },
  ];
  // a pin carries next to no money, so its fee is always a large part of it
  const { txid, fee } = await wallet.send(outputs, { allowHighFee: true });
  return { txid, pin: `${txid}i0`, fee };
}

/** Makes a pin say something else from the next block on. @throws BitmodelError `PIN_REVOKED`, `NOT_PIN_OWNER`, `BAD_NODE_ANSWER`, and what the wallet and the node say */
export function modifyPin(
  client: ChainClient,
  wallet: Wallet,
  pin: Pin,
  content: PinContent,
): Promise<PinWrite> {
  return rewritePin(client, wallet, pin, 'modify', content);
}

/** Asks every listing to leave a pin out, which stays valid; a later {@link modifyPin} shows it again. */
export function hidePin(client: ChainClient, wallet: Wallet, pin: Pin): Promise<PinWrite> {
  return rewritePin(client, wallet, pin, 'hide', NOTHING);
}

/** Ends a pin for good. @throws BitmodelError `PIN_REVOKED`, `NOT_PIN_OWNER`, `BAD_NODE_ANSWER`, and what the wallet and the node say */
export function revokePin(client: ChainClient, wallet: Wallet, pin: Pin): Promise<PinWrite> {
  return rewritePin(client, wallet, pin, 'revoke', NOTHING);
}

/**
 * Gives a pin, and the right to change it, to a locking script; what lies in its coin beside it stays with the wallet.
 * @throws BitmodelError as {@link modifyPin}; `PIN_NOT_ALONE` when another pin or a token would go along
 */
export async function transferPin(
  client: ChainClient,
  wallet: Wallet,
  pin: Pin,
  to: Uint8Array,
): Promise<PinWrite> {
  const held = await heldPin(client, wallet, pin);
  const { output, offset, outpoint } = held;
  const carrying = await findCoin(client, pin.owner!, outpoint, { carrying: true });
  if (output.token || (carrying?.pins ?? []).length > 1) {
    throw new BitmodelError(
      'PIN_NOT_ALONE',
      `In the coin of pin ${pin.id} lies ${output.token ? 'a token' : 'another pin'}, which would go along.`,
      {
        next: output.token ? 'Move the token first: bitmodel nft send' : 'Give the other pin first',
        exitCode: EXIT.notAllowed,
      },
    );
  }
  // the units before the pin's come back where they are worth an output; else they go along
  const before = offset >= DUST ? [{ value: offset, lockingScript: output.lockingScript }] : [];
  const least = before.length > 0 ? DUST : offset + DUST;
  const given = { value: least, lockingScript: to };
  return spendPin(wallet, pin, held, [...before, given]);
}

const NOTHING: PinContent = { contentType: 'text/plain', payload: new Uint8Array(0) };

/** Spends the coin into output 0 of the same value and script, so that all in it keeps its place. */
async function rewritePin(
  client: ChainClient,
  wallet: Wallet,
  pin: Pin,
  operation: PinOperation,
  content: PinContent,
): Promise<PinWrite> {
  if (pin.status === 'revoked') {
    throw new BitmodelError('PIN_REVOKED', `Pin ${pin.id} is revoked, and stays so.`, {
      next: 'Make a new one with bitmodel id create',
      exitCode: EXIT.notAllowed,
    });
  }
  const held = await heldPin(client, wallet, pin);
  const says = encodePin({ operation, path: `@${pin.id}`, ...content });
  return spendPin(wallet, pin, held, [held.output, { value: 0n, lockingScript: says }]);
}

/** Where a pin lies, which the wallet must hold. @throws BitmodelError `NOT_PIN_OWNER`, and as {@link provePin} */
async function heldPin(client: ChainClient, wallet: Wallet, pin: Pin): Promise<ProvenPin> {
  if (!pin.location || pin.owner === undefined || !wallet.addresses.includes(pin.owner)) {
    const holder = pin.owner === undefined ? 'nobody' : pin.owner;
    throw new BitmodelError(
      'NOT_PIN_OWNER',
      `Pin ${pin.id} is held by ${holder}, not by this key.`,
      { next: 'Name the key that holds it with --key', exitCode: EXIT.notAllowed },
    );
  }
  return provePin(client, pin);
}

/** @throws BitmodelError `INSUFFICIENT_FUNDS`, and what the node says */
async function spendPin(
  wallet: Wallet,
  pin: Pin,
  { outpoint, output }: ProvenPin,
  outputs: readonly TransactionOutput[],
): Promise<PinWrite> {
  const input = { outpoint, output, unlockingSize: P2PKH_UNLOCKING_SIZE };
  // a pin carries next to no money, so its fee is always a large part of it
  const { txid, fee } = await wallet.send(outputs, { inputs: [input], allowHighFee: true });
  return { txid, pin: pin.id, fee };
}
