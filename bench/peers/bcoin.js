import { createRequire } from 'node:module';
import { serve } from '../connect/child.js';

const require = createRequire(import.meta.url);
const bcoin = require('bcoin');
const { prepare } = require('./bcoin-limits.cjs');

prepare(bcoin);
// bcoin's chain with its database in memory, on one process or with its worker processes
serve(async () => {
  const workers = process.argv.includes('--workers')
    ? new bcoin.WorkerPool({ enabled: true, size: Number(process.env.BCOIN_WORKERS) })
    : undefined;
  const chain = new bcoin.Chain({ network: 'regtest', memory: true, workers });
  await workers?.open();
  await chain.open();
  return {
    connect: (bytes) => chain.add(bcoin.Block.fromRaw(bytes)),
    height: () => chain.height,
    close: async () => {
      await chain.close();
      await workers?.close();
    },
  };
});
