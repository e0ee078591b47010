import { createRequire } from 'node:module';
import { serve } from '../connect/child.js';

const require = createRequire(import.meta.url);
const bcoin = require('bcoin');
const { prepare } = require('./bcoin-limits.cjs');

prepare(bcoin);
// bcoin's chain with its database in memory
serve(async () => {
  const chain = new bcoin.Chain({ network: 'regtest', memory: true });
  await chain.open();
  return {
    connect: (bytes) => chain.add(bcoin.Block.fromRaw(bytes)),
    height: () => chain.height,
    close: () => chain.close(),
  };
});
