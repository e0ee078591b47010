'use strict';
// Writes blocks of the same shape in Bitcoin's rules, made and signed by bcoin: FILE SPENDS BLOCKS PER-TRANSACTION
const { createHash } = require('node:crypto');
const { writeFileSync } = require('node:fs');
const bcoin = require('bcoin');
const { prepare } = require('./bcoin-limits.cjs');

prepare(bcoin);
const [file, ...numbers] = process.argv.slice(2);
const [spends, count, each] = numbers.map(Number);
const VALUE = 400_000;
const MATURITY = 100;
const network = bcoin.Network.get('regtest');
const rings = Array.from({ length: spends }, (_, index) =>
  bcoin.KeyRing.fromPrivate(createHash('sha256').update(`spend ${index}`).digest(), true),
);
const scripts = rings.map((ring) => bcoin.Script.fromPubkeyhash(ring.getKeyHash()));

function blockOn(previous, height, transactions) {
  const coinbase = new bcoin.MTX();
  const input = new bcoin.Input();
  input.script
    .pushInt(height)
    .pushData(Buffer.alloc(8, height & 0xff))
    .compile();
  coinbase.inputs.push(input);
  coinbase.addOutput(scripts[0], bcoin.consensus.getReward(height, network.halvingInterval));
  const block = new bcoin.Block();
  block.version = 0x2000_0000;
  block.prevBlock = previous.hash('hex');
  block.time = network.genesis.time + height;
  block.bits = network.pow.bits;
  block.txs = [coinbase.toTX(), ...transactions];
  block.merkleRoot = block.createMerkleRoot('hex');
  while (!block.verifyPOW()) {
    block.nonce++;
    block._hash = null;
    block._hhash = null;
  }
  return block;
}

const chain = [bcoin.Block.fromRaw(network.genesisBlock, 'hex')];
const add = (transactions) => chain.push(blockOn(chain.at(-1), chain.length, transactions));
for (let i = 0; i <= MATURITY; i++) add([]);

function transaction(coins, owners, outputs) {
  const mtx = new bcoin.MTX();
  for (const coin of coins) mtx.addTX(coin.tx, coin.index);
  for (const owner of outputs) mtx.addOutput(scripts[owner], VALUE);
  owners.forEach((owner, index) => {
    const { tx, index: at } = coins[index];
    const coin = bcoin.Coin.fromTX(tx, at, -1);
    mtx.scriptInput(index, coin, rings[owner]);
    mtx.signInput(index, coin, rings[owner], 1);
  });
  return mtx.toTX();
}

const [first] = chain[1].txs;
const all = rings.map((_, index) => index);
const split = transaction([{ tx: first, index: 0 }], [0], all);
add([split]);
let coins = all.map((index) => ({ tx: split, index }));
for (let block = 0; block < count; block++) {
  const made = [];
  const transactions = [];
  for (let at = 0; at < spends; at += each) {
    const owners = all.slice(at, at + each);
    const tx = transaction(coins.slice(at, at + each), owners, owners);
    transactions.push(tx);
    made.push(...owners.map((_, index) => ({ tx, index })));
  }
  add(transactions);
  coins = made;
}
const parts = chain.slice(1).flatMap((block) => {
  const bytes = block.toRaw();
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return [length, bytes];
});
writeFileSync(file, Buffer.concat(parts));
