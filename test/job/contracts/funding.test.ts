import { describe, expect, it } from 'vitest';
import {
  type ContractSpend,
  fundTransaction,
  hash160,
  p2pkhScript,
  publicKeyOf,
  type SpendContext,
  signContract,
  signData,
  transactionHash,
  unlockContract,
  verifyInput,
} from '#src/chain/index.js';
import { gatherVerdicts, judgeSpend, judgeUnlocking } from '#src/job/contracts/contestedSpends.js';
import {
  claimSpend,
  claimUnlocking,
  refundSpend,
  refundUnlocking,
} from '#src/job/contracts/escrowSpends.js';
import { contestSpend, contestUnlocking } from '#src/job/contracts/stakeSpends.js';
import { verdictMessage } from '#src/job/contracts/verdict.js';
import {
  keyOf,
  makeClaim,
  makeState,
  makeTerms,
  outpointOf,
  verifierKey,
  verifierKeys,
} from './setup.js';

const terms = makeTerms();
const changeScript = p2pkhScript(hash160(publicKeyOf(keyOf('payer'))));

/** The spend with its missing value and fee out of one coin of this worth. */
const pay = (spend: ContractSpend, coin: bigint): SpendContext => {
  const output = { value: coin, lockingScript: changeScript };
  const utxo = { outpoint: outpointOf('coin'), output, height: 1, coinbase: false };
  return fundTransaction({ ...spend, utxos: coin > 0n ? [utxo] : [], changeScript });
};

/** The spend unlocked, as it goes on the chain, after the script machine has agreed. */
const settle = (funded: SpendContext, unlockingScript: Uint8Array) => {
  const transaction = unlockContract(funded.transaction, unlockingScript);
  const result = verifyInput({ ...funded, transaction, inputIndex: 0 });
  expect(result).toMatchObject({ ok: true });
  return { hash: transactionHash(transaction), index: 0 };
};

describe('paid for by a wallet', () => {
  it('claim, contest and slash follow each other by outpoint', () => {
    const state = makeState(37);
    const claim = makeClaim(37);
    const claiming = pay(claimSpend(terms, claim), 500_000n);
    const stake = settle(claiming, claimUnlocking(claim, signContract(claiming, keyOf('seller'))));

    const contesting = pay(contestSpend(terms, { outpoint: stake }, state), 500_000n);
    const contested = settle(
      contesting,
      contestUnlocking(signContract(contesting, keyOf('client'))),
    );

    const full = { ...state, stakeOutpoint: stake };
    const message = verdictMessage(terms, stake, state.commitmentHash, 'invalid');
    const received = [2, 0].map((index) => ({
      verifier: verifierKeys(3)[index]!,
      signature: signData(message, verifierKey(index)),
    }));
    const verdicts = gatherVerdicts(terms, full, 'invalid', received)!;
    const judging = pay(
      judgeSpend(terms, { outpoint: contested }, full, 'invalid', verdicts),
      500_000n,
    );
    settle(judging, judgeUnlocking(terms, 'invalid', verdicts));
  });

  it('the refund needs no coin: all of it less the fee is change', () => {
    const funded = pay(refundSpend(terms, { outpoint: outpointOf('escrow') }), 0n);
    settle(funded, refundUnlocking(signContract(funded, keyOf('client'))));
    expect(funded.transaction.outputs.map(({ lockingScript }) => lockingScript)).toEqual([
      changeScript,
    ]);
  });
});
