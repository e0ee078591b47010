import { createRequire } from 'node:module';
import {
  blockHash,
  encodeBlock,
  hash160,
  merkleRoot,
  NO_JOB,
  networkParameters,
  p2pkhScript,
  pushData,
  pushNumber,
  SIGHASH,
  signatureHash,
  subsidyAt,
  transactionHash,
} from 'bitmodel/chain';
import { BLOCKS, MATURITY, privateKey, SPENDS, VALUE } from './shape.js';

const secp256k1 = createRequire(import.meta.url)('secp256k1/bindings');
const REGTEST = networkParameters('regtest');
const HASH_TYPE = SIGHASH.ALL | SIGHASH.FORKID;

export const keys = Array.from({ length: SPENDS }, (_, index) => {
  const secret = privateKey(index);
  const publicKey = Uint8Array.from(secp256k1.publicKeyCreate(secret));
  return { secret, publicKey, lockingScript: p2pkhScript(hash160(publicKey)) };
});

function solve(header) {
  for (let nonce = 0; ; nonce++) {
    const solved = { ...header, nonce };
    if ((blockHash(solved).at(-1) & 0x80) === 0) return solved;
  }
}

/** A solved block with a coinbase of its own. */
export function blockOn(previousHash, height, transactions) {
  const coinbase = {
    version: 10,
    inputs: [
      {
        outpoint: { hash: new Uint8Array(32), index: 0xffff_ffff },
        unlockingScript: Uint8Array.from([...pushNumber(height), 0, 0]),
        sequence: 0xffff_ffff,
      },
    ],
    outputs: [{ value: subsidyAt(height, REGTEST), lockingScript: keys[0].lockingScript }],
    lockTime: 0,
    jobId: NO_JOB,
  };
  const all = [coinbase, ...transactions];
  const header = {
    version: 0x2000_0000,
    previousHash,
    merkleRoot: merkleRoot(all.map(transactionHash)).root,
    time: REGTEST.genesis.header.time + height,
    bits: REGTEST.limitBits,
    nonce: 0,
  };
  return { header: solve(header), transactions: all };
}

/** Signs P2PKH inputs, each by its owner. */
export function sign(transaction, spentOutputs, owners) {
  const inputs = transaction.inputs.map((input, inputIndex) => {
    const { secret, publicKey, lockingScript } = owners[inputIndex];
    const context = { transaction, inputIndex, spentOutputs };
    const digest = signatureHash(context, lockingScript, HASH_TYPE);
    const { signature } = secp256k1.ecdsaSign(digest, secret);
    const der = Uint8Array.from([...secp256k1.signatureExport(signature), HASH_TYPE]);
    return { ...input, unlockingScript: Buffer.concat([pushData(der), pushData(publicKey)]) };
  });
  return { ...transaction, inputs };
}

/**
 * A regtest chain, as encoded blocks: coinbases, one transaction that splits the first into outputs of a key each, then
 * blocks that spend all of these and make as many.
 */
export function makeBlocks(each) {
  const chain = [REGTEST.genesis];
  const add = (transactions) =>
    chain.push(blockOn(blockHash(chain.at(-1).header), chain.length, transactions));
  for (let i = 0; i <= MATURITY; i++) add([]);
  const [first] = chain[1].transactions;
  const spend = (hash, index) => ({
    outpoint: { hash, index },
    unlockingScript: new Uint8Array(0),
    sequence: 0xffff_ffff,
  });
  const outputs = keys.map(({ lockingScript }) => ({ value: VALUE, lockingScript }));
  const parts = { version: 10, lockTime: 0, jobId: NO_JOB };
  const split = sign(
    { ...parts, inputs: [spend(transactionHash(first), 0)], outputs },
    first.outputs,
    [keys[0]],
  );
  add([split]);
  const splitHash = transactionHash(split);
  let coins = keys.map((owner, index) => ({ hash: splitHash, index, owner }));
  for (let block = 0; block < BLOCKS; block++) {
    const transactions = [];
    const made = [];
    for (let at = 0; at < SPENDS; at += each) {
      const used = coins.slice(at, at + each);
      const owners = used.map(({ owner }) => owner);
      const spentOutputs = owners.map(({ lockingScript }) => ({ value: VALUE, lockingScript }));
      const inputs = used.map(({ hash, index }) => spend(hash, index));
      const transaction = sign({ ...parts, inputs, outputs: spentOutputs }, spentOutputs, owners);
      const hash = transactionHash(transaction);
      transactions.push(transaction);
      made.push(...owners.map((owner, index) => ({ hash, index, owner })));
    }
    add(transactions);
    coins = made;
  }
  return chain.slice(1).map((block) => Buffer.from(encodeBlock(block)));
}
