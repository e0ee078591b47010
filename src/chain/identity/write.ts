import { BitmodelError, EXIT } from '../../base/index.js';
import type { ChainClient } from '../client/ChainClient.js';
import { NO_JOB, type Outpoint, parseOutpoint } from '../codec/transaction.js';
import { encodePin, type Pin, type PinData, type PinOperation } from '../pins/pin.js';
import { previousOutputs } from '../wallet/check.js';
import type { FixedInput } from '../wallet/fund.js';
import { DUST, P2PKH_UNLOCKING_SIZE } from '../wallet/size.js';
import type { Wallet } from '../wallet/Wallet.js';

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

/** Makes a pin say something else from the next block on. @throws as {@link spendPin} */
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

/** Ends a pin for good. @throws as {@link spendPin} */
export function revokePin(client: ChainClient, wallet: Wallet, pin: Pin): Promise<PinWrite> {
  return rewritePin(client, wallet, pin, 'revoke', NOTHING);
}

/** Gives a pin, and the right to change it, to a locking script. @throws as {@link spendPin} */
export function transferPin(
  client: ChainClient,
  wallet: Wallet,
  pin: Pin,
  to: Uint8Array,
): Promise<PinWrite> {
  return spendPin(client, wallet, pin, to);
}

const NOTHING: PinContent = { contentType: 'text/plain', payload: new Uint8Array(0) };

function rewritePin(
  client: ChainClient,
  wallet: Wallet,
  pin: Pin,
  operation: PinOperation,
  content: PinContent,
): Promise<PinWrite> {
  return spendPin(client, wallet, pin, undefined, { operation, path: `@${pin.id}`, ...content });
}

/**
 * Spends the coin that holds a pin into output 0 of the same value, so that the pin keeps its place in it.
 * @throws BitmodelError `PIN_REVOKED`, `NOT_PIN_OWNER`, `INSUFFICIENT_FUNDS`, and what the node says
 */
async function spendPin(
  client: ChainClient,
  wallet: Wallet,
  pin: Pin,
  to?: Uint8Array,
  says?: Pick<PinData, 'operation' | 'path'> & PinContent,
): Promise<PinWrite> {
  if (pin.status === 'revoked' && says) {
    throw new BitmodelError('PIN_REVOKED', `Pin ${pin.id} is revoked, and stays so.`, {
      next: 'Make a new one with bitmodel id create',
      exitCode: EXIT.notAllowed,
    });
  }
  if (!pin.location || pin.owner === undefined || !wallet.addresses.includes(pin.owner)) {
    const held = pin.owner === undefined ? 'nobody' : pin.owner;
    throw new BitmodelError('NOT_PIN_OWNER', `Pin ${pin.id} is held by ${held}, not by this key.`, {
      next: 'Name the key that holds it with --key',
      exitCode: EXIT.notAllowed,
    });
  }
  const input = await pinInput(client, parseOutpoint(pin.location));
  const { lockingScript } = input.output;
  const outputs = [
    // a token on the same coin goes with the pin
    { ...input.output, lockingScript: to ?? lockingScript },
    ...(says ? [{ value: 0n, lockingScript: encodePin(says) }] : []),
  ];
  const { txid, fee } = await wallet.send(outputs, { inputs: [input], allowHighFee: true });
  return { txid, pin: pin.id, fee };
}

/** The coin that holds a pin; its value is read out of its own transaction, not taken from the node. */
async function pinInput(client: ChainClient, outpoint: Outpoint): Promise<FixedInput> {
  const unlockingScript = new Uint8Array(0);
  const inputs = [{ outpoint, unlockingScript, sequence: 0xffff_ffff }];
  const asking = { version: 1, inputs, outputs: [], lockTime: 0, jobId: NO_JOB };
  const [output] = await previousOutputs(client, asking);
  return { outpoint, output: output!, unlockingSize: P2PKH_UNLOCKING_SIZE };
}
