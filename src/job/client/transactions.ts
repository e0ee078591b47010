import { BitmodelError, fromHex, toBase64, toHex } from '../../base/index.js';
import {
  type ChainClient,
  CONTRACT_SEQUENCE,
  type ContractInput,
  encodeTransaction,
  estimateFeeRate,
  type FundedTransaction,
  hash160,
  type KeyPair,
  type NetworkParameters,
  P2PKH_UNLOCKING_SIZE,
  p2pkhScript,
  parseOutpoint,
  signContract,
  type Transaction,
  transactionId,
  type Wallet,
} from '../../chain/index.js';
import { termsOf } from '../agreement.js';
import { judgesOf, keysOf } from '../bonds/seats.js';
import { escrowOutput } from '../contracts/escrowSpends.js';
import { contestSpend, contestUnlocking } from '../contracts/stakeSpends.js';
import { encodePrompt, type SealedEvidence, sealEvidence } from '../evidence.js';
import { createMessage, type Message } from '../messages.js';
import { LAST_SEQUENCE, nextSequence } from '../pool/quota.js';
import { sealTo } from '../sealing.js';
import { signSpend } from '../signing.js';
import type { JobTerms } from '../terms.js';
import { contractCoin, type JobTrace } from '../trace.js';
import type { ClientRecord } from './record.js';

/** What a buyer makes transactions with. */
export interface ClientHands {
  readonly chain: ChainClient;
  readonly wallet: Wallet;
  readonly key: KeyPair;
  readonly params: NetworkParameters;
}

/**
 * The escrow for an offer, the message that accepts it and the prompt for its seller, none of them sent yet. Output 1 sets the reserve of a contest
 * aside, so that no other payment can take it.
 * @param reserve base units
 * @returns the record to put on disk, or undefined when the job's coin is gone
 */
export async function makeEscrow(
  { chain, wallet, key, params }: ClientHands,
  record: ClientRecord,
  offer: Message<'offer'>,
  reserve: bigint,
): Promise<ClientRecord | undefined> {
  const { job, id } = record;
  const terms = termsOf(job, offer, params);
  const outpoint = parseOutpoint(job.coin);
  const own = p2pkhScript(hash160(key.publicKey));
  const coin = await chain.output(outpoint);
  if (!coin) return undefined;
  const funded = await wallet.fund({
    inputs: [{ outpoint, output: coin.output, unlockingSize: P2PKH_UNLOCKING_SIZE }],
    outputs: [escrowOutput(terms), { value: reserve, lockingScript: own }],
    jobId: terms.jobId,
    feeRate: await estimateFeeRate(chain),
  });
  const transaction = wallet.sign(funded.transaction, funded.spentOutputs);
  const txid = transactionId(transaction);
  const { author, sequence, body, signature } = offer;
  const accepted = { offer: { author, sequence, body, signature }, escrow: txid };
  const accept = createMessage('accept', id, 0, accepted, key.privateKey);
  const prompt = makePrompt(record, offer, key);
  const hex = toHex(encodeTransaction(transaction));
  const escrow = { offer, txid, transaction: hex, fee: funded.fee.toString() };
  return { ...record, phase: 'escrowed', escrow, accept, prompt };
}

/** The coin that a job's escrow transaction sets aside for a contest, printed. */
export function setAside({ txid }: { readonly txid: string }): string {
  return `${txid}:1`;
}

/** What was set aside for a contest, where it is still there: it is locked, so that nothing else takes it. */
async function keptInputs(
  chain: ChainClient,
  { escrow }: ClientRecord,
  key: KeyPair,
): Promise<ContractInput[]> {
  const outpoint = parseOutpoint(setAside(escrow!));
  const coin = await chain.output(outpoint);
  const own = toHex(p2pkhScript(hash160(key.publicKey)));
  if (!coin || toHex(coin.output.lockingScript) !== own) return [];
  const { output } = coin;
  return [{ outpoint, output, unlockingSize: P2PKH_UNLOCKING_SIZE, sequence: CONTRACT_SEQUENCE }];
}

/** The prompt for the seller's eyes only, by way of the node that it named in its offer. */
export function makePrompt(
  { id, salt, promptIds }: ClientRecord,
  { author, body: { node } }: Message<'offer'>,
  key: KeyPair,
): Message<'prompt'> {
  const prompt = toBase64(sealTo(fromHex(author), encodePrompt(fromHex(salt), promptIds)));
  const body = { seller: author, ...(node === undefined ? {} : { node }), prompt };
  return createMessage('prompt', id, 0, body, key.privateKey);
}

/**
 * The contest of a claim with the evidence for its verifiers, neither sent yet.
 * @param replaced a contest that waits for a block, to be made again with a higher fee
 */
export async function makeContest(
  { chain, wallet, key, params }: ClientHands,
  record: ClientRecord,
  terms: JobTerms,
  trace: JobTrace,
  replaced?: Transaction,
) {
  const { job } = record;
  const claim = trace.claim!;
  const drawSecret = record.drawSecret === undefined ? undefined : fromHex(record.drawSecret, 32);
  const drawnBy = { k: claim.state.k, ...(drawSecret && { drawSecret }) };
  const judges = await judgesOf(chain, params, job, drawnBy);
  if (!judges) {
    throw new BitmodelError(
      'BAD_REGISTRY',
      'The chain no longer shows the verifiers of this job.',
      {
        next: 'Wait for the node to follow the chain that the job was made on, then contest again',
      },
    );
  }
  const spend = contestSpend(terms, contractCoin(claim), claim.state, drawSecret);
  const inputs = replaced ? [] : await keptInputs(chain, record, key);
  const unlock = (funded: FundedTransaction): Uint8Array =>
    contestUnlocking(signContract(funded, key.privateKey), drawSecret);
  const signed = await signSpend(
    chain,
    wallet,
    { ...spend, inputs: [...spend.inputs, ...inputs] },
    unlock,
    replaced,
  );
  const txid = transactionId(signed.transaction);
  const contestMessage = evidenceFor(record, txid, keysOf(judges), key);
  const transaction = toHex(encodeTransaction(signed.transaction));
  const contest = { txid, transaction, fee: signed.fee.toString() };
  const next = { ...record, phase: 'contested' as const, contest, contestMessage };
  return { next, signed };
}

/**
 * The evidence for the verifiers of a job. A pool takes only the numbers 0 and 1, and a verifier goes by what is sealed
 * to it, whichever transaction that was said with: so a contest that is made again keeps its message, unless there is
 * more to show or there are others to show it to.
 */
function evidenceFor(
  { id, salt, promptIds, answer, contestMessage: said }: ClientRecord,
  transaction: string,
  judges: readonly string[],
  key: KeyPair,
): Message<'contest'> {
  const evidence = { salt: fromHex(salt), promptIds, outputIds: answer?.outputIds };
  const body = { transaction, ...sealEvidence(evidence, judges) };
  if (said && said.sequence <= LAST_SEQUENCE && saysAsMuch(said.body, body)) return said;
  return createMessage('contest', id, nextSequence(said), body, key.privateKey);
}

/** Sealed evidence is never the same twice; of one job, that of one length for the same readers holds the same. */
function saysAsMuch(a: SealedEvidence, b: SealedEvidence): boolean {
  const readers = ({ keys }: SealedEvidence): string =>
    keys
      .map(({ verifier }) => verifier)
      .sort()
      .join();
  return a.evidence.length === b.evidence.length && readers(a) === readers(b);
}
