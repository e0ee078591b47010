import { equalBytes } from '../../base/index.js';
import { decodeScript, type Transaction, type TransactionOutput } from '../../chain/index.js';
import {
  type BackersAccept,
  type Delivery,
  grantCode,
  PLEDGE_PATH,
  type PledgeTerms,
} from './assurance.js';

/** Length of push(backer 33) ‖ push(payee 33) ‖ push(delivery 32), the grant's head. */
const HEAD = 101;

/** Who an output is the grant of, and for which delivery; undefined for every other output, and for one with a token. */
export function parseGrant(
  acceptance: BackersAccept,
  { lockingScript: script, token }: Omit<TransactionOutput, 'value'>,
): (Delivery & { readonly backer: Uint8Array }) | undefined {
  const isHead = script[0] === 33 && script[34] === 33 && script[68] === 32;
  if (token || !isHead || !equalBytes(script.subarray(HEAD), grantCode(acceptance))) {
    return undefined;
  }
  return {
    backer: script.slice(1, 34),
    payee: script.slice(35, 68),
    delivery: script.slice(69, HEAD),
  };
}

/** What a pledge was spent for. */
export type PledgeSpending = { readonly path: 'refund' } | ({ readonly path: 'accept' } & Delivery);

/**
 * Why an input spent a pledge of these terms, read from what the chain let through.
 * @param inputIndex an input that spends a pledge of these terms
 * @returns undefined where the input is none such
 */
export function pledgeSpending(
  terms: PledgeTerms,
  transaction: Transaction,
  inputIndex: number,
): PledgeSpending | undefined {
  const path = pathOf(transaction, inputIndex);
  if (path === undefined) return undefined;
  if (path !== PLEDGE_PATH.accept) return { path: 'refund' };
  const { acceptance } = terms;
  if (acceptance.by === 'backers') {
    const output = transaction.outputs[inputIndex];
    const grant = output && parseGrant(acceptance, output);
    return grant && { path: 'accept', payee: grant.payee, delivery: grant.delivery };
  }
  // … payee, delivery, opening, padding, path
  const pushes = decodeScript(transaction.inputs[0]!.unlockingScript);
  const payee = pushes.at(-5)?.data;
  const delivery = pushes.at(-4)?.data;
  if (payee?.length !== 33 || delivery?.length !== 32) return undefined;
  return { path: 'accept', payee: payee.slice(), delivery: delivery.slice() };
}

/** The number that an unlocking script chooses a path by. */
export function pathOf({ inputs }: Transaction, inputIndex: number): number | undefined {
  const last = inputs[inputIndex]?.unlockingScript.at(-1);
  if (last === undefined) return undefined;
  return last === 0 ? 0 : last - 0x50;
}
